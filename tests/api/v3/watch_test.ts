/** The Watch service: beside what was recorded, slow clients, compaction, progress and large messages. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { METHODS, type RequestOf, type ResponseOf } from "../../../src/api/v3/methods.ts";
import type { Draft } from "../../../src/api/v3/messages/table.ts";
import { Auth } from "../../../src/store/auth/auth.ts";
import { ForeignState } from "../../../src/store/image/foreign.ts";
import { bytes, type TestCall, text, turns, V3Member } from "./harness.ts";

const { put, deleteRange, txn, compact } = METHODS.kv;
const { watch } = METHODS.watch;

type WatchRequest = RequestOf<typeof watch>;
type WatchResponse = ResponseOf<typeof watch>;
type Stream = TestCall<WatchRequest, WatchResponse>;
type Create = Extract<Draft<WatchRequest>, { readonly kind: "create" }>["value"];

/** Begins a watch, whose `created` has come when this resolves. */
async function watching(
  member: V3Member,
  create: Create,
  stream: Stream = member.open(watch),
): Promise<Stream> {
  stream.send({ kind: "create", value: create });
  assert((await stream.next()).created);
  return stream;
}

/** Puts the values 1, 2, … one after another. */
async function fill(member: V3Member, key: string, count: number, size = 1): Promise<void> {
  for (let i = 1; i <= count; i++) {
    await member.call(put, { key, value: bytes(`${i}`.padEnd(size)) });
  }
}

const ALL = { key: "\0", rangeEnd: "\0" };

function revisions(messages: readonly WatchResponse[]): number[] {
  return messages.flatMap(({ events }) => events.map(({ kv }) => kv!.modRevision));
}

/** Reads until `count` events have come. */
async function events(stream: Stream, count: number): Promise<WatchResponse[]> {
  const messages: WatchResponse[] = [];
  while (revisions(messages).length < count) messages.push(await stream.next());
  return messages;
}

Deno.test("a client that takes nothing misses nothing and gets nothing twice", async () => {
  using member = new V3Member();
  const stream = await watching(member, ALL);
  stream.stream.isFull = true;
  await fill(member, "a", 50);
  // One message was under way when the client turned out to be slow.
  assertEquals(revisions(stream.received()), [2]);
  assertEquals(member.store.stats().slowWatchers, 1);
  assert(stream.stream.isPaused, "the client must not go on asking");
  stream.stream.drain();
  const rest = await events(stream, 49);
  assertEquals(revisions(rest), Array.from({ length: 49 }, (_, i) => i + 3));
  await turns();
  assertEquals(member.store.stats().slowWatchers, 0);
  assert(!stream.stream.isPaused);
  await fill(member, "a", 1);
  assertEquals(revisions([await stream.next()]), [52]);
});

Deno.test("a slow client holds up all watches of its stream, and no other stream", async () => {
  using member = new V3Member();
  const slow = await watching(member, { key: "a" });
  await watching(member, { key: "b" }, slow);
  const quick = await watching(member, { key: "b" });
  slow.stream.isFull = true;
  await fill(member, "a", 2);
  await fill(member, "b", 2);
  assertEquals(revisions(quick.received()), [4, 5]);
  assertEquals(slow.received().length, 1);
  slow.stream.drain();
  const rest = await events(slow, 3);
  assertEquals(revisions(rest).toSorted(), [3, 4, 5]);
});

/** Puts all values at once, so that they are applied in one go. */
async function putTogether(member: V3Member, key: string, sizes: readonly number[]): Promise<void> {
  await Promise.all(
    sizes.map((size) => member.call(put, { key, value: bytes("v".repeat(size)) })),
  );
}

Deno.test("what is applied in one go is told in one message, unless that grows large", async () => {
  using member = new V3Member();
  const all = await watching(member, ALL);
  const one = await watching(member, { key: "a" });
  await putTogether(member, "a", [1, 2, 3]);
  const found = [all, one].map((stream) => stream.received().map((one) => revisions([one])));
  assertEquals(found, [[[2, 3, 4]], [[2, 3, 4]]]);
  await putTogether(member, "a", [40_000, 40_000, 1]);
  const parted = one.received();
  assertEquals(parted.map((one) => revisions([one])), [[5], [6, 7]]);
  // Who goes on behind the header after a break must not miss what is still to come.
  assertEquals(parted.map(({ header }) => header?.revision), [5, 7]);
});

