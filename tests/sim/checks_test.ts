/**
 * The checkers themselves: each must fail when its promise is broken, else a run
 * without a failure would say nothing. Those of Raft's own promises are in
 * `consensus_check_test.ts`, that of the disks in `durability_check_test.ts`.
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { FailureReason } from "../../src/node/ports.ts";
import type { Answer } from "../../src/service/answer.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, NOBODY, type SetCommand } from "../../src/store/command/command.ts";
import { InvariantError } from "../../src/base/assert.ts";
import { CorruptionError } from "../../src/storage/errors.ts";
import { DiskError } from "../../src/storage/disk.ts";
import { NOTHING, type Rejected, type Result } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import { differs } from "./campaign.ts";
import { HistoryCheck } from "./history_check.ts";
import { waitUntil } from "./liveness_check.ts";
import { ModelStore } from "./model_store.ts";
import { judgeEnd } from "./process_end.ts";
import { type Observed, StateCheck } from "./state_check.ts";
import { ViolationError, Violations } from "./violation.ts";
import { type PendingWatch, WatchCheck } from "./watch_check.ts";

function set(value: string) {
  return {
    type: "set",
    key: "/a",
    value,
    prevValue: undefined,
    ttlSeconds: undefined,
  } satisfies SetCommand;
}

/** `command` as it is in the log. */
function logged(command: Command, timeMs = 1): Uint8Array {
  return encodeCommand(command, NOBODY, timeMs);
}

/** A model, a history and a store that have seen `values` set at "/a" from index 1 on. */
function history(values: readonly string[]) {
  const violations = new Violations();
  const model = new ModelStore();
  const check = new HistoryCheck(violations, model);
  const store = new Store();
  const results: Result[] = [];
  const commitCommand = (index: number, command: Command) => {
    check.committed(index, model.apply(index, logged(command)));
    results[index] = store.apply(index, logged(command));
  };
  const commit = (index: number, value: string) => commitCommand(index, set(value));
  /** What was told of the entry at `index`. */
  const told = (index: number): Answer<Result> => ({ ok: true, value: results[index]! });
  values.forEach((value, i) => commit(i + 1, value));
  return { violations, model, check, commit, commitCommand, told };
}

function rejected(reason: Rejected["reason"]): Rejected {
  return { kind: "rejected", reason, key: "/a", changeIndex: 1 };
}

function failure(reason: FailureReason, cause: string): Answer<Result> {
  return { ok: false, reason, cause };
}

function assertBroken(violations: Violations, property: string): void {
  const error = assertThrows(() => violations.throwIfAny(), ViolationError);
  assertEquals(error.property, property);
}

Deno.test("historyCheck() finds a lost write when what was acknowledged is not committed", () => {
  const { violations, check } = history([]);
  check.answered(check.write("c1", set("x")), history(["x"]).told(1));
  assertBroken(violations, "durable acknowledgement");
});

Deno.test("historyCheck() finds a stale read when a newer write was acknowledged before", () => {
  const { violations, check, commit, told } = history([]);
  const write = check.write("c1", set("x"));
  commit(1, "x");
  check.answered(write, told(1));
  violations.throwIfAny();
  const read = check.read("c2", "/a");
  check.served(read, { member: "n1", appliedIndex: 0, nowMs: 1, found: { kind: "missing" } });
  assertBroken(violations, "linearizable read");
});

Deno.test("historyCheck() finds a wrong value when a read shows what never was", () => {
  const { violations, check } = history(["x"]);
  const found = { kind: "file", value: "y" } as const;
  const served = { member: "n1", appliedIndex: 1, nowMs: 1, found };
  check.servedStale("c1", "/a", served);
  assertBroken(violations, "reads see the committed state");
});

Deno.test("historyCheck() finds a write that happened twice", () => {
  const { violations, check, commit } = history([]);
  check.write("c1", set("x"));
  commit(1, "x");
  violations.throwIfAny();
  commit(2, "x");
  assertBroken(violations, "at most once");
});

Deno.test("historyCheck() finds a write that happened although it was refused", () => {
  const { violations, check, commit } = history([]);
  const told = failure("noLeader", "No leader, nothing was changed");
  check.answered(check.write("c1", set("x")), told);
  violations.throwIfAny();
  commit(1, "x");
  assertBroken(violations, "refused is refused");
});

