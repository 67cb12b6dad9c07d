import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { join, RawCaller, startMutePeer, TestMember } from "./harness.ts";

const SHORT = { pingIntervalMs: 20, silenceMsMax: 100 };

Deno.test("transport() finds a peer that stopped answering and dials again", async () => {
  await using one = await TestMember.start({ id: 1, limits: SHORT });
  let streams = 0;
  await using mute = await startMutePeer(2, (socket) => {
    streams++;
    socket.resume();
  });
  one.transport.setPeers([{ id: 2, url: mute.url }]);
  await one.until("a second stream", () => streams >= 2);
  assertGreater(one.complaints("The peer answered no ping").length, 0);
});

Deno.test("transport() ends the stream of a peer that fell silent", async () => {
  await using one = await TestMember.start({ id: 1, limits: SHORT });
  using caller = await RawCaller.connect(one);
  await caller.shake({ from: 9 });
  assertEquals(await caller.readToEnd(), "");
  const ended = one.lines.find((line) => line.message === "A peer's stream ended");
  assertEquals(ended?.cause.startsWith("The peer sent nothing for"), true);
});

Deno.test("transport() keeps idle streams alive by pings", async () => {
  // Longer than a busy machine may keep the test waiting.
  const limits = { ...SHORT, silenceMsMax: 500 };
  await using one = await TestMember.start({ id: 1, limits });
  await using two = await TestMember.start({ id: 2, limits });
  one.transport.setPeers([two]);
  await one.untilUp(2);
  // Pings alone, for several times the silence allowed.
  const pings = 3 * limits.silenceMsMax / limits.pingIntervalMs;
  await one.until("pings", () => one.stats(2).sentBytes >= 4 * pings);
  assertEquals(one.connections, ["2 up"]);
  assertEquals(two.received, []);
});

Deno.test("transport() keeps a stream whose peer reads slowly and answers no ping", async () => {
  const silenceMsMax = 300;
  const frame = new Uint8Array(64 * 1024);
  const count = 768;
  await using one = await TestMember.start({
    id: 1,
    limits: { pingIntervalMs: 20, silenceMsMax, queueBytesMax: 2 * count * frame.length },
  });
  let readBytes = 0;
  await using slow = await startMutePeer(2, (socket) => {
    socket.on("data", (chunk) => {
      readBytes += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
  });
  one.transport.setPeers([{ id: 2, url: slow.url }]);
  await one.untilUp(2);
  const startMs = performance.now();
  for (let sent = 0; sent < count; sent++) one.transport.send(2, frame);
  await one.until("three silences", () => performance.now() - startMs > 3 * silenceMsMax);
  assertEquals(one.connections, ["2 up"]);
  assertLess(readBytes, count * frame.length);
});

Deno.test("transport() answers each ping once and nothing else", async () => {
  await using one = await TestMember.start({ id: 1 });
  using caller = await RawCaller.connect(one);
  await caller.shake({ from: 9 });
  await caller.write("\0\0\0\0");
  assertEquals(await caller.readTo("\0\0\0\0"), "\0\0\0\0");
  await caller.write("\0\0\0\x01A\0\0\0\0\0\0\0\0");
  assertEquals(await caller.readTo("\0\0\0\0\0\0\0\0"), "\0\0\0\0\0\0\0\0");
});

Deno.test("transport() ends a dialled stream on which frames come back", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using wrong = await startMutePeer(2, (socket) => {
    socket.write(new Uint8Array([0, 0, 0, 1, 65]));
  });
  one.transport.setPeers([{ id: 2, url: wrong.url }]);
  await one.until("down", () => one.connections.includes("2 down"));
  assertEquals(one.complaints("Expected answers to pings only").length > 0, true);
  assertEquals(one.received, []);
});

Deno.test("transport() forgives its peers a silence that it slept through itself", async () => {
  let sleptMs = 0;
  const clock = { monotonicMs: () => performance.now() + sleptMs, wallMs: () => 0 };
  await using one = await TestMember.start({ id: 1, clock, limits: { pingIntervalMs: 20 } });
  await using two = await TestMember.start({ id: 2 });
  join(one, two);
  await Promise.all([one.untilUp(2), two.untilUp(1)]);
  await one.until("an answer to the ping", () => one.stats(2).roundTripMs !== undefined);
  sleptMs = 60_000;
  const sentBytes = one.stats(2).sentBytes;
  await one.until("pings", () => one.stats(2).sentBytes > sentBytes + 3 * 4);
  assertEquals(one.connections, ["2 up"]);
  assertEquals(two.connections, ["1 up"]);
});
