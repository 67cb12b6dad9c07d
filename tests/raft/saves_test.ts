/**
 * The disk lags behind the log: what may be acknowledged, and when. Here the
 * disk is done when the test says so.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import type { Message, SaveBatch } from "../../src/raft/types.ts";
import { accepted, append, entries, Lone, vote } from "./lone.ts";
import { bytesOf, configurationOf } from "./server.ts";

function take(lone: Lone): SaveBatch {
  const batch = lone.core.takeSave();
  assert(batch !== undefined, "There must be something to save");
  return batch;
}

function indexes(batch: SaveBatch): number[] {
  return batch.entries.map(({ index }) => index);
}

/** The indexes that messages acknowledge. */
function acknowledged(messages: readonly Message[]): number[] {
  return messages.flatMap((message) =>
    message.type === "appendReply" && !message.rejected ? [message.index] : []
  );
}

/** A follower of server 2 in term 1 with entry 1 on disk. */
function follower(): Lone {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.take();
  return lone;
}

Deno.test("takeSave() gives nothing while a batch is outstanding", () => {
  const { core } = follower();
  core.step(append(1, [1, 1], entries(2, 1)));
  const batch = core.takeSave();
  core.step(append(1, [2, 1], entries(3, 1)));
  assertEquals([core.takeSave(), core.hasWork()], [undefined, false]);
  core.saved(batch!);
  assertEquals(core.hasWork(), true);
  assertEquals(core.takeSave()?.entries.map(({ index }) => index), [3]);
});

Deno.test("takeSave() gives nothing for a commit index alone, and adds it to the next batch", () => {
  const lone = follower();
  lone.step(append(1, [1, 1], [], 1));
  assertEquals([lone.core.commitIndex, lone.core.takeSave()], [1, undefined]);
  lone.core.step(append(1, [1, 1], entries(2, 1), 1));
  assertEquals(take(lone).hardState, { term: 1, vote: 0, commitIndex: 1 });
});

Deno.test("saved() takes no batch but the outstanding one", () => {
  const lone = follower();
  lone.core.step(append(1, [1, 1], entries(2, 1)));
  const batch = take(lone);
  assertThrows(() => lone.core.saved({ ...batch }), InvariantError);
  lone.core.saved(batch);
  assertThrows(() => lone.core.saved(batch), InvariantError);
});

Deno.test("saved() lets out an acknowledgement of what is on disk, and no other", () => {
  const { core } = follower();
  core.step(append(1, [1, 1], entries(2, 1)));
  const batch = core.takeSave()!;
  core.step(append(1, [2, 1], entries(3, 1)));
  // A repeated append of what is on its way to the disk.
  assertEquals(core.takeMessages(), []);
  assertEquals(acknowledged(batch.messages), [2]);
  core.saved(batch);
  assertEquals(core.takeMessages(), []);
  assertEquals(acknowledged(core.takeSave()!.messages), [3]);
});

Deno.test("saved() lets out what was asked again while the disk worked on it", () => {
  const { core } = follower();
  core.step(append(1, [1, 1], entries(2, 1)));
  const batch = core.takeSave()!;
  core.step(append(1, [1, 1], entries(2, 1)));
  assertEquals(core.takeMessages(), []);
  core.saved(batch);
  assertEquals(acknowledged(core.takeMessages()), [2]);
});

Deno.test("step() acknowledges at once what is on disk already", () => {
  const { core } = follower();
  core.step(append(1, [0, 0], entries(1, 1)));
  assertEquals(acknowledged(core.takeMessages()), [1]);
  assertEquals(core.takeSave(), undefined);
});

Deno.test("step() holds back every answer until the new term is on disk", () => {
  const lone = follower();
  lone.core.step({ type: "heartbeat", from: 3, to: 1, term: 2, commitIndex: 0, readRound: 0 });
  assertEquals(lone.core.takeMessages(), []);
  const batch = take(lone);
  assertEquals(batch.hardState?.term, 2);
  assertEquals(batch.messages.map(({ type }) => type), ["heartbeatReply"]);
});

