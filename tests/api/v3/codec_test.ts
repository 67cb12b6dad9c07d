/** Messages as bytes: by their tables, by hand, and as etcd's own codecs write them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode, encode, prepare } from "../../../src/api/v3/messages/codec.ts";
import { LeaderKey, LockRequest } from "../../../src/api/v3/messages/concurrency.ts";
import {
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  TxnRequest,
} from "../../../src/api/v3/messages/kv.ts";
import { LeaseGrantRequest, LeaseKeepAliveRequest } from "../../../src/api/v3/messages/lease.ts";
import { decodeJson } from "../../../src/api/v3/messages/json_decode.ts";
import { encodeJson } from "../../../src/api/v3/messages/json_encode.ts";
import { MessageError } from "../../../src/api/v3/messages/message_error.ts";
import { AlarmRequest, StatusResponse } from "../../../src/api/v3/messages/maintenance.ts";
import { AuthUserAddRequest } from "../../../src/api/v3/messages/auth.ts";
import type { Draft, MessageType } from "../../../src/api/v3/messages/table.ts";
import { WatchCreateRequest, WatchRequest } from "../../../src/api/v3/messages/watch.ts";
import { WireWriter } from "../../../src/api/v3/messages/wire_writer.ts";
import { ALL_METHODS } from "../../../src/api/v3/methods.ts";
import { SeededRandom } from "../../sim/random.ts";
import { randomMessage } from "./random_message.ts";
import { RECORDED } from "./recorded.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

function bytesOf<T extends object>(type: MessageType<T>, message: Draft<T>): string {
  const writer = new WireWriter(new Uint8Array(1));
  encode(type, message, writer);
  return writer.written().toHex();
}

function refused(type: MessageType<object>, bytes: string, text: string): void {
  assertThrows(() => decode(type, hex(bytes)), MessageError, text);
}

const TYPES = [...new Set(ALL_METHODS.flatMap(({ request, response }) => [request, response]))];

Deno.test("decode() returns what encode() was given, whatever the message", () => {
  for (const [stream, type] of TYPES.entries()) {
    const random = new SeededRandom(1, stream);
    for (let i = 0; i < 200; i++) {
      const message = randomMessage(type, random);
      const writer = new WireWriter(new Uint8Array(7), 3);
      const size = encode(type, message, writer);
      assertEquals(size, writer.offset - 3);
      assertEquals(size, prepare(type, message).size);
      assertEquals(decode(type, writer.bytes, 3, writer.offset), message, type.name);
    }
  }
});

Deno.test("messages are read and written as etcd's own codecs do it", () => {
  for (const { type: name, json, bytes } of RECORDED) {
    const type = TYPES.find((type) => type.name === name)!;
    assertEquals(bytesOf(type, decodeJson(type, json)), bytes, name);
    assertEquals(encodeJson(type, decode(type, hex(bytes))), json, name);
  }
});

Deno.test("encode() leaves out what is zero or not there", () => {
  const zeros: Draft<PutRequest> = {
    key: "",
    value: new Uint8Array(0),
    lease: 0n,
    prevKv: false,
    ignoreValue: undefined,
  };
  assertEquals(bytesOf(PutRequest, zeros), "");
  assertEquals(bytesOf(RangeRequest, { sortOrder: "NONE", kvs: [] } as Draft<RangeRequest>), "");
});

Deno.test("encode() writes an empty message that is there", () => {
  assertEquals(bytesOf(PutResponse, { header: {}, prevKv: {} }), "0a001200");
  assertEquals(bytesOf(WatchRequest, { kind: "progress", value: {} }), "1a00");
});

Deno.test("decode() gives zeros to fields that were not sent", () => {
  assertEquals(decode(LeaderKey, hex("")), { name: "", key: "", rev: 0, lease: 0n });
  assertEquals(decode(PutResponse, hex("")), { header: undefined, prevKv: undefined });
  assertEquals(decode(WatchRequest, hex("")), { kind: "none" });
});

Deno.test("decode() keeps all 64 bits of ids, and their sign", () => {
  assertEquals(decode(LeaseKeepAliveRequest, hex("08ffffffffffffffff7f")).id, 2n ** 63n - 1n);
  assertEquals(decode(LeaseKeepAliveRequest, hex("0881808080808080808001")).id, -(2n ** 63n) + 1n);
  assertEquals(decode(AlarmRequest, hex("10ffffffffffffffffff01")).memberId, 2n ** 64n - 1n);
});

Deno.test("decode() holds numbers beyond 2^53 - 1 at that bound instead of rounding them", () => {
  const revision = (bytes: string) => decode(RangeRequest, hex(`20${bytes}`)).revision;
  assertEquals(revision("ffffffffffffff0f"), Number.MAX_SAFE_INTEGER);
  assertEquals(revision("8080808080808010"), Number.MAX_SAFE_INTEGER);
  assertEquals(revision("ffffffffffffffff7f"), Number.MAX_SAFE_INTEGER);
  assertEquals(revision("ffffffffffffffffff01"), -1);
  assertEquals(revision("80808080808080808001"), Number.MIN_SAFE_INTEGER);
  assertEquals(revision("feffffffffffff0f"), Number.MAX_SAFE_INTEGER - 1);
  assertEquals(revision("80808080808080f0ff01"), Number.MIN_SAFE_INTEGER);
  assertEquals(revision("82808080808080f0ff01"), Number.MIN_SAFE_INTEGER + 1);
});

Deno.test("decode() keeps a watch's id whole: a number while exact, a bigint beyond", () => {
  const idOf = (bytes: string) => decode(WatchCreateRequest, hex(`38${bytes}`)).watchId;
  assertEquals(idOf("05"), 5);
  assertEquals(idOf("ffffffffffffffffff01"), -1);
  assertEquals(idOf("ffffffffffffff0f"), Number.MAX_SAFE_INTEGER);
  assertEquals(idOf("8080808080808010"), 2n ** 53n);
  assertEquals(idOf("80808080808080808001"), -(2n ** 63n));
});

Deno.test("decode() keeps the number of an enum's value that has no name", () => {
  assertEquals(decode(RangeRequest, hex("2802")).sortOrder, "DESCEND");
  assertEquals(decode(RangeRequest, hex("2811")).sortOrder, 17);
  assertEquals(decode(RangeRequest, hex("28ffffffffffffffffff01")).sortOrder, -1);
});

Deno.test("decode() takes keys as bytes, one character each", () => {
  assertEquals(decode(PutRequest, hex("0a04 00 80 ff 61")).key, "\u0000\u0080\u00ffa");
  assertEquals(bytesOf(LockRequest, { name: "\u00ff".repeat(100) }), `0a64${"ff".repeat(100)}`);
});

Deno.test("decode() steps over fields that it does not know", () => {
  const unknown = "f80101 f901 0102030405060708 fa0103616263 fd01 01020304";
  assertEquals(decode(PutRequest, hex(`0a0161 ${unknown} 1805`)), {
    ...decode(PutRequest, hex("0a0161")),
    lease: 5n,
  });
});

Deno.test("decode() lets the last one win, of a field and of a oneof", () => {
  assertEquals(decode(PutRequest, hex("0a0161 0a0162")).key, "b");
  const request = decode(WatchRequest, hex("12020805 0a030a0161 1202 0807"));
  assertEquals(request, { kind: "cancel", value: { watchId: 7 } });
});

Deno.test("decode() replaces a member of a oneof that is sent twice, as etcd does", () => {
  const request = decode(WatchRequest, hex("0a030a0161 0a023803"));
  assert(request.kind === "create");
  assertEquals([request.value.key, request.value.watchId], ["", 3]);
  const { success } = decode(TxnRequest, hex("120b 22050a031a0161 22021a00"));
  const inner = { compare: [], success: [], failure: [{ kind: "none" as const }] };
  assertEquals(success, [{ kind: "txn", value: inner }]);
});

Deno.test("decode() merges a message that is sent twice", () => {
  const twice = decode(PutResponse, hex("12030a0161 12021803"));
  assertEquals(twice.prevKv, { ...decode(KeyValue, hex("0a0161")), modRevision: 3 });
});

Deno.test("decode() reads lists of numbers packed and unpacked", () => {
  assertEquals(decode(WatchCreateRequest, hex("2a020001")).filters, ["NOPUT", "NODELETE"]);
  assertEquals(decode(WatchCreateRequest, hex("28012800")).filters, ["NODELETE", "NOPUT"]);
  assertEquals(decode(WatchCreateRequest, hex("28012a0100")).filters, ["NODELETE", "NOPUT"]);
});

Deno.test("decode() refuses bytes that end too early", () => {
  for (const bytes of ["0a", "0a05 6162", "18", "1880", "0aff", "fa01", "f901 01", "fd01 0102"]) {
    refused(PutRequest, bytes, "unexpected EOF");
  }
  // The inner message may not reach beyond the outer one's end.
  refused(PutResponse, "1202 0a03 616263", "unexpected EOF");
});

Deno.test("decode() refuses a length beyond anything", () => {
  refused(PutRequest, "0affffffffffffffffff01", "unexpected EOF");
  refused(PutRequest, "0affffffffffffffff7f", "unexpected EOF");
});

Deno.test("decode() refuses varints of more than ten bytes", () => {
  refused(PutRequest, "18 ffffffffffffffffffff01", "proto: integer overflow");
  refused(PutRequest, "18 80808080808080808080808000", "proto: integer overflow");
  assertEquals(decode(PutRequest, hex("18 80808080808080808000")).lease, 0n);
});

Deno.test("decode() refuses known fields of another wire type", () => {
  refused(PutRequest, "0801", "proto: wrong wireType = 0 for field key");
  refused(PutRequest, "1a00", "proto: wrong wireType = 2 for field lease");
  refused(PutResponse, "1001", "proto: wrong wireType = 0 for field prev_kv");
  refused(WatchCreateRequest, "2d00000000", "proto: wrong wireType = 5 for field filters");
});

Deno.test("decode() refuses groups, unknown wire types and field numbers out of range", () => {
  refused(PutRequest, "fb01 fc01", "proto: illegal wireType 3");
  refused(PutRequest, "fc01", "proto: illegal wireType 4");
  refused(PutRequest, "fe01", "proto: illegal wireType 6");
  refused(PutRequest, "0200", "proto: illegal tag 0 (wire type 2)");
  refused(PutRequest, "8280808010 00", "proto: illegal tag 536870912 (wire type 2)");
});

Deno.test("decode() refuses strings that are no UTF-8", () => {
  refused(AuthUserAddRequest, "0a02c328", "proto: string field contains invalid UTF-8");
  // The replacement character itself is a character like any other.
  assertEquals(decode(AuthUserAddRequest, hex("0a03efbfbd")).name, "\uFFFD");
});

Deno.test("decode() refuses transactions that are nested more deeply than a hundred messages", () => {
  const wrapped = (tag: number, inner: Uint8Array) => {
    const writer = new WireWriter();
    writer.varint(tag);
    writer.varint(inner.length);
    writer.raw(inner);
    return writer.written();
  };
  const nested = (depth: number) => {
    let txn: Uint8Array = new Uint8Array(0);
    for (let i = 0; i < depth; i++) txn = wrapped(0x12, wrapped(0x22, txn));
    return txn;
  };
  assertEquals(decode(TxnRequest, nested(50)).success.length, 1);
  assertThrows(() => decode(TxnRequest, nested(51)), MessageError, "nested");
  assertThrows(() => decode(TxnRequest, nested(3_000)), MessageError, "nested");
});

Deno.test("decode() takes values as views of its input", () => {
  const input = hex("0a0161 12 02 6869");
  const { value } = decode(PutRequest, input);
  assert(value.buffer === input.buffer);
  assertEquals(value, hex("6869"));
});

Deno.test("encode() writes 3.6's fields where newer clients look for them", () => {
  assertEquals(
    bytesOf(StatusResponse, {
      isLearner: true,
      storageVersion: "3.6",
      dbSizeQuota: 1,
      downgradeInfo: { enabled: true, targetVersion: "3.5" },
    }),
    "5001 5a03332e36 6001 6a07 0801 1203332e35".replaceAll(" ", ""),
  );
  assertEquals(bytesOf(LeaseGrantRequest, { ttl: -1, id: 1n }), "08ffffffffffffffffff011001");
});
