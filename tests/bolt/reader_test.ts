/** Nothing but `BoltError` comes of a damaged file, and it says where the damage is. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { viewOf, writeU64 } from "../../src/bolt/bytes.ts";
import { BoltError } from "../../src/bolt/errors.ts";
import {
  encodeMetaPage,
  encodePageHeader,
  type Meta,
  PAGE_BYTES,
  PAGE_FLAGS,
  PAGE_HEADER_BYTES,
} from "../../src/bolt/layout.ts";
import { readMeta } from "../../src/bolt/page_file.ts";
import { openBolt } from "../../src/bolt/reader.ts";
import { bucket, bytesOf, entry, fixture, memoryFile, textOf, written } from "./harness.ts";

/** Pages: 3 to 5 leaves of "b", 6 their branch, 7 the root. */
async function sample(): Promise<Uint8Array<ArrayBuffer>> {
  const entries = ["a", "b", "c"].map((key) => entry(key, key.repeat(3000)));
  return await written(bucket("b", entries), bucket("empty", []));
}

/** What a walk of all, a check of all pages, and a search say of a file. */
async function readEverything(bytes: Uint8Array): Promise<void> {
  const reader = await openBolt(memoryFile(bytes));
  await reader.check();
  for await (const found of reader.buckets()) {
    for await (const { key } of found.entries()) assert(await found.get(key) !== undefined);
  }
}

async function refused(
  change: (view: DataView, bytes: Uint8Array) => void,
  message: string,
): Promise<void> {
  const bytes = await sample();
  await readEverything(bytes);
  change(viewOf(bytes), bytes);
  await assertRejects(() => readEverything(bytes), BoltError, message);
}

const page = (id: number) => id * PAGE_BYTES;
const element = (id: number, i: number) => page(id) + PAGE_HEADER_BYTES + 16 * i;

Deno.test("openBolt() finds buckets, keys, the last key, and nothing that is not there", async () => {
  const reader = await openBolt(memoryFile(await sample()));
  const names = (await Array.fromAsync(reader.buckets())).map(({ name }) => textOf(name));
  assertEquals(names, ["b", "empty"]);
  const found = (await reader.bucket("b"))!;
  assertEquals(textOf((await found.get(bytesOf("b")))!), "b".repeat(3000));
  for (const key of ["", "A", "aa", "bb", "d"]) {
    assertEquals(await found.get(bytesOf(key)), undefined);
  }
  assertEquals((await found.last())?.key, bytesOf("c"));
  const empty = (await reader.bucket("empty"))!;
  assertEquals(await Array.fromAsync(empty.entries()), []);
  assertEquals(await empty.last(), undefined);
  assertEquals(await empty.get(bytesOf("a")), undefined);
  assertEquals(await reader.bucket("c"), undefined);
});

Deno.test("openBolt() reads what etcd's bbolt wrote, inline buckets and free pages included", async () => {
  for (const name of ["empty.snap", "history.snap"]) {
    await readEverything((await fixture(name)).subarray(0, -32));
  }
});

Deno.test("openBolt() goes by the newer meta page that is sound", async () => {
  const bytes = await sample();
  const meta = await readMeta(memoryFile(bytes));
  const older: Meta = { ...meta, root: 3, transaction: 4n };
  bytes.set(encodeMetaPage(1, older), page(1));
  assertEquals((await readMeta(memoryFile(bytes))).root, 3);
  bytes[page(1) + 60]! ^= 1;
  assertEquals((await readMeta(memoryFile(bytes))).root, meta.root);
  bytes[60]! ^= 1;
  await assertRejects(() => readMeta(memoryFile(bytes)), BoltError, "the checksum");
  bytes.set(encodeMetaPage(1, older), page(1));
  assertEquals((await readMeta(memoryFile(bytes))).root, 3);
});