Deno.test("step() drops promises of a past term that no batch has taken yet", () => {
  const lone = follower();
  lone.core.step(append(1, [1, 1], entries(2, 1)));
  const batch = take(lone);
  lone.core.step(append(1, [2, 1], entries(3, 1)));
  lone.core.step({ ...append(2, [1, 1], entries(2, 2)), from: 3 });
  lone.core.saved(batch);
  const messages = [...lone.core.takeMessages(), ...take(lone).messages];
  assertEquals(messages.map(({ to, term }) => [to, term]), [[3, 2]]);
});

Deno.test("saved() counts nothing that was truncated meanwhile", () => {
  const lone = follower();
  lone.core.step(append(1, [1, 1], entries(2, 1, 1)));
  const batch = take(lone);
  lone.core.step(append(2, [1, 1], entries(2, 2, 2)));
  lone.core.saved(batch);
  assertEquals(acknowledged(lone.core.takeMessages()), []);
  const next = take(lone);
  assertEquals([indexes(next), acknowledged(next.messages)], [[2, 3], [3]]);
});

Deno.test("saved() counts the part before a truncation", () => {
  const lone = follower();
  lone.core.step(append(1, [1, 1], entries(2, 1, 1)));
  const batch = take(lone);
  lone.core.step(append(2, [2, 1], entries(3, 2)));
  lone.core.saved(batch);
  assertEquals(indexes(take(lone)), [3]);
});

Deno.test("saved() counts entries that were truncated and came back", () => {
  const lone = follower();
  const [two, three] = entries(2, 1, 1);
  lone.core.step(append(1, [1, 1], [two!, three!]));
  const batch = take(lone);
  lone.core.step({ ...append(2, [1, 1], entries(2, 2)), from: 3 });
  lone.core.step(append(3, [1, 1], [two!, three!]));
  lone.core.saved(batch);
  const next = take(lone);
  assertEquals([indexes(next), next.hardState?.term], [[], 3]);
  assertEquals(acknowledged(next.messages), [3]);
});

Deno.test("saved() does not count what was overwritten by the batch and came back", () => {
  const lone = follower();
  const [two] = entries(2, 1);
  lone.step(append(1, [1, 1], [two!]));
  lone.take();
  // Entry 2 of term 1 is on disk. The disk replaces it, the log takes it back.
  lone.core.step({ ...append(2, [1, 1], entries(2, 2)), from: 3 });
  const batch = take(lone);
  lone.core.step(append(3, [1, 1], [two!]));
  lone.core.saved(batch);
  assertEquals(acknowledged(lone.core.takeMessages()), []);
  const next = take(lone);
  assertEquals([indexes(next), acknowledged(next.messages)], [[2], [2]]);
});

Deno.test("saved() does not count entries on a disk that a snapshot is about to replace", () => {
  const lone = follower();
  const old = entries(2, 1, 1, 1, 1);
  lone.core.step(append(1, [1, 1], old));
  const batch = take(lone);
  // Truncated by leader 3; then a snapshot that ends within the old entries …
  lone.core.step({ ...append(2, [1, 1], entries(2, 2)), from: 3 });
  const snapshot = { index: 3, term: 1, configuration: configurationOf([1, 2, 3]) };
  lone.core.step({ type: "snapshot", from: 2, to: 1, term: 3, snapshot });
  // … and the rest of them once more.
  lone.core.step(append(3, [3, 1], old.slice(2)));
  lone.core.saved(batch);
  const next = take(lone);
  assertEquals([next.snapshot, indexes(next)], [snapshot, [4, 5]]);
  assertEquals(acknowledged(next.messages), [5]);
});

Deno.test("takeCommitted() gives nothing that is not on disk", () => {
  const lone = follower();
  lone.core.step(append(1, [1, 1], entries(2, 1, 1), 3));
  assertEquals(lone.core.takeCommitted(1000).map(({ index }) => index), [1]);
  lone.core.saved(take(lone));
  assertEquals(lone.core.takeCommitted(1000).map(({ index }) => index), [2, 3]);
});

