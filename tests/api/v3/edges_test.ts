/** v3 at its limits: the last value that is taken and the first that is not, and what is left when somebody has gone. */
import { assert, assertEquals } from "@std/assert";
import { bidi } from "../../../src/api/v3/call.ts";
import { Arriving } from "../../../src/api/v3/grpc/arriving.ts";
import { makeGrpc } from "../../../src/api/v3/grpc/grpc.ts";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { MethodCounters } from "../../../src/api/v3/metrics.ts";
import { OpenCalls } from "../../../src/api/v3/open_calls.ts";
import { STATUS } from "../../../src/api/v3/statuses.ts";
import { silentLogger } from "../../../src/base/logger.ts";
import type { ReplyOrFault } from "../../../src/http/exchange.ts";
import { bytes, PostExchange, TestCall, text, turns, V3Member } from "./harness.ts";

const { put, range, txn, compact } = METHODS.kv;
const { grant, keepAlive, revoke, timeToLive } = METHODS.lease;
const { watch } = METHODS.watch;
const { alarm, hashKv, status } = METHODS.maintenance;

Deno.test("a lease lives for nine billion seconds at most, and half as long again as an election at least", async () => {
  using member = new V3Member({ electionMs: 3_000 });
  let id = 0n;
  const granted = async (ttl: number) => {
    const { message, response } = await member.call(grant, { id: ++id, ttl });
    return response === undefined ? message : response.ttl;
  };
  assertEquals(await granted(9_000_000_000), 9_000_000_000);
  assertEquals(await granted(9_000_000_001), "etcdserver: too large lease TTL");
  assertEquals([await granted(4), await granted(5), await granted(6)], [5, 5, 6]);
});

Deno.test("TimeToLive() tells seconds that are whole, the last one as 0, and keys in their order", async () => {
  using member = new V3Member();
  await member.call(grant, { id: 7n, ttl: 10 });
  for (const key of ["b", "a", "c"]) await member.call(put, { key, lease: 7n });
  const left = async (keys = false) => (await member.call(timeToLive, { id: 7n, keys })).response!;
  assertEquals([(await left()).ttl, (await left()).grantedTtl, (await left()).keys], [9, 10, []]);
  assertEquals((await left(true)).keys, ["a", "b", "c"]);
  member.clock.advance(1_000);
  assertEquals((await left()).ttl, 8);
  member.clock.advance(8_500);
  assertEquals((await left()).ttl, 0);
  assertEquals((await member.call(timeToLive, { id: 8n })).response?.ttl, -1);
});

Deno.test("renewals under way on a stream are bounded, answered in their order, and all of them before its end", async () => {
  using member = new V3Member();
  await member.call(grant, { id: 7n, ttl: 10 });
  member.node.silent = true;
  const many = member.open(keepAlive);
  for (let i = 0; i < 999; i++) many.send({ id: 7n });
  assert(!many.stream.isPaused);
  many.send({ id: 7n });
  assert(many.stream.isPaused, "the client is held back");
  member.node.silent = false;
  const stream = member.open(keepAlive);
  stream.send({ id: 7n });
  stream.send({ id: 8n });
  stream.halfClose();
  assertEquals([(await stream.next()).ttl, (await stream.next()).ttl], [10, 0]);
  assertEquals((await stream.reply()).code, 0);
  many.stream.cut();
});

Deno.test("a key that no record can hold is refused, however large a request may be", async () => {
  using member = new V3Member({ requestBytesMax: 8 * 2 ** 20 });
  const longest = "k".repeat(2 ** 21 - 1);
  assertEquals((await member.call(put, { key: longest })).code, 0);
  const inner = { kind: "put", value: { key: `${longest}k` } } as const;
  const nested = { kind: "txn", value: { success: [inner] } } as const;
  for (
    const { code, message } of [
      await member.call(put, { key: `${longest}k` }),
      await member.call(txn, { failure: [nested] }),
      await member.call(METHODS.lock.lock, { name: longest }),
    ]
  ) {
    assertEquals(message, "etcdserver: request is too large");
    assert(code !== 0);
  }
  assertEquals((await member.call(range, { key: longest })).response?.count, 1);
});

