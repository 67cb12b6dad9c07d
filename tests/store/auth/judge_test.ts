/** Who may have which command carried out, as it is judged when it is applied. */
import { assert, assertEquals } from "@std/assert";
import type { Permission } from "../../../src/store/command/auth_command.ts";
import {
  CLUSTER,
  type Command,
  GUEST_USER,
  NOBODY,
  type Operation,
  type TxnOperation,
} from "../../../src/store/command/command.ts";
import { compare, put, range, setCommand, treePut } from "../commands.ts";
import { AuthLog, outcome, permission, userAdd, userWithRole } from "./setting.ts";

const USER = "ann";

function logOf(...permissions: Permission[]): AuthLog {
  const log = new AuthLog();
  log.enable({ [USER]: permissions });
  return log;
}

function deleteRange(key: string, rangeEnd = "", wantsPrevious = false): Operation {
  return { type: "deleteRange", key, rangeEnd, wantsPrevious };
}

function txn(fields: Partial<TxnOperation>): TxnOperation {
  return { type: "txn", compares: [], success: [], failure: [], ...fields };
}

function treeDelete(key: string, fields: object = {}): Command {
  return {
    type: "treeDelete",
    key,
    isDirectory: false,
    recursive: false,
    prevValue: undefined,
    prevIndex: 0,
    ...fields,
  };
}

Deno.test("a range must lie in the union of the permissions", () => {
  const log = logOf(
    permission("read", "a", "c"),
    permission("read", "c", "e"),
    permission("read", "e"),
    permission("read", "e\0", "f"),
    permission("write", "x", "y"),
    permission("readWrite", "z", "\0"),
  );
  const allows = (key: string, rangeEnd: string) => log.allows(USER, range({ key, rangeEnd }));
  assert(allows("a", "f"));
  assert(allows("b", ""));
  assert(allows("e", ""));
  assert(!allows("a", "f\0"));
  assert(!allows("a", "\0"));
  assert(!allows("", "b"));
  assert(!allows("x", ""));
  assert(allows("z", "\0"));
  assert(allows("zz", "zzz"));
  assert(!allows("y", "\0"));
});

Deno.test("a range upside down counts as its first key", () => {
  const log = logOf(permission("readWrite", "b", "d"));
  assert(log.allows(USER, range({ key: "c", rangeEnd: "a" })));
  assert(!log.allows(USER, range({ key: "e", rangeEnd: "a" })));
  assert(!log.allows(USER, deleteRange("e", "c")));
});

Deno.test("a put needs to write; to see what was there, to read", () => {
  const log = logOf(
    permission("write", "w"),
    permission("readWrite", "rw"),
    permission("read", "r"),
  );
  assert(log.allows(USER, put({ key: "w" })));
  assert(!log.allows(USER, put({ key: "w", wantsPrevious: true })));
  assert(log.allows(USER, put({ key: "rw", wantsPrevious: true })));
  assert(!log.allows(USER, put({ key: "r" })));
  assert(!log.allows(USER, deleteRange("r")));
  assert(log.allows(USER, deleteRange("w")));
  assert(!log.allows(USER, deleteRange("w", "", true)));
  assert(log.allows(USER, deleteRange("rw", "", true)));
});

Deno.test("who hangs a key on a lease, or ends it, must be allowed to write all its keys", () => {
  const log = logOf(permission("write", "mine", "minf"));
  log.applyAs(USER, { type: "leaseGrant", id: 1n, ttlSeconds: 60 });
  log.applyAs(USER, { type: "leaseGrant", id: 2n, ttlSeconds: 60 });
  assert(log.allows(USER, put({ key: "mine1", lease: 1n })));
  log.applyAs("root", put({ key: "other", lease: 2n }));
  assert(!log.allows(USER, put({ key: "mine2", lease: 2n })));
  assert(!log.allows(USER, txn({ success: [put({ key: "mine2", lease: 2n })] })));
  assert(!log.allows(USER, { type: "leaseRevoke", id: 2n, grantIndex: 0 }));
  assert(log.allows(USER, { type: "leaseRevoke", id: 1n, grantIndex: 0 }));
  assertEquals(log.store.lease(1n), undefined);
});