Deno.test("takeCommitted() gives nothing until a received snapshot is in place", () => {
  const lone = follower();
  const snapshot = { index: 5, term: 1, configuration: configurationOf([1, 2, 3]) };
  lone.core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  lone.core.step(append(1, [5, 1], entries(6, 1), 6));
  assertEquals([lone.core.commitIndex, lone.core.takeCommitted(1000)], [6, []]);
  const batch = take(lone);
  assertEquals([batch.snapshot, indexes(batch)], [snapshot, [6]]);
  lone.core.saved(batch);
  assertEquals(lone.core.appliedIndex, 5);
  assertEquals(lone.core.takeCommitted(1000).map(({ index }) => index), [6]);
});

Deno.test("saved() makes a received snapshot count as saved log", () => {
  const lone = follower();
  const snapshot = { index: 5, term: 1, configuration: configurationOf([1, 2, 3]) };
  lone.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  lone.take();
  lone.step(append(1, [5, 1], []));
  assertEquals(acknowledged(lone.take()), [5]);
});

Deno.test("committedConfiguration is that of the state machine until a snapshot is in place", () => {
  const { core } = follower();
  const snapshot = { index: 5, term: 1, configuration: configurationOf([1, 2]) };
  core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  assertEquals(core.configuration, configurationOf([1, 2]));
  assertEquals(core.committedConfiguration, configurationOf([1, 2, 3]));
  core.saved(core.takeSave()!);
  assertEquals(core.committedConfiguration, configurationOf([1, 2]));
});

Deno.test("takeCommitted() leaves to a snapshot what it was about to give", () => {
  const { core } = new Lone();
  core.step(append(1, [0, 0], entries(1, 1, 1), 2));
  core.saved(core.takeSave()!);
  const snapshot = { index: 5, term: 1, configuration: configurationOf([1, 2, 3]) };
  core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  assertEquals([core.takeCommitted(1000), core.appliedIndex], [[], 0]);
  core.saved(core.takeSave()!);
  assertEquals([core.takeCommitted(1000), core.appliedIndex], [[], 5]);
});

Deno.test("step() takes a newer snapshot while an older one is being saved", () => {
  const lone = follower();
  const configuration = configurationOf([1, 2, 3]);
  const snapshots = [5, 9].map((index) => ({ index, term: 1, configuration }));
  lone.core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot: snapshots[0]! });
  const first = take(lone);
  lone.core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot: snapshots[1]! });
  lone.core.saved(first);
  assertEquals([lone.core.appliedIndex, lone.core.takeCommitted(1000)], [5, []]);
  const second = take(lone);
  assertEquals([second.snapshot, acknowledged(second.messages)], [snapshots[1], [9]]);
  lone.core.saved(second);
  assertEquals(lone.core.appliedIndex, 9);
});

Deno.test("campaign() waits until a received snapshot is on disk", () => {
  const lone = follower();
  const snapshot = { index: 5, term: 1, configuration: configurationOf([1, 2, 3]) };
  lone.core.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  lone.core.campaign();
  assertEquals(lone.core.role, "follower");
  lone.core.saved(take(lone));
  lone.core.campaign();
  assertEquals(lone.core.role, "preCandidate");
});

Deno.test("step() grants a vote that leaves with the batch, and a repeated one at once", () => {
  const lone = follower();
  lone.core.step(vote(3, 2, [1, 1], true));
  assertEquals(lone.core.takeMessages(), []);
  const batch = take(lone);
  assertEquals(batch.hardState, { term: 2, vote: 3, commitIndex: 0 });
  assertEquals(batch.messages.map(({ type }) => type), ["voteReply"]);
  lone.core.saved(batch);
  lone.core.step(vote(3, 2, [1, 1], true));
  assertEquals(lone.core.takeMessages().map(({ type }) => type), ["voteReply"]);
});