Deno.test("clientHistory() finds a stale read without looking into the log", () => {
  const { check, violations, told } = history(["x", "y"]);
  check.answered(check.write("c1", set("x")), told(1));
  check.answered(check.write("c1", set("y")), told(2));
  violations.throwIfAny();
  const clients = check.clients;
  const read = check.read("c2", "/a");
  clients.served(read, { kind: "file", value: "x" });
  clients.check(violations);
  assertBroken(violations, "linearizable history");
});

Deno.test("historyCheck() finds a write that happened although nobody said that it may", () => {
  const { violations, check, commit } = history([]);
  const write = check.write("c1", set("x"));
  commit(1, "x");
  check.answered(write, failure("diskFull", "No space left"));
  assertBroken(violations, "refused is refused");
});

Deno.test("historyCheck() finds an answer that tells of another's write", () => {
  const { violations, check, told } = history(["x", "y"]);
  check.answered(check.write("c1", set("z")), told(2));
  assertBroken(violations, "answers");
});

Deno.test("historyCheck() finds a rejection that no entry has caused", () => {
  const { violations, check } = history(["x"]);
  const failed = [{ of: "value", expected: "w", found: "x" }] as const;
  const value = { ...rejected("testFailed"), failed };
  check.answered(check.write("c1", { ...set("y"), prevValue: "w" }), { ok: true, value });
  assertBroken(violations, "answers");
});

Deno.test("historyCheck() finds two deletes that are told of one index", () => {
  const { violations, check, commitCommand, told } = history(["x"]);
  const writes = ["c1", "c2"].map((client) => check.write(client, { type: "delete", key: "/a" }));
  commitCommand(2, { type: "delete", key: "/a" });
  for (const write of writes) check.answered(write, told(2));
  assertBroken(violations, "answers");
});

Deno.test("historyCheck() finds an answer older than what was known before it was asked", () => {
  const { violations, check, told } = history(["x", "y"]);
  const found = { kind: "file", value: "y" } as const;
  check.served(check.read("c1", "/a"), { member: "n1", appliedIndex: 2, nowMs: 1, found });
  violations.throwIfAny();
  check.answered(check.write("c2", set("x")), told(1));
  assertBroken(violations, "real-time order");
});

Deno.test("historyCheck() finds a dead key that lives again", () => {
  const violations = new Violations();
  const model = new ModelStore();
  const check = new HistoryCheck(violations, model);
  check.committed(1, model.apply(1, logged({ ...set("x"), ttlSeconds: 1 })));
  const see = (nowMs: number, isThere: boolean) => {
    const found = isThere ? { kind: "file", value: "x" } as const : { kind: "missing" } as const;
    check.served(check.read("c1", "/a"), { member: "n1", appliedIndex: 1, nowMs, found });
  };
  see(1000, true);
  see(1001, false);
  violations.throwIfAny();
  see(1000, true);
  assertBroken(violations, "dead stays dead");
});

function watching(path: string, since: number): PendingWatch {
  return { watcher: "w1", member: "n1", path, since, over: false, quietTo: 0 };
}

Deno.test("watchCheck() finds a gap when an event is left out", () => {
  const { violations, model } = history(["x", "y"]);
  new WatchCheck(violations, model).told(watching("/a", 1), model.events[1]!);
  assertBroken(violations, "watch");
});

Deno.test("watchCheck() finds an event from before the index that was asked for", () => {
  const { violations, model } = history(["x", "y"]);
  new WatchCheck(violations, model).told(watching("/a", 2), model.events[0]!);
  assertBroken(violations, "watch");
});

Deno.test("watchCheck() finds an event that never was", () => {
  const { violations, model } = history(["x"]);
  new WatchCheck(violations, model).told(watching("/a", 1), { ...model.events[0]!, value: "y" });
  assertBroken(violations, "watch");
});

Deno.test("watchCheck() finds a watch that is told twice", () => {
  const { violations, model } = history(["x"]);
  const check = new WatchCheck(violations, model);
  const watch = watching("/a", 1);
  check.told(watch, model.events[0]!);
  violations.throwIfAny();
  check.told(watch, model.events[0]!);
  assertBroken(violations, "watch");
});

Deno.test("watchCheck() finds a watch that is refused although the history reaches back", () => {
  const { violations, model } = history(["x", "y"]);
  new WatchCheck(violations, model).cleared(watching("/a", 2), 2, 2);
  assertBroken(violations, "watch");
});

Deno.test("watchCheck() finds a watch that waits although its event was applied", () => {
  const { violations, model, commit } = history([]);
  const check = new WatchCheck(violations, model);
  const watch = watching("/", 1);
  check.waits(watch, 0);
  commit(1, "x");
  violations.throwIfAny();
  check.waits(watch, 1);
  assertBroken(violations, "watch");
});

