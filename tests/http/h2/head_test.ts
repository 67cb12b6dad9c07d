/** Heads of requests, found again by the bytes of their blocks. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HpackError } from "../../../src/http/h2/hpack_decoder.ts";
import { fieldValue, HeadDecoder } from "../../../src/http/h2/request_head.ts";
import { block, hex, requestFields } from "./raw_client.ts";

const LIST_BYTES_MAX = 4096;

function headOf(decoder: HeadDecoder, bytes: Buffer) {
  const head = decoder.decodeHead(bytes, 0, bytes.length);
  assert(!("cause" in head), "expected a head, found a malformed one");
  return head;
}

/** GET / with a field that goes into the table. */
const INSERTING = hex("82 86 84 4101 61 4001 78 01 79");
const INDEXED = hex("82 86 84 bf be");

Deno.test("HeadDecoder finds a head again that leaves the table as it is", () => {
  const decoder = new HeadDecoder(LIST_BYTES_MAX);
  headOf(decoder, INSERTING);
  const first = headOf(decoder, INDEXED);
  assertEquals([first.authority, first.fields, decoder.hits], ["a", [["x", "y"]], 0]);
  assertEquals(headOf(decoder, INDEXED), first);
  assertEquals(decoder.hits, 1);
});

Deno.test("HeadDecoder decodes a block each time that changes the table", () => {
  const decoder = new HeadDecoder(LIST_BYTES_MAX);
  for (let i = 0; i < 3; i++) headOf(decoder, INSERTING);
  // Six entries: without the second and third time there would be two.
  const head = headOf(decoder, hex("82 86 84 c3 c2"));
  assertEquals([head.authority, head.fields], ["a", [["x", "y"]]]);
});

Deno.test("HeadDecoder forgets what it knew when the table changes", () => {
  const decoder = new HeadDecoder(LIST_BYTES_MAX);
  headOf(decoder, INSERTING);
  assertEquals(headOf(decoder, INDEXED).fields, [["x", "y"]]);
  headOf(decoder, hex("82 86 84 4101 62 4001 78 01 7a"));
  const head = headOf(decoder, INDEXED);
  assertEquals([head.authority, head.fields], ["b", [["x", "z"]]]);
  const trailers = hex("20");
  decoder.decodeTrailers(trailers, 0, trailers.length);
  assertThrows(() => headOf(decoder, INDEXED), HpackError);
});

Deno.test("HeadDecoder remembers so many heads and no more", () => {
  const decoder = new HeadDecoder(LIST_BYTES_MAX);
  const blocks = Array.from({ length: 1000 }, (_, i) => block(requestFields(`/${i}`)));
  for (const bytes of blocks) headOf(decoder, bytes);
  const kept = blocks.filter((bytes) => {
    const before = decoder.hits;
    headOf(decoder, bytes);
    return decoder.hits > before;
  });
  assert(kept.length <= 64, `expected 64 heads at most, found ${kept.length}`);
});

Deno.test("HeadDecoder looks no longer for what never comes again, until the table changes", () => {
  const decoder = new HeadDecoder(LIST_BYTES_MAX);
  const again = block(requestFields("/again"));
  for (let i = 0; i < 300; i++) headOf(decoder, block(requestFields(`/${i}`)));
  for (let i = 0; i < 2; i++) assertEquals(headOf(decoder, again).path, "/again");
  assertEquals(decoder.hits, 0);
  headOf(decoder, INSERTING);
  for (let i = 0; i < 2; i++) assertEquals(headOf(decoder, again).path, "/again");
  assertEquals(decoder.hits, 1);
});

Deno.test("HeadDecoder takes strings of blocks of any length, whatever goes into the table", () => {
  const decoder = new HeadDecoder(2 * LIST_BYTES_MAX);
  for (const length of [1, 12, 200, 2000]) {
    const value = "v".repeat(length);
    const inserted = Buffer.concat([
      block(requestFields(`/${value}`, "GET", [["before", value]])),
      hex("4001 78 01 79"),
      block([["after", value]]),
    ]);
    const { path, fields } = headOf(decoder, inserted);
    assertEquals([path, fields], [`/${value}`, [["before", value], ["x", "y"], ["after", value]]]);
  }
});

Deno.test("fieldValue() joins fields of one name, and takes the authority for a host", () => {
  const decoder = new HeadDecoder(LIST_BYTES_MAX);
  const fields = requestFields("/", "GET", [["a", "1"], ["cookie", "x"], ["a", "2"], [
    "cookie",
    "y",
  ]]);
  const head = headOf(decoder, block(fields));
  const values = ["a", "cookie", "host", "none"].map((name) => fieldValue(head, name));
  assertEquals(values, ["1, 2", "x; y", "test", undefined]);
});