Deno.test("alarms: what is raised twice is told twice, what is not there is taken back without a word", async () => {
  using member = new V3Member();
  const ask = async (
    action: "GET" | "ACTIVATE" | "DEACTIVATE",
    name: "NONE" | "NOSPACE" | "CORRUPT",
  ) =>
    (await member.call(alarm, { action, alarm: name, memberId: 5n })).response?.alarms
      .map(({ alarm }) => alarm);
  assertEquals(await ask("DEACTIVATE", "NOSPACE"), []);
  assertEquals(await ask("ACTIVATE", "NOSPACE"), ["NOSPACE"]);
  assertEquals(await ask("ACTIVATE", "NOSPACE"), ["NOSPACE"]);
  assertEquals(await ask("ACTIVATE", "CORRUPT"), ["CORRUPT"]);
  assertEquals(await ask("GET", "NONE"), ["NOSPACE", "CORRUPT"]);
  assertEquals(await ask("GET", "CORRUPT"), ["CORRUPT"]);
  assertEquals((await member.call(status, {})).response?.errors, [
    "memberID:5 alarm:NOSPACE ",
    "memberID:5 alarm:CORRUPT ",
  ]);
  assertEquals(await ask("DEACTIVATE", "CORRUPT"), ["CORRUPT"]);
  assertEquals(await ask("GET", "NONE"), ["NOSPACE"]);
});

Deno.test("Status() tells each number of the one that counts it", async () => {
  using member = new V3Member();
  await member.call(put, { key: "a" });
  const told = {
    ...member.node.status(),
    ...{ term: 31, leader: 32, commitIndex: 33, appliedIndex: 34 },
  };
  member.node.status = () => told;
  const { response } = await member.call(status, {});
  const { raftTerm, raftIndex, raftAppliedIndex, leader, isLearner, dbSize, dbSizeInUse } =
    response!;
  assertEquals([raftTerm, raftIndex, raftAppliedIndex, isLearner], [31, 33, 34, false]);
  assertEquals(leader & 0xffn, 32n);
  const { sizeBytes } = member.store.stats();
  assertEquals([dbSize, dbSizeInUse], [sizeBytes, sizeBytes]);
});

Deno.test("the compacted revision itself can be read, hashed and watched, the one before can't", async () => {
  using member = new V3Member();
  for (const value of ["1", "2", "3", "4"]) {
    await member.call(put, { key: "a", value: bytes(value) });
  }
  await member.call(compact, { revision: 4 });
  const code = async (revision: number) => [
    (await member.call(range, { key: "a", revision })).code,
    (await member.call(hashKv, { revision })).code,
  ];
  assertEquals([await code(3), await code(4), await code(5)], [[11, 11], [0, 0], [0, 0]]);
  const first = async (startRevision: number) => {
    const stream = member.open(watch);
    stream.send({ kind: "create", value: { key: "a", startRevision, prevKv: true } });
    await turns();
    const [created, told] = stream.received();
    assert(created?.created && told !== undefined);
    const { canceled, events } = told;
    stream.stream.cut();
    return canceled || events.map(({ kv, prevKv }) => [kv?.modRevision, prevKv?.modRevision]);
  };
  assertEquals(await first(3), true);
  // What was there before the first one has gone with the history.
  assertEquals(await first(4), [[4, undefined], [5, 4]]);
});

Deno.test("a transaction has as many operations as it may, those within others included", async () => {
  using member = new V3Member({ txnOperationsMax: 3 });
  const ranges = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ kind: "range", value: { key: `k${i}` } }) as const);
  const inner = (count: number) => ({ kind: "txn", value: { success: ranges(count) } }) as const;
  const code = async (
    ...success: readonly (ReturnType<typeof ranges>[0] | ReturnType<typeof inner>)[]
  ) => (await member.call(txn, { success })).code;
  assertEquals([await code(...ranges(3)), await code(...ranges(4))], [0, 3]);
  assertEquals([await code(inner(2)), await code(inner(3))], [0, 3]);
});

