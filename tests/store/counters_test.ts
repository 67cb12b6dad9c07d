/** Each command counts for what it was and what it came to, once. */
import { assertEquals } from "@std/assert";
import type { Command } from "../../src/store/command/command.ts";
import { StoreCounters } from "../../src/store/counters.ts";
import type { Result } from "../../src/store/result.ts";

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
  counters.count(command as Command, result);
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

Deno.test("StoreCounters.count() counts v3's operations, and nothing of what is no operation", () => {
  const applied = { kind: "applied" } as Result;
  assertEquals(
    ["put", "deleteRange", "txn", "compact", "alarm", "auth"].map((type) =>
      counted({ type }, applied)
    ),
    ["puts", "deletes", "txns", undefined, undefined, undefined],
  );
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
