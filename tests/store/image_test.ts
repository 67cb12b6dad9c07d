/** Snapshots: whole, consistent, in slices; damage is refused. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ImageError } from "../../src/store/image/format.ts";
import { Store } from "../../src/store/store.ts";
import { join, Log, slices } from "./log.ts";

/** A small state that has one of everything. */
function smallLog(): Log {
  const log = new Log();
  log.set("/a/b/c", "deep");
  log.set("/foo", "bar", { ttlSeconds: 5 });
  log.set("/☃", "héllo 𝄞");
  log.set("/foo", "baz", { ttlSeconds: 60 });
  log.delete("/a/b/c");
  log.set("/empty", "");
  log.set("/foo", "x", { prevValue: "y" });
  log.keep(4);
  return log;
}

async function restored(chunks: Iterable<Uint8Array>): Promise<Log> {
  const log = new Log();
  await log.store.restore(chunks);
  return log;
}

Deno.test("restore() brings back the whole state", async () => {
  const log = smallLog();
  const copy = await restored(slices(log.store));
  assertEquals(copy.store.digest(), log.store.digest());
  assertEquals(copy.store.stats(), log.store.stats());
  assertEquals(copy.store.index, log.store.index);
  assertEquals(copy.store.timeMs, log.store.timeMs);
  assertEquals(copy.store.nextDeadlineMs(), log.store.nextDeadlineMs());
  for (const directory of ["/", "/a", "/a/b"]) {
    assertEquals(copy.list(directory), log.list(directory));
  }
});

Deno.test("restore() brings back an empty state", async () => {
  const copy = await restored(slices(new Log().store));
  assertEquals(copy.store.digest(), new Log().store.digest());
  copy.set("/a", "1");
  assertEquals(copy.list("/"), ["/a=1"]);
});

Deno.test("a restored store goes on as the one it was taken from", async () => {
  const log = smallLog();
  const copy = await restored(slices(log.store));
  copy.index = log.index;
  for (const each of [log, copy]) {
    each.set("/a/b/c", "again");
    each.timeMs += 60_000;
    each.expireDue();
    each.set("/foo/now-a-directory", "1");
  }
  assertEquals(copy.store.digest(), log.store.digest());
  assertEquals(copy.store.stats(), log.store.stats());
});

Deno.test("restore() knows which directories are hidden by a file of v3", async () => {
  const log = new Log();
  const flags = { lease: 0n, wantsPrevious: false, ignoreValue: false, ignoreLease: false };
  for (const key of ["/a/b", "/a"]) log.apply({ type: "put", key, value: "1", ...flags });
  const copy = await restored(slices(log.store));
  for (const { store } of [log, copy]) assertEquals(store.fileAbove("/a/b"), "/a");
});

Deno.test("restore() takes an image cut in any way, also as it arrives", async () => {
  const log = smallLog();
  const image = join(slices(log.store));
  for (const length of [1, 2, 3, 7, 100]) {
    const copy = await restored(cut(image, length));
    assertEquals(copy.store.digest(), log.store.digest());
  }
  const copy = new Log();
  await copy.store.restore(arriving(cut(image, 10)));
  assertEquals(copy.store.digest(), log.store.digest());
});

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const parts: Uint8Array[] = [new Uint8Array()];
  for (let i = 0; i < bytes.length; i += length) parts.push(bytes.slice(i, i + length));
  return parts;
}

async function* arriving(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part);
}

Deno.test("restore() replaces what was there", async () => {
  const log = smallLog();
  const other = new Log();
  other.set("/other/key", "1", { ttlSeconds: 1 });
  await other.store.restore(slices(log.store));
  assertEquals(other.store.digest(), log.store.digest());
  assertEquals(other.list("/"), log.list("/"));
  assertEquals(other.store.due(other.timeMs + 1000, 10), []);
});

Deno.test("the history is part of the image: a watch looks back beyond a restart", async () => {
  const log = smallLog();
  const copy = await restored(slices(log.store));
  assertEquals(copy.watch("/", 5), log.watch("/", 5));
  assertEquals(copy.watchFirst("/", 4, () => {}), { kind: "cleared" });
  assertEquals(log.watchFirst("/", 4, () => {}), { kind: "cleared" });
});

Deno.test("snapshot() is as of the call however late it is consumed", async () => {
  const log = new Log();
  for (let i = 0; i < 5000; i++) log.set(`/d/${i}`, `value ${i} `.repeat(20), { ttlSeconds: 9 });
  const digest = log.store.digest();
  const stats = log.store.stats();
  const image: Uint8Array[] = [];
  let i = 0;
  for (const slice of log.store.snapshot()) {
    image.push(slice.slice());
    const end = i + 500;
    for (; i < end; i++) {
      log.set(`/d/${(i * 7) % 5000}`, `overwritten ${i}`);
      log.delete(`/d/${(i * 11) % 5000}`);
      log.set(`/e/${i}`, "new");
    }
  }
  assert(image.length > 3, "the image must have several slices");
  const copy = await restored(image);
  assertEquals(copy.store.digest(), digest);
  assertEquals(copy.store.stats(), stats);
});