Deno.test("a client that turns out to be slow gets what was not sent later, once and in order", async () => {
  using member = new V3Member();
  const slow = await watching(member, { key: "a" });
  await watching(member, { key: "a", watchId: 7 }, slow);
  slow.stream.isFull = true;
  // The first message stops the stream: of one watch in the middle, of the other at its beginning.
  await putTogether(member, "a", [40_000, 40_000, 1]);
  const sent = slow.received();
  assertEquals(sent.map((one) => revisions([one])), [[2]]);
  slow.stream.drain();
  const rest = await events(slow, 5);
  await turns();
  for (const id of [0, 7]) {
    const told = [...sent, ...rest].filter(({ watchId }) => watchId === id);
    assertEquals(revisions(told), [2, 3, 4], `watch ${id}`);
  }
  assertEquals(slow.received(), []);
});

Deno.test("a client that is slow while a watch reads the past goes on later", async () => {
  using member = new V3Member();
  await fill(member, "a", 2_000);
  const stream = member.open(watch);
  stream.stream.isFull = true;
  stream.send({ kind: "create", value: { key: "a", startRevision: 2 } });
  await turns();
  assertEquals(stream.received().map(({ created }) => created), [true]);
  const found: WatchResponse[] = [];
  while (revisions(found).length < 2_000) {
    stream.stream.drain();
    // Full again from the first message on.
    stream.stream.isFull = true;
    await turns();
    found.push(...stream.received());
  }
  assertEquals(revisions(found), Array.from({ length: 2_000 }, (_, i) => i + 2));
});

Deno.test("events of the past weigh little at a time, whatever their number", async () => {
  using member = new V3Member();
  await fill(member, "a", 200, 20_000);
  const stream = await watching(member, { key: "a", startRevision: 2 });
  const messages = await events(stream, 200);
  assert(messages.length > 3, "some MiB must not come as one message");
  assertEquals(revisions(messages), Array.from({ length: 200 }, (_, i) => i + 2));
});

Deno.test("a few large events of the past are told in one message, as etcd does", async () => {
  using member = new V3Member();
  await fill(member, "a", 10, 2 ** 20);
  const whole = await watching(member, { key: "a", startRevision: 1 });
  assertEquals((await whole.next()).events.length, 10);
  const cut = await watching(member, { key: "a", startRevision: 1, fragment: true });
  const parts = await events(cut, 10);
  assertEquals(parts.map(({ events }) => events.length), Array(10).fill(1));
  assertEquals(parts.map(({ fragment }) => fragment), [...Array(9).fill(true), false]);
});

Deno.test("however few events there are, they weigh some MiB together at most", async () => {
  using member = new V3Member();
  await fill(member, "a", 14, 2 ** 20);
  const stream = await watching(member, { key: "a", startRevision: 3, prevKv: true });
  const messages = await events(stream, 13);
  assert(messages.length > 1, "26 MiB must not come as one message");
  assertEquals(revisions(messages), Array.from({ length: 13 }, (_, i) => i + 3));
});

Deno.test("a transaction too large for one message comes in fragments to whoever takes them", async () => {
  using member = new V3Member({ requestBytesMax: 600_000 });
  const whole = await watching(member, ALL);
  const cut = await watching(member, { ...ALL, fragment: true, prevKv: true });
  const keys = ["a", "b", "c", "d", "e"];
  for (const key of keys) await member.call(put, { key, value: new Uint8Array(500_000) });
  whole.received();
  cut.received();
  await member.call(deleteRange, { ...ALL });
  const [one] = whole.received();
  assertEquals(one?.events.map(({ kv }) => kv?.key), keys);
  const parts = cut.received();
  assertEquals(parts.map(({ fragment }) => fragment), [true, true, false]);
  assertEquals(parts.flatMap(({ events }) => events.map(({ kv }) => kv?.key)), keys);
  assertEquals(new Set(parts.map(({ header }) => header?.revision)), new Set([7]));
});

