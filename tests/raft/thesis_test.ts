/** What Ongaro's thesis adds to the paper, section by section. */
import { assert, assertEquals } from "@std/assert";
import { encodeConfiguration } from "../../src/raft/codec.ts";
import type { Configuration, Entry, Member } from "../../src/raft/types.ts";
import { accepted, append, entries, Lone, vote } from "./lone.ts";
import { bytesOf, configurationOf, DEFAULTS, member } from "./server.ts";
import { withMember, withoutMember } from "./story.ts";

function configEntry(index: number, term: number, configuration: Configuration): Entry {
  return { index, term, kind: "config", data: encodeConfiguration(configuration) };
}

function heartbeatReply(from: number, readRound: number) {
  return { type: "heartbeatReply", from, to: 1, term: 1, readRound } as const;
}

Deno.test("§3.10: leadership goes to a server that has everything, at once", () => {
  const lone = Lone.leader();
  assert(lone.do((core) => core.transferLeadership(2)));
  assertEquals(lone.sent("timeoutNow").map(({ to }) => to), [2]);
});

Deno.test("§3.10: a server that lacks entries gets them first, and nothing is added", () => {
  const lone = Lone.leader();
  lone.propose("a");
  lone.take();
  assert(lone.do((core) => core.transferLeadership(2)));
  assertEquals(lone.sent("timeoutNow"), []);
  assertEquals(lone.core.propose(bytesOf("b")), 0);
  lone.step(accepted(2, 2));
  assertEquals(lone.sent("timeoutNow").length, 1);
});

Deno.test("§3.10: a transfer is given up after an election time-out", () => {
  const lone = Lone.leader();
  lone.do((core) => core.transferLeadership(3));
  for (let tick = 0; tick < DEFAULTS.electionTicks; tick++) {
    assertEquals(lone.core.propose(bytesOf("a")), 0);
    lone.tick(1);
    lone.step(heartbeatReply(2, 0));
  }
  assertEquals(lone.core.role, "leader");
  assert(lone.core.propose(bytesOf("a")) > 0);
});

Deno.test("§3.10: a second transfer has as much time as the first", () => {
  const lone = Lone.leader();
  lone.core.transferLeadership(3);
  for (let tick = 0; tick < DEFAULTS.electionTicks; tick++) {
    lone.step(heartbeatReply(2, 0));
    lone.tick(1);
  }
  lone.step(heartbeatReply(2, 0));
  assert(lone.core.transferLeadership(3));
  lone.tick(1);
  assertEquals(lone.core.propose(bytesOf("a")), 0);
});

Deno.test("§3.10: the command to campaign is repeated, for it may be lost", () => {
  const lone = Lone.leader();
  lone.do((core) => core.transferLeadership(2));
  lone.take();
  lone.step(heartbeatReply(3, 0), heartbeatReply(2, 0));
  assertEquals(lone.sent("timeoutNow").map(({ to }) => to), [2]);
});

Deno.test("§3.10: who is told to campaign does not ask whether it could win", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.take();
  lone.step({ type: "timeoutNow", from: 2, to: 1, term: 1 });
  assertEquals([lone.core.role, lone.core.term], ["candidate", 2]);
  assertEquals(lone.sent("vote").map(({ transfer }) => transfer), [true, true]);
});

Deno.test("§3.10: leadership goes to voters only, who stay so until it is theirs", () => {
  const lone = Lone.leader();
  lone.do((core) => core.proposeConfiguration(withMember(3, false)(core.configuration)));
  lone.step(accepted(2, 2));
  assertEquals(lone.core.transferLeadership(3), false);
  assert(lone.core.transferLeadership(2));
  assertEquals(lone.core.proposeConfiguration(lone.core.configuration).ok, false);
});

Deno.test("§4.1: a configuration is in effect as soon as it is appended", () => {
  const lone = Lone.leader();
  const outcome = lone.do((core) =>
    core.proposeConfiguration(withoutMember(3)(core.configuration))
  );
  assertEquals(outcome, { ok: true, index: 2 });
  assertEquals(lone.core.configuration.members.map(({ id }) => id), [1, 2]);
  assertEquals(lone.core.committedConfiguration.members.map(({ id }) => id), [1, 2, 3]);
  assertEquals(lone.core.configurationIndex, 2);
});

Deno.test("§4.1: a configuration is undone when its entry is truncated", () => {
  const lone = new Lone();
  const smaller = configurationOf([1, 2]);
  lone.step(append(1, [0, 0], [configEntry(1, 1, smaller)]));
  assertEquals(lone.core.configuration, smaller);
  lone.step(append(2, [0, 0], entries(1, 2)));
  assertEquals(lone.core.configuration, configurationOf([1, 2, 3]));
  assertEquals(lone.core.configurationIndex, 0);
});

