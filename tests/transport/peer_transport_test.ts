import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { freePort } from "../cluster/ports.ts";
import { bytesOf, join, LIMITS, RawCaller, startMutePeer, TestMember, tlsOf } from "./harness.ts";

for (const mode of ["plain", "mTLS"] as const) {
  const tls = (name: string) => mode === "plain" ? {} : { tls: tlsOf(name) };

  Deno.test(`transport() delivers frames whole and in order both ways, ${mode}`, async () => {
    await using one = await TestMember.start({ id: 1, ...tls("server") });
    await using two = await TestMember.start({ id: 2, ...tls("server2") });
    join(one, two);
    await Promise.all([one.untilUp(2), two.untilUp(1)]);
    const expected: string[] = [];
    for (let index = 0; index < 500; index++) {
      // Sizes from 1 byte to several socket chunks.
      const text = `${index}:${"x".repeat((index * 7919) % (index % 50 === 0 ? 200_000 : 300))}`;
      expected.push(text);
      one.send(2, text);
      two.send(1, text);
      if (index % 100 === 99) {
        await two.until("frames", () => two.received.length === index + 1);
        await one.until("frames", () => one.received.length === index + 1);
      }
    }
    assertEquals(two.texts(1), expected);
    assertEquals(one.texts(2), expected);
    assertEquals(one.stats(2).dropped, 0);
    assertGreater(one.stats(2).sentBytes, 500 * 4);
    assertGreater(one.stats(2).receivedBytes, 500 * 4);
    assertGreater(one.stats(2).lastHeardMs!, 0);
    await one.until("a round trip", () => one.stats(2).roundTripMs !== undefined);
  });
}

Deno.test("transport() tells a peer who calls", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  join(one, two);
  await one.untilUp(2);
  assertEquals(two.hellos[0], {
    clusterId: 0xc1,
    from: 1,
    session: 5,
    to: 2,
    name: "node1",
    url: one.url,
    version: "1.0.0",
  });
});

Deno.test("transport() delivers the longest frame and drops a longer one with a line", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  join(one, two);
  await one.untilUp(2);
  const longest = new Uint8Array(LIMITS.frameBytesMax).fill(7);
  one.transport.send(2, new Uint8Array(LIMITS.frameBytesMax + 1));
  one.transport.send(2, new Uint8Array(0));
  one.transport.send(2, longest);
  await two.until("the frame", () => two.received.length === 1);
  assertEquals(two.received[0]!.frame, longest);
  assertEquals(one.complaints("Dropped a frame of").length, 2);
});

Deno.test("transport() drops what is sent without a stream, and to a stranger", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  one.transport.setPeers([two]);
  one.send(2, "too early");
  one.send(77, "nobody");
  assertEquals(one.stats(2).dropped, 1);
  await one.untilUp(2);
  one.send(2, "in time");
  await two.until("a frame", () => two.received.length > 0);
  assertEquals(two.texts(1), ["in time"]);
});

Deno.test("transport() reconnects when a peer comes back at its address", async () => {
  const port = freePort();
  await using one = await TestMember.start({ id: 1 });
  const two = await TestMember.start({ id: 2, port });
  join(one, two);
  await Promise.all([one.untilUp(2), two.untilUp(1)]);
  await two.stop();
  await one.until("down", () => !one.stats(2).connected);
  await one.until("refused", () => one.complaints("Nothing listens").length > 0);
  one.send(2, "lost");
  await using again = await TestMember.start({ id: 2, port });
  join(one, again);
  await Promise.all([one.untilUp(2), again.untilUp(1)]);
  one.send(2, "found");
  await again.until("a frame", () => again.received.length > 0);
  assertEquals(again.texts(1), ["found"]);
  assertEquals(one.connections, ["2 up", "2 down", "2 up"]);
  assertEquals(one.complaints("Nothing listens").length, 1);
});

Deno.test("transport() dials back at once when an unreachable peer calls", async () => {
  await using one = await TestMember.start({
    id: 1,
    limits: { reconnectMinMs: 60_000, reconnectMaxMs: 60_000 },
  });
  const port = freePort();
  one.transport.setPeers([{ id: 2, url: `http://127.0.0.1:${port}` }]);
  await one.until("refused", () => one.complaints("Nothing listens").length > 0);
  await using two = await TestMember.start({ id: 2, port });
  two.transport.setPeers([one]);
  await one.untilUp(2);
});

