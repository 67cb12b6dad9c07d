/** Users, roles and the switch as the log changes them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ImageError } from "../../../src/store/image/format.ts";
import { Store } from "../../../src/store/store.ts";
import { join, slices } from "../log.ts";
import { AuthLog, permission, rootChanges, SECRET, userAdd, userWithRole } from "./setting.ts";

Deno.test("changes of users and roles are refused in etcd's words", () => {
  const log = new AuthLog();
  assertEquals(log.change(userAdd("")), "userNameEmpty");
  assertEquals(log.change(userAdd("u")), "done");
  assertEquals(log.change(userAdd("u")), "userExists");
  assertEquals(log.change(userAdd("n".repeat(1025))), "invalidAuthManagement");
  assertEquals(log.change({ type: "userDelete", user: "nobody" }), "userNotFound");
  assertEquals(
    log.change({ type: "userChangePassword", user: "nobody", passwordHash: "" }),
    "userNotFound",
  );
  assertEquals(log.change({ type: "userGrantRole", user: "u", role: "r" }), "roleNotFound");
  assertEquals(log.change({ type: "userGrantRole", user: "x", role: "r" }), "userNotFound");
  assertEquals(log.change({ type: "roleAdd", role: "" }), "roleNameEmpty");
  assertEquals(log.change({ type: "roleAdd", role: "r" }), "done");
  assertEquals(log.change({ type: "roleAdd", role: "r" }), "roleExists");
  assertEquals(log.change({ type: "userRevokeRole", user: "u", role: "r" }), "roleNotGranted");
  assertEquals(log.change({ type: "userGrantRole", user: "u", role: "r" }), "done");
  const grant = (role: string, key: string, rangeEnd: string) =>
    log.change({
      type: "roleGrantPermission",
      role,
      permission: permission("read", key, rangeEnd),
    });
  assertEquals(grant("x", "a", ""), "roleNotFound");
  assertEquals(grant("r", "", ""), "invalidAuthManagement");
  assertEquals(grant("r", "b", "a"), "invalidAuthManagement");
  assertEquals(grant("r", "b", "b"), "invalidAuthManagement");
  assertEquals(grant("r", "b", "\0"), "done");
  const revoke = (role: string, key: string, rangeEnd: string) =>
    log.change({ type: "roleRevokePermission", role, key, rangeEnd });
  assertEquals(revoke("x", "b", "\0"), "roleNotFound");
  assertEquals(revoke("r", "b", ""), "permissionNotGranted");
  assertEquals(revoke("r", "b", "\0"), "done");
  assertEquals(log.change({ type: "roleDelete", role: "x" }), "roleNotFound");
});

Deno.test("authentication comes on with user and role root, and neither can go then", () => {
  const log = new AuthLog();
  const enable = { type: "authEnable", secret: SECRET } as const;
  assertEquals(log.change({ type: "authDisable" }), "authNotEnabled");
  assertEquals(log.change(enable), "rootUserMissing");
  assertEquals(log.change(userAdd("root")), "done");
  assertEquals(log.change(enable), "rootRoleMissing");
  assertEquals(log.change({ type: "roleAdd", role: "root" }), "done");
  assertEquals(log.change({ type: "userGrantRole", user: "root", role: "root" }), "done");
  assertEquals(log.change(enable), "done");
  assertEquals(log.store.auth.secret, SECRET);
  assertEquals(log.change(enable, "root"), "authEnabled");
  const refused = "invalidAuthManagement";
  assertEquals(log.change({ type: "userDelete", user: "root" }, "root"), refused);
  assertEquals(log.change({ type: "roleDelete", role: "root" }, "root"), refused);
  assertEquals(
    log.change({ type: "userRevokeRole", user: "root", role: "root" }, "root"),
    refused,
  );
  assertEquals(log.change({ type: "authDisable" }, "root"), "done");
  assertEquals(log.change({ type: "userDelete", user: "root" }), "done");
});

Deno.test("several changes are made together or not at all", () => {
  const log = new AuthLog();
  const { revision } = log.store.auth;
  assertEquals(log.change([userAdd("a"), userAdd("b"), userAdd("a")]), "userExists");
  assertEquals(log.store.auth.users(), []);
  assertEquals(log.store.auth.revision, revision);
  assertEquals(log.change([userAdd("a"), userAdd("b")]), "done");
  assertEquals(log.store.auth.users().map(({ name }) => name), ["a", "b"]);
  assertEquals(log.store.auth.revision, revision + 2);
});

Deno.test("who decided by an older state of users and roles is told so", () => {
  const log = new AuthLog();
  assertEquals(log.change(userAdd("a"), "", 1), "done");
  assertEquals(log.change(userAdd("b"), "", 1), "authIsOld");
  assertEquals(log.store.auth.user("b"), undefined);
});

Deno.test("each change counts in the auth revision, what changes nothing does not", () => {
  const log = new AuthLog();
  const { auth } = log.store;
  const counted = (change: () => void): number => {
    const before = auth.revision;
    change();
    return auth.revision - before;
  };
  assertEquals(counted(() => log.change(userWithRole("u", []))), 3);
  assertEquals(counted(() => log.change({ type: "userGrantRole", user: "u", role: "u" })), 0);
  assertEquals(counted(() => log.change(userAdd("u"))), 0);
  assertEquals(counted(() => log.change({ type: "roleDelete", role: "u" })), 1);
  assertEquals(log.store.revision, 1, "users and roles are no change of keys");
});

Deno.test("a user has the revision of the last change of the password or the roles", () => {
  const log = new AuthLog();
  const { auth } = log.store;
  log.change(userWithRole("u", []));
  const isMoved = (change: () => unknown): boolean => {
    const before = auth.user("u")!.revision;
    change();
    const { revision } = auth.user("u")!;
    assert(revision === before || revision === auth.revision);
    return revision > before;
  };
  assert(!isMoved(() => log.change(userAdd("v"))));
  const granted = permission("read", "a");
  assert(
    !isMoved(() => log.change({ type: "roleGrantPermission", role: "u", permission: granted })),
  );
  assert(
    isMoved(() => log.change({ type: "userChangePassword", user: "u", passwordHash: "new" })),
  );
  assertEquals(auth.user("u")!.passwordHash, "new");
  assert(isMoved(() => log.change({ type: "roleDelete", role: "u" })));
  assertEquals(auth.user("u")!.roles, []);
  assert(
    isMoved(() => {
      log.change({ type: "userDelete", user: "u" });
      log.change(userAdd("u"));
    }),
    "who comes again under the same name is somebody else",
  );
});

Deno.test("a user without a password gets none by a change of it", () => {
  const log = new AuthLog();
  log.change({ type: "userAdd", user: "u", passwordHash: "", noPassword: true });
  assertEquals(
    log.change({ type: "userChangePassword", user: "u", passwordHash: "hash" }),
    "done",
  );
  assertEquals(log.store.auth.user("u")!.passwordHash, "");
});

Deno.test("a permission of the same range is replaced", () => {
  const log = new AuthLog();
  log.change(userWithRole("r", [permission("read", "a", "b"), permission("write", "a")]));
  log.change({
    type: "roleGrantPermission",
    role: "r",
    permission: permission("readWrite", "a", "b"),
  });
  assertEquals(log.store.auth.role("r")!.permissions, [
    permission("readWrite", "a", "b"),
    permission("write", "a"),
  ]);
});

Deno.test("restore() brings back users, roles and the switch", async () => {
  const log = new AuthLog();
  log.enable({
    "\xc3\xbc": [permission("read", "\0", "\0"), permission("write", "b", "c")],
    a: [],
  });
  const copy = new Store();
  let told = 0;
  copy.onAuthChange(() => told++);
  await copy.restore(slices(log.store));
  assertEquals(told, 1);
  assertEquals(copy.digest(), log.store.digest());
  assertEquals(copy.auth.users(), log.store.auth.users());
  assertEquals(copy.auth.roles(), log.store.auth.roles());
  assertEquals(copy.auth.secret, SECRET);
  assert(copy.auth.isEnabled);
});

Deno.test("restore() refuses an image whose users are damaged", async () => {
  const log = new AuthLog();
  log.enable({ user: [permission("read", "a")] });
  const image = join(slices(log.store));
  for (let at = 0; at < image.length; at++) {
    const damaged = image.slice();
    damaged[at]! ^= 1;
    await assertRejects(() => new Store().restore([damaged]), ImageError);
  }
});

Deno.test("a store that never had users has the image and the digest of before there were any", () => {
  const [without, before] = [new AuthLog(), new AuthLog()];
  without.change({ type: "authDisable" });
  before.apply({ type: "delete", key: "/x" });
  without.apply({ type: "delete", key: "/x" });
  assertEquals(join(slices(without.store)).length, join(slices(before.store)).length);
});

Deno.test("members agree on users whatever way they have come to them", () => {
  const [one, other] = [new AuthLog(), new AuthLog()];
  one.change([userAdd("a"), userAdd("b")]);
  other.change([userAdd("b"), userAdd("a")]);
  assert(one.store.digest() !== other.store.digest(), "revisions of the users differ");
  one.change(rootChanges());
  const before = one.store.digest();
  one.change({ type: "userChangePassword", user: "a", passwordHash: "other" });
  assert(one.store.digest() !== before);
});
