/** Each command counts for what it was and what it came to, once. */
import { assertEquals } from "@std/assert";
import type { Command } from "../../src/store/command/command.ts";
import { StoreCounters } from "../../src/store/counters.ts";
import type { OperationResult, Result } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";

type Counter = {
  [K in keyof StoreCounters]: StoreCounters[K] extends number ? K : never;
}[keyof StoreCounters];

const DONE = { kind: "event" } as Result;
const REJECTED = { kind: "rejected" } as Result;
const NOTHING = { kind: "nothing" } as Result;

const put = { type: "treePut", prevIndex: 0 };
const remove = { type: "treeDelete", prevIndex: 0 };

/** A command, what it counts as when it succeeds, and when it is refused. */
const CASES: readonly (readonly [object, Counter, Counter])[] = [
  [{ type: "set" }, "setsSuccess", "setsFail"],
  [{ type: "set", prevValue: "v" }, "testAndSetsSuccess", "testAndSetsFail"],
  [{ type: "delete" }, "deletesSuccess", "deletesFail"],
  [put, "setsSuccess", "setsFail"],
  [{ ...put, refresh: true }, "setsSuccess", "setsFail"],
  [{ ...put, prevExist: true }, "updatesSuccess", "updatesFail"],
  [{ ...put, prevExist: false }, "createsSuccess", "createsFail"],
  [{ ...put, inOrder: true }, "createsSuccess", "createsFail"],
  [{ ...put, prevValue: "v" }, "testAndSetsSuccess", "testAndSetsFail"],
  [{ ...put, prevIndex: 7 }, "testAndSetsSuccess", "testAndSetsFail"],
  [{ ...put, prevIndex: 7, prevExist: true }, "testAndSetsSuccess", "testAndSetsFail"],
  [remove, "deletesSuccess", "deletesFail"],
  [{ ...remove, prevValue: "v" }, "compareAndDeletesSuccess", "compareAndDeletesFail"],
  [{ ...remove, prevIndex: 7 }, "compareAndDeletesSuccess", "compareAndDeletesFail"],
];

/** What `command` counts as, each once; undefined for nothing. */
function counted(command: object, result: Result): string | undefined {
  const counters = new StoreCounters();
  counters.count(command as Command, result, 0);
  const grown = Object.entries(counters).filter(([, count]) => count !== 0);
  assertEquals(grown.map(([, count]) => count), grown.map(() => 1));
  return grown.map(([name]) => name).join(" ") || undefined;
}

Deno.test("StoreCounters.count() counts each command of v1 and v2 once, by what it came to", () => {
  for (const [command, success, failure] of CASES) {
    const what = JSON.stringify(command);
    assertEquals([counted(command, DONE), counted(command, REJECTED)], [success, failure], what);
  }
  const expire = { type: "expire" };
  assertEquals([counted(expire, DONE), counted(expire, NOTHING)], ["expiries", undefined]);
});

/** How often v3's operations are counted after `command`: puts, deletes, ranges, transactions. */
function operationsOf(command: object, result: Result, changed = 0): number[] {
  const counters = new StoreCounters();
  counters.count(command as Command, result, changed);
  return [counters.puts, counters.deletes, counters.ranges, counters.txns];
}

Deno.test("StoreCounters.count() counts v3's operations, those within transactions, too", () => {
  const put: OperationResult = { type: "put", previous: undefined };
  const deletion: OperationResult = { type: "delete", deleted: 0, previous: [] };
  const range: OperationResult = { type: "range", kvs: [], count: 0, more: false };
  const txn = (...results: OperationResult[]): OperationResult => ({
    ...{ type: "txn", succeeded: true, results },
  });
  const applied = (type: string, result: OperationResult) =>
    operationsOf({ type }, { kind: "applied", revision: 2, logIndex: 3, result });
  assertEquals(applied("put", put), [1, 0, 0, 0]);
  assertEquals(applied("deleteRange", deletion), [0, 1, 0, 0]);
  assertEquals(applied("txn", txn(put, put, range, txn(deletion))), [2, 1, 1, 2]);
});

Deno.test("Store.query() counts as the transaction that it is", () => {
  const store = new Store({ lookBackEvents: 1 });
  store.query({ type: "txn", compares: [], success: [], failure: [] });
  assertEquals(store.counters.txns, 1);
});

Deno.test("StoreCounters.count() counts no operation of v3 that was refused", () => {
  for (const type of ["put", "deleteRange", "txn"]) {
    assertEquals(operationsOf({ type }, REJECTED), [0, 0, 0, 0], type);
  }
});

Deno.test("StoreCounters.count() counts the keys that end with their lease as deletes", () => {
  const done = { kind: "done" } as Result;
  assertEquals(operationsOf({ type: "leaseRevoke", grantIndex: 7 }, done, 3), [0, 3, 0, 0]);
});

Deno.test("StoreCounters.count() counts leases that were granted and ended, and those that ran out", () => {
  const done = { kind: "done" } as Result;
  const revoke = (grantIndex: number) => ({ type: "leaseRevoke", grantIndex });
  const all = [{ type: "leaseGrant" }, revoke(0), revoke(7)];
  assertEquals(all.map((command) => counted(command, done)), [
    "leasesGranted",
    "leasesRevoked",
    "leasesRevoked leasesExpired",
  ]);
  assertEquals(all.map((command) => counted(command, REJECTED)), [undefined, undefined, undefined]);
});
