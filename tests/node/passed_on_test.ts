/** What becomes of a command that a member has had the leader append: its own state machine says it. */
import { assert, assertEquals } from "@std/assert";
import type { EntryId, Outcome } from "../../src/node/ports.ts";
import type { Result } from "../../src/store/result.ts";
import { Company, ELECTION_TICKS, type Fellow, setting, WAITING_MAX } from "./company.ts";

/** Three members, of which `follower` has asked `leader` for all that is appended by `pass`. */
async function asked() {
  const company = new Company(3);
  const leader = await company.leader();
  const [follower, other] = company.fellows.filter((each) => each !== leader);
  const pass = (key: string): EntryId => {
    const outcome = leader.node.proposeForPeer(setting(key, "x"));
    assert(outcome.ok);
    return outcome.value;
  };
  return { company, leader, follower: follower!, other: other!, pass };
}

/** What `fellow` hears of an entry, in a list that is empty until then. */
function awaited({ node }: Fellow, id: EntryId): Outcome<Result>[] {
  const heard: Outcome<Result>[] = [];
  node.awaitEntry(id, (outcome) => heard.push(outcome));
  return heard;
}

function reasons(heard: readonly Outcome<Result>[]): string[] {
  return heard.map((outcome) => outcome.ok ? outcome.value.kind : outcome.reason);
}

Deno.test("awaitEntry() tells what this member has applied, without waiting for a tick", async () => {
  const { company, follower, pass } = await asked();
  const heard = awaited(follower, pass("/a"));
  await company.turns.run();
  assertEquals(reasons(heard), ["event"]);
  assertEquals(follower.store.stats().keys, 1);
  await company.stop();
});

Deno.test("awaitEntry() tells what the next leader makes of the entry", async () => {
  const { company, leader, follower, other, pass } = await asked();
  const heard = awaited(follower, pass("/a"));
  const disks = Promise.withResolvers<void>();
  // The entry arrives. It becomes durable after its leader has gone.
  for (const fellow of [follower, other]) fellow.save = () => disks.promise;
  await company.turns.run();
  company.all.delete(leader.core.id);
  disks.resolve();
  await company.elect(other);
  await company.ticks(4);
  assertEquals(reasons(heard), ["event"]);
  await company.stop();
});

Deno.test("awaitEntry() tells that another entry has taken the place", async () => {
  const { company, follower, leader } = await asked();
  const { lastIndex, term } = leader.core;
  const heard = awaited(follower, { index: lastIndex + 1, term: term - 1 });
  assert((await company.set("/a", "1")).ok);
  assertEquals(reasons(heard), ["superseded"]);
  await company.stop();
});

Deno.test("awaitEntry() does not take an entry for lost because it has a rival that is not committed", async () => {
  const company = new Company(5);
  const first = await company.leader();
  const [second, third, follower] = company.fellows.filter((each) => each !== first);
  const isAmong = (...fellows: readonly (Fellow | undefined)[]) => (id: number) =>
    fellows.some((fellow) => fellow?.core.id === id);
  const pass = ({ node }: Fellow, key: string): EntryId => {
    const outcome = node.proposeForPeer(setting(key, "x"));
    assert(outcome.ok);
    return outcome.value;
  };
  // Of two writes the first two members have heard, and nobody else.
  const isEarly = isAmong(first, second);
  const isCut = (from: number) => from === third!.core.id && third!.node.isLeader();
  company.reaches = (from, to) => isEarly(from) === isEarly(to) && !isCut(from);
  pass(first, "/a");
  const id = pass(first, "/b");
  const heard = awaited(follower!, id);
  await company.turns.run();
  // The third is elected by the others, who hear nothing of what it appends then.
  await company.elect(third!);
  const rival = pass(third!, "/c");
  assertEquals([rival.index, rival.term > id.term], [id.index, true]);
  const rivals = awaited(follower!, rival);
  await company.turns.run();
  // It falls silent, and the second leads and commits what it has.
  const isSilent = isAmong(first, third);
  company.reaches = (from, to) => !isSilent(from) && !isSilent(to);
  await company.elect(second!);
  await company.ticks(4);
  assertEquals([follower!.store.stats().keys, second!.node.isLeader()], [2, true]);
  assertEquals([reasons(heard), reasons(rivals)], [["unknown"], ["superseded"]]);
  await company.stop();
});

Deno.test("awaitEntry() does not know what came of an entry that was applied before", async () => {
  const { company, follower, pass } = await asked();
  const id = pass("/a");
  await company.ticks(1);
  assertEquals(reasons(awaited(follower, id)), ["unknown"]);
  await company.stop();
});

Deno.test("awaitEntry() ends in time when the entry never comes", async () => {
  const { company, follower, leader } = await asked();
  const heard = awaited(follower, { index: leader.core.lastIndex + 9, term: 1 });
  await company.ticks(60);
  assertEquals(reasons(heard), ["unknown"]);
  await company.stop();
});

Deno.test("awaitRefusal() says when as many entries are awaited as may be", async () => {
  const { company, follower, leader } = await asked();
  const { lastIndex, term } = leader.core;
  for (let i = 1; i < WAITING_MAX; i++) awaited(follower, { index: lastIndex + i, term });
  assertEquals(follower.node.awaitRefusal(), undefined);
  awaited(follower, { index: lastIndex + WAITING_MAX, term });
  const refusal = follower.node.awaitRefusal();
  assertEquals(refusal?.ok === false && refusal.reason, "overloaded");
  await company.stop();
});

Deno.test("a member that has handed over waits for what was proposed to it, not for what it passes on", async () => {
  const { company, leader } = await asked();
  let hasGone = false;
  const gone = leader.node.handOver().then(() => hasGone = true);
  await company.ticks(2);
  assertEquals([leader.node.isLeader(), hasGone], [false, false]);
  // An entry of its successor that does not come.
  const heard = awaited(leader, { index: leader.core.lastIndex + 9, term: leader.core.term });
  await company.ticks(ELECTION_TICKS - 3);
  assertEquals([hasGone, heard.length], [true, 0]);
  await gone;
  await company.stop();
});

Deno.test("proposeForPeer() appends nothing on a member that does not lead", async () => {
  const { company, follower } = await asked();
  const outcome = follower.node.proposeForPeer(setting("/a", "x"));
  assertEquals(outcome.ok || outcome.reason, "notLeader");
  await company.stop();
});
