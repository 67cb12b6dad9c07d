/** Messages in the body of a gRPC call. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { frameOf, MessageFrames, PREFIX_BYTES } from "../../../src/api/v3/framing.ts";
import { decode } from "../../../src/api/v3/messages/codec.ts";
import { PutRequest, RangeResponse } from "../../../src/api/v3/messages/kv.ts";
import { MemberAddRequest } from "../../../src/api/v3/messages/cluster.ts";
import { StatusCode, StatusError } from "../../../src/api/v3/status.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

interface Received {
  readonly messages: string[];
  readonly frames: MessageFrames;
}

function receiver(bytesMax: number, encoding?: string): Received {
  const messages: string[] = [];
  const frames = new MessageFrames(bytesMax, encoding, (bytes, start, end) => {
    messages.push(bytes.subarray(start, end).toHex());
  });
  return { messages, frames };
}

function refusal(code: StatusCode, text: string, run: () => void): void {
  const error = assertThrows(run, StatusError, text);
  assertEquals(error.code, code);
}

/** A frame with a flag, as a client would send it. */
function framed(flag: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + body.length);
  frame[0] = flag;
  new DataView(frame.buffer).setUint32(1, body.length);
  frame.set(body, PREFIX_BYTES);
  return frame;
}

Deno.test("MessageFrames finds messages however they are cut", () => {
  const sent = ["010203", "", "ff".repeat(300), "00"];
  const body = hex(
    sent.map((message) => framed(0, Uint8Array.fromHex(message)).toHex()).join(""),
  );
  for (let size = 1; size <= body.length; size++) {
    const { messages, frames } = receiver(300);
    for (let at = 0; at < body.length; at += size) frames.push(body.subarray(at, at + size));
    assertEquals(messages, sent);
    assertEquals(frames.isInMessage, false);
  }
});

Deno.test("MessageFrames hands over whole messages without copying them", () => {
  const piece = hex("00 00000001 07");
  let same = false;
  new MessageFrames(9, undefined, (bytes) => void (same = bytes === piece)).push(piece);
  assert(same);
});

Deno.test("MessageFrames tells when a body ends within a message", () => {
  const { frames } = receiver(9);
  for (const byte of hex("00 00000002 07")) {
    frames.push(Uint8Array.of(byte));
    assertEquals(frames.isInMessage, true);
  }
  frames.push(Uint8Array.of(7));
  assertEquals(frames.isInMessage, false);
});

Deno.test("MessageFrames refuses a message that is too large by its length alone", () => {
  const text = "grpc: received message larger than max (10 vs. 9)";
  refusal(StatusCode.resourceExhausted, text, () => receiver(9).frames.push(hex("00 0000000a")));
  const slow = receiver(9).frames;
  refusal(StatusCode.resourceExhausted, "(4294967295 vs. 9)", () => {
    for (const byte of hex("00 ffffffff")) slow.push(Uint8Array.of(byte));
  });
});

Deno.test("MessageFrames unpacks gzip", () => {
  const { messages, frames } = receiver(100, "gzip");
  frames.push(framed(1, gzipSync(hex("010203"))));
  frames.push(framed(0, hex("04")));
  frames.push(framed(1, gzipSync(new Uint8Array(100))));
  assertEquals(messages, ["010203", "04", "00".repeat(100)]);
});

Deno.test("MessageFrames refuses a bomb before it is unpacked", () => {
  const bomb = gzipSync(new Uint8Array(50_000_000));
  const text = "grpc: received message larger than max (100001 vs. 100000)";
  refusal(StatusCode.resourceExhausted, text, () => {
    receiver(100_000, "gzip").frames.push(framed(1, bomb));
  });
});

Deno.test("MessageFrames refuses packed messages that it can't unpack", () => {
  const packed = framed(1, hex("01020304"));
  refusal(StatusCode.internal, "identity or empty encoding", () => receiver(9).frames.push(packed));
  refusal(
    StatusCode.unimplemented,
    'grpc: Decompressor is not installed for grpc-encoding "snappy"',
    () => receiver(9, "snappy").frames.push(packed),
  );
  refusal(
    StatusCode.internal,
    "grpc: failed to decompress the received message",
    () => receiver(9, "gzip").frames.push(packed),
  );
  refusal(
    StatusCode.internal,
    "grpc: received unexpected payload format 2",
    () => receiver(9, "gzip").frames.push(framed(2, hex("01"))),
  );
});

Deno.test("frameOf() writes a message with its prefix where it is told, and no more than its size", () => {
  const value = new Uint8Array(1_000).fill(7);
  const kvs = [{ key: "a", value }, { key: "b".repeat(200), lease: -1n }];
  const frame = frameOf(RangeResponse, { kvs, count: 2 });
  const target = new Uint8Array(frame.size + 20).fill(0xee);
  assertEquals(frame.writeTo(target, 20), frame.size + 20);
  assertEquals(target.subarray(0, 20), new Uint8Array(20).fill(0xee));
  const { messages, frames } = receiver(10_000);
  frames.push(target.subarray(20));
  assertEquals(decode(RangeResponse, hex(messages[0]!)).kvs.map(({ key }) => key), [
    "a",
    "b".repeat(200),
  ]);
});

Deno.test("frameOf() fits exactly when the last thing is a string, a flag or a number", () => {
  for (const peerUrls of [["é☃"], [""]]) {
    const frame = frameOf(MemberAddRequest, { peerUrls });
    assertEquals(frame.writeTo(new Uint8Array(frame.size), 0), frame.size);
  }
  for (const lease of [1n, -1n, 300n]) {
    const frame = frameOf(PutRequest, { lease });
    assertEquals(frame.writeTo(new Uint8Array(frame.size), 0), frame.size);
  }
});
