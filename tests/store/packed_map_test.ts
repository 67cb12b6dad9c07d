/** The sorted map below the tree: against a plain model, across pages, epochs and sizes. */
import { assert, assertEquals } from "@std/assert";
import { byteStringOf, textOf } from "../../src/store/byte_string.ts";
import { PackedMap } from "../../src/store/keyspace/packed_map.ts";
import { PAGE_BYTES } from "../../src/store/keyspace/page.ts";
import {
  bareRecord,
  keyAt,
  makeRecord,
  NO_VERSION,
  valueAt,
} from "../../src/store/keyspace/record.ts";
import { NOWHERE } from "../../src/store/keyspace/versions.ts";
import { asBytes, textOfBytes } from "../../src/store/value.ts";
import { byBytes, random } from "./log.ts";

function recordOf(key: string, value: string, setIndex = 0): Uint8Array {
  const version = { ...NO_VERSION, value: asBytes(value), setIndex };
  return makeRecord(byteStringOf(key), { place: NOWHERE, flags: 0 }, version);
}

function put(map: PackedMap, key: string, value: string): void {
  map.set(byteStringOf(key), recordOf(key, value, value.length));
}

function valueOf(map: PackedMap, key: string): string | undefined {
  const place = map.get(byteStringOf(key));
  return place && textOfBytes(valueAt(place.bytes, place.at));
}

function entries(map: PackedMap): [string, string][] {
  const found: [string, string][] = [];
  for (const cursor = map.cursor(); cursor.next();) {
    const { bytes, at } = cursor;
    found.push([textOf(keyAt(bytes, at)), textOfBytes(valueAt(bytes, at))]);
  }
  return found;
}

function sorted(model: ReadonlyMap<string, string>): [string, string][] {
  return [...model].sort(([a], [b]) => byBytes(a, b));
}

/** Lengths that stay in place, grow, shrink, fill a page and exceed one. */
const LENGTHS = [0, 1, 60, 60, 60, 61, 500, 5000, PAGE_BYTES / 2, PAGE_BYTES, 3 * PAGE_BYTES];

function randomValue(next: () => number): string {
  const length = LENGTHS[Math.floor(next() ** 3 * LENGTHS.length)]!;
  const letter = next() < 0.1 ? "☃" : "abc"[Math.floor(next() * 3)]!;
  return letter.repeat(length / letter.length);
}

function randomKey(next: () => number): string {
  const number = Math.floor(next() * 400);
  const shapes = [
    `/k${number}`,
    `/long/common/prefix/${number}`,
    `/☃/${number}`,
    `/\uFFFF${number}`,
  ];
  return shapes[Math.floor(next() * 12)] ?? `/𝄞/${String(number).repeat(1 + number % 3)}`;
}

Deno.test("a map holds what a plain one holds after any changes", () => {
  for (const seed of [1, 2, 3]) {
    const next = random(seed);
    const map = new PackedMap();
    const model = new Map<string, string>();
    for (let step = 0; step < 4000; step++) {
      const key = randomKey(next);
      // By turns it mostly grows and mostly shrinks, so that pages split and merge.
      if (next() < (step % 2000 < 1200 ? 0.8 : 0.2)) {
        const value = randomValue(next);
        put(map, key, value);
        model.set(key, value);
      } else {
        assertEquals(map.delete(byteStringOf(key)), model.delete(key));
      }
      if (next() < 0.02) map.keepImage();
      assertEquals(map.size, model.size);
      const probe = randomKey(next);
      assertEquals(valueOf(map, probe), model.get(probe));
      if (step % 400 === 399) assertEquals(entries(map), sorted(model));
    }
    for (const key of [...model.keys()]) assert(map.delete(byteStringOf(key)));
    assertEquals(entries(map), []);
    assertEquals(map.first(), undefined);
  }
});

Deno.test("images stay as they were whatever changes later", () => {
  const next = random(4);
  const map = new PackedMap();
  const model = new Map<string, string>();
  const images: { seen: () => [string, string][]; expected: [string, string][] }[] = [];
  for (let step = 0; step < 6000; step++) {
    const key = randomKey(next);
    if (next() < 0.7) {
      const value = next() < 0.99 ? "x".repeat(40 + next() * 3) : randomValue(next);
      put(map, key, value);
      model.set(key, value);
    } else {
      map.delete(byteStringOf(key));
      model.delete(key);
    }
    if (step % 500 === 0) images.push({ seen: imageOf(map), expected: sorted(model) });
  }
  for (const { seen, expected } of images) assertEquals(seen(), expected);
});

function imageOf(map: PackedMap): () => [string, string][] {
  const pages = map.image();
  return () =>
    [...pages].flatMap((page) =>
      Array.from({ length: page.count }, (_, slot): [string, string] => {
        const { bytes } = page;
        const at = page.at(slot);
        return [textOf(keyAt(bytes, at)), textOfBytes(valueAt(bytes, at))];
      })
    );
}

Deno.test("seek() goes to the first key that is as large, from anywhere", () => {
  const next = random(5);
  const map = new PackedMap();
  const keys = new Set<string>();
  for (let i = 0; i < 2000; i++) keys.add(`/${Math.floor(next() * 9000) + 1000}`);
  for (const key of keys) put(map, key, "v".repeat(100));
  const ordered = [...keys].sort();
  const cursor = map.cursor();
  for (let i = 0; i < 4000; i++) {
    const wanted = `/${Math.floor(next() * 11_000)}`;
    const expected = ordered.find((key) => key >= wanted);
    const found = cursor.seek(wanted) ? keyAt(cursor.bytes, cursor.at) : undefined;
    assertEquals(found, expected);
    if (found !== undefined && next() < 0.5) {
      const follower = ordered[ordered.indexOf(found) + 1];
      assertEquals(cursor.next() ? keyAt(cursor.bytes, cursor.at) : undefined, follower);
    }
  }
});

