import { assertEquals, assertThrows } from "@std/assert";
import { decodeFrame, encodeFrame, FrameError } from "../../src/node/calls/peer_message.ts";
import type { PeerMessage } from "../../src/node/calls/peer_message.ts";

const BIG = Number.MAX_SAFE_INTEGER;

const MESSAGES: readonly PeerMessage[] = [
  { type: "call", session: BIG, id: 1, kind: "remove", payload: Uint8Array.of(7) },
  { type: "callReply", session: 2, id: BIG, led: true, payload: new Uint8Array(0) },
  {
    type: "snapshotChunk",
    message: Uint8Array.of(1, 2),
    offset: 2 ** 33,
    size: 2 ** 40,
    data: Uint8Array.of(3, 4, 5),
  },
  { type: "snapshotAck", index: 2 ** 32, received: 0 },
  { type: "clusterTime", term: 3, timeMs: 1_700_000_000_000 },
  { type: "removed", term: 4 },
];

Deno.test("decodeFrame() gives back what encodeFrame() was given", () => {
  for (const message of MESSAGES) {
    assertEquals(decodeFrame(encodeFrame(message)), message, message.type);
  }
});

Deno.test("decodeFrame() refuses a frame that ends too early", () => {
  for (const message of MESSAGES) {
    const frame = encodeFrame(message);
    const payload = message.type === "call" || message.type === "callReply"
      ? message.payload.length
      : message.type === "snapshotChunk"
      ? message.data.length
      : 0;
    for (let length = 0; length < frame.length - payload; length++) {
      assertThrows(() => decodeFrame(frame.subarray(0, length)), FrameError);
    }
  }
});

Deno.test("decodeFrame() refuses an unknown kind and a number beyond 2^53", () => {
  assertThrows(() => decodeFrame(Uint8Array.of(99)), FrameError);
  assertThrows(
    () => decodeFrame(Uint8Array.of(7, 255, 255, 255, 255, 255, 255, 255, 255)),
    FrameError,
  );
});

Deno.test("decodeFrame() refuses what follows the end of a message, and a flag that is none", () => {
  for (const message of MESSAGES.slice(3)) {
    assertThrows(() => decodeFrame(Uint8Array.of(...encodeFrame(message), 0)), FrameError);
  }
  const reply = encodeFrame(MESSAGES[1]!);
  reply[17] = 5;
  assertThrows(() => decodeFrame(reply), FrameError, "0 or 1");
});
