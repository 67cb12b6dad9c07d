/** Who observes an election hears of every proclamation, in order, whatever else goes on. */
import { assert, assertEquals } from "@std/assert";
import { METHODS } from "../../../src/api/v3/methods.ts";
import type {
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
} from "../../../src/api/v3/messages/concurrency.ts";
import { bytes, type TestCall, text, turns, V3Member } from "./harness.ts";

const { campaign, observe, proclaim, resign } = METHODS.election;
const { grant } = METHODS.lease;
const { compact, deleteRange, put, txn } = METHODS.kv;

type Observing = TestCall<LeaderRequest, LeaderResponse>;

function observing(member: V3Member): Observing {
  const call = member.open(observe);
  call.send({ name: "e" });
  call.halfClose();
  return call;
}

/** Puts somebody at the end of the queue, who leads when all before are gone. */
async function candidate(member: V3Member, id: bigint, value: string): Promise<LeaderKey> {
  await member.call(grant, { id, ttl: 60 });
  const { response } = await member.call(put, {
    key: `e/${id.toString(16)}`,
    value: bytes(value),
    lease: id,
  });
  const rev = response!.header!.revision;
  return { name: "e", key: `e/${id.toString(16)}`, rev, lease: id };
}

async function leads(member: V3Member, value: string): Promise<LeaderKey> {
  const { response } = await member.call(campaign, { name: "e", value: bytes(value) });
  return response!.leader!;
}

function values(call: Observing): string[] {
  return call.received().map(({ kv }) => text(kv?.value));
}

const NUMBERS = Array.from({ length: 50 }, (_, i) => `${i}`);

Deno.test("who observes hears of fifty proclamations that come at once, in their order and each with its revision", async () => {
  using member = new V3Member();
  const leader = await leads(member, "first");
  const call = observing(member);
  await turns();
  const proclaimed = await Promise.all(
    NUMBERS.map((value) => member.call(proclaim, { leader, value: bytes(value) })),
  );
  await turns();
  const told = call.received();
  assertEquals(told.map(({ kv }) => text(kv?.value)), ["first", ...NUMBERS]);
  const revisions = proclaimed.map(({ response }) => response?.header?.revision);
  assertEquals(told.slice(1).map(({ header }) => header?.revision), revisions);
  assertEquals(told.slice(1).map(({ kv }) => kv?.modRevision), revisions);
});

Deno.test("who observes hears of the next leader once the one before is gone, and not of who waits", async () => {
  using member = new V3Member();
  const call = observing(member);
  await turns();
  assertEquals(values(call), []);
  const one = await candidate(member, 1n, "one");
  const two = await candidate(member, 2n, "two");
  await member.call(proclaim, { leader: two, value: bytes("still waiting") });
  await turns();
  assertEquals(values(call), ["one"]);
  await member.call(resign, { leader: one });
  await turns();
  assertEquals(values(call), ["still waiting"]);
  await member.call(proclaim, { leader: two, value: bytes("leading") });
  await member.call(resign, { leader: two });
  await turns();
  assertEquals(values(call), ["leading"]);
  await candidate(member, 1n, "again");
  await turns();
  assertEquals(values(call), ["again"]);
});

Deno.test("who observes a name without a leader hears of the first of several who come in one transaction", async () => {
  using member = new V3Member();
  const call = observing(member);
  await turns();
  const keys = ["e/a", "e/b"];
  await member.call(txn, {
    success: keys.map((key) => ({ kind: "put" as const, value: { key, value: bytes(key) } })),
  });
  await member.call(put, { key: "e/b", value: bytes("waits") });
  await member.call(put, { key: "e/a", value: bytes("leads") });
  await turns();
  assertEquals(values(call), ["e/a", "leads"]);
});

Deno.test("who observes hears of the next leader, though one transaction brought both", async () => {
  using member = new V3Member();
  const keys = ["e/a", "e/b"];
  await member.call(txn, {
    success: keys.map((key) => ({ kind: "put" as const, value: { key, value: bytes(key) } })),
  });
  const call = observing(member);
  await turns();
  await member.call(deleteRange, { key: "e/a" });
  await turns();
  assertEquals(values(call), keys);
});

