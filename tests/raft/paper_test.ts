/**
 * The rules of the Raft paper: figure 2, box by box, then the sections that add
 * to it.
 */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { DEFAULTS } from "./server.ts";
import { accepted, append, entries, Lone, refused, vote } from "./lone.ts";

Deno.test("figure 2, State: term, vote and log survive a crash", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.step(vote(3, 2, [1, 1], true));
  lone.restart();
  assertEquals(lone.server.disk.hardState.vote, 3);
  assertEquals([lone.core.term, lone.core.lastIndex, lone.core.role], [2, 1, "follower"]);
  lone.take();
  lone.step(vote(2, 2, [1, 1], true));
  assertEquals(lone.sent("voteReply").map(({ granted }) => granted), [false]);
});

Deno.test("figure 2, AppendEntries 1: a past term is refused", () => {
  const lone = new Lone();
  lone.step(append(3, [0, 0], []));
  lone.take();
  lone.step(append(2, [0, 0], entries(1, 2)));
  const [reply] = lone.sent("appendReply");
  assertEquals([reply?.rejected, reply?.term], [true, 3]);
  assertEquals(lone.log, "");
});

Deno.test("figure 2, AppendEntries 2: an append that leaves a gap is refused", () => {
  const lone = new Lone();
  lone.step(append(1, [2, 1], entries(3, 1)));
  const [reply] = lone.sent("appendReply");
  assertEquals([reply?.rejected, reply?.index, lone.log], [true, 2, ""]);
});

Deno.test("figure 2, AppendEntries 2: an append after an entry of another term is refused", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1)));
  lone.take();
  lone.step(append(2, [2, 2], entries(3, 2)));
  assertEquals(lone.sent("appendReply")[0]?.rejected, true);
  assertEquals(lone.log, "1@1a 2@1b");
});

Deno.test("figure 2, AppendEntries 3: a conflicting entry goes with all that follow it", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1)));
  lone.step(append(2, [1, 1], entries(2, 2)));
  assertEquals(lone.log, "1@1a 2@2b");
});

Deno.test("figure 2, AppendEntries 3: a late or repeated append cuts off nothing", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1)));
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.step(append(1, [1, 1], []));
  assertEquals(lone.log, "1@1a 2@1b 3@1c");
});

Deno.test("figure 2, AppendEntries 4: only entries that are missing are appended", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1)));
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1, 1)));
  assertEquals(lone.log, "1@1a 2@1b 3@1c 4@1d");
});

Deno.test("figure 2, AppendEntries 5: the commit index stops at the last new entry", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1)));
  // A leader of term 2 may have other entries at 2 and 3: only 1 is confirmed.
  lone.step(append(2, [1, 1], [], 3));
  assertEquals(lone.core.commitIndex, 1);
});

Deno.test("figure 2, RequestVote 1: a candidate of a past term is refused", () => {
  const lone = new Lone();
  lone.step(append(3, [0, 0], []));
  lone.take();
  lone.step(vote(3, 2, [9, 1], true));
  const [reply] = lone.sent("voteReply");
  assertEquals([reply?.granted, reply?.term], [false, 3]);
});

Deno.test("figure 2, RequestVote 2: a vote is given once a term, again to the same", () => {
  const lone = new Lone();
  lone.step(vote(2, 1, [0, 0]), vote(3, 1, [5, 0]), vote(2, 1, [0, 0]), vote(3, 2, [0, 0]));
  assertEquals(lone.sent("voteReply").map(({ granted }) => granted), [true, false, true, true]);
});

Deno.test("figure 2, RequestVote 2 and §5.4.1: only an up-to-date log gets a vote", () => {
  const cases: [readonly [number, number], boolean][] = [
    [[2, 2], true],
    [[3, 2], true],
    [[1, 3], true],
    [[1, 2], false],
    [[9, 1], false],
  ];
  for (const [last, expected] of cases) {
    const lone = new Lone();
    lone.step(append(2, [0, 0], entries(1, 1, 2)));
    lone.take();
    lone.step(vote(3, 4, last, true));
    assertEquals(lone.sent("voteReply")[0]?.granted, expected, `log that ends ${last}`);
  }
});

Deno.test("figure 2, All Servers: what is committed is applied, in order, once", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1), 2));
  assertEquals(lone.applied.map(({ index }) => index), [1, 2]);
  lone.step(append(1, [3, 1], [], 3), append(1, [3, 1], [], 3));
  assertEquals(lone.applied.map(({ index }) => index), [1, 2, 3]);
});