Deno.test("every operation of a transaction counts, in both branches and at any depth", () => {
  const log = logOf(permission("readWrite", "a", "c"), permission("write", "w"));
  const denied: readonly Operation[] = [
    put({ key: "secret" }),
    put({ key: "w", wantsPrevious: true }),
    range({ key: "secret", rangeEnd: "" }),
    range({ key: "a", rangeEnd: "d" }),
    deleteRange("secret"),
    txn({ compares: [compare({ key: "secret" })] }),
    txn({ compares: [compare({ key: "a", rangeEnd: "d" })] }),
  ];
  const fine = txn({ compares: [compare({ key: "a" })], success: [put({ key: "b" })] });
  assert(log.allows(USER, fine));
  for (const operation of denied) {
    for (const branch of ["success", "failure"] as const) {
      const outer = txn({ [branch]: [put({ key: "b" }), operation] });
      assert(!log.allows(USER, outer));
      assert(!log.allows(USER, txn({ success: [fine, txn({ failure: [outer] })] })));
    }
  }
});

Deno.test("compactions, alarms, users and roles are for root", () => {
  const log = logOf(permission("readWrite", "\0", "\0"));
  const commands: readonly Command[] = [
    { type: "compact", revision: 1, changeIndex: 0, keepEvents: 0 },
    { type: "alarm", action: "activate", alarm: "noSpace", member: 1n },
    { type: "alarm", action: "deactivate", alarm: "corrupt", member: 1n },
    { type: "auth", changes: [userAdd("x")], ifRevision: 0 },
    { type: "auth", changes: [{ type: "authDisable" }], ifRevision: 0 },
    { type: "auth", changes: [], ifRevision: 0 },
  ];
  for (const command of commands) assert(!log.allows(USER, command), command.type);
  log.change({ type: "userGrantRole", user: USER, role: "root" }, "root");
  for (const command of commands) assert(log.allows(USER, command), command.type);
});

Deno.test("no alarm switches the rules off", () => {
  const log = logOf();
  log.apply({ type: "alarm", action: "activate", alarm: "noSpace", member: 1n }, CLUSTER);
  assert(!log.allows(USER, put()));
  assert(!log.allows(USER, txn({ success: [txn({ success: [put()] })] })));
  assert(!log.allows(USER, { type: "compact", revision: 1, changeIndex: 0, keepEvents: 0 }));
  assertEquals(log.store.hasKey("foo"), false);
});

Deno.test("what the cluster does by itself needs nobody's permission", () => {
  const log = logOf();
  log.applyAs("root", { type: "leaseGrant", id: 1n, ttlSeconds: 60 });
  const grantIndex = log.store.lease(1n)!.grantIndex;
  for (
    const command of [
      { type: "expire", key: "/a", setIndex: 1, isDirectory: false },
      { type: "compact", revision: 1, changeIndex: 1, keepEvents: 0 },
      { type: "leaseRevoke", id: 1n, grantIndex },
    ] as const
  ) {
    const result = outcome(log.apply(command, NOBODY));
    assert(result !== "permissionDenied" && result !== "authIsOld", `${command.type} ${result}`);
  }
  assertEquals(log.store.lease(1n), undefined);
  const alarm = { type: "alarm", action: "activate", alarm: "noSpace", member: 1n } as const;
  assertEquals(outcome(log.apply(alarm, NOBODY)), "authIsOld");
  assertEquals(outcome(log.apply(alarm, CLUSTER)), "done");
});

Deno.test("who was judged under older users and roles is told so, and nothing is done", () => {
  const log = logOf(permission("readWrite", "a", "b"));
  const requester = { user: USER, authRevision: log.store.auth.revision };
  assertEquals(outcome(log.apply(put({ key: "a" }), requester)), "done");
  log.change({ type: "roleAdd", role: "another" }, "root");
  assertEquals(outcome(log.apply(put({ key: "a1" }), requester)), "authIsOld");
  assertEquals(outcome(log.apply(put({ key: "a1" }), NOBODY)), "authIsOld");
  assert(!log.store.hasKey("a1"));
});

Deno.test("a refused set of v1 moves no index", () => {
  const log = logOf();
  const { index, changeIndex, revision } = log.store;
  assertEquals(outcome(log.applyAs(USER, setCommand())), "permissionDenied");
  assertEquals(outcome(log.applyAs(USER, { type: "delete", key: "/a" })), "permissionDenied");
  assertEquals([log.store.index, log.store.changeIndex, log.store.revision], [
    index,
    changeIndex,
    revision,
  ]);
});