Deno.test("two snapshots overlap without disturbing each other", async () => {
  const log = new Log();
  const images: { digest: string; slices: Uint8Array[] }[] = [];
  const running: { image: typeof images[number]; rest: Iterator<Uint8Array> }[] = [];
  for (let i = 0; i < 6000; i++) {
    log.set(`/d/${(i * 37) % 1500}`, `${i} `.repeat(30 + i % 200));
    if (i % 1500 === 1000) {
      const image = { digest: log.store.digest(), slices: [] };
      images.push(image);
      running.push({ image, rest: log.store.snapshot()[Symbol.iterator]() });
    }
    if (i % 300 === 0) { for (const { image, rest } of running) pull(image.slices, rest); }
  }
  for (const { image, rest } of running) while (pull(image.slices, rest));
  assertEquals(images.length, 4);
  for (const { digest, slices } of images) {
    assertEquals((await restored(slices)).store.digest(), digest);
  }
});

function pull(slices: Uint8Array[], rest: Iterator<Uint8Array>): boolean {
  const { done, value } = rest.next();
  if (!done) slices.push(value.slice());
  return !done;
}

Deno.test("snapshot() makes slices of at most 256 KiB, also of a value of some megabytes", async () => {
  const log = new Log();
  log.set("/large", "☃".repeat(1_000_000));
  log.set("/large", "x".repeat(1_500_000));
  for (let i = 0; i < 3000; i++) log.set(`/small/${i}`, "v".repeat(300));
  const image = slices(log.store);
  assert(image.every((slice) => slice.length <= 256 * 1024));
  assertEquals((await restored(image)).store.digest(), log.store.digest());
});

Deno.test("restore() rejects with ImageError at every truncation and keeps the old state", async () => {
  const image = join(slices(smallLog().store));
  const log = new Log();
  log.set("/old", "state");
  const digest = log.store.digest();
  for (let length = 0; length < image.length; length++) {
    await assertRejects(() => log.store.restore([image.slice(0, length)]), ImageError, "Damaged");
  }
  assertEquals(log.store.digest(), digest);
  assertEquals(log.list("/"), ["/old=state"]);
});

Deno.test("restore() rejects with ImageError when any bit is flipped", async () => {
  // The hashes in the end block find them all, with or without the storage's checksums.
  const image = join(slices(smallLog().store));
  const log = new Log();
  const digest = log.store.digest();
  for (let bit = 0; bit < image.length * 8; bit++) {
    const flipped = image.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    await assertRejects(() => log.store.restore([flipped]), ImageError, undefined, `bit ${bit}`);
  }
  assertEquals(log.store.digest(), digest);
});

Deno.test("restore() rejects with ImageError when blocks are missing, swapped or repeated", async () => {
  const log = new Log();
  for (let i = 0; i < 3000; i++) log.set(`/${10_000 + i}`, "v".repeat(300));
  const image = slices(log.store);
  assert(image.length > 4);
  for (let i = 0; i < image.length; i++) {
    const repeated = image.toSpliced(i, 0, image[i]!);
    const missing = image.toSpliced(i, 1);
    const swapped = image.with(i, image[(i + 1) % image.length]!)
      .with((i + 1) % image.length, image[i]!);
    for (const damaged of [repeated, missing, swapped]) {
      await assertRejects(() => new Log().store.restore(damaged), ImageError, "Damaged");
    }
  }
});

Deno.test("restore() rejects with what the source rejects with", async () => {
  const log = smallLog();
  const digest = log.store.digest();
  await assertRejects(() => log.store.restore(broken()), RangeError, "unplugged");
  assertEquals(log.store.digest(), digest);
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield slices(smallLog().store)[0]!;
  throw new RangeError("The disk was unplugged");
}

Deno.test("an image of version 1 is read forever", async () => {
  // Taken when the format was made: never change it, add one for a new version.
  const image = Uint8Array.fromHex(IMAGE_V1);
  const log = await restored([image]);
  assertEquals(log.list("/"), ["/dir/", "/foo=bar"]);
  assertEquals(log.list("/dir"), ["/dir/☃=snow"]);
  assertEquals(log.store.index, 5);
  assertEquals(log.watch("/", 4).map(({ key }) => key), ["/foo"]);
});

Deno.test("ImageError has the reason as its cause", async () => {
  const error = await new Store().restore([new Uint8Array(99)]).catch((e) => e);
  assertInstanceOf(error, ImageError);
  assertInstanceOf(error.cause, Error);
});

const IMAGE_V1 = [
  "0b000000010180d8c6b68d2805050413000000023a04042f666f6f0362617288ffc6b68d2804500000000304",
  "0000000000000200000000000000002f646972080004000000000003000000000000002f6469722fe2988373",
  "6e6f77040003000000000104000000000000002f666f6f626172087f46360d28000023000000041036323666",
  "6533343163393162636466661030323835333836663431326634663932",
].join("");