Deno.test("figure 2, All Servers: a newer term makes a follower of anybody", () => {
  const leader = Lone.leader();
  leader.step(append(2, [1, 1], []));
  assertEquals([leader.core.role, leader.core.term, leader.core.leader], ["follower", 2, 2]);
  const other = Lone.leader();
  other.step(accepted(2, 1, 7));
  assertEquals([other.core.role, other.core.term, other.core.leader], ["follower", 7, 0]);
});

Deno.test("figure 2, Followers: a follower campaigns when it hears nobody", () => {
  const lone = new Lone();
  lone.tick(DEFAULTS.electionTicks - 1);
  assertEquals(lone.core.role, "follower");
  lone.tick(1);
  assertEquals(lone.core.role, "preCandidate");
});

Deno.test("figure 2, Followers: its leader and a vote that it grants keep it quiet", () => {
  const lone = new Lone();
  lone.tick(9);
  lone.step(append(1, [0, 0], []));
  lone.tick(9);
  lone.step({ type: "heartbeat", from: 2, to: 1, term: 1, commitIndex: 0, readRound: 0 });
  lone.tick(9);
  lone.step(vote(3, 2, [0, 0], true));
  lone.tick(9);
  assertEquals(lone.core.role, "follower");
});

Deno.test("figure 2, Followers: a vote that it refuses does not keep it quiet", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.tick(9);
  lone.step(vote(3, 2, [0, 0], true));
  assertEquals(lone.sent("voteReply").at(-1)?.granted, false);
  lone.tick(1);
  assertEquals(lone.core.role, "preCandidate");
});

Deno.test("figure 2, Candidates: a candidate enters a term, votes for itself, asks all", () => {
  const lone = new Lone();
  lone.do((core) => core.campaign());
  lone.take();
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 1, granted: true });
  assertEquals([lone.core.role, lone.core.term], ["candidate", 1]);
  assertEquals(lone.server.disk.hardState.vote, 1);
  assertEquals(lone.sent("vote").map(({ to }) => to), [2, 3]);
});

Deno.test("figure 2, Candidates: a majority makes a leader", () => {
  const lone = new Lone([1, 2, 3, 4, 5]);
  lone.do((core) => core.campaign());
  for (const from of [2, 3]) {
    lone.step({ type: "preVoteReply", from, to: 1, term: 1, granted: true });
  }
  lone.step({ type: "voteReply", from: 2, to: 1, term: 1, granted: true });
  lone.step({ type: "voteReply", from: 2, to: 1, term: 1, granted: true });
  assertEquals(lone.core.role, "candidate");
  lone.step({ type: "voteReply", from: 3, to: 1, term: 1, granted: true });
  assertEquals(lone.core.role, "leader");
});

Deno.test("figure 2, Candidates: a candidate follows whoever leads its term", () => {
  const lone = new Lone();
  lone.do((core) => core.campaign());
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 1, granted: true });
  lone.step(append(1, [0, 0], []));
  assertEquals([lone.core.role, lone.core.leader], ["follower", 2]);
});

Deno.test("figure 2, Candidates: an election without result is followed by another", () => {
  const lone = new Lone();
  lone.do((core) => core.campaign());
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 1, granted: true });
  lone.take();
  lone.tick(DEFAULTS.electionTicks);
  assertEquals([lone.core.role, lone.core.term], ["preCandidate", 1]);
  lone.step({ type: "preVoteReply", from: 2, to: 1, term: 2, granted: true });
  assertEquals(lone.core.term, 2);
});

Deno.test("figure 2, Leaders: heartbeats go out while nothing happens", () => {
  const lone = Lone.leader();
  lone.tick(DEFAULTS.heartbeatTicks);
  assertEquals(lone.sent("heartbeat").map(({ to }) => to), [2, 3]);
});

Deno.test("figure 2, Leaders: a command is appended and applied when it is committed", () => {
  const lone = Lone.leader();
  assertEquals(lone.do((core) => core.propose(new Uint8Array([1]))), 2);
  assertEquals(lone.applied.length, 1);
  lone.step(accepted(3, 2));
  assertEquals(lone.applied.length, 2);
});

