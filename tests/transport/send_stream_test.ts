import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { newCounters } from "../../src/transport/counters.ts";
import { SendStream } from "../../src/transport/send_stream.ts";
import { bytesOf } from "./harness.ts";

/** A socket that passes on bytes only when a test lets it. */
class ManualSocket extends EventEmitter {
  readonly writes: Uint8Array[] = [];
  writableLength = 0;
  ended = false;

  setNoDelay(): void {}

  write(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    this.writableLength += bytes.length;
    return false;
  }

  /** The kernel takes `byteLength` bytes. */
  take(byteLength = this.writableLength): void {
    this.writableLength -= byteLength;
    if (this.writableLength === 0) this.emit("drain");
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.emit("close");
  }
}

function openStream(options: { queueBytesMax?: number } = {}) {
  const socket = new ManualSocket();
  const time = { nowMs: 0 };
  const counters = newCounters();
  const stream = new SendStream(
    { socket: socket as unknown as Socket, head: new Uint8Array(0), session: 5 },
    {
      queueBytesMax: options.queueBytesMax ?? 1_000_000,
      silenceMsMax: 2000,
      clock: { monotonicMs: () => time.nowMs, wallMs: () => 0 },
      counters,
    },
  );
  // The first ping.
  assertEquals(socket.writes.splice(0), [new Uint8Array(4)]);
  socket.take();
  const tick = (nowMs: number) => {
    time.nowMs = nowMs;
    stream.tick();
  };
  const pong = (nowMs: number) => {
    time.nowMs = nowMs;
    socket.emit("data", new Uint8Array(4));
  };
  return { socket, stream, counters, tick, pong };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("send() puts the frames of one turn into one write", async () => {
  const { socket, stream, counters } = openStream();
  for (const text of ["a", "bc", "d"]) stream.send(bytesOf(text));
  assertEquals(stream.waitingBytes, 16);
  await turn();
  assertEquals(socket.writes, [
    new Uint8Array([0, 0, 0, 1, 97, 0, 0, 0, 2, 98, 99, 0, 0, 0, 1, 100]),
  ]);
  stream.send(bytesOf("e"));
  await turn();
  assertEquals(socket.writes.length, 2);
  assertEquals(counters.sentBytes, 4 + 16 + 5);
});

Deno.test("send() keeps frames back while the socket is full, and their order", async () => {
  const { socket, stream } = openStream();
  for (let index = 0; index < 10; index++) stream.send(new Uint8Array(99_996).fill(index));
  await turn();
  assertEquals(socket.writes.map((write) => write.length), [200_000, 100_000]);
  assertEquals(stream.waitingBytes, 1_000_000);
  socket.take(150_000);
  await turn();
  assertEquals(socket.writes.length, 2);
  while (socket.writableLength > 0) socket.take();
  const written = socket.writes.flatMap((write) => [...write]);
  const order = Array.from({ length: 10 }, (_, index) => written[index * 100_000 + 4]);
  assertEquals(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals([written.length, stream.waitingBytes], [1_000_000, 0]);
});

Deno.test("send() writes a frame that is longer than what it writes ahead", async () => {
  const { socket, stream } = openStream();
  stream.send(new Uint8Array(900_000));
  await turn();
  assertEquals(socket.writes.map((write) => write.length), [900_004]);
});

Deno.test("send() refuses what does not fit, the socket's own bytes counted", async () => {
  const { socket, stream } = openStream({ queueBytesMax: 1000 });
  assertEquals(stream.send(new Uint8Array(600)), true);
  await turn();
  assertEquals(stream.send(new Uint8Array(393)), false);
  assertEquals(stream.send(new Uint8Array(392)), true);
  assertEquals(stream.send(new Uint8Array(1)), false);
  await turn();
  socket.take();
  assertEquals(stream.send(new Uint8Array(996)), true);
});

Deno.test("tick() pings once the last ping is answered, and measures the way there and back", () => {
  const { socket, counters, tick, pong } = openStream();
  tick(500);
  assertEquals(socket.writes.length, 0);
  pong(600);
  assertEquals(counters.roundTripMs, 600);
  assertEquals(counters.lastHeardMs, 600);
  tick(1000);
  assertEquals(socket.writes, [new Uint8Array(4)]);
  pong(1003);
  assertEquals(counters.roundTripMs, 3);
});

Deno.test("tick() ends a stream without answers, though the kernel takes its frames", async () => {
  const { socket, stream, counters, tick } = openStream();
  for (let nowMs = 500; nowMs <= 2000; nowMs += 500) {
    stream.send(new Uint8Array(100));
    await turn();
    socket.take();
    tick(nowMs);
  }
  stream.send(new Uint8Array(100));
  tick(2500);
  assertEquals(await stream.closed, "The peer answered no ping for 2500 ms");
  assertEquals(counters.dropped, 1);
  assertEquals(stream.send(new Uint8Array(1)), false);
});

Deno.test("tick() spares a stream whose full socket still drains", async () => {
  const { socket, stream, tick } = openStream();
  stream.send(new Uint8Array(500_000));
  await turn();
  for (let nowMs = 500; nowMs <= 10_000; nowMs += 500) {
    socket.take(1000);
    tick(nowMs);
    assertEquals(stream.send(new Uint8Array(1)), true);
  }
  for (let nowMs = 10_500; nowMs <= 12_500; nowMs += 500) tick(nowMs);
  assertStringIncludes(await stream.closed, "answered no ping");
});

Deno.test("forgive() starts the silence again", async () => {
  const { stream, tick } = openStream();
  tick(1900);
  stream.forgive();
  tick(3900);
  assertEquals(stream.send(new Uint8Array(1)), true);
  tick(3901);
  assertEquals(await stream.closed, "The peer answered no ping for 2001 ms");
});

Deno.test("end() hands over the whole queue before it closes", async () => {
  const { socket, stream, counters } = openStream();
  for (let index = 0; index < 3; index++) stream.send(new Uint8Array(300_000));
  stream.end();
  assertEquals(socket.writes.map((write) => write.length), [900_012]);
  assertEquals([socket.ended, counters.dropped], [true, 0]);
  await turn();
  assertEquals(socket.writes.length, 1);
  socket.destroy();
  assertEquals(await stream.closed, "Closed by this member");
});
