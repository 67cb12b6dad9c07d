import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { refusalStatus } from "../../src/transport/handshake.ts";
import { join, RawCaller, startMutePeer, TestMember } from "./harness.ts";

/** How `to` answers `from`, which dials it as member 2. */
async function refusalBetween(from: TestMember, to: TestMember) {
  from.transport.setPeers([{ id: 2, url: to.url }]);
  await from.until("a refusal", () => from.refusals.length > 0);
  assertEquals(from.stats(2).connected, false);
  return from.refusals[0]!;
}

Deno.test("a member of another cluster is refused with both ids", async () => {
  await using one = await TestMember.start({ id: 1, clusterId: 0xaaa });
  await using two = await TestMember.start({ id: 2, clusterId: 0xbbb });
  assertEquals(await refusalBetween(one, two), {
    id: 2,
    status: refusalStatus.foreignCluster,
    reason:
      'Expected a member of cluster "8000000000000bbb", found one of cluster "8000000000000aaa"',
  });
  assertEquals(one.complaints('found one of cluster "8000000000000aaa"').length, 1);
  assertEquals(two.complaints('found one of cluster "8000000000000aaa"').length, 1);
});

Deno.test("a member of version 1.0 is refused with a reason in both logs", async () => {
  await using one = await TestMember.start({ id: 1 });
  using old = await RawCaller.connect(one);
  const head = await old.shake({ version: "1.0.0" }, { upgrade: "etcd-peer/1" });
  assertStringIncludes(head, "HTTP/1.1 426");
  assertStringIncludes(await old.readToEnd(), 'of a caller of version \\"1.0.0\\", run the same');
  assertEquals(one.complaints('found "etcd-peer/1" of a caller of version "1.0.0"').length, 1);
});

Deno.test("a call for another incarnation is refused", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using renewed = await TestMember.start({ id: 3 });
  const refusal = await refusalBetween(one, renewed);
  assertEquals(refusal.status, refusalStatus.wrongReceiver);
  assertStringIncludes(
    refusal.reason,
    'Expected a call for member "8000000000000003", found one for "8000000000000002"',
  );
});

Deno.test("a removed member is told so by the node's own judgement", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({
    id: 2,
    admit: (hello) =>
      hello.from === 1
        ? { ok: false, status: refusalStatus.removed, reason: "This member was removed" }
        : { ok: true },
  });
  assertEquals(await refusalBetween(one, two), {
    id: 2,
    status: 410,
    reason: "This member was removed",
  });
});

Deno.test("a removed member is told so by another incarnation than it called", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using renewed = await TestMember.start({
    id: 3,
    admit: () => ({ ok: false, status: refusalStatus.removed, reason: "This member was removed" }),
  });
  assertEquals((await refusalBetween(one, renewed)).status, refusalStatus.removed);
});

Deno.test("a refusal is logged once and reported at every attempt", async () => {
  await using one = await TestMember.start({ id: 1, clusterId: 0xaaa });
  await using two = await TestMember.start({ id: 2, clusterId: 0xbbb });
  await refusalBetween(one, two);
  await one.until("more attempts", () => one.refusals.length >= 5);
  assertEquals(one.complaints("Peer refused").length, 1);
  assertEquals(two.complaints("Refused a peer").length, 1);
});

Deno.test("a caller with this member's own id is refused", async () => {
  await using one = await TestMember.start({ id: 1 });
  using caller = await RawCaller.connect(one);
  assertStringIncludes(await caller.shake({ from: 1 }), "HTTP/1.1 400");
  assertStringIncludes(await caller.readToEnd(), "copies of one data directory");
});

Deno.test("a caller is refused when as many as allowed are there", async () => {
  await using one = await TestMember.start({ id: 1, limits: { acceptedMax: 1 } });
  using first = await RawCaller.connect(one);
  assertStringIncludes(await first.shake({ from: 8 }), "101");
  using second = await RawCaller.connect(one);
  assertStringIncludes(await second.shake({ from: 9 }), "503");
  using again = await RawCaller.connect(one);
  assertStringIncludes(await again.shake({ from: 8 }), "101");
});