Deno.test("ids: the client's own, the next free one, and no id twice", async () => {
  using member = new V3Member();
  const stream = member.open(watch);
  const create = async (watchId: number | bigint) => {
    stream.send({ kind: "create", value: { key: "a", watchId } });
    const { watchId: id, canceled, cancelReason } = await stream.next();
    return canceled ? cancelReason : id;
  };
  assertEquals(await create(0), 0);
  assertEquals(await create(1), 1);
  assertEquals(await create(0), 2);
  assertEquals(await create(1), "mvcc: duplicate watch ID provided on the WatchStream");
  assertEquals(await create(2n ** 62n), 2n ** 62n);
  assertEquals(await create(2n ** 62n), "mvcc: duplicate watch ID provided on the WatchStream");
  stream.send({ kind: "cancel", value: { watchId: 1 } });
  assert((await stream.next()).canceled);
  assertEquals(await create(1), 1);
  stream.send({ kind: "cancel", value: { watchId: 77 } });
  stream.stream.cut();
  assertEquals(stream.received(), []);
  assertEquals(member.store.watches.size, 0);
});

Deno.test("a watch that falls behind a compaction is cancelled with the first revision there is", async () => {
  using member = new V3Member();
  const stream = await watching(member, { key: "a" });
  stream.stream.isFull = true;
  await fill(member, "a", 5);
  await member.call(compact, { revision: 5 });
  assertEquals(revisions(stream.received()), [2]);
  stream.stream.drain();
  const { canceled, compactRevision, header } = await stream.next();
  assertEquals([canceled, compactRevision, header?.revision], [true, 5, 0]);
  assertEquals(member.store.watches.size, 0);
});

Deno.test("a watch that was up to date goes on after a compaction with what is kept, however slow its client", async () => {
  using member = new V3Member({ eventsMin: 100 });
  const stream = await watching(member, { key: "a", startRevision: 2 });
  await fill(member, "a", 5);
  await events(stream, 5);
  await member.call(compact, { revision: 5 });
  stream.stream.isFull = true;
  await fill(member, "a", 3);
  stream.stream.drain();
  await turns();
  assertEquals(revisions(stream.received()), [7, 8, 9]);
});

Deno.test("a watch begins at no revision that etcd had compacted before its snapshot", async () => {
  using member = new V3Member();
  const state = new ForeignState(1_000);
  state.add(2, "a", { createRevision: 2, version: 1, value: bytes("1"), lease: 0n });
  const numbers = { revision: 10, compactedRevision: 9, appliedIndex: 20 };
  await member.store.restore(state.finish({ ...numbers, auth: new Auth().content() }));
  const early = await watching(member, { key: "a", startRevision: 3 });
  await turns();
  assertEquals(early.received().map(({ compactRevision }) => compactRevision), [9]);
  const late = await watching(member, { key: "a", startRevision: 9 });
  await turns();
  assertEquals(late.received(), []);
});

Deno.test("a watch from a revision before the first is one from the first, compacted or not", async () => {
  using member = new V3Member();
  await fill(member, "a", 3);
  const whole = await watching(member, { key: "a", startRevision: -5 });
  assertEquals(revisions(await events(whole, 3)), [2, 3, 4]);
  await member.call(compact, { revision: 3 });
  const late = await watching(member, { key: "a", startRevision: -5 });
  const { canceled, compactRevision } = await late.next();
  assertEquals([canceled, compactRevision], [true, 3]);
});

Deno.test("progress on request says only what was sent", async () => {
  using member = new V3Member();
  await fill(member, "a", 3);
  const stream = member.open(watch);
  stream.send({ kind: "create", value: { key: "a", startRevision: 2 } });
  stream.send({ kind: "progress", value: {} });
  assert((await stream.next()).created);
  assertEquals(revisions([await stream.next()]), [2, 3, 4]);
  const { watchId, header, events } = await stream.next();
  assertEquals([watchId, header?.revision, events.length], [-1, 4, 0]);
});

