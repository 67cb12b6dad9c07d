import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  encodeFrames,
  encodePing,
  FrameLengthError,
  FrameSplitter,
} from "../../src/transport/frame.ts";
import { bytesOf, frameOf, textOf } from "./harness.ts";

/** Frames that come out when `stream` arrives in chunks that end at `cuts`. */
function split(stream: Uint8Array, cuts: readonly number[], frameBytesMax = 1000): string[] {
  const frames: string[] = [];
  const splitter = new FrameSplitter(frameBytesMax, (frame) => {
    frames.push(textOf(frame));
    return true;
  });
  let start = 0;
  for (const end of [...cuts, stream.length]) {
    splitter.push(stream.slice(start, end));
    start = end;
  }
  return frames;
}

const FRAMES = ["", "a", "", "bc", "x".repeat(300), "", "def"];
const STREAM = encode(FRAMES);

function encode(texts: readonly string[]): Uint8Array {
  const frames = texts.map(bytesOf);
  const byteLength = frames.reduce((sum, frame) => sum + 4 + frame.length, 0);
  return encodeFrames(frames, frames.length, byteLength);
}

Deno.test("encodeFrames() writes the length big-endian before each frame", () => {
  assertEquals(
    encode(["a", "", "bc"]),
    new Uint8Array([0, 0, 0, 1, 97, 0, 0, 0, 0, 0, 0, 0, 2, 98, 99]),
  );
  assertEquals(encode(["y".repeat(0x0102)]).subarray(0, 4), new Uint8Array([0, 0, 1, 2]));
  const large = new Uint8Array(0x030405);
  assertEquals(
    encodeFrames([large], 1, 4 + large.length).subarray(0, 4),
    new Uint8Array([0, 3, 4, 5]),
  );
});

Deno.test("encodePing() is a frame of no bytes", () => {
  assertEquals(split(encodePing(), []), [""]);
});

Deno.test("push() finds the same frames wherever one cut falls", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) assertEquals(split(STREAM, [cut]), FRAMES);
});

Deno.test("push() finds the same frames byte by byte and three bytes at a time", () => {
  for (const step of [1, 3]) {
    const cuts = Array.from({ length: Math.floor(STREAM.length / step) }, (_, at) => at * step);
    assertEquals(split(STREAM, cuts), FRAMES);
  }
});

Deno.test("push() gives views of the chunk when a frame lies within it", () => {
  const chunk = frameOf("view");
  let found: Uint8Array | undefined;
  new FrameSplitter(10, (frame) => {
    found = frame;
    return true;
  }).push(chunk);
  assertStrictEquals(found?.buffer, chunk.buffer);
});

Deno.test("push() takes the longest frame and refuses a longer one at its header", () => {
  assertEquals(split(frameOf("x".repeat(1000)), [2, 500]), ["x".repeat(1000)]);
  for (const header of [[0, 0, 3, 233], [255, 255, 255, 255]]) {
    for (const cuts of [[], [1, 2, 3]]) {
      const error = assertThrows(() => split(new Uint8Array(header), cuts), FrameLengthError);
      assertEquals(error.message.startsWith("Expected a frame of at most 1000 bytes"), true);
    }
  }
});

Deno.test("push() stops when the receiver wants no more", () => {
  const frames: string[] = [];
  const splitter = new FrameSplitter(10, (frame) => {
    frames.push(textOf(frame));
    return frames.length < 2;
  });
  splitter.push(encode(["a", "b", "c"]));
  assertEquals(frames, ["a", "b"]);
});