Deno.test("figure 2, Leaders: nextIndex goes back after a refusal until the logs match", () => {
  const lone = Lone.leader();
  lone.propose("a", "b");
  lone.step(refused(3, 0, [0, 0]));
  const before = lone.core.progress().find(({ id }) => id === 3);
  assertEquals(before?.next, 1);
  lone.take();
  lone.tick(DEFAULTS.heartbeatTicks);
  lone.take();
  lone.step({ type: "heartbeatReply", from: 3, to: 1, term: 1, readRound: 0 });
  const sent = lone.sent("append").find(({ to }) => to === 3);
  assertEquals([sent?.prevIndex, sent?.entries.length], [0, 3]);
});

Deno.test("figure 2, Leaders: an index is committed when a majority has it", () => {
  const lone = Lone.leader([1, 2, 3, 4, 5]);
  lone.propose("a");
  lone.step(accepted(2, 2));
  assertEquals(lone.core.commitIndex, 1);
  lone.step(accepted(3, 2));
  assertEquals(lone.core.commitIndex, 2);
});

Deno.test("§5.4.2: an entry of an older term is committed by one of its own term only", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1)));
  lone.tick(DEFAULTS.electionTicks);
  lone.step({ type: "preVoteReply", from: 3, to: 1, term: 2, granted: true });
  lone.step({ type: "voteReply", from: 3, to: 1, term: 2, granted: true });
  assertEquals(lone.core.role, "leader");
  lone.step(accepted(3, 1, 2));
  assertEquals(lone.core.commitIndex, 0);
  lone.step(accepted(3, 2, 2));
  assertEquals(lone.core.commitIndex, 2);
});

Deno.test("§5.1: only messages of the current term count", () => {
  const lone = Lone.leader();
  lone.propose("a");
  lone.step(accepted(2, 2, 0));
  assertEquals(lone.core.commitIndex, 1);
});

Deno.test("§5.2: election time-outs are spread over [1, 1.6) of the least one", () => {
  const ticksUntilCampaign = (random: number, electionTicks: number) => {
    const lone = new Lone([1, 2, 3], { random: () => random, electionTicks });
    for (let ticks = 1;; ticks++) {
      lone.tick(1);
      if (lone.core.role !== "follower") return ticks;
    }
  };
  for (const electionTicks of [4, 5, 10, 45]) {
    assertEquals(ticksUntilCampaign(0, electionTicks), electionTicks);
    const longest = ticksUntilCampaign(0.999999, electionTicks);
    assert(longest > electionTicks && longest < 1.6 * electionTicks, `${longest} ticks`);
  }
});

Deno.test("§5.3: a refusal skips the terms that cannot match", () => {
  const lone = new Lone();
  lone.step(append(3, [0, 0], entries(1, 1, 1, 3, 3, 3)));
  lone.take();
  lone.step(append(5, [9, 2], []));
  const [reply] = lone.sent("appendReply");
  assertEquals([reply?.index, reply?.hintIndex, reply?.hintTerm], [9, 2, 1]);
});

Deno.test("§7: a snapshot ahead of the log replaces it", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1)));
  lone.take();
  const snapshot = { index: 5, term: 2, configuration: lone.core.configuration };
  lone.step({ type: "snapshot", from: 2, to: 1, term: 2, snapshot });
  assertEquals([lone.core.lastIndex, lone.core.commitIndex, lone.core.appliedIndex], [5, 5, 5]);
  assertEquals(lone.log, "");
  assertEquals(lone.sent("appendReply").map(({ index }) => index), [5]);
});

Deno.test("§7: a snapshot whose last entry is in the log only commits", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1)));
  lone.take();
  const snapshot = { index: 2, term: 1, configuration: lone.core.configuration };
  lone.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  assertEquals([lone.core.commitIndex, lone.log], [2, "1@1a 2@1b 3@1c"]);
  assertEquals(lone.server.disk.snapshot.index, 0);
});

Deno.test("§7: a snapshot of what is committed already changes nothing", () => {
  const lone = new Lone();
  lone.step(append(1, [0, 0], entries(1, 1, 1, 1), 3));
  lone.take();
  const snapshot = { index: 2, term: 1, configuration: lone.core.configuration };
  lone.step({ type: "snapshot", from: 2, to: 1, term: 1, snapshot });
  assertEquals([lone.core.commitIndex, lone.core.lastIndex], [3, 3]);
  assertEquals(lone.sent("appendReply").map(({ index }) => index), [3]);
});

Deno.test("§8: a leader opens its term with a no-op", () => {
  const lone = Lone.elected();
  assertEquals(lone.server.disk.entries.map(({ kind, term }) => [kind, term]), [["noop", 1]]);
  assertFalse(lone.core.commitIndex > 0);
});