/** A state check whose model and whose store have applied the same commands, with what each gave. */
function state(commands: readonly Command[]) {
  const violations = new Violations();
  const model = new ModelStore();
  const check = new StateCheck(violations, model);
  const store = new Store();
  const results = commands.map((command, i) => {
    const data = logged(command, command.type === "expire" ? 2000 : 1);
    model.apply(i + 1, data);
    return store.apply(i + 1, data);
  });
  return { violations, check, store, results };
}

const SHORT_LIVED = { ...set("x"), ttlSeconds: 1 };
const EXPIRY: Command = { type: "expire", key: "/a", setIndex: 1, isDirectory: false };

Deno.test("stateCheck() is content with a store that does as the model does", () => {
  const { violations, check, store, results } = state([SHORT_LIVED, EXPIRY]);
  check.applied("n1", 2, results[1]!, store);
  violations.throwIfAny();
});

Deno.test("stateCheck() finds a command that was applied and not committed", () => {
  const { violations, check, store } = state([]);
  check.applied("n1", 1, NOTHING, store);
  assertBroken(violations, "applied is committed");
});

Deno.test("stateCheck() finds a command that did something else", () => {
  const { violations, check, store } = state([set("x")]);
  check.applied("n1", 1, rejected("keyNotFound"), store);
  assertBroken(violations, "apply");
});

Deno.test("stateCheck() finds a key that lives on after its expiry", () => {
  const { violations, check, store, results } = state([SHORT_LIVED, EXPIRY]);
  check.applied("n1", 2, results[1]!, observed(store, { hasKey: () => true }));
  assertBroken(violations, "expired is gone");
});

Deno.test("stateCheck() finds a store whose numbers are others", () => {
  const { violations, check, store, results } = state([set("x")]);
  check.applied("n1", 1, results[0]!, observed(store, { revision: 3 }));
  assertBroken(violations, "numbers");
});

/** What `store` shows, but for `others`. */
function observed(store: Store, others: Partial<Observed>): Observed {
  const { index, revision, changeIndex, compactedRevision } = store;
  const numbers = { index, revision, changeIndex, compactedRevision };
  const digest = () => store.digest();
  return { ...numbers, digest, hasKey: (key) => store.hasKey(key), ...others };
}

Deno.test("stateCheck() finds members that differ at one index", () => {
  const { violations, check, store, results } = state([set("x")]);
  check.applied("n1", 1, results[0]!, store);
  check.applied("n2", 1, results[0]!, observed(store, { digest: () => "other" }));
  assertBroken(violations, "equal digests");
});

Deno.test("stateCheck() finds a restored state that differs from what was applied", () => {
  const { violations, check, store, results } = state([set("x")]);
  check.applied("n1", 1, results[0]!, store);
  check.stands("n2", 1, "other");
  assertBroken(violations, "equal digests");
});

Deno.test("waitUntil() finds what does not come about in time", async () => {
  let nowMs = 0;
  const violations = new Violations();
  const step = () => {
    nowMs += 10;
    return Promise.resolve();
  };
  const course = { nowMs: () => nowMs, step, violations };
  await waitUntil("progress", 100, () => nowMs < 100 ? "too early" : undefined, course);
  const error = await assertRejects(
    () => waitUntil("progress", 100, () => "nothing was committed", course),
    ViolationError,
  );
  assertEquals(error.property, "progress");
});

const DAMAGE = new CorruptionError("wal-1", 0, "a frame", "zeros");

Deno.test("judgeEnd() finds a process that ends for no reason of its machine", () => {
  const nothing = { sawDiskError: false, mayBeDamaged: false };
  const property = (error: Error) => {
    const end = judgeEnd(error, nothing);
    return end.type === "violation" ? end.property : end.reason;
  };
  assertEquals(property(new InvariantError("broken")), "invariant");
  assertEquals(property(new TypeError("undefined")), "no unexpected end");
  assertEquals(property(new DiskError("failed")), "no unexpected end");
  assertEquals(property(DAMAGE), "no unexpected end");
  assertEquals(judgeEnd(DAMAGE, { ...nothing, mayBeDamaged: true }), {
    type: "exit",
    reason: "damaged",
  });
});

Deno.test("differs() finds a seed that goes two ways", () => {
  assertEquals(differs("a", "a"), undefined);
  assertEquals(differs("a", "b")?.property, "determinism");
});

Deno.test("violations() keeps the first when more follow", () => {
  const violations = new Violations();
  violations.note("one", "first");
  violations.note("two", "second");
  assertBroken(violations, "one");
});
