/** Request paths in every spelling. */
import { cleanPath, longerThan } from "../../src/http/path.ts";
import type { SeededRandom } from "../sim/random.ts";
import { escaped } from "./forms.ts";
import { anyText, mutated } from "./mutate.ts";
import { referencePath } from "./reference.ts";
import { bytesOf, expectSame, FuzzError, type Subject, textOf } from "./subject.ts";

const SEGMENTS = [
  "v1",
  "keys",
  "watch",
  "_etcd",
  "machines",
  "a",
  ".",
  "..",
  "...",
  "",
  "%2e",
  "%2E%2e",
];

/** Begins with a slash. */
export function anyPath(random: SeededRandom): string {
  let path = "";
  for (let left = random.skewed(1, 8); left > 0; left--) {
    const segment = random.chance(0.7)
      ? random.pick(SEGMENTS)
      : escaped(anyText(random, 10), random, /[%#?\s\p{Cc}]/u);
    path += (random.chance(0.03) ? "/%2f" : "/") + segment;
  }
  return path;
}

export const paths: Subject = {
  name: "paths",
  promise: "the clean path that an independent parser finds, clean for good",
  make(random) {
    const bytes = bytesOf(anyPath(random));
    return random.chance(0.5) ? mutated(bytes, random) : bytes;
  },
  check([input]) {
    const raw = `/${textOf(input!)}`.replace(/^\/\//, "/");
    const found = cleanPath(raw);
    const expected = referencePath(raw);
    if (typeof found !== "string") return expectSame(expected, undefined, "The path");
    expectSame(found, expected, "The path");
    if (!/^\/($|[^/])/.test(found) || /\/(\/|\.\.?(\/|$)|$)/.test(found.slice(1) || "a")) {
      throw new FuzzError(`Expected a clean path, found "${found}"`);
    }
    const bytes = bytesOf(found).length;
    for (const max of [bytes - 1, bytes]) {
      expectSame(longerThan(found, max), bytes > max, `Longer than ${max}`);
    }
  },
};