Deno.test("append() builds what set() builds and refuses a key that is not the largest", () => {
  const appended = new PackedMap();
  const set = new PackedMap();
  for (let i = 10_000; i < 15_000; i++) {
    const record = recordOf(`/${i}`, "v".repeat(i % 300), i);
    assertEquals(appended.append(record, [0], record.length), undefined);
    set.set(`/${i}`, record);
  }
  assertEquals(entries(appended), entries(set));
  assertEquals(appended.append(bareRecord("/14999"), [0], bareRecord("/14999").length), 0);
  assertEquals(appended.append(bareRecord("/1"), [0], bareRecord("/1").length), 0);
  assertEquals(appended.size, 5000);
  put(appended, "/12345x", "between");
  assertEquals(valueOf(appended, "/12345x"), "between");
});

Deno.test("append() takes many records at once, of any size, and none when one is late", () => {
  const next = random(7);
  const map = new PackedMap();
  const model = new Map<string, string>();
  let number = 100_000;
  for (let round = 0; round < 60; round++) {
    const records: Uint8Array[] = [];
    for (let i = 0; i <= next() * 300; i++) {
      const key = `${round < 30 ? "/a" : "/b/longer"}/${number++}`;
      const value = randomValue(next);
      records.push(recordOf(key, value, value.length).slice());
      model.set(key, value);
    }
    const { bytes, starts } = joined(records);
    assertEquals(map.append(bytes, starts, bytes.length), undefined);
    const late = joined([...records, records[0]!]);
    assertEquals(map.append(late.bytes, late.starts, late.bytes.length), 1);
    if (next() < 0.2) map.keepImage();
    const [key] = [...model.keys()].slice(-1 - Math.floor(next() * records.length));
    put(map, key!, "changed");
    model.set(key!, "changed");
  }
  assertEquals(entries(map), sorted(model));
  for (const [key, value] of model) assertEquals(valueOf(map, key), value);
});

/** Records one after the other behind a byte that is none of theirs. */
function joined(records: readonly Uint8Array[]): { bytes: Uint8Array; starts: number[] } {
  const starts: number[] = [];
  let end = 1;
  for (const { length } of records) {
    starts.push(end);
    end += length;
  }
  const bytes = new Uint8Array(end);
  records.forEach((record, i) => bytes.set(record, starts[i]));
  return { bytes, starts };
}

Deno.test("keys that come in order fill their pages", () => {
  for (const order of [1, -1]) {
    const map = new PackedMap();
    for (let i = 0; i < 5000; i++) put(map, `/${50_000 + order * i}`, "v".repeat(100));
    const pages = [...map.image()];
    const bytes = pages.reduce((sum, page) => sum + page.liveBytes, 0);
    assert(bytes > pages.length * PAGE_BYTES * (order === 1 ? 0.95 : 0.45));
  }
});

Deno.test("keys that come nearly in order nearly fill their pages", () => {
  const next = random(6);
  const map = new PackedMap();
  // As from many clients, each of which takes the next key and waits for its answer.
  for (let first = 0; first < 50_000; first += 50) {
    const waiting = Array.from({ length: 50 }, (_, i) => 100_000 + first + i);
    while (waiting.length > 0) {
      const [key] = waiting.splice(Math.floor(next() * waiting.length), 1);
      put(map, `/${key}`, "v".repeat(100));
    }
  }
  const pages = [...map.image()];
  const bytes = pages.reduce((sum, page) => sum + page.liveBytes, 0);
  assert(bytes > pages.length * PAGE_BYTES * 0.85, `${bytes} bytes in ${pages.length} pages`);
  assertEquals(map.size, 50_000);
});

Deno.test("a map that shrank gives its pages back", () => {
  const map = new PackedMap();
  const count = 20_000;
  for (let i = 0; i < count; i++) put(map, `/${i}`, "v".repeat(100));
  for (let i = 0; i < count; i++) if (i % 50 !== 0) map.delete(`/${i}`);
  const pages = [...map.image()];
  assertEquals(map.size, count / 50);
  assert(pages.length < 12, `${pages.length} pages for ${map.size} records`);
});

Deno.test("records that are overwritten again and again take no more pages", () => {
  const map = new PackedMap();
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 300; i++) put(map, `/${i}`, "v".repeat(300 + (round + i) % 3));
    if (round % 10 === 0) map.keepImage();
  }
  const pages = [...map.image()];
  const bytes = pages.reduce((sum, page) => sum + page.liveBytes, 0);
  assertEquals(
    bytes,
    entries(map).reduce((sum, [key, value]) => sum + recordOf(key, value).length, 0),
  );
  assert(pages.length <= 8, `${pages.length} pages for ${bytes} bytes`);
});

Deno.test("values that grow and shrink leave no large buffers behind", () => {
  const map = new PackedMap();
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 20; i++) put(map, `/${i}`, "v".repeat(round % 2 === 0 ? 1_000_000 : 10));
  }
  const bytes = [...map.image()].reduce((sum, page) => sum + page.bytes.length, 0);
  assert(bytes <= 20 * PAGE_BYTES, `${bytes} bytes`);
});