Deno.test("a request is as large as it may be", async () => {
  using member = new V3Member({ requestBytesMax: 1_000 });
  const code = async (size: number) =>
    (await member.call(put, { key: "k", value: new Uint8Array(size) })).code;
  assertEquals([await code(900), await code(1_000), await code(1_500)], [0, 3, 3]);
});

Deno.test("bounds of revisions below zero fit no key", async () => {
  using member = new V3Member();
  await member.call(put, { key: "a" });
  const found = async (bounds: object) =>
    (await member.call(range, { key: "a", rangeEnd: "\0", ...bounds })).response?.kvs.length;
  assertEquals(await found({ maxModRevision: -1 }), 0);
  assertEquals(await found({ maxCreateRevision: -1 }), 0);
  assertEquals(await found({ minModRevision: -1 }), 1);
});

Deno.test("what a member knows by itself is told without the others, by a range and by a transaction of such", async () => {
  using member = new V3Member();
  await member.call(put, { key: "a", value: bytes("1") });
  member.node.silent = true;
  const own = { key: "a", serializable: true };
  assertEquals((await member.call(range, own)).response?.count, 1);
  const reads = await member.call(txn, { success: [{ kind: "range", value: own }] });
  assertEquals(reads.response?.succeeded, true);
});

Deno.test("a compaction leaves the events that v1 and v2 may look back to", async () => {
  using member = new V3Member({ eventsMin: 3 });
  for (let i = 0; i < 6; i++) await member.call(put, { key: "/a", value: bytes(`${i}`) });
  await member.call(compact, { revision: 7 });
  assertEquals(member.service.compactedRevision, 7);
  assert(member.store.stats().historyEvents >= 3, `${member.store.stats().historyEvents} events`);
});

Deno.test("a place of a watch is free when it was cancelled, and when its stream has gone", async () => {
  using member = new V3Member({ watchesMax: 1 });
  for (let round = 0; round < 3; round++) {
    const stream = member.open(watch);
    for (let again = 0; again < 2; again++) {
      stream.send({ kind: "create", value: { key: "a", watchId: 5 } });
      assertEquals((await stream.next()).canceled, false, `round ${round}`);
      if (again === 1) break;
      stream.send({ kind: "cancel", value: { watchId: 5 } });
      assert((await stream.next()).canceled);
    }
    stream.stream.cut();
  }
  assertEquals(member.store.watches.size, 0);
});

Deno.test("a watch that is cancelled holds up nobody who asks for progress", async () => {
  using member = new V3Member();
  const stream = member.open(watch);
  stream.send({ kind: "create", value: { key: "a", startRevision: 1_000, watchId: 5 } });
  assert((await stream.next()).created);
  stream.send({ kind: "progress", value: {} });
  await turns();
  assertEquals(stream.received(), [], "one is of the future");
  stream.send({ kind: "cancel", value: { watchId: 5 } });
  await turns();
  assertEquals(stream.received().map(({ watchId, canceled }) => [watchId, canceled]), [
    [5, true],
    [-1, false],
  ]);
  stream.stream.cut();
});