Deno.test("transport() dials back soon when a peer calls whose stream was lost", async () => {
  await using one = await TestMember.start({
    id: 1,
    limits: { reconnectMinMs: 1, reconnectMaxMs: 60_000 },
  });
  const port = freePort();
  // Its own pauses would double each time.
  for (let times = 1; times <= 16; times++) {
    const two = await TestMember.start({ id: 2, port });
    join(one, two);
    await Promise.all([one.untilUp(2), two.untilUp(1)]);
    await two.stop();
    await one.until("down", () => !one.stats(2).connected);
  }
});

Deno.test("setPeers() dials a changed address and lets go of who is gone", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  await using moved = await TestMember.start({ id: 2 });
  join(one, two);
  await Promise.all([one.untilUp(2), two.untilUp(1)]);
  one.send(2, "queued before the move");
  one.transport.setPeers([{ id: 1, url: one.url }, { id: 2, url: moved.url }]);
  await moved.until("a stream", () => moved.hellos.length === 1);
  await one.untilUp(2);
  await two.until("the queue", () => two.received.length === 1);
  one.send(2, "hello there");
  await moved.until("a frame", () => moved.received.length === 1);

  one.send(2, "farewell");
  one.transport.setPeers([]);
  await moved.until("the farewell", () => moved.received.length === 2);
  await two.until("closed by one", () => two.connections.includes("1 down"));
  assertEquals(one.connections, ["2 up", "2 down", "2 up", "2 down"]);
});

Deno.test("transport() tries the further URLs of a member when one does not answer", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  const dead = `http://127.0.0.1:${freePort()}`;
  one.transport.setPeers([{ id: 2, url: dead, otherUrls: [dead, two.url] }]);
  await one.untilUp(2);
  assertEquals(two.hellos.length, 1);
  // The same list again changes nothing; a list without the URL in use ends its stream.
  one.transport.setPeers([{ id: 2, url: dead, otherUrls: [dead, two.url] }]);
  assert(one.stats(2).connected);
  one.transport.setPeers([{ id: 2, url: dead }]);
  await one.until("down", () => !one.stats(2).connected);
});

Deno.test("setPeers() keeps the stream of a peer that stays", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  join(one, two);
  await one.untilUp(2);
  one.transport.setPeers([{ id: 2, url: two.url }]);
  one.send(2, "still here");
  await two.until("a frame", () => two.received.length === 1);
  assertEquals(one.connections, ["2 up"]);
});

Deno.test("send() bounds the queue of a peer that does not read, and of no other", async () => {
  const limits = { queueBytesMax: 1024 * 1024, frameBytesMax: 64 * 1024 };
  await using one = await TestMember.start({ id: 1, limits });
  await using quick = await TestMember.start({ id: 2 });
  await using slow = await startMutePeer(3, (socket) => socket.pause());
  one.transport.setPeers([quick, { id: 3, url: slow.url }]);
  await Promise.all([one.untilUp(2), one.untilUp(3)]);
  const frame = new Uint8Array(64 * 1024);
  for (let round = 1; round <= 400; round++) {
    one.transport.send(2, frame);
    one.transport.send(3, frame);
    assertLessOrEqual(one.stats(3).queueBytes, limits.queueBytesMax);
    await quick.until("the frame", () => quick.received.length === round);
  }
  assertGreater(one.stats(3).dropped, 0);
  assertEquals(one.stats(2).dropped, 0);
});

Deno.test("handleUpgrade() lets the newest stream of a peer win", async () => {
  await using one = await TestMember.start({ id: 1 });
  using older = await RawCaller.connect(one);
  await older.shake({ from: 9 });
  using newer = await RawCaller.connect(one);
  await newer.shake({ from: 9 });
  let rest: string | undefined;
  older.readToEnd().then((text) => rest = text, () => {});
  await one.until("the end of the older stream", () => rest !== undefined);
  assertEquals(rest, "");
  await newer.write(new Uint8Array([0, 0, 0, 2, 104, 105]));
  await one.until("a frame", () => one.received.length === 1);
  assertEquals(one.texts(9), ["hi"]);
  assertEquals(one.stats(9).receivedBytes, 6);
});

