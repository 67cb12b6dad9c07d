/**
 * The checker of Raft's promises (paper, figure 3) against members that break
 * one each: they look like cores, and do what no core may.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { encodeConfiguration } from "../../src/raft/codec.ts";
import type { Configuration, Entry, MemberId, Role } from "../../src/raft/types.ts";
import { CommittedLog } from "./committed_log.ts";
import { ConsensusCheck, type ObservedCore } from "./consensus_check.ts";
import { DurabilityCheck } from "./durability_check.ts";
import { ViolationError, Violations } from "./violation.ts";

/** Members 1 to `voters`, of which those from `learners` on have no vote. */
function members(voters: number, learners = 0): Configuration {
  const ids = Array.from({ length: voters + learners }, (_, i) => i + 1);
  return {
    members: ids.map((id) => ({
      id,
      name: `n${id}`,
      peerUrls: [`http://n${id}:7001`],
      clientUrls: [`http://n${id}:4001`],
      voter: id <= voters,
    })),
    removed: [],
  };
}

/** A member whose every word can be changed. */
class FakeCore implements ObservedCore {
  term = 1;
  role: Role = "follower";
  leader: MemberId = 0;
  commitIndex = 0;
  configuration = members(3);
  configurationIndex = 0;
  /** Terms by index from 1 on. */
  log: number[] = [];

  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.log[index - 1];
  }
}

function command(index: number, term: number): Entry {
  return { index, term, kind: "command", data: new Uint8Array([index, term]) };
}

/** Three members; the first leads term 1 and has written and saved one entry, as has the second. */
function cluster() {
  const violations = new Violations();
  const log = new CommittedLog(violations);
  const durability = new DurabilityCheck(violations, log);
  const check = new ConsensusCheck(violations, log, durability, () => {});
  const save = (id: MemberId, entries: readonly Entry[]) => {
    const hardState = { term: 9, vote: 0, commitIndex: 0 };
    const batch = { hardState, snapshot: undefined, entries, messages: [] };
    durability.saving(id, batch);
    durability.saved(id, batch);
  };
  for (const id of [1, 2, 3]) {
    durability.started(`n${id}`, id, {
      hardState: { term: 0, vote: 0, commitIndex: 0 },
      snapshot: { index: 0, term: 0, configuration: members(3) },
      entries: [],
    });
  }
  const start = (name: string) => {
    const core = new FakeCore();
    const subject = check.started(name, core);
    return { core, observe: () => check.observe(subject) };
  };
  const leader = start("n1");
  leader.core.role = "leader";
  leader.core.leader = 1;
  leader.observe();
  leader.core.log = [1];
  for (const id of [1, 2]) save(id, [command(1, 1)]);
  const commit = (index: number) => {
    leader.core.commitIndex = index;
    leader.observe();
  };
  return { violations, log, check, save, start, leader, commit };
}

function assertBroken(violations: Violations, property: string): void {
  const error = assertThrows(() => violations.throwIfAny(), ViolationError);
  assertEquals(error.property, property);
}

Deno.test("consensusCheck() is content when a leader commits what a quorum has", () => {
  const { violations, log, commit } = cluster();
  commit(1);
  violations.throwIfAny();
  assertEquals(log.lastIndex, 1);
});

Deno.test("consensusCheck() finds a term that goes back", () => {
  const { violations, leader } = cluster();
  leader.core.term = 0;
  leader.observe();
  assertBroken(violations, "term");
});

Deno.test("consensusCheck() finds two leaders of one term", () => {
  const { violations, start } = cluster();
  const rival = start("n2");
  rival.core.role = "leader";
  rival.observe();
  assertBroken(violations, "one leader a term");
});

Deno.test("consensusCheck() finds a leader without a committed entry", () => {
  const { violations, start, commit } = cluster();
  commit(1);
  violations.throwIfAny();
  const next = start("n3");
  Object.assign(next.core, { role: "leader", term: 2 });
  next.observe();
  assertBroken(violations, "leader completeness");
});

Deno.test("consensusCheck() finds an entry committed behind the back of a later leader", () => {
  const { violations, start, commit } = cluster();
  const next = start("n3");
  Object.assign(next.core, { role: "leader", term: 2 });
  next.observe();
  violations.throwIfAny();
  commit(1);
  assertBroken(violations, "leader completeness");
});

Deno.test("consensusCheck() finds a commit index that goes back", () => {
  const { violations, commit } = cluster();
  commit(1);
  violations.throwIfAny();
  commit(0);
  assertBroken(violations, "commit");
});

Deno.test("consensusCheck() finds a commit index ahead of all at a start", () => {
  const { violations, check } = cluster();
  check.started("n3", Object.assign(new FakeCore(), { commitIndex: 1 }));
  assertBroken(violations, "commit");
});

Deno.test("consensusCheck() finds a follower that commits before its leader", () => {
  const { violations, start } = cluster();
  const follower = start("n2");
  Object.assign(follower.core, { leader: 1, log: [1], commitIndex: 1 });
  follower.observe();
  assertBroken(violations, "commit");
});

Deno.test("consensusCheck() finds a commit of what nobody has written", () => {
  const { violations, leader, commit } = cluster();
  leader.core.log = [1, 1];
  commit(2);
  assertBroken(violations, "commit");
});

Deno.test("consensusCheck() finds another entry committed in the place of one that was", () => {
  const { violations, start, commit } = cluster();
  commit(1);
  violations.throwIfAny();
  const other = start("n3");
  Object.assign(other.core, { term: 2, log: [2], commitIndex: 1 });
  other.observe();
  assertBroken(violations, "committed entries stay");
});

Deno.test("consensusCheck() finds a commit that no quorum has on disk", () => {
  const { violations, save, leader, commit } = cluster();
  save(1, [command(2, 1)]);
  leader.core.log = [1, 1];
  commit(2);
  assertBroken(violations, "durable on a quorum");
});

Deno.test("consensusCheck() finds an entry of a past term committed by counting", () => {
  const { violations, start } = cluster();
  const next = start("n2");
  Object.assign(next.core, { role: "leader", leader: 2, term: 2, log: [1] });
  next.observe();
  next.core.commitIndex = 1;
  next.observe();
  assertBroken(violations, "commit in its own term");
});

/** The leader has committed an entry, and appends `next` as the configuration at `index`. */
function reconfigured(next: Configuration, commitFirst: boolean) {
  const all = cluster();
  const { save, leader, commit } = all;
  if (commitFirst) commit(1);
  const data = encodeConfiguration(next);
  for (const id of [1, 2]) save(id, [{ index: 2, term: 1, kind: "config", data }]);
  Object.assign(leader.core, { log: [1, 1], configuration: next, configurationIndex: 2 });
  leader.observe();
  return all;
}

Deno.test("consensusCheck() is content when a leader changes one voter", () => {
  const { violations } = reconfigured(members(4), true);
  violations.throwIfAny();
});

Deno.test("consensusCheck() finds a change before the leader has committed in its term", () => {
  const { violations } = reconfigured(members(4), false);
  assertBroken(violations, "one change at a time");
});

Deno.test("consensusCheck() finds two voters that are changed at once", () => {
  const { violations } = reconfigured(members(5), true);
  assertBroken(violations, "one change at a time");
});

Deno.test("consensusCheck() finds a second change while the first is not committed", () => {
  const { violations, leader } = reconfigured(members(3, 1), true);
  violations.throwIfAny();
  Object.assign(leader.core, { log: [1, 1, 1], configuration: members(4), configurationIndex: 3 });
  leader.observe();
  assertBroken(violations, "one change at a time");
});