Deno.test("who proclaims and names no lease leads by one of its own from then on, and not for ever", async () => {
  using member = new V3Member();
  const { lease, ...leader } = await candidate(member, 7n, "first");
  await member.call(proclaim, { leader, value: bytes("second") });
  const { response } = await member.call(METHODS.election.leader, { name: "e" });
  assertEquals(text(response?.kv?.value), "second");
  const [before, after] = member.store.leases();
  assertEquals([before?.id, after?.ttlSeconds], [lease, 60]);
  assertEquals(response?.kv?.lease, after?.id);
});

/** Who has heard of the leader's first value and takes nothing while `NUMBERS` are proclaimed. */
async function slowObserver(member: V3Member) {
  const leader = await leads(member, "first");
  const call = observing(member);
  await call.next();
  call.stream.isFull = true;
  for (const value of NUMBERS) await member.call(proclaim, { leader, value: bytes(value) });
  return { leader, call };
}

Deno.test("who observes and is slow is sent nothing more, and later all that it has missed", async () => {
  using member = new V3Member();
  const { call } = await slowObserver(member);
  await turns();
  // One was under way when the client turned out to be slow.
  assertEquals(values(call), ["0"]);
  assertEquals(member.store.stats().slowWatchers, 1);
  call.stream.drain();
  await turns();
  assertEquals(values(call), NUMBERS.slice(1));
  assertEquals(member.store.stats().slowWatchers, 0);
});

Deno.test("who observes and has missed what was compacted hears of the leader's newest value", async () => {
  using member = new V3Member();
  const { leader, call } = await slowObserver(member);
  values(call);
  await member.call(compact, { revision: member.store.revision });
  call.stream.drain();
  await turns();
  assertEquals(values(call), ["49"]);
  await member.call(proclaim, { leader, value: bytes("next") });
  await turns();
  assertEquals(values(call), ["next"]);
});

Deno.test("a campaign with the lease and the value of before writes nothing, one with another value proclaims it", async () => {
  using member = new V3Member();
  await member.call(grant, { id: 7n, ttl: 60 });
  const run = (value: string) =>
    member.call(campaign, { name: "e", lease: 7n, value: bytes(value) });
  const { response: before } = await run("1");
  const { response: again } = await run("1");
  assertEquals(again, before);
  const { response: other } = await run("2");
  assertEquals(other?.leader, before?.leader);
  const [kv] = (await member.call(METHODS.kv.range, { key: before!.leader!.key })).response!.kvs;
  assertEquals([text(kv?.value), kv?.version], ["2", 2]);
});

Deno.test("the key of a lease with a negative id has etcd's name", async () => {
  using member = new V3Member();
  await member.call(grant, { id: -2n, ttl: 60 });
  const { response: led } = await member.call(campaign, { name: "e", lease: -2n });
  const { response: locked } = await member.call(METHODS.lock.lock, { name: "l", lease: -2n });
  assertEquals([led?.leader?.key, locked?.key], ["e/-2", "l/-2"]);
});

Deno.test("who may no longer read an election hears nothing more of it", async () => {
  using member = new V3Member();
  const leader = await leads(member, "first");
  const call = observing(member);
  await call.next();
  const { auth } = METHODS;
  const user = { name: "root", password: "root" };
  for (
    const { code } of [
      await member.call(auth.userAdd, user),
      await member.call(auth.roleAdd, { name: "root" }),
      await member.call(auth.userGrantRole, { user: "root", role: "root" }),
      await member.call(auth.enable, {}),
    ]
  ) assertEquals(code, 0);
  const { response } = await member.call(auth.authenticate, user);
  const metadata = [["authorization", response!.token] as const];
  await member.call(proclaim, { leader, value: bytes("secret") }, metadata);
  const { code } = await call.reply();
  assert(code !== 0);
  assertEquals(values(call), []);
  assertEquals(member.store.watches.size, 0);
});