Deno.test("§4.1: a configuration in the log is in effect after a restart", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], [configEntry(1, 1, configurationOf([1, 2]))]));
  lone.restart();
  assertEquals(lone.core.configuration, configurationOf([1, 2]));
});

Deno.test("§4.1: voters change one at a time", () => {
  const refusal = (next: Configuration) => {
    const outcome = Lone.leader().core.proposeConfiguration(next);
    return outcome.ok ? "ok" : outcome.reason;
  };
  assertEquals(refusal(configurationOf([1, 2, 3, 4])), "ok");
  assertEquals(refusal(configurationOf([1, 2])), "ok");
  assertEquals(refusal(configurationOf([1, 2, 4])), "invalid");
  assertEquals(refusal(configurationOf([1])), "invalid");
  assertEquals(refusal(configurationOf([1, 2, 3, 4, 5])), "invalid");
  const learners = [member(4, false), member(5, false)];
  const withLearners = { members: [member(1), member(2), member(3), ...learners], removed: [] };
  assertEquals(refusal(withLearners), "ok");
});

Deno.test("a leader judges a change as the others will read it: two names may be one in UTF-8", () => {
  const lone = Lone.leader();
  const { members } = configurationOf([1, 2, 3]);
  const named = (name: string) => ({ ...member(4, false), name });
  const next = { members: [...members, named("\ud800")], removed: [] };
  lone.do((core) => core.proposeConfiguration(next));
  lone.step(accepted(2, 2));
  const twin = { members: [...lone.core.configuration.members, { ...named("\ud801"), id: 5 }] };
  const outcome = lone.core.proposeConfiguration({ ...twin, removed: [] });
  assertEquals(outcome.ok ? "ok" : outcome.reason, "invalid");
});

Deno.test("§4.1: a change waits until the one before it is committed", () => {
  const lone = Lone.leader();
  lone.do((core) => core.proposeConfiguration(withMember(4, false)(core.configuration)));
  const next = withMember(5, false)(lone.core.configuration);
  const outcome = lone.core.proposeConfiguration(next);
  assertEquals(outcome.ok ? "ok" : outcome.reason, "pending");
  lone.step(accepted(2, 2));
  assert(lone.core.proposeConfiguration(next).ok);
});

Deno.test("§4.1, errata of 2015: a leader changes nothing before it has committed", () => {
  const lone = Lone.elected();
  const next = withMember(4, false)(lone.core.configuration);
  const outcome = lone.core.proposeConfiguration(next);
  assertEquals(outcome.ok ? "ok" : outcome.reason, "notReady");
  lone.step(accepted(2, 1));
  assert(lone.core.proposeConfiguration(next).ok);
});

Deno.test("§4.1: who does not lead changes nothing", () => {
  const outcome = new Lone().core.proposeConfiguration(configurationOf([1, 2]));
  assertEquals(outcome.ok ? "ok" : outcome.reason, "notLeader");
});

Deno.test("§4.2.1: a learner is sent the log, and does not count", () => {
  const lone = Lone.leader();
  lone.do((core) => core.proposeConfiguration(withMember(4, false)(core.configuration)));
  assert(lone.sent("append").some(({ to }) => to === 4));
  lone.step(accepted(4, 2));
  assertEquals(lone.core.commitIndex, 1);
  lone.step(accepted(3, 2));
  assertEquals(lone.core.commitIndex, 2);
});

Deno.test("§4.2.1: a reserved place is sent nothing, before a newcomer takes it", () => {
  const lone = Lone.leader();
  const place = { ...member(4, false), name: "", clientUrls: [] };
  const propose = (last: Member) =>
    lone.do((core) => {
      const { members, removed } = core.configuration;
      const others = members.filter(({ id }) => id !== 4);
      assert(core.proposeConfiguration({ members: [...others, last], removed }).ok);
    });
  propose(place);
  lone.step(accepted(2, 2));
  lone.tick(3);
  assertEquals(lone.take().filter(({ to }) => to === 4), []);
  assertEquals(lone.core.commitIndex, 2);
  propose({ ...place, name: "n4", takenBy: 9 });
  assert(lone.sent("append").some(({ to }) => to === 4));
});

Deno.test("§4.2.1: a learner and a stranger never campaign, but vote when they are asked", () => {
  const lone = new Lone([2, 3]);
  lone.tick(50);
  lone.do((core) => core.campaign());
  assertEquals([lone.core.role, lone.take()], ["follower", []]);
  lone.step(vote(2, 1, [0, 0]));
  assertEquals(lone.sent("voteReply").map(({ granted }) => granted), [true]);
});

