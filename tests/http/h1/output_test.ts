/** The buffer in which connections put their answers together. */
import { assertEquals, assertNotStrictEquals } from "@std/assert";
import type { Buffer } from "node:buffer";
import { Output, type OutputOwner } from "../../../src/http/h1/output.ts";

class Owner implements OutputOwner {
  readonly #output: Output;
  readonly sent: string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  put(text: string): void {
    this.#output.written(this.#output.room(this, text.length).write(text));
  }

  flush(): void {
    const bytes = this.#output.take(this);
    if (bytes !== undefined) this.sent.push(bytes.toString());
  }
}

Deno.test("Output() gives an owner what it has written, at once", () => {
  const output = new Output();
  const owner = new Owner(output);
  owner.put("a");
  owner.put("b");
  owner.flush();
  owner.flush();
  assertEquals(owner.sent, ["ab"]);
});

Deno.test("Output() sends what one owner has written before another one writes", () => {
  const output = new Output();
  const [one, other] = [new Owner(output), new Owner(output)];
  one.put("a");
  other.put("b");
  one.put("c");
  one.flush();
  other.flush();
  assertEquals([one.sent, other.sent], [["a", "c"], ["b"]]);
});

Deno.test("Output() never writes again where something was taken", () => {
  const output = new Output();
  const owner = new Owner(output);
  const taken: Buffer[] = [];
  for (let i = 0; i < 1000; i++) {
    owner.put(`${i % 10}`.repeat(1000));
    taken.push(output.take(owner)!);
  }
  for (const [i, bytes] of taken.entries()) {
    assertEquals(bytes.toString(), `${i % 10}`.repeat(1000));
  }
});

Deno.test("Output() has room for more than its buffer holds", () => {
  const output = new Output();
  const owner = new Owner(output);
  owner.put("a");
  const room = output.room(owner, 100_000);
  assertEquals([owner.sent, room.length >= 100_000], [["a"], true]);
  output.written(room.write("b"));
  const first = output.take(owner)!;
  owner.put("c");
  assertNotStrictEquals(output.take(owner), first);
  assertEquals(first.toString(), "b");
});