Deno.test("progress is told to idle watches of now alone, and to nobody who has gone", async () => {
  const { setInterval, clearInterval } = globalThis;
  const looks = new Map<number, () => void>();
  globalThis.setInterval = ((look: () => void, ms: number) => {
    if (ms !== 12_345) return setInterval(look, ms);
    looks.set(looks.size + 1, look);
    return looks.size;
  }) as unknown as typeof setInterval;
  globalThis.clearInterval = ((id: number) => {
    if (!looks.delete(id)) clearInterval(id);
  }) as typeof clearInterval;
  try {
    using member = new V3Member({ progressNotifyMs: 12_345 });
    const stream = member.open(watch);
    for (const [watchId, startRevision] of [[5, 0], [6, 1_000], [7, 0]] as const) {
      const progressNotify = watchId !== 7;
      stream.send({ kind: "create", value: { key: "a", watchId, startRevision, progressNotify } });
      assert((await stream.next()).created);
    }
    const told = () => {
      for (const look of looks.values()) look();
      return stream.received().map(({ watchId, events }) => [watchId, events.length]);
    };
    assertEquals(told(), [[5, 0]]);
    await member.call(put, { key: "a" });
    assertEquals(stream.received().map(({ watchId }) => watchId), [5, 7]);
    assertEquals(told(), [], "it has heard something meanwhile");
    assertEquals(told(), [[5, 0]]);
    assertEquals(looks.size, 1);
    stream.stream.cut();
    assertEquals(looks.size, 0, "nobody is looked after who has gone");
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
});

/** What there has to be within a few turns: nobody waits for a place. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  promise.then(() => isSettled = true, () => isSettled = true);
  for (let i = 0; i < 50 && !isSettled; i++) await turns(1);
  assert(isSettled, "Expected an answer within fifty turns");
  return await promise;
}

/** Reads what a stream of the gateway has said so far, and leaves. */
async function lineOf(reply: Awaited<ReturnType<V3Member["post"]>>): Promise<string> {
  assert("body" in reply && typeof reply.body === "object" && Symbol.asyncIterator in reply.body);
  const lines = (reply.body as AsyncIterable<string>)[Symbol.asyncIterator]();
  const { value } = await lines.next();
  await lines.return?.();
  return value;
}

Deno.test("a place at the gateway is free when its call was answered, refused, or left, and when its reader has gone", async () => {
  using member = new V3Member({ gatewayCallsMax: 1 });
  const create = '{"create_request":{"key":"YQ=="}}';
  for (let round = 0; round < 2; round++) {
    await soon(member.post(put, '{"key":"YQ=="}'));
    await soon(member.post(put, "{"));
    await soon(member.post(watch, "no message"));
    // By the end of its body, as of a client that has seen enough …
    assert((await lineOf(await soon(member.post(watch, create)))).includes('"created":true'));
    // … and by the end of its connection.
    const leaving = new PostExchange(create);
    await soon(member.post(watch, create, leaving));
    leaving.gone();
    assertEquals(member.store.watches.size, 0);
  }
});

Deno.test("the gateway takes a token by any of its names, and who requires a leader at its word", async () => {
  using member = new V3Member();
  const ask = async (headers: Record<string, string>) => {
    const body = '{"key":"YQ=="}';
    const reply = await member.post(range, body, new PostExchange(body, headers));
    return "status" in reply ? reply.status : 0;
  };
  member.node.leading = undefined;
  assertEquals(await ask({ "grpc-metadata-hasleader": "true" }), 503);
  member.node.leading = member.node.members[0]!;
  assertEquals(await ask({ "grpc-metadata-hasleader": "true" }), 200);
});

Deno.test("a renewal is told with a revision at which the lease was there, though it has ended since", async () => {
  using member = new V3Member();
  await member.call(grant, { id: 7n, ttl: 60 });
  await member.call(put, { key: "k", lease: 7n });
  const call = member.open(keepAlive);
  call.stream.isFull = true;
  // The client takes nothing behind the first answer before the lease is gone.
  call.send({ id: 7n });
  call.send({ id: 7n });
  await turns();
  const { response } = await member.call(revoke, { id: 7n });
  const end = response!.header!.revision;
  call.stream.drain();
  await turns();
  const told = call.received();
  assertEquals(told.map(({ ttl }) => ttl), [60, 60]);
  assertEquals(told.map(({ header }) => header!.revision < end), [true, true]);
});

Deno.test("a lock of nobody's lease lives for a minute, and its place is given up with its caller", async () => {
  using member = new V3Member();
  const { lock } = METHODS.lock;
  const first = await member.call(lock, { name: "l" });
  assertEquals(first.code, 0);
  assertEquals([...member.store.leases()].map(({ ttlSeconds }) => ttlSeconds), [60]);
  await member.call(grant, { id: 9n, ttl: 60 });
  const waiting = member.open(lock);
  waiting.send({ name: "l", lease: 9n });
  waiting.halfClose();
  await turns();
  assertEquals([...member.store.lease(9n)!.keys], ["l/9"]);
  const watches = member.store.watches.size;
  waiting.stream.cut();
  await turns();
  assertEquals([...member.store.lease(9n)!.keys], [], "who has gone holds up nobody");
  assertEquals(member.store.watches.size, watches - 1);
});

Deno.test("who waits for a lock is told when the member serves nobody any longer, at both doors", async () => {
  using member = new V3Member();
  const { lock } = METHODS.lock;
  await member.call(lock, { name: "l" });
  await member.call(grant, { id: 9n, ttl: 60 });
  const waiting = member.open(lock);
  waiting.send({ name: "l", lease: 9n });
  waiting.halfClose();
  let reply: ReplyOrFault | undefined;
  member.post(lock, '{"name":"bA==","lease":"9"}').then((told) => reply = told);
  await turns();
  assertEquals([waiting.stream.isClosed, reply], [false, undefined]);
  member.node.diverge();
  await turns();
  assertEquals([waiting.stream.field("grpc-status"), reply?.status], ["14", 503]);
  assertEquals(member.store.watches.size, 0);
});

Deno.test("a call that fails while it begins is over for its handler, too", async () => {
  using member = new V3Member();
  const { service } = member;
  let left = 0;
  const failing = bidi(keepAlive, (call) => {
    call.fail(STATUS.emptyKey);
    return { onMessage() {}, onHalfClose() {}, onDrain() {}, onGone: () => left++ };
  });
  const nowMs = () => 0;
  const [late, leaderless] = [STATUS.emptyKey, STATUS.emptyKey];
  const open = new OpenCalls({
    ...{ nowMs, hasLeader: () => true, leaderlessMsMax: 0, late, leaderless },
  });
  const shared = { service, logger: silentLogger, messageBytesMax: 1_024, open, nowMs };
  const counters = new Map([[keepAlive, new MethodCounters(keepAlive)]]);
  const arriving = new Arriving(1_024);
  const call = new TestCall(keepAlive, []);
  call.stream.begin(makeGrpc([failing], counters, { ...shared, arriving }));
  assertEquals([(await call.reply()).code, left, open.size], [STATUS.emptyKey.code, 1, 0]);
  open.close(STATUS.emptyKey);
});

Deno.test("who may not observe, or can't, leaves no watch behind, at both doors", async () => {
  using member = new V3Member();
  const { observe } = METHODS.election;
  // Nothing has to be waited for, so the call fails while it begins.
  member.node.failure = "noLeader";
  const observing = member.open(observe);
  observing.send({ name: "e" });
  assertEquals((await observing.reply()).code, 14);
  await member.post(observe, '{"name":"ZQ=="}');
  assertEquals(member.store.watches.size, 0);
});

Deno.test("who observes hears of leaders after the state was restored from a snapshot", async () => {
  using member = new V3Member();
  const { campaign, observe, proclaim } = METHODS.election;
  const { response } = await member.call(campaign, { name: "e", value: bytes("1") });
  const observing = member.open(observe);
  observing.send({ name: "e" });
  observing.halfClose();
  assertEquals(text((await observing.next()).kv?.value), "1");
  await member.store.restore(member.store.snapshot());
  for (const value of ["2", "3"]) {
    await member.call(proclaim, { leader: response?.leader, value: bytes(value) });
    await turns();
    assertEquals(observing.received().map(({ kv }) => text(kv?.value)), [value]);
  }
  observing.stream.cut();
  assertEquals(member.store.watches.size, 0);
});

Deno.test("a campaign is given up with its caller, and who observes with its stream", async () => {
  using member = new V3Member();
  const { campaign, observe } = METHODS.election;
  await member.call(campaign, { name: "e", value: bytes("1") });
  await member.call(grant, { id: 9n, ttl: 60 });
  const waiting = member.open(campaign);
  waiting.send({ name: "e", lease: 9n, value: bytes("2") });
  waiting.halfClose();
  const observing = member.open(observe);
  observing.send({ name: "e" });
  observing.halfClose();
  await observing.next();
  await turns();
  waiting.stream.cut();
  observing.stream.cut();
  await turns();
  assertEquals([...member.store.lease(9n)!.keys], []);
  assertEquals(member.store.watches.size, 0);
});