Deno.test("saved() counts a candidate's own vote, which asks for others only then", () => {
  const lone = new Lone([1, 2, 3]);
  lone.do((core) => core.campaign());
  lone.take();
  lone.core.step({ type: "preVoteReply", from: 2, to: 1, term: 1, granted: true });
  assertEquals([lone.core.role, lone.core.takeMessages()], ["candidate", []]);
  // An answer to what was not asked yet.
  lone.core.step({ type: "voteReply", from: 2, to: 1, term: 1, granted: true });
  lone.core.step({ type: "voteReply", from: 3, to: 1, term: 1, granted: true });
  assertEquals(lone.core.role, "candidate");
  const batch = take(lone);
  assertEquals(batch.messages.map(({ type }) => type), ["vote", "vote"]);
  lone.core.saved(batch);
  lone.core.step({ type: "voteReply", from: 3, to: 1, term: 1, granted: true });
  assertEquals(lone.core.role, "leader");
});

Deno.test("saved() counts a candidate's own vote for the batch that holds it only", () => {
  const lone = follower();
  lone.core.step(append(1, [1, 1], entries(2, 1)));
  const batch = take(lone);
  lone.core.step({ type: "timeoutNow", from: 2, to: 1, term: 1 });
  lone.core.saved(batch);
  lone.core.step({ type: "voteReply", from: 2, to: 1, term: 2, granted: true });
  assertEquals([lone.core.role, lone.core.term], ["candidate", 2]);
});

Deno.test("saved() makes a leader of a group of one, which commits by itself", () => {
  const { core } = new Lone([1]);
  core.campaign();
  assertEquals([core.role, core.takeMessages()], ["candidate", []]);
  core.saved(core.takeSave()!);
  assertEquals([core.role, core.commitIndex], ["leader", 0]);
  core.saved(core.takeSave()!);
  assertEquals([core.commitIndex, core.takeMessages(), core.hasWork()], [1, [], true]);
  assertEquals(core.takeCommitted(100).map(({ kind }) => kind), ["noop"]);
  assertEquals(core.hasWork(), false);
});

Deno.test("saved() does not count the log of a deposed leader for its successor", () => {
  const lone = Lone.leader();
  lone.core.propose(bytesOf("x"));
  const batch = take(lone);
  lone.core.step({ ...append(2, [1, 1], entries(2, 2)), from: 3 });
  lone.core.saved(batch);
  lone.core.step(accepted(2, 2));
  assertEquals([lone.core.commitIndex, lone.core.role], [1, "follower"]);
  assertEquals(indexes(take(lone)), [2]);
});

Deno.test("RaftCore takes up a log whose term was lost in a crash", () => {
  const lone = follower();
  const { disk } = lone.server;
  disk.entries.push(...entries(2, 4));
  lone.restart();
  assertEquals([lone.core.term, lone.core.lastIndex], [4, 2]);
  assertEquals(disk.hardState.term, 4);
});

Deno.test("takeSave() has one promise of a kind for a peer, however long the disk was stuck", () => {
  const { core } = follower();
  core.step(append(1, [1, 1], entries(2, 1)));
  const batch = core.takeSave()!;
  for (let round = 1; round <= 1000; round++) {
    core.step({ type: "heartbeat", from: 2, to: 1, term: 2, commitIndex: 0, readRound: round });
    core.step(append(2, [9, 2], []));
    core.step({ ...vote(3, 3, [9, 2]), type: "preVote" });
  }
  assertEquals(core.takeMessages(), []);
  core.saved(batch);
  const { messages } = core.takeSave()!;
  assertEquals(messages.map(({ type, to }) => `${type} to ${to}`).sort(), [
    "appendReply to 2",
    "heartbeatReply to 2",
    "preVoteReply to 3",
  ]);
  const confirmed = messages.find(({ type }) => type === "heartbeatReply");
  assertEquals(confirmed?.type === "heartbeatReply" && confirmed.readRound, 1000);
});
