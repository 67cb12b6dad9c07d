/**
 * The checker of what is durable against members that promise too early, forget,
 * or write over what is committed; and that of logs which differ.
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { Entry, SaveBatch } from "../../src/raft/types.ts";
import { CommittedLog } from "./committed_log.ts";
import { DurabilityCheck } from "./durability_check.ts";
import { ViolationError, Violations } from "./violation.ts";

function assertBroken(violations: Violations, property: string): void {
  const error = assertThrows(() => violations.throwIfAny(), ViolationError);
  assertEquals(error.property, property);
}

const FIRST = { index: 0, term: 0, configuration: { members: [], removed: [] } };

/** Member 7, which has started with an empty disk. */
function durability() {
  const violations = new Violations();
  const log = new CommittedLog(violations);
  const check = new DurabilityCheck(violations, log);
  const start = (term: number, vote: number) =>
    check.started("n7", 7, {
      hardState: { term, vote, commitIndex: 0 },
      snapshot: FIRST,
      entries: [],
    });
  start(0, 0);
  const batch = (term: number, vote: number) => ({
    hardState: { term, vote, commitIndex: 0 },
    snapshot: undefined,
    entries: [],
    messages: [],
  });
  return { violations, check, log, start, batch };
}

Deno.test("durabilityCheck() finds a vote that leaves before it is on disk", () => {
  const { violations, check, batch } = durability();
  check.saving(7, batch(1, 8));
  const vote = { type: "voteReply", from: 7, to: 8, term: 1, granted: true } as const;
  check.sent(vote);
  assertBroken(violations, "durable before sent");
});

Deno.test("durabilityCheck() finds a vote that a restart has lost", () => {
  const { violations, check, start, batch } = durability();
  check.saving(7, batch(1, 8));
  check.saved(7, batch(1, 8));
  start(1, 0);
  assertBroken(violations, "durable across restarts");
});

Deno.test("durabilityCheck() is content when a crash keeps or loses the batch under way", () => {
  for (const vote of [0, 8]) {
    const { violations, check, start, batch } = durability();
    check.saving(7, batch(1, 8));
    start(vote === 0 ? 0 : 1, vote);
    violations.throwIfAny();
  }
});

Deno.test("durabilityCheck() finds a message of a term that is not on disk", () => {
  const { violations, check, batch } = durability();
  check.saving(7, batch(1, 0));
  check.sent({ type: "heartbeatReply", from: 7, to: 8, term: 1, readRound: 0 });
  assertBroken(violations, "durable before sent");
});

Deno.test("durabilityCheck() finds an acknowledgement of what is not on disk", () => {
  const { violations, check } = durability();
  const none = { hintIndex: 0, hintTerm: 0 };
  check.sent({ type: "appendReply", from: 7, to: 8, term: 0, rejected: false, index: 1, ...none });
  assertBroken(violations, "durable before sent");
});

Deno.test("durabilityCheck() finds a second vote in one term", () => {
  const { violations, check, batch } = durability();
  for (const candidate of [8, 9]) {
    check.saving(7, batch(1, candidate));
    check.saved(7, batch(1, candidate));
    check.sent({ type: "voteReply", from: 7, to: candidate, term: 1, granted: true });
    if (candidate === 8) violations.throwIfAny();
  }
  assertBroken(violations, "one vote a term");
});

function entry(index: number, term = 1, value = index): Entry {
  return { index, term, kind: "command", data: new Uint8Array([value]) };
}

Deno.test("durabilityCheck() finds a committed entry that is written over", () => {
  const { violations, check, log, batch } = durability();
  const save = (entries: SaveBatch["entries"]) => {
    check.saving(7, { ...batch(entries[0]!.term, 0), entries });
    check.saved(7, { ...batch(entries[0]!.term, 0), entries });
  };
  save([entry(1), entry(2)]);
  log.commit(1, 1);
  save([entry(2, 2)]);
  violations.throwIfAny();
  save([entry(1, 3)]);
  assertBroken(violations, "committed entries stay");
});

Deno.test("durabilityCheck() finds an entry that a restart has lost", () => {
  const { violations, check, start, batch } = durability();
  const saved = { ...batch(1, 0), entries: [entry(1)] };
  check.saving(7, saved);
  check.saved(7, saved);
  start(1, 0);
  assertBroken(violations, "durable across restarts");
});

Deno.test("durabilityCheck() finds a snapshot of what was never committed", () => {
  const { violations, check, batch } = durability();
  const snapshot = { index: 3, term: 1, configuration: FIRST.configuration };
  check.saving(7, { ...batch(1, 0), snapshot });
  check.saved(7, { ...batch(1, 0), snapshot });
  assertBroken(violations, "snapshot");
});

Deno.test("committedLog() finds logs that differ at one index and term", () => {
  const violations = new Violations();
  const log = new CommittedLog(violations);
  log.meet("n1", entry(1, 1, 7), 0);
  log.meet("n2", entry(1, 1, 7), 0);
  violations.throwIfAny();
  log.meet("n3", entry(1, 1, 8), 0);
  assertBroken(violations, "log matching");
});
