/** What the core's owner can ask of it, beyond what the protocol's own tests show. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { RaftCore } from "../../src/raft/core.ts";
import type { Message } from "../../src/raft/types.ts";
import { accepted, append, entries, Lone, refused } from "./lone.ts";
import { bytesOf, configurationOf, DEFAULTS, Disk, member, startCore } from "./server.ts";

const ONE_ENTRY = entries(1, 1)[0]!.data.length + 16;

function heartbeatReply(from: number): Message {
  return { type: "heartbeatReply", from, to: 1, term: 1, readRound: 0 };
}

function peer(lone: Lone, id: number) {
  const found = lone.core.progress().find((progress) => progress.id === id);
  assert(found !== undefined);
  return found;
}

Deno.test("RaftCore starts from what the disk holds", () => {
  const disk = new Disk(configurationOf([1, 2, 3]));
  disk.snapshot = { index: 4, term: 2, configuration: configurationOf([1, 2, 3]) };
  disk.entries = entries(5, 2, 3);
  disk.hardState = { term: 3, vote: 2, commitIndex: 5 };
  const core = startCore(1, disk);
  assertEquals([core.term, core.role, core.leader], [3, "follower", 0]);
  assertEquals([core.lastIndex, core.commitIndex, core.appliedIndex], [6, 5, 4]);
  assertEquals([3, 4, 5, 6, 7].map((index) => core.termAt(index)), [undefined, 2, 2, 3, undefined]);
  assertEquals(core.takeCommitted(1000).map(({ index }) => index), [5]);
  assertEquals(core.takeSave(), undefined);
});

Deno.test("RaftCore takes a commit hint only as far as the log reaches", () => {
  const disk = new Disk(configurationOf([1, 2, 3]));
  disk.entries = entries(1, 1);
  disk.hardState = { term: 1, vote: 2, commitIndex: 9 };
  assertEquals(startCore(1, disk).commitIndex, 1);
});

Deno.test("RaftCore refuses settings that cannot work", () => {
  const disk = new Disk(configurationOf([1]));
  assertThrows(() => startCore(0, disk), InvariantError);
  assertThrows(() => startCore(1, disk, { heartbeatTicks: 0 }), InvariantError);
  assertThrows(() => startCore(1, disk, { heartbeatTicks: 10 }), InvariantError);
});

Deno.test("RaftCore refuses a log with a gap", () => {
  const disk = new Disk(configurationOf([1]));
  disk.entries = entries(2, 1);
  assertThrows(() => startCore(1, disk), InvariantError);
});

Deno.test("propose() returns the index, or 0 when not leading", () => {
  assertEquals(new Lone().core.propose(bytesOf("a")), 0);
  const { core } = Lone.leader();
  assertEquals([core.propose(bytesOf("a")), core.propose(bytesOf("b"))], [2, 3]);
});

Deno.test("propose() pushes back when too much is uncommitted, and takes more after", () => {
  const lone = Lone.leader([1, 2, 3], { uncommittedBytesMax: 3 * ONE_ENTRY });
  lone.propose("a", "b");
  assertEquals(lone.core.propose(new Uint8Array(100)), 0);
  lone.propose("c");
  assertEquals(lone.core.propose(bytesOf("d")), 0);
  lone.step(accepted(2, 4));
  // A single entry is taken whatever its size.
  assert(lone.core.propose(new Uint8Array(1000)) > 0);
});

Deno.test("propose() counts what a new leader finds uncommitted in its log", () => {
  const lone = new Lone([1, 2, 3], { uncommittedBytesMax: 3 * ONE_ENTRY });
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1)));
  lone.step({ type: "timeoutNow", from: 2, to: 1, term: 1 });
  lone.step({ type: "voteReply", from: 2, to: 1, term: 2, granted: true });
  assertEquals([lone.core.role, lone.core.propose(bytesOf("d"))], ["leader", 0]);
  lone.step(accepted(2, 4, 2));
  assertEquals(lone.core.propose(bytesOf("d")), 5);
});

Deno.test("takeMessages() puts what was proposed in one turn into one append a peer", () => {
  const lone = Lone.leader();
  lone.step(accepted(3, 1));
  lone.take();
  lone.propose("a", "b", "c");
  const sent = lone.sent("append");
  assertEquals(sent.map(({ to, entries }) => [to, entries.length]), [[2, 3], [3, 3]]);
});

Deno.test("takeMessages() keeps appends for a later call when it is told to", () => {
  const { core } = Lone.leader([1, 2]);
  core.propose(bytesOf("a"));
  core.readIndex(1);
  assertEquals(core.takeMessages(false).map(({ type }) => type), ["heartbeat"]);
  core.propose(bytesOf("b"));
  const later = core.takeMessages();
  assertEquals(later.map((message) => message.type === "append" && message.entries.length), [2]);
});

Deno.test("isTransferring is true until the transfer ends", () => {
  const lone = Lone.leader();
  assertEquals(lone.core.isTransferring, false);
  lone.core.transferLeadership(2);
  assertEquals(lone.core.isTransferring, true);
  lone.step(append(2, [1, 1], []));
  assertEquals(lone.core.isTransferring, false);
});

Deno.test("isInstalling is true until a received snapshot is in place", () => {
  const { core } = new Lone();
  const snapshot = { index: 5, term: 1, configuration: configurationOf([1, 2]) };
  core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  assertEquals(core.isInstalling, true);
  core.saved(core.takeSave()!);
  assertEquals(core.isInstalling, false);
});

Deno.test("takeMessages() cuts appends at the byte limit, an entry at least", () => {
  const lone = Lone.leader([1, 2], { appendBytesMax: 2 * ONE_ENTRY });
  lone.do((core) => {
    for (const size of [1, 1, 1, 500, 1]) core.propose(new Uint8Array(size));
  });
  assertEquals(lone.sent("append").map(({ entries }) => entries.length), [2, 1, 1, 1]);
});

Deno.test("takeMessages() keeps a peer within its window of messages and of bytes", () => {
  const byCount = Lone.leader([1, 2, 3], { inflightMax: 2, appendBytesMax: 1 });
  byCount.propose("a", "b", "c");
  assertEquals(byCount.sent("append").length, 2);
  const byBytes = Lone.leader([1, 2, 3], { inflightBytesMax: 2 * ONE_ENTRY, appendBytesMax: 1 });
  byBytes.propose("a", "b", "c");
  assertEquals(byBytes.sent("append").length, 2);
  byBytes.step(accepted(2, 2));
  assertEquals(byBytes.sent("append").map(({ prevIndex }) => prevIndex), [3]);
});

Deno.test("takeMessages() asks a peer whose window is full when it shows signs of life", () => {
  const lone = Lone.leader([1, 2, 3], { inflightMax: 1, appendBytesMax: 1 });
  lone.propose("a", "b");
  lone.take();
  lone.step(heartbeatReply(2));
  const [asked] = lone.sent("append");
  assertEquals([asked?.prevIndex, asked?.entries], [2, []]);
  lone.step(refused(2, 2, [1, 1]));
  assertEquals(lone.sent("append").map(({ prevIndex }) => prevIndex), [1]);
});

Deno.test("takeCommitted() stops at the byte limit, an entry at least", () => {
  const lone = new Lone();
  lone.core.step(append(1, [0, 0], entries(1, 1, 1, 1, 1), 4));
  lone.core.saved(lone.core.takeSave()!);
  const take = (bytes: number) => lone.core.takeCommitted(bytes).map(({ index }) => index);
  assertEquals(take(1), [1]);
  assertEquals(take(2 * ONE_ENTRY), [2, 3]);
  assertEquals([lone.core.appliedIndex, take(9999), take(9999)], [3, [4], []]);
});

Deno.test("hasWork() is true exactly while a take method has something", () => {
  const lone = new Lone();
  const { core } = lone;
  const takeAll = () => {
    const took = [
      core.takeMessages().length,
      core.takeCommitted(1).length,
      core.takeReads().length,
      core.takeDroppedReads().length,
    ];
    const batch = core.takeSave();
    if (batch !== undefined) core.saved(batch);
    return batch !== undefined || took.some((count) => count > 0);
  };
  const acts: (() => void)[] = [
    () => core.campaign(),
    () => core.step({ type: "preVoteReply", from: 2, to: 1, term: 1, granted: true }),
    () => core.step({ type: "voteReply", from: 2, to: 1, term: 1, granted: true }),
    () => core.readIndex(1),
    () => core.step(accepted(2, 1)),
    () => core.step({ type: "heartbeatReply", from: 2, to: 1, term: 1, readRound: 1 }),
    () => core.propose(bytesOf("a")),
    () => core.step(accepted(3, 1)),
    () => core.step(accepted(3, 2)),
    () => core.readIndex(2),
    () => core.step(append(2, [2, 1], [])),
    () => {},
  ];
  for (const act of acts) {
    act();
    let turns = 0;
    for (; core.hasWork(); turns++) {
      assert(takeAll(), "There must be something to take when it says so");
      assert(turns < 20, "Work must come to an end");
    }
    assert(!takeAll(), "There must be nothing to take when it says so");
  }
});

Deno.test("compact() drops the log but for what trails", () => {
  const lone = Lone.leader([1]);
  lone.propose("a", "b", "c", "d");
  lone.server.compact(4, 2);
  assertEquals([2, 3, 4, 5].map((index) => lone.core.termAt(index)), [1, 1, 1, 1]);
  assertEquals(lone.core.termAt(1), undefined);
  lone.server.compact(5, 0);
  assertEquals([4, 5].map((index) => lone.core.termAt(index)), [undefined, 1]);
  lone.propose("e");
  assertEquals(lone.core.lastIndex, 6);
});

Deno.test("compact() does nothing for an older snapshot", () => {
  const lone = Lone.leader([1]);
  lone.propose("a", "b");
  lone.server.compact(3, 0);
  lone.core.compact({ index: 2, term: 1, configuration: configurationOf([1]) }, 2);
  assertEquals(lone.core.termAt(3), 1);
});

Deno.test("tailStart() finds where so many entries and bytes begin", () => {
  const lone = Lone.leader([1]);
  lone.propose("a".repeat(1000), "b".repeat(1000), "c", "d");
  const start = (entries: number, bytes: number) => lone.core.tailStart(5, entries, bytes);
  assertEquals([start(0, 9e9), start(2, 9e9), start(9, 9e9)], [5, 3, 0]);
  assertEquals([start(9, 0), start(9, 20), start(9, 1_500), start(9, 2_500)], [5, 4, 2, 0]);
  lone.server.compact(3, 1);
  assertEquals(start(9, 9e9), 2);
});

Deno.test("compact() takes no snapshot that cannot be right", () => {
  const lone = Lone.leader([1]);
  lone.propose("a");
  const configuration = configurationOf([1]);
  const wrong = [
    { index: 3, term: 1, configuration },
    { index: 2, term: 2, configuration },
    { index: 2, term: 1, configuration: configurationOf([1, 2]) },
  ];
  for (const meta of wrong) assertThrows(() => lone.core.compact(meta, meta.index), InvariantError);
});

Deno.test("compact() keeps the configuration of the time, and those after it", () => {
  const lone = Lone.leader([1]);
  const learner = { members: [member(1), member(2, false)], removed: [] };
  lone.do((core) => core.proposeConfiguration(learner));
  lone.propose("a");
  lone.server.compact(3, 0);
  assertEquals(lone.core.committedConfiguration, learner);
  assertEquals([lone.core.configuration, lone.core.configurationIndex], [learner, 2]);
});

Deno.test("progress() sends the newest compacted snapshot, once, until it is reported", () => {
  const lone = Lone.leader();
  lone.propose("a", "b", "c");
  lone.step(accepted(2, 4));
  lone.server.compact(3, 0);
  lone.take();
  lone.step(refused(3, 0, [0, 0]));
  lone.tick(DEFAULTS.heartbeatTicks);
  lone.step(heartbeatReply(3), heartbeatReply(3));
  assertEquals(lone.sent("snapshot").map(({ to, snapshot }) => [to, snapshot.index]), [[3, 3]]);
  assertEquals(peer(lone, 3).state, "snapshot");
  lone.do((core) => core.reportSnapshot(3, false));
  assertEquals([peer(lone, 3).state, lone.sent("snapshot")], ["probe", []]);
  lone.step(heartbeatReply(3));
  assertEquals(lone.sent("snapshot").length, 1);
  lone.do((core) => core.reportSnapshot(3, true));
  assertEquals([peer(lone, 3).state, peer(lone, 3).next], ["probe", 4]);
  lone.step(accepted(3, 3));
  assertEquals([peer(lone, 3).state, peer(lone, 3).match], ["replicate", 3]);
});

Deno.test("progress() goes on when the peer says that it has the snapshot", () => {
  const lone = Lone.leader();
  lone.propose("a", "b");
  lone.step(accepted(2, 3));
  lone.server.compact(3, 0);
  lone.step(refused(3, 0, [0, 0]), heartbeatReply(3));
  lone.step(accepted(3, 2));
  assertEquals(peer(lone, 3).state, "snapshot");
  lone.step(accepted(3, 3));
  assertEquals(peer(lone, 3).state, "replicate");
});

Deno.test("progress() tells who was heard lately", () => {
  const lone = Lone.leader();
  lone.tick(4);
  lone.step(heartbeatReply(2));
  lone.tick(7);
  const heard = lone.core.progress().map(({ id, recentActive, ticksSinceHeard }) => [
    id,
    recentActive,
    ticksSinceHeard,
  ]);
  assertEquals(heard, [[2, true, 7], [3, false, 11]]);
});

Deno.test("progress() is empty for who does not lead", () => {
  assertEquals(new Lone().core.progress(), []);
});

Deno.test("peerRestarted() counts no acknowledgement of the process before, and has nobody commit by it", () => {
  const lone = Lone.leader([1, 2, 3, 4, 5]);
  lone.propose("a");
  lone.step(accepted(2, 2));
  lone.do((core) => core.peerRestarted(2));
  lone.step(accepted(3, 2));
  assertEquals(lone.core.commitIndex, 1, "only the leader and server 3 are known to have it");
  lone.take();
  lone.tick(DEFAULTS.heartbeatTicks);
  const commits = lone.sent("heartbeat").map(({ to, commitIndex }) => [to, commitIndex]);
  assertEquals(commits.find(([to]) => to === 2), [2, 0]);
  lone.step(heartbeatReply(2), accepted(2, 2));
  assertEquals(lone.core.commitIndex, 2);
});

Deno.test("reportUnreachable() goes back to what is confirmed", () => {
  const lone = Lone.leader();
  lone.propose("a", "b");
  lone.take();
  lone.do((core) => core.reportUnreachable(2));
  assertEquals([peer(lone, 2).state, peer(lone, 2).next], ["probe", 2]);
  assertEquals(lone.sent("append").map(({ prevIndex, entries }) => [prevIndex, entries.length]), [
    [1, 2],
  ]);
  lone.core.reportUnreachable(99);
});

Deno.test("step() takes an answer to an old append for what it is", () => {
  const lone = Lone.leader();
  lone.propose("a");
  lone.step(accepted(2, 2));
  // Refused before it was accepted: late news.
  lone.step(refused(2, 1, [0, 0]));
  assertEquals([peer(lone, 2).state, peer(lone, 2).match], ["replicate", 2]);
  lone.step(accepted(2, 1));
  assertEquals(peer(lone, 2).match, 2);
});

Deno.test("isLearner is true for a member without a vote only", () => {
  const learner = { members: [member(1, false), member(2)], removed: [] };
  assertEquals(startCore(1, new Disk(learner)).isLearner, true);
  assertEquals(startCore(2, new Disk(learner)).isLearner, false);
  assertEquals(startCore(3, new Disk(learner)).isLearner, false);
});

Deno.test("onEvent tells of roles, leaders and configurations", () => {
  const lone = new Lone();
  lone.do((core) => core.campaign());
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.step(append(2, [0, 0], entries(1, 2)));
  const types = lone.events.map((event) => event.type === "role" ? event.role : event.type);
  assertEquals(types, ["preCandidate", "follower", "leader", "truncated"]);
});

Deno.test("RaftCore reads no randomness but what it is given", () => {
  const draws: number[] = [];
  const random = () => draws.push(0) * 0;
  const { hardState, snapshot } = new Disk(configurationOf([1, 2]));
  const core = new RaftCore({ ...DEFAULTS, id: 1, hardState, snapshot, entries: [], random });
  for (let tick = 0; tick < 10; tick++) core.tick();
  assertEquals([core.role, draws.length], ["preCandidate", 2]);
});