Deno.test("§4.2.2: a leader that removes itself does not count itself, and then goes", () => {
  const lone = Lone.leader();
  lone.do((core) => core.proposeConfiguration(withoutMember(1)(core.configuration)));
  lone.step(accepted(2, 2));
  assertEquals([lone.core.role, lone.core.commitIndex], ["leader", 1]);
  lone.take();
  lone.step(accepted(3, 2));
  assertEquals([lone.core.role, lone.core.commitIndex], ["follower", 2]);
  assertEquals(lone.sent("timeoutNow").length, 1);
});

Deno.test("§4.2.2: it stays until its removal itself is committed", () => {
  const lone = Lone.leader();
  lone.propose("a");
  lone.do((core) => core.proposeConfiguration(withoutMember(1)(core.configuration)));
  lone.step(accepted(2, 2), accepted(3, 2));
  assertEquals([lone.core.role, lone.core.commitIndex], ["leader", 2]);
});

Deno.test("§4.2.2: it lets the most complete server campaign in its place", () => {
  const lone = Lone.leader([1, 2, 3, 4]);
  lone.do((core) => core.proposeConfiguration(withoutMember(1)(core.configuration)));
  lone.propose("a");
  lone.take();
  lone.step(accepted(3, 2), accepted(4, 3));
  assertEquals(lone.sent("timeoutNow").map(({ to }) => to), [4]);
});

Deno.test("§4.2.3: no vote is given while a leader is heard, and no trace is left", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], []));
  lone.take();
  lone.tick(DEFAULTS.electionTicks - 1);
  lone.step(vote(3, 9, [9, 8]));
  assertEquals([lone.core.term, lone.take()], [1, []]);
  const leader = Lone.leader();
  leader.step(vote(3, 9, [9, 8]));
  assertEquals([leader.core.role, leader.core.term], ["leader", 1]);
});

Deno.test("§4.2.3: a vote for whom the leader hands over to is given at once", () => {
  const lone = Lone.leader();
  lone.step(vote(3, 2, [1, 1], true));
  assertEquals(lone.sent("voteReply").map(({ granted }) => granted), [true]);
});

Deno.test("§4.2.3: the answer of a server that is no member does not change the term", () => {
  const lone = Lone.leader();
  lone.step(accepted(9, 1, 12), { type: "voteReply", from: 9, to: 1, term: 12, granted: false });
  assertEquals([lone.core.role, lone.core.term], ["leader", 1]);
});

Deno.test("§6.2: a leader that hears no majority for an election time-out steps down", () => {
  const lone = Lone.leader([1, 2, 3, 4, 5]);
  lone.tick(5);
  lone.step(heartbeatReply(2, 0));
  lone.tick(4);
  lone.step(heartbeatReply(3, 0));
  // Server 2 was heard 9 ticks ago, 3 now: with the leader itself a majority.
  lone.tick(5);
  assertEquals(lone.core.role, "leader");
  lone.tick(1);
  assertEquals([lone.core.role, lone.core.leader, lone.core.term], ["follower", 0, 1]);
});

Deno.test("§6.4: a read is confirmed by a majority that was asked after it", () => {
  const lone = Lone.leader();
  lone.do((core) => core.readIndex(1));
  const [heartbeat] = lone.sent("heartbeat");
  lone.do((core) => core.readIndex(2));
  lone.step(heartbeatReply(2, heartbeat!.readRound - 1));
  assertEquals(lone.reads, []);
  lone.step(heartbeatReply(2, heartbeat!.readRound));
  assertEquals(lone.reads, [{ token: 1, index: 1 }]);
  lone.step(heartbeatReply(2, heartbeat!.readRound));
  assertEquals(lone.reads.length, 1);
  lone.step(heartbeatReply(3, heartbeat!.readRound + 1));
  assertEquals(lone.reads, [{ token: 1, index: 1 }, { token: 2, index: 1 }]);
});

Deno.test("§6.4: reads wait until the leader has committed in its term", () => {
  const lone = Lone.elected();
  assert(lone.do((core) => core.readIndex(1)));
  assertEquals(lone.sent("heartbeat"), []);
  lone.step(accepted(2, 1));
  assertEquals(lone.sent("heartbeat").length, 2);
});

Deno.test("§6.4: a lost round goes on with the next heartbeat", () => {
  const lone = Lone.leader();
  lone.do((core) => core.readIndex(1));
  const round = lone.sent("heartbeat")[0]?.readRound;
  lone.tick(DEFAULTS.heartbeatTicks);
  assertEquals(lone.sent("heartbeat").map(({ readRound }) => readRound), [round, round]);
});

Deno.test("§6.4: learners do not confirm reads", () => {
  const lone = Lone.leader();
  lone.do((core) => core.proposeConfiguration(withMember(4, false)(core.configuration)));
  lone.step(accepted(2, 2));
  lone.take();
  lone.do((core) => core.readIndex(1));
  const heartbeats = lone.sent("heartbeat");
  assertEquals(heartbeats.map(({ to }) => to), [2, 3]);
  lone.step(heartbeatReply(4, heartbeats[0]!.readRound));
  assertEquals(lone.reads, []);
});

