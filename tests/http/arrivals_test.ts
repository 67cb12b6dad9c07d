/** What comes in one turn of the event loop is handled together, in the order in which it came. */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { arrived, type Reader, writeLater } from "../../src/http/arrivals.ts";
import { busyTurn, turn } from "./turns.ts";

/** A connection that says what it is given, and answers all of it. */
class Talker implements Reader {
  readonly #name: string;
  readonly #said: string[];
  /** What else happens when it is given something. */
  then = () => {};

  constructor(name: string, said: string[]) {
    this.#name = name;
    this.#said = said;
  }

  take(bytes: Buffer): void {
    this.#said.push(`${this.#name} ${bytes}`);
    writeLater({ writeHeld: () => this.#said.push(`${this.#name} answered`) });
    this.then();
  }

  end(): void {
    this.#said.push(`${this.#name} ends`);
  }
}

/** Two connections after a turn that brought much, and what they say. */
async function afterCrowd() {
  const said: string[] = [];
  await busyTurn();
  return { said, a: new Talker("a", said), b: new Talker("b", said) };
}

Deno.test("arrived() hands over at once what comes where little came in the turn before", async () => {
  await turn();
  await turn();
  const said: string[] = [];
  arrived(new Talker("a", said), Buffer.from("1"));
  assertEquals(said, ["a 1", "a answered"]);
  await turn();
});

Deno.test("arrived() hands over together what comes in a turn after a crowd, and then it is answered", async () => {
  const { said, a, b } = await afterCrowd();
  arrived(a, Buffer.from("1"));
  arrived(b, Buffer.from("1"));
  arrived(a, undefined);
  assertEquals(said, []);
  await turn();
  assertEquals(said, ["a 1", "b 1", "a ends", "a answered", "b answered"]);
  await turn();
});

Deno.test("arrived() lets nothing overtake what came while others were handled", async () => {
  const { said, a, b } = await afterCrowd();
  a.then = () => arrived(b, Buffer.from("1"));
  arrived(a, Buffer.from("1"));
  await turn();
  arrived(b, Buffer.from("2"));
  await turn();
  assertEquals(said, ["a 1", "a answered", "b 1", "b 2", "b answered", "b answered"]);
  await turn();
});