Deno.test("handleUpgrade() takes frames that come with the handshake", async () => {
  await using one = await TestMember.start({ id: 1 });
  using caller = await RawCaller.connect(one);
  await caller.shake({ from: 9 }, {}, "\0\0\0\x01A\0\0");
  await caller.write(new Uint8Array([0, 1, 66]));
  await one.until("both frames", () => one.received.length === 2);
  assertEquals(one.texts(9), ["A", "B"]);
});

Deno.test("close() delivers what is queued first", async () => {
  await using two = await TestMember.start({ id: 2 });
  const one = await TestMember.start({ id: 1, limits: { drainMsMax: 60_000 } });
  one.transport.setPeers([two]);
  await one.untilUp(2);
  const large = "x".repeat(900_000);
  for (let index = 0; index < 4; index++) one.send(2, large);
  one.send(2, "last words");
  await one.stop();
  assertEquals(two.texts(1).at(-1), "last words");
  assertEquals(two.received.length, 5);
  one.send(2, "after the end");
});

Deno.test("close() gives up on a peer that does not read", async () => {
  await using slow = await startMutePeer(2, (socket) => socket.pause());
  const one = await TestMember.start({ id: 1, limits: { drainMsMax: 50 } });
  one.transport.setPeers([{ id: 2, url: slow.url }]);
  await one.untilUp(2);
  const frame = new Uint8Array(LIMITS.frameBytesMax);
  for (let sent = 0; one.stats(2).dropped === 0; sent++) {
    assert(sent < 100, "The socket takes without end");
    one.transport.send(2, frame);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await one.stop();
});

Deno.test("close() ends a dial that is under way, and a pause", async () => {
  // Listens and never answers.
  using deaf = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const one = await TestMember.start({
    id: 1,
    limits: { handshakeTimeoutMs: 60_000, reconnectMinMs: 60_000, reconnectMaxMs: 60_000 },
  });
  one.transport.setPeers([
    { id: 2, url: `http://127.0.0.1:${deaf.addr.port}` },
    { id: 3, url: "http://127.0.0.1:1" },
    { id: 4, url: "no URL at all" },
  ]);
  const accepted = await deaf.accept();
  await one.until("a refusal", () => one.complaints("Nothing listens").length === 1);
  await one.until("a bad URL", () => one.complaints("Expected a peer URL").length === 1);
  await one.stop();
  one.transport.setPeers([{ id: 5, url: "http://127.0.0.1:1" }]);
  assertEquals(one.transport.stats().some((peer) => peer.id === 5), false);
  accepted.close();
});

Deno.test("transport() closes a stream whose frame the node does not take", async () => {
  await using one = await TestMember.start({
    id: 1,
    receive: (_from, frame) => {
      if (frame[0] === 0x21) throw new Error("No such kind of frame");
    },
  });
  using caller = await RawCaller.connect(one);
  await caller.shake({ from: 9 });
  await caller.write(new Uint8Array([0, 0, 0, 1, 0x20, 0, 0, 0, 1, 0x21, 0, 0, 0, 1, 0x22]));
  assertEquals(await caller.readToEnd(), "");
  assertEquals(one.received.map((item) => item.frame), [bytesOf(" ")]);
  assertEquals(one.complaints("No such kind of frame").length, 1);
});

Deno.test("transport() delivers nothing more once it is closed from within a frame", async () => {
  let closed: Promise<void> | undefined;
  await using one = await TestMember.start({
    id: 1,
    receive: () => {
      closed ??= one.transport.close();
    },
  });
  using caller = await RawCaller.connect(one);
  await caller.shake({ from: 9 });
  await caller.write(new Uint8Array([0, 0, 0, 1, 65, 0, 0, 0, 1, 66]));
  assertEquals(await caller.readToEnd(), "");
  assertEquals(one.texts(9), ["A"]);
  await closed;
});
