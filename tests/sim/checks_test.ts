/**
 * The checkers themselves: each must fail when its promise is broken, else a run
 * without a failure would say nothing.
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { Operation } from "../../src/api/v1/operation.ts";
import { encodeCommand } from "../../src/store/command.ts";
import type { Command } from "../../src/store/command.ts";
import { CommittedLog } from "./committed_log.ts";
import { DurabilityCheck } from "./durability_check.ts";
import { HistoryCheck } from "./history_check.ts";
import { ModelStore } from "./model_store.ts";
import { ViolationError, Violations } from "./violation.ts";
import { type PendingWatch, WatchCheck } from "./watch_check.ts";

function set(value: string, timeMs = 1): Command {
  return { type: "set", key: "/a", value, prevValue: undefined, ttlSeconds: undefined, timeMs };
}

function asked(value: string): Operation {
  return { type: "set", key: "/a", value, prevValue: undefined, ttlSeconds: undefined };
}

/** A model and a history that have seen `values` set at "/a" from index 1 on. */
function history(values: readonly string[]) {
  const violations = new Violations();
  const model = new ModelStore();
  const check = new HistoryCheck(violations, model);
  const commit = (index: number, value: string) =>
    check.committed(index, model.apply(index, encodeCommand(set(value))));
  values.forEach((value, i) => commit(i + 1, value));
  return { violations, model, check, commit };
}

function answer(value: string, index: number) {
  const event = { action: "SET", key: "/a", value, newKey: true, index };
  return { status: 200, body: JSON.stringify(event) };
}

function assertBroken(violations: Violations, property: string): void {
  const error = assertThrows(() => violations.throwIfAny(), ViolationError);
  assertEquals(error.property, property);
}

Deno.test("historyCheck() finds a lost write when what was acknowledged is not committed", () => {
  const { violations, check } = history([]);
  check.answered(check.write("c1", asked("x")), answer("x", 1));
  assertBroken(violations, "durable acknowledgement");
});

Deno.test("historyCheck() finds a stale read when a newer write was acknowledged before", () => {
  const { violations, check, commit } = history([]);
  const write = check.write("c1", asked("x"));
  commit(1, "x");
  check.answered(write, answer("x", 1));
  violations.throwIfAny();
  const read = check.read("c2", "/a");
  check.served(read, { member: "n1", appliedIndex: 0, nowMs: 1, found: { kind: "missing" } });
  assertBroken(violations, "linearizable read");
});

Deno.test("historyCheck() finds a wrong value when a read shows what never was", () => {
  const { violations, check } = history(["x"]);
  const item = { value: "y", setIndex: 1, deadlineMs: 0 };
  const served = {
    member: "n1",
    appliedIndex: 1,
    nowMs: 1,
    found: { kind: "file", item },
  } as const;
  check.servedStale("c1", "/a", served);
  assertBroken(violations, "reads see the committed state");
});

Deno.test("historyCheck() finds a write that happened twice", () => {
  const { violations, check, commit } = history([]);
  check.write("c1", asked("x"));
  commit(1, "x");
  violations.throwIfAny();
  commit(2, "x");
  assertBroken(violations, "at most once");
});

Deno.test("historyCheck() finds a write that happened although it was refused", () => {
  const { violations, check, commit } = history([]);
  const body = JSON.stringify({ errorCode: 301, cause: "No leader, nothing was changed" });
  check.answered(check.write("c1", asked("x")), { status: 500, body });
  violations.throwIfAny();
  commit(1, "x");
  assertBroken(violations, "refused is refused");
});

Deno.test("clientHistory() finds a stale read without looking into the log", () => {
  const { check, violations } = history(["x", "y"]);
  check.answered(check.write("c1", asked("x")), answer("x", 1));
  const body = { action: "SET", key: "/a", value: "y", prevValue: "x", index: 2 };
  check.answered(check.write("c1", asked("y")), { status: 200, body: JSON.stringify(body) });
  violations.throwIfAny();
  const clients = check.clients;
  const read = check.read("c2", "/a");
  clients.served(read, { kind: "file", item: { value: "x", setIndex: 1, deadlineMs: 0 } });
  clients.check(violations);
  assertBroken(violations, "linearizable history");
});

Deno.test("watchCheck() finds a gap when an event is left out", () => {
  const { violations, model } = history(["x", "y"]);
  const check = new WatchCheck(violations, model);
  const watch: PendingWatch = { watcher: "w1", member: "n1", path: "/a", since: 1, over: false };
  check.told(watch, model.events[1]!);
  assertBroken(violations, "watch");
});

Deno.test("watchCheck() finds a watch that waits although its event was applied", () => {
  const { violations, model } = history(["x"]);
  const check = new WatchCheck(violations, model);
  check.waits({ watcher: "w1", member: "n1", path: "/", since: 1, over: false }, 1);
  assertBroken(violations, "watch");
});

const FIRST = { index: 0, term: 0, configuration: { members: [], removed: [] } };

/** Member 7, which has started with an empty disk. */
function durability() {
  const violations = new Violations();
  const check = new DurabilityCheck(violations, new CommittedLog(violations));
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
  return { violations, check, start, batch };
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

Deno.test("committedLog() finds logs that differ at one index and term", () => {
  const violations = new Violations();
  const log = new CommittedLog(violations);
  const entry = { index: 1, term: 1, kind: "command", data: encodeCommand(set("x")) } as const;
  log.meet("n1", entry, 0);
  log.meet("n2", { ...entry, data: encodeCommand(set("x")) }, 0);
  violations.throwIfAny();
  log.meet("n3", { ...entry, data: encodeCommand(set("y")) }, 0);
  assertBroken(violations, "log matching");
});

Deno.test("violations() keeps the first when more follow", () => {
  const violations = new Violations();
  violations.note("one", "first");
  violations.note("two", "second");
  assertBroken(violations, "one");
});