Deno.test("progress on request waits for a watch of the future", async () => {
  using member = new V3Member();
  const stream = await watching(member, { key: "a", startRevision: 3 });
  stream.send({ kind: "progress", value: {} });
  await turns();
  assertEquals(stream.received(), []);
  await fill(member, "b", 2);
  stream.send({ kind: "progress", value: {} });
  assertEquals((await stream.next()).header?.revision, 3);
});

Deno.test("idle watches that ask for it are told how far they are", async () => {
  using member = new V3Member({ progressNotifyMs: 5 });
  const stream = await watching(member, { key: "a", progressNotify: true });
  await watching(member, { key: "a" }, stream);
  await fill(member, "b", 1);
  const { watchId, header, events } = await stream.next();
  assertEquals([watchId, events.length], [0, 0]);
  assert(header!.revision >= 1);
  stream.stream.cut();
});

Deno.test("a PUT and a DELETE of one key in a transaction are told in their order", async () => {
  using member = new V3Member();
  await fill(member, "k1", 1);
  const stream = await watching(member, { ...ALL, prevKv: true });
  await member.call(txn, {
    success: [
      { kind: "deleteRange", value: { key: "k1" } },
      { kind: "put", value: { key: "k2", value: bytes("x") } },
    ],
  });
  const { events } = await stream.next();
  assertEquals(
    events.map(({ type, kv, prevKv }) => [type, kv?.key, kv?.version, text(prevKv?.value)]),
    [["DELETE", "k1", 0, "1"], ["PUT", "k2", 1, ""]],
  );
});

Deno.test("a watch sees keys that v1 wrote, and none of its directories", async () => {
  using member = new V3Member();
  const stream = await watching(member, ALL);
  await new Promise((resolve) => {
    const command = {
      type: "set",
      key: "/dir/file",
      value: "v1",
      prevValue: undefined,
      ttlSeconds: undefined,
    } as const;
    member.service.write(command, false, resolve);
  });
  const { events } = await stream.next();
  assertEquals(events.map(({ kv }) => [kv?.key, text(kv?.value)]), [["/dir/file", "v1"]]);
});

Deno.test("too many watches are refused one by one", async () => {
  using member = new V3Member({ watchesMax: 1 });
  const stream = await watching(member, { key: "a" });
  stream.send({ kind: "create", value: { key: "b" } });
  const { watchId, created, canceled } = await stream.next();
  assertEquals([watchId, created, canceled], [-1, true, true]);
  stream.stream.cut();
  await watching(member, { key: "b" });
});

Deno.test("a member that serves nobody any longer ends its streams", async () => {
  using member = new V3Member();
  const stream = await watching(member, { key: "a" });
  member.node.diverge();
  const { code, message } = await stream.reply();
  assertEquals([code, message], [14, "etcdserver: member serves nobody any longer"]);
  const read = await member.call(METHODS.kv.range, { key: "a", serializable: true });
  assertEquals(read.code, 14);
});

Deno.test("a watch that reads the past takes some hundreds of events a turn, however many an entry has", async () => {
  using member = new V3Member();
  const puts = Array.from({ length: 100 }, (_, i) => ({
    kind: "put" as const,
    value: { key: `b${i}`, value: bytes("1") },
  }));
  for (let i = 0; i < 50; i++) await member.call(txn, { success: puts });
  const { watches } = member.store;
  const read = watches.read.bind(watches);
  let inTurn = 0;
  let most = 0;
  watches.read = (watch, entriesMax) => {
    const reading = read(watch, entriesMax);
    if (inTurn === 0) queueMicrotask(() => inTurn = 0);
    inTurn += reading.kind === "events" ? reading.scanned : 0;
    most = Math.max(most, inTurn);
    return reading;
  };
  await watching(member, { key: "a", startRevision: 2 });
  while (member.store.stats().slowWatchers > 0) await turns(1);
  // 512, and what one entry more has.
  assertGreater(most, 0);
  assertLess(most, 700);
});
