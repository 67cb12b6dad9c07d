/** Forms: random pairs, well encoded in any way, and mutations of them. */
import { urlencodedFields } from "../../src/http/form.ts";
import { parseIndex, parseTtl } from "../../src/api/v1/number.ts";
import type { SeededRandom } from "../sim/random.ts";
import { anyText, mutated } from "./mutate.ts";
import { referenceFields, referenceTtl } from "./reference.ts";
import { bytesOf, expectSame, type Subject, textOf } from "./subject.ts";

const NAMES = ["value", "ttl", "prevValue", "index", "stale"];
const WANTED = new Set(NAMES);
const NOW_MS = Date.UTC(2026, 10, 25);

/** Percent-encodes what must be, and of the rest what chance picks. */
export function escaped(
  text: string,
  random: SeededRandom,
  must = /[%&=+\s\p{Cc}#?]/u,
): string {
  const eager = random.chance(0.2) ? 0.5 : 0.02;
  let result = "";
  for (const character of text) {
    if (character === " " && must.test("+") && random.chance(0.5)) result += "+";
    else if (!must.test(character) && !random.chance(eager)) result += character;
    else for (const byte of bytesOf(character)) result += escape(byte, random);
  }
  return result;
}

function escape(byte: number, random: SeededRandom): string {
  const digits = byte.toString(16).padStart(2, "0");
  return `%${random.chance(0.5) ? digits : digits.toUpperCase()}`;
}

/** What clients send as a number, and what some try. */
export function anyNumber(random: SeededRandom): string {
  return random.pick([
    `${random.skewed(0, 2 ** 53 - 1)}`,
    `-${random.integer(0, 9)}`,
    `+${random.integer(0, 99)}`,
    "0".repeat(random.integer(1, 30)) + "7",
    "9007199254740993",
    "251522841599",
    "-0",
    "0x10",
    "1e3",
    "1.0",
    " 1",
    "",
  ]);
}

/** Pairs as a form; the values are returned, too. */
export function anyForm(
  random: SeededRandom,
): { readonly text: string; readonly pairs: string[][] } {
  const pairs: string[][] = [];
  for (let left = random.skewed(0, 6); left > 0; left--) {
    const name = random.chance(0.8) ? random.pick(NAMES) : anyText(random, 8);
    const isNumber = name === "ttl" || name === "index";
    pairs.push([name, isNumber ? anyNumber(random) : anyText(random, 24)]);
  }
  const text = pairs.map(([name, value]) => `${escaped(name!, random)}=${escaped(value!, random)}`)
    .join("&");
  return { text, pairs };
}

export const forms: Subject = {
  name: "forms",
  promise: "the fields and numbers that an independent parser finds",
  make(random) {
    const [body, query] = [anyForm(random), anyForm(random)];
    const bytes = bytesOf(`${body.text}\n${query.text}`);
    return random.chance(0.5) ? mutated(bytes, random) : bytes;
  },
  check([input]) {
    const [body = "", ...rest] = textOf(input!).split("\n");
    const query = rest.join("\n");
    const found = urlencodedFields(body, query, WANTED);
    const expected = referenceFields(body, query, WANTED);
    if ("cause" in found) return expectSame("bad", expected, "The form");
    expectSame(expected === "bad" ? "bad" : [...expected].sort(), [...found].sort(), "The fields");
    const ttl = found.get("ttl") ?? "";
    expectSame(parseTtl(ttl, NOW_MS), referenceTtl(ttl, NOW_MS), `The TTL "${ttl}"`);
    const index = found.get("index") ?? "";
    const isIndex = /^[0-9]+$/.test(index) && BigInt(index) < 2n ** 53n;
    expectSame(parseIndex(index), isIndex ? Number(BigInt(index)) : undefined, "The index");
  },
};

/** A form that is well encoded comes out as it went in. */
export const encodedForms: Subject = {
  name: "encoded forms",
  promise: "fields come out as they went in",
  make(random) {
    const { text, pairs } = anyForm(random);
    return bytesOf(JSON.stringify([text, pairs]));
  },
  check([input]) {
    const [text, pairs]: [string, string[][]] = JSON.parse(textOf(input!));
    const expected = new Map(
      pairs.toReversed().filter(([name]) => WANTED.has(name!)).map((pair) =>
        pair as [string, string]
      ),
    );
    const found = urlencodedFields(text, "", WANTED);
    if ("cause" in found) return expectSame(found.cause, "", "The form");
    expectSame([...found].sort(), [...expected].sort(), "The fields");
  },
};