Deno.test("v1 and v2 need to write the key, and to read it for a comparison that shows it", () => {
  const log = logOf(permission("write", "/w"), permission("readWrite", "/rw"));
  assert(log.allows(USER, setCommand({ key: "/w" })));
  assert(!log.allows(USER, setCommand({ key: "/w/x" })));
  assert(!log.allows(USER, setCommand({ key: "/w", prevValue: "x" })));
  assert(log.allows(USER, setCommand({ key: "/rw", prevValue: "x" })));
  assert(!log.allows(USER, { type: "delete", key: "/r" }));
  assert(log.allows(USER, treePut({ key: "/w" })));
  assert(!log.allows(USER, treePut({ key: "/w", prevValue: "x" })));
  assert(!log.allows(USER, treePut({ key: "/w", prevIndex: 1 })));
  assert(log.allows(USER, treePut({ key: "/rw", prevIndex: 1 })));
  assert(!log.allows(USER, treeDelete("/w", { prevIndex: 1 })));
  assert(log.allows(USER, treeDelete("/w")));
});

Deno.test("a directory may be made by who may write it or what is below", () => {
  const log = logOf(permission("write", "/a/", "/a0"), permission("write", "/d"));
  const directory = (key: string, fields: object = {}) =>
    treePut({ key, isDirectory: true, value: "", ...fields });
  assert(log.allows(USER, directory("/a")));
  assert(log.allows(USER, directory("/a/b")));
  assert(log.allows(USER, directory("/d")));
  assert(!log.allows(USER, directory("/e")));
  // All that is below will go with it.
  assert(!log.allows(USER, directory("/d", { ttlSeconds: 5 })));
  assert(log.allows(USER, directory("/a", { ttlSeconds: 5 })));
});

Deno.test("what is there decides what a request of v2 needs, not what the request calls it", () => {
  const log = logOf(permission("write", "/a/", "/a0"), permission("write", "/d"));
  const directory = (key: string, fields: object = {}) =>
    treePut({ key, isDirectory: true, value: "", ...fields });
  log.applyAs("root", treePut({ key: "/d/x" }));
  assert(!log.allows(USER, treePut({ key: "/d", value: "", prevExist: true, ttlSeconds: 1 })));
  assert(!log.allows(USER, treePut({ key: "/d", refresh: true, ttlSeconds: 1 })));
  assert(log.allows(USER, treePut({ key: "/d", value: "", prevExist: true })));
  log.applyAs("root", treePut({ key: "/a" }));
  for (const fields of [{}, { prevValue: "x" }, { prevIndex: 1 }, { prevExist: true }]) {
    assert(!log.allows(USER, directory("/a", fields)), "that is a file");
  }
  // A value is compared whatever it is to become.
  log.applyAs("root", treePut({ key: "/a/w" }));
  log.applyAs("root", { ...treeDelete("/d", { recursive: true }) });
  log.applyAs("root", treePut({ key: "/d" }));
  assert(!log.allows(USER, directory("/d", { prevValue: "x" })), "that needs to read");
});

Deno.test("a key in order and a recursive delete need all that is below", () => {
  const log = logOf(permission("write", "/a/", "/a0"), permission("write", "/d"));
  assert(log.allows(USER, treePut({ key: "/a", inOrder: true })));
  assert(!log.allows(USER, treePut({ key: "/d", inOrder: true })));
  log.applyAs("root", treePut({ key: "/d/x" }));
  assert(!log.allows(USER, treeDelete("/d", { recursive: true })));
  assert(log.allows(USER, treeDelete("/d", { isDirectory: true })));
  assert(log.allows(USER, treeDelete("/a", { recursive: true })));
  log.applyAs("root", setCommand({ key: "/a" }));
  assert(!log.allows(USER, treeDelete("/a", { recursive: true })), "that is a file now");
});

Deno.test("guests may what the role guest may, and are not root by it", () => {
  const log = logOf();
  assert(!log.allows(GUEST_USER, setCommand({ key: "/g" })));
  log.change(
    userWithRole("guest", [permission("readWrite", "/g"), permission("readWrite", "root")]),
    "root",
  );
  assert(log.allows(GUEST_USER, setCommand({ key: "/g" })));
  assert(!log.allows(GUEST_USER, setCommand({ key: "/h" })));
  assert(!log.allows("nobody", setCommand({ key: "/g" })));
});

Deno.test("while authentication is off everybody may do everything", () => {
  const log = logOf();
  const before = { user: USER, authRevision: log.store.auth.revision };
  log.change({ type: "authDisable" }, "root");
  assertEquals(outcome(log.apply(put(), before)), "done");
  assertEquals(outcome(log.apply(put(), NOBODY)), "done");
});