Deno.test("openBolt() reads pages of another size, also by the second meta page alone", async () => {
  const pageBytes = 1024;
  const bytes = new Uint8Array(4 * pageBytes);
  const meta: Meta = { pageBytes, root: 3, freelist: 2, pageCount: 4, transaction: 9n };
  bytes.set(encodeMetaPage(1, meta), pageBytes);
  for (const [id, flags] of [[2, PAGE_FLAGS.freelist], [3, PAGE_FLAGS.leaf]] as const) {
    const view = viewOf(bytes.subarray(id * pageBytes));
    encodePageHeader(view, { id, flags, count: 0, overflow: 0 });
  }
  await readEverything(bytes);
});

Deno.test("openBolt() takes a file without its list of free pages", async () => {
  const bytes = await sample();
  const meta = await readMeta(memoryFile(bytes));
  bytes.set(encodeMetaPage(0, { ...meta, freelist: undefined }), 0);
  await readEverything(bytes);
});

Deno.test("openBolt() refuses what is no bbolt file", async () => {
  await refused((_, bytes) => bytes.fill(0, 0, 2 * PAGE_BYTES), "bbolt's magic number in page 0");
  await refused((view) => {
    for (const id of [0, 1]) view.setUint32(page(id) + PAGE_HEADER_BYTES + 4, 3, true);
  }, "bbolt's version 2 in page 0");
  await assertRejects(
    () => openBolt(memoryFile(new Uint8Array(0))),
    BoltError,
    "the end of the file",
  );
  const bytes = await sample();
  await assertRejects(
    () => openBolt(memoryFile(bytes.subarray(0, -1))),
    BoltError,
    `${bytes.length - 1} bytes of the file at most`,
  );
});

Deno.test("openBolt() refuses a meta page that names pages which are not there", async () => {
  const bytes = await sample();
  const meta = await readMeta(memoryFile(bytes));
  for (const root of [0, 1, meta.pageCount, 2 ** 52]) {
    bytes.set(encodeMetaPage(0, { ...meta, root }), 0);
    await assertRejects(() => openBolt(memoryFile(bytes)), BoltError, `found page ${root}`);
  }
});

Deno.test("BoltReader refuses a page that is not where it says, or of another kind", async () => {
  await refused((view) => view.setUint32(page(4), 5, true), "the id of the page itself in page 4");
  await refused((view) => view.setUint16(page(4) + 8, 16, true), "a leaf or a branch in page 4");
  await refused((view) => view.setUint16(page(4) + 8, 3, true), "a leaf or a branch in page 4");
  await refused((view) => view.setUint32(page(4) + 12, 100, true), "the end of the pages at 8");
});

Deno.test("BoltReader refuses cycles, pages with two parents and children that are not there", async () => {
  await refused((view) => writeU64(view, element(6, 1) + 8, 6), "one way to the page in page 6");
  await refused((view) => writeU64(view, element(6, 1) + 8, 3), "in page 3");
  await refused((view) => writeU64(view, element(6, 1) + 8, 8), "found page 8");
  await refused((view) => writeU64(view, element(6, 1) + 8, 1), "found page 1");
  await refused((view) => writeU64(view, element(6, 1) + 8, 2 ** 50), "found page");
});

Deno.test("get() ends in a cycle, too", async () => {
  const bytes = await sample();
  // One child, so that the bounds of the keys stay as they are.
  viewOf(bytes).setUint16(page(6) + 10, 1, true);
  writeU64(viewOf(bytes), element(6, 0) + 8, 6);
  const found = (await (await openBolt(memoryFile(bytes))).bucket("b"))!;
  await assertRejects(() => found.get(bytesOf("a")), BoltError, "at most 64 levels");
});

Deno.test("BoltReader refuses elements that leave their page or overlap", async () => {
  await refused((view) => view.setUint16(page(4) + 10, 300, true), "300 elements in page 4");
  await refused((view) => view.setUint32(element(4, 0) + 4, 0, true), "content between");
  await refused((view) => view.setUint32(element(4, 0) + 8, 5000, true), "content between");
  await refused((view) => view.setUint32(element(4, 0) + 12, 0xffff_ffff, true), "content between");
  // Two elements that share one content.
  await refused((view) => view.setUint32(element(6, 1), 48 - 16, true), "content between");
  await refused((view) => view.setUint32(element(4, 0), 2, true), "the flags 0 or 1 in page 4");
});