Deno.test("an upgrade that is no handshake is refused", async () => {
  await using one = await TestMember.start({ id: 1 });
  const requests: [string, Record<string, string>, string][] = [
    ["GET /elsewhere", {}, "404"],
    ["GET /v1/peer", { upgrade: "websocket" }, "426"],
    ["GET /v1/peer", { upgrade: "etcd-peer/3" }, "400"],
    ["POST /v1/peer", { upgrade: "etcd-peer/3" }, "404"],
  ];
  for (const [line, headers, status] of requests) {
    using caller = await RawCaller.connect(one);
    const lines = Object.entries({ connection: "Upgrade", upgrade: "x", ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await caller.write(`${line} HTTP/1.1\r\nhost: x\r\n${lines}\r\n`);
    assertStringIncludes(await caller.readTo("\r\n"), status);
    assertStringIncludes(await caller.readToEnd(), '{"reason":"Expected ');
  }
});

Deno.test("garbage instead of a handshake harms nobody", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2 });
  join(one, two);
  await one.untilUp(2);
  for (const garbage of ["\0\0\0\x05hello\r\n\r\n", "\x16\x03\x01\x02\0\x01", "SSH-2.0-x\r\n"]) {
    using caller = await RawCaller.connect(two);
    await caller.write(garbage);
    assertStringIncludes(await caller.readToEnd(), "400");
  }
  one.send(2, "well");
  await two.until("a frame", () => two.received.length === 1);
});

Deno.test("garbage after the handshake ends the stream with a reason", async () => {
  await using one = await TestMember.start({ id: 1 });
  using caller = await RawCaller.connect(one);
  await caller.shake({ from: 9 });
  await caller.write("\0\0\0\x01AGET / HTTP/1.1\r\n\r\n");
  assertEquals(await caller.readToEnd(), "");
  assertEquals(one.texts(9), ["A"]);
  await one.until("a line", () => one.complaints("Expected a frame of at most").length === 1);
  assert(one.complaints("found a length of 1195725856").length === 1);
});

Deno.test("a stream that was refused by something else than a member is a plain problem", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response('{"reason":"This member was removed"}', { status: 410 }),
  );
  one.transport.setPeers([{ id: 2, url: `http://127.0.0.1:${server.addr.port}` }]);
  await one.until("a line", () => one.complaints("found an HTTP server").length === 1);
  assertEquals(one.refusals, []);
});

Deno.test("a stream that another member opens is not taken", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using impostor = await startMutePeer(3, () => {});
  one.transport.setPeers([{ id: 2, url: impostor.url }]);
  await one.until(
    "a line",
    () => one.complaints('expected member "8000000000000002"').length === 1,
  );
  assertEquals(one.stats(2).connected, false);
});

Deno.test("a second process under one id is refused as long as the first is heard", async () => {
  await using one = await TestMember.start({ id: 1 });
  await using two = await TestMember.start({ id: 2, session: 7 });
  await using copy = await TestMember.start({ id: 2, session: 8 });
  join(one, two);
  await two.untilUp(1);
  copy.transport.setPeers([{ id: 1, url: one.url }]);
  await copy.until("two refusals", () => copy.refusals.length > 1);
  assertEquals(copy.refusals[0]!.status, refusalStatus.duplicate);
  assertEquals(copy.refusals[0]!.rival, 7);
  const [line, ...others] = one.complaints("two nodes run with copies");
  assertEquals([line!.level, others], ["error", []]);
  assertStringIncludes(line!.cause, two.url);
  assertStringIncludes(line!.cause, copy.url);
  two.send(1, "still here");
  await one.until("the first to be heard", () => one.texts(2).includes("still here"));
  await two.stop();
  await copy.untilUp(1);
});
