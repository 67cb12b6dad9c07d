/** Watches of ranges are found by key, by the hashes of prefixes, and one by one: as a plain list finds them. */
import { assert, assertEquals } from "@std/assert";
import { endOfPrefix } from "../../src/store/byte_string.ts";
import { pathHashOf } from "../../src/store/keyspace/hash.ts";
import { isWithin, type Range, rangeOf } from "../../src/store/kv/range.ts";
import { RangeIndex } from "../../src/store/watch/range_index.ts";
import { random } from "./log.ts";

const prefix = (start: string): Range => rangeOf(start, endOfPrefix(start));

/** Who sees `key`, in the order in which they are told. */
function seeing<W>(index: RangeIndex<W>, key: string): W[] {
  const found: W[] = [];
  index.visit(key, (watches) => found.push(...watches));
  return found;
}

Deno.test("RangeIndex finds what a list of ranges finds, while they come and go", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const next = random(seed);
    const key = () => {
      const length = 1 + Math.floor(next() * 4);
      return Array.from({ length }, () => "a/\0\xff"[Math.floor(next() * 4)]).join("");
    };
    const anyRange = (): Range => {
      const kind = next();
      if (kind < 0.3) return rangeOf(key(), "");
      if (kind < 0.7) return prefix(key());
      return kind < 0.8 ? rangeOf(key(), "\0") : rangeOf(key(), key());
    };
    const index = new RangeIndex<number>();
    const list = new Map<number, Range>();
    for (let step = 0; step < 300; step++) {
      if (next() < 0.6) {
        const range = anyRange();
        list.set(step, range);
        index.add(range, step);
      } else if (list.size > 0) {
        const watch = [...list.keys()][Math.floor(next() * list.size)]!;
        index.remove(list.get(watch)!, watch);
        list.delete(watch);
      }
      const probe = key();
      const expected = [...list].filter(([, range]) => isWithin(range, probe)).map(([w]) => w);
      assertEquals(seeing(index, probe).sort((a, b) => a - b), expected, `seed ${seed}`);
    }
    assertEquals([...index.all()].sort((a, b) => a - b), [...list.keys()]);
    for (const [watch, range] of list) index.remove(range, watch);
    assertEquals([...index.all()], []);
  }
});

Deno.test("RangeIndex keeps prefixes with the same hash apart, and visits each once", () => {
  const [short, long, other] = ["/a/", "/a/rbykbco", "/a/wi1qcw4"];
  assertEquals([short, other].map(pathHashOf), [pathHashOf(long), pathHashOf(long)]);
  const index = new RangeIndex<string>();
  index.add(prefix(short), short);
  index.add(prefix(long), long);
  assertEquals(seeing(index, `${long}/x`), [short, long]);
  assertEquals(seeing(index, `${other}/x`), [short]);
  index.remove(prefix(short), short);
  assertEquals(seeing(index, `${long}/x`), [long]);
});

Deno.test("RangeIndex looks at no range that has nothing to do with the key", () => {
  const index = new RangeIndex<number>();
  let looks = 0;
  const counted = (range: Range): Range => ({
    get start() {
      looks++;
      return range.start;
    },
    end: range.end,
  });
  for (let i = 0; i < 1000; i++) index.add(counted(prefix(`/service/${1000 + i}/`)), i);
  looks = 0;
  assertEquals(seeing(index, "/service/1500/name"), [500]);
  assert(looks <= 2, `${looks} looks`);
});
