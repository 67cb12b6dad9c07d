/** The checker of users and roles itself: it must fail when its promise is broken. */
import { assertEquals, assertThrows } from "@std/assert";
import type { AuthChange } from "../../src/store/command/auth_command.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, NOBODY, type Requester } from "../../src/store/command/command.ts";
import { hashOf } from "../store/auth/changes.ts";
import { AuthCheck } from "./auth_check.ts";
import type { Claim } from "./claims.ts";
import { ModelStore } from "./model_store.ts";
import { ViolationError, Violations } from "./violation.ts";

const ANN: Claim = { kind: "password", user: "ann", password: "a" };
const DELETE_A: Command = { type: "delete", key: "/a" };
const OLD_PASSWORD: Claim = { ...ANN, password: "older" };
const SECRET = Uint8Array.of(1);

/** Root and ann, who may write "/a" until the entry after the first takes that from her. */
function setting() {
  const violations = new Violations();
  const model = new ModelStore();
  let index = 0;
  const apply = (command: Command, requester: Requester = NOBODY) =>
    model.apply(++index, encodeCommand(command, requester, 1));
  const change = (...changes: AuthChange[]) => {
    const { revision, isEnabled } = model.state.auth;
    const root = isEnabled ? { user: "root", authRevision: revision } : NOBODY;
    apply({ type: "auth", changes, ifRevision: 0 }, root);
  };
  const user = (user: string, password: string) =>
    ({ type: "userAdd", user, passwordHash: hashOf(password), noPassword: false }) as const;
  const range = { key: "/a", rangeEnd: "" };
  change(
    ...[user("root", "r"), user("ann", "a"), { type: "roleAdd", role: "r1" } as const],
    { type: "userGrantRole", user: "root", role: "root" },
    { type: "userGrantRole", user: "ann", role: "r1" },
    { type: "roleGrantPermission", role: "r1", permission: { type: "readWrite", ...range } },
    { type: "authEnable", secret: SECRET },
  );
  const { revision } = model.state.auth;
  const check = new AuthCheck(violations, model);
  return { violations, model, check, apply, change, revision, range };
}

function assertBroken(violations: Violations, property: string): void {
  const error = assertThrows(() => violations.throwIfAny(), ViolationError);
  assertEquals(error.property, property);
}

Deno.test("authCheck() is content with who has what they may", () => {
  const { violations, check, apply, change, revision, range } = setting();
  const step = apply(DELETE_A, { user: "ann", authRevision: revision });
  check.answered(ANN, 2, step);
  check.served(ANN, 2, () => true);
  change({ type: "roleRevokePermission", role: "r1", ...range });
  check.refusedCommand(ANN, 3, 3, "permissionDenied", DELETE_A);
  check.refusedCommand(OLD_PASSWORD, 3, 3, "authenticationFailed", DELETE_A);
  violations.throwIfAny();
});

Deno.test("authCheck() finds a write in the name of somebody else, and one by a password that is wrong", () => {
  for (const claim of [{ kind: "certificate", user: "eve" } as const, OLD_PASSWORD]) {
    const { violations, check, apply, revision } = setting();
    check.answered(claim, 2, apply(DELETE_A, { user: "ann", authRevision: revision }));
    assertBroken(violations, "nobody does what they may not");
  }
});

Deno.test("authCheck() finds a read that its reader may no longer have", () => {
  const { violations, check, change, range } = setting();
  change({ type: "roleRevokePermission", role: "r1", ...range });
  check.served(ANN, 2, (held) => held.length > 0);
  assertBroken(violations, "nobody reads what they may not");
});

Deno.test("authCheck() finds a token that outlives its password, and one of another secret", () => {
  const token = { kind: "token", token: "", user: "ann", hash: hashOf("a") } as const;
  for (const secret of [SECRET, Uint8Array.of(2)]) {
    const { violations, check, change, revision } = setting();
    const claim: Claim = { ...token, revision, secret };
    const passwordHash = hashOf("b");
    if (secret === SECRET) change({ type: "userChangePassword", user: "ann", passwordHash });
    check.served(claim, 2, () => true);
    assertBroken(violations, "nobody reads what they may not");
  }
});

Deno.test("authCheck() finds somebody turned away who may, and one by what was known before", () => {
  const first = setting();
  first.check.refusedCommand(ANN, 1, 1, "permissionDenied", DELETE_A);
  assertBroken(first.violations, "who may is not turned away");
  const second = setting();
  second.check.refusedCommand(OLD_PASSWORD, 1, 2, "authenticationFailed", DELETE_A);
  assertBroken(second.violations, "who is turned away is so by the users of now");
});

Deno.test("authCheck() lets a password be refused by the users of the time it took to look at it", () => {
  const { violations, check, change } = setting();
  change({ type: "authDisable" });
  check.refusedCommand(OLD_PASSWORD, 2, 1, "authenticationFailed", DELETE_A);
  violations.throwIfAny();
  check.refusedCommand(OLD_PASSWORD, 2, 2, "authenticationFailed", DELETE_A);
  assertBroken(violations, "who may is not turned away");
});

Deno.test("authCheck() takes a token for signed when its login ends", () => {
  // Seed 527724924431: authentication went off and on, with another secret, while a password was looked at.
  const { violations, check, change, revision } = setting();
  change({ type: "authDisable" });
  change({ type: "authEnable", secret: Uint8Array.of(2) });
  const token = `x.${revision.toString(36)}.x`;
  const claim = check.loggedIn({ user: "ann", password: "a" }, 1, 3, token);
  check.served(claim, 3, () => true);
  violations.throwIfAny();
});

Deno.test("authCheck() finds a login without the password, and one refused with it", () => {
  const first = setting();
  const token = `x.${first.revision.toString(36)}.x`;
  first.check.loggedIn({ user: "ann", password: "a" }, 1, 1, token);
  first.violations.throwIfAny();
  first.check.loggedIn({ user: "ann", password: "b" }, 1, 1, token);
  assertBroken(first.violations, "a login needs the password of then");
  const second = setting();
  second.check.notLoggedIn({ user: "ann", password: "b" }, 1, 1, "authenticationFailed");
  second.violations.throwIfAny();
  second.check.notLoggedIn({ user: "ann", password: "a" }, 1, 1, "authenticationFailed");
  assertBroken(second.violations, "a password that is right opens");
});