Deno.test("BoltReader refuses keys out of order, empty ones, and those of another branch", async () => {
  const keyAt = (id: number) => page(id) + PAGE_HEADER_BYTES + 16;
  await refused((view) => view.setUint8(keyAt(4), 0x61), 'keys from "b" on in page 4');
  await refused((view) => view.setUint8(keyAt(4), 0x63), 'keys below "c" in page 4');
  await refused((view) => view.setUint8(page(6) + 16 + 48 + 2, 0x61), 'a key above "b" in page 6');
  await refused((view) => view.setUint32(element(4, 0) + 8, 0, true), "a key in page 4");
  await refused((view) => view.setUint16(page(4) + 10, 0, true), "a leaf with an entry in page 4");
  await refused((view) => view.setUint16(page(6) + 10, 0, true), "a branch with a child in page 6");
});

Deno.test("BoltReader refuses a bucket without a root, and entries that are none", async () => {
  // In the root: "b" and its root's page, then "empty" and its inline page.
  const names = page(7) + PAGE_HEADER_BYTES + 2 * 16;
  await refused((view) => writeU64(view, names + 1, 9), "found page 9");
  await refused((view) => writeU64(view, names + 1, 0), 'inline page in bucket "b"');
  await refused((view) => view.setUint32(element(7, 0) + 12, 8, true), "16 bytes of a bucket");
  await refused(
    (view) => view.setUint32(element(7, 0), 0, true),
    "a bucket in the list of buckets",
  );
  await refused((view) => view.setUint32(element(4, 0), 1, true), 'keys and values in bucket "b"');
  const inlineFlags = names + 1 + 16 + 5 + 16 + 8;
  await refused((view) => view.setUint16(inlineFlags, 1, true), 'an inline leaf in bucket "empty"');
  await refused((view) => view.setUint16(inlineFlags + 2, 1, true), '1 elements in bucket "empty"');
});

Deno.test("check() finds pages that are lost, or free and in use", async () => {
  const free = (view: DataView, ...ids: readonly number[]) => {
    view.setUint16(page(2) + 10, ids.length, true);
    for (const [i, id] of ids.entries()) writeU64(view, page(2) + 16 + 8 * i, id);
  };
  await refused((view) => free(view, 4), "one way to the page in page 4");
  await refused((view) => free(view, 1), "found page 1");
  await refused((view) => free(view, 8), "found page 8");
  await refused(
    (view) => view.setUint16(page(2) + 10, 600, true),
    "510 free pages in page 2",
  );
  await refused((view) => {
    view.setUint16(page(2) + 10, 0xffff, true);
    writeU64(view, page(2) + 16, 2 ** 40);
  }, "at most 509 free pages in page 2");
  await refused(
    (view) => view.setUint16(page(2) + 8, PAGE_FLAGS.leaf, true),
    "a freelist in page 2",
  );
  const lost = await sample();
  const longer = new Uint8Array(lost.length + PAGE_BYTES);
  longer.set(lost);
  const meta = await readMeta(memoryFile(lost));
  longer.set(encodeMetaPage(0, { ...meta, pageCount: meta.pageCount + 1 }), 0);
  await assertRejects(() => readEverything(longer), BoltError, "a page in use, or free in page 8");
  free(viewOf(longer), 8);
  await readEverything(longer);
});

Deno.test("BoltReader says so when the file became shorter while it was read", async () => {
  const bytes = await sample();
  let length = bytes.length;
  const file = {
    size: bytes.length,
    read: (offset: number, count: number) =>
      bytes.subarray(offset, Math.min(offset + count, length)),
  };
  const reader = await openBolt(file);
  length = 3 * PAGE_BYTES;
  await assertRejects(() => reader.check(), BoltError, "the file has become shorter");
});