Deno.test("§6.4: reads are dropped with leadership, confirmed ones are not", () => {
  const lone = Lone.leader();
  lone.do((core) => core.readIndex(1));
  lone.step(heartbeatReply(2, 1));
  lone.do((core) => core.readIndex(2));
  lone.do((core) => core.readIndex(3));
  lone.step(append(2, [1, 1], []));
  assertEquals(lone.reads.map(({ token }) => token), [1]);
  assertEquals(lone.dropped, [2, 3]);
  assertEquals(lone.core.readIndex(4), false);
});

Deno.test("§6.4: a group of one, and one that shrinks to it, confirms by itself", () => {
  const alone = Lone.leader([1]);
  alone.do((core) => core.readIndex(1));
  assertEquals(alone.reads, [{ token: 1, index: 1 }]);
  const lone = Lone.leader([1, 2]);
  lone.do((core) => core.readIndex(1));
  lone.do((core) => core.proposeConfiguration(withoutMember(2)(core.configuration)));
  assertEquals(lone.reads, [{ token: 1, index: 1 }]);
});

Deno.test("§9.6: a server asks before it enters a new term", () => {
  const lone = new Lone();
  lone.tick(DEFAULTS.electionTicks);
  assertEquals([lone.core.role, lone.core.term], ["preCandidate", 0]);
  assertEquals(lone.sent("preVote").map(({ to, term }) => [to, term]), [[2, 1], [3, 1]]);
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 0, granted: false });
  lone.step({ type: "preVoteReply", from: 3, to: 1, term: 0, granted: false });
  assertEquals([lone.core.role, lone.core.term], ["follower", 0]);
});

Deno.test("§9.6: who is asked says no while it hears a leader, or has the longer log", () => {
  const ask = (lone: Lone, last: readonly [number, number]) => {
    lone.take();
    lone.step({ ...vote(3, 2, last), type: "preVote" });
    return lone.sent("preVoteReply")[0]?.granted;
  };
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1)));
  assertEquals(ask(lone, [1, 1]), false);
  lone.tick(DEFAULTS.electionTicks);
  assertEquals(ask(lone, [0, 0]), false);
  assertEquals(ask(lone, [1, 1]), true);
  assertEquals(lone.core.term, 1);
});

Deno.test("§9.6: a grant for another campaign does not count", () => {
  const lone = new Lone();
  lone.do((core) => core.campaign());
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 4, granted: true });
  assertEquals(lone.core.role, "preCandidate");
});

Deno.test("§9.6: a server that only asks still votes, and then waits", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], []));
  lone.tick(DEFAULTS.electionTicks);
  lone.take();
  lone.step(vote(3, 1, [0, 0]));
  assertEquals(lone.sent("voteReply").map(({ granted }) => granted), [true]);
  assertEquals(lone.core.role, "follower");
});

Deno.test("§9.6: a server that is behind learns of the term from the answer", () => {
  const lone = new Lone();
  lone.tick(DEFAULTS.electionTicks);
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 7, granted: false });
  assertEquals([lone.core.role, lone.core.term], ["follower", 7]);
});

Deno.test("§10.2.1: a leader sends before its own disk is done, and counts itself after", () => {
  const lone = Lone.leader();
  lone.core.propose(bytesOf("a"));
  lone.server.run();
  assertEquals(lone.sent("append").map(({ to }) => to), [2]);
  lone.core.step(accepted(2, 2));
  lone.server.run();
  assertEquals(lone.core.commitIndex, 1);
  lone.server.finishSave();
  assertEquals(lone.core.commitIndex, 2);
});

Deno.test("§10.2.1: others can commit before the leader's disk is done; it applies after", () => {
  const lone = Lone.leader();
  lone.core.propose(bytesOf("a"));
  lone.server.run();
  lone.core.step(accepted(2, 2));
  lone.core.step(accepted(3, 2));
  lone.server.run();
  assertEquals([lone.core.commitIndex, lone.core.appliedIndex], [2, 1]);
  lone.server.finishSave();
  lone.server.run();
  assertEquals(lone.core.appliedIndex, 2);
});

Deno.test("§10.2.1: appends are pipelined within a window, and one slow peer waits alone", () => {
  const lone = Lone.leader([1, 2, 3], { inflightMax: 2, appendBytesMax: 1 });
  lone.propose("a", "b", "c", "d");
  assertEquals(lone.sent("append").map(({ to, prevIndex }) => [to, prevIndex]), [[2, 1], [2, 2]]);
  lone.step(accepted(2, 2), accepted(2, 3));
  assertEquals(lone.sent("append").map(({ to, prevIndex }) => [to, prevIndex]), [[2, 3], [2, 4]]);
  assertEquals(lone.core.commitIndex, 3);
});
