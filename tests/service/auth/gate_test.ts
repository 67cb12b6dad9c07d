/** The door of every API: what somebody may. */
import { assert, assertEquals } from "@std/assert";
import { type Credentials, NO_CREDENTIALS } from "../../../src/service/auth/credentials.ts";
import { makeSecret } from "../../../src/service/auth/tokens.ts";
import type { RangeView } from "../../../src/store/watch/view.ts";
import { compare, put, range } from "../../store/commands.ts";
import {
  ANN_PASSWORD,
  basic,
  change,
  login,
  memberWithoutUsers,
  memberWithUsers,
  read,
  token,
  write,
} from "./setting.ts";

Deno.test("while authentication is off nobody is asked who it is", async () => {
  const member = memberWithoutUsers();
  const never = () => {
    throw new Error("Expected not to be asked");
  };
  await new Promise<void>((resolve) =>
    member.service.auth.write(never, put(), false, () => resolve())
  );
  assert(member.store.hasKey("foo"));
  assertEquals(await login(member, "root", "x"), "authNotEnabled");
});

Deno.test("a refused write costs no entry of the log", async () => {
  const member = await memberWithUsers();
  const { appliedIndex } = member.store;
  const ann = token(await login(member, "ann", ANN_PASSWORD));
  assertEquals(await write(member, ann, put({ key: "c" })), "permissionDenied");
  assertEquals(await write(member, NO_CREDENTIALS, put({ key: "a" })), "userNameEmpty");
  assertEquals(member.store.appliedIndex, appliedIndex);
});

Deno.test("a write that users change under is judged again, and carried out if it still may be", async () => {
  const member = await memberWithUsers();
  const ann = token(await login(member, "ann", ANN_PASSWORD));
  const written = write(member, ann, put({ key: "a", value: "1" }));
  const revoked = change(member, [{ type: "roleAdd", role: "another" }]);
  await revoked;
  assertEquals(await written, "done");
  // In the same turn: the change is applied first, the write was judged before it.
  const changed = change(member, [{
    type: "roleRevokePermission",
    role: "a",
    key: "a",
    rangeEnd: "b",
  }]);
  const late = write(member, ann, put({ key: "a", value: "2" }));
  await changed;
  assertEquals(await late, "permissionDenied");
  const found = member.store.range(range({ key: "a", rangeEnd: "" }));
  assert(typeof found !== "string");
  assertEquals(new TextDecoder().decode(found.kvs[0]!.version.value), "1");
});

Deno.test("a write that waits for its turn has the value that it came with", async () => {
  const member = await memberWithUsers();
  const value = new TextEncoder().encode("before");
  const written = write(member, basic("ann", ANN_PASSWORD), put({ key: "a", value }));
  value.fill(0x78);
  assertEquals(await written, "done");
  const found = member.store.range(range({ key: "a", rangeEnd: "" }));
  assert(typeof found !== "string");
  assertEquals(new TextDecoder().decode(found.kvs[0]!.version.value), "before");
});

Deno.test("a read is judged by the users of the moment in which it is served", async () => {
  const member = await memberWithUsers();
  const ann = token(await login(member, "ann", ANN_PASSWORD));
  assertEquals(await read(member, ann), "read");
  const changed = change(member, [{ type: "userDelete", user: "ann" }]);
  const late = read(member, ann);
  await changed;
  assertEquals(await late, "invalidToken");
});

Deno.test("a password is looked at though authentication was off when the read was asked for", async () => {
  const member = memberWithoutUsers();
  const { authenticator } = member.service;
  await change(member, [
    {
      type: "userAdd",
      user: "root",
      passwordHash: await authenticator.hashPassword("r"),
      noPassword: false,
    },
    { type: "userGrantRole", user: "root", role: "root" },
  ]);
  const enabled = change(member, [{ type: "authEnable", secret: makeSecret() }]);
  const [right, wrong] = [read(member, basic("root", "r")), read(member, basic("root", "x"))];
  await enabled;
  assertEquals(await right, "read");
  assertEquals(await wrong, "authenticationFailed");
});

Deno.test("a right password is taken though its user changes while it is looked at", async () => {
  const member = await memberWithUsers();
  await change(member, [{ type: "roleAdd", role: "b" }]);
  const ann = basic("ann", ANN_PASSWORD);
  const written = write(member, ann, put({ key: "a" }));
  const isRead = read(member, ann);
  await change(member, [{ type: "userGrantRole", user: "ann", role: "b" }]);
  assertEquals([await written, await isRead], ["done", "read"]);
});

Deno.test("a watch ends when its client may no longer see all of it, and not before", async () => {
  const member = await memberWithUsers();
  const ann = token(await login(member, "ann", ANN_PASSWORD));
  const view: RangeView = { kind: "range", range: { start: "a", end: "b" } };
  const ends: string[] = [];
  const guard = member.service.auth.watchGuard(() => ann, view, (problem) => ends.push(problem));
  member.store.onAuthChange(guard);
  await change(member, [{ type: "roleAdd", role: "another" }]);
  // A token that has run out, or of an older password, ends no watch that is open.
  member.node.advance(1_000_000);
  await change(member, [{ type: "userChangePassword", user: "ann", passwordHash: "" }]);
  assertEquals(ends, []);
  await change(member, [{ type: "userRevokeRole", user: "ann", role: "a" }]);
  assertEquals(ends, ["permissionDenied"]);
});

Deno.test("a watch of nobody ends when authentication is switched on", async () => {
  const member = memberWithoutUsers();
  const view: RangeView = { kind: "range", range: { start: "a", end: "b" } };
  const ends: string[] = [];
  const { auth } = member.service;
  member.store.onAuthChange(auth.watchGuard(() => NO_CREDENTIALS, view, (p) => ends.push(p)));
  await change(member, [
    { type: "userAdd", user: "root", passwordHash: "", noPassword: true },
    { type: "userGrantRole", user: "root", role: "root" },
  ]);
  assertEquals(ends, []);
  await change(member, [{ type: "authEnable", secret: makeSecret() }]);
  assertEquals(ends, ["userNameEmpty"]);
});

Deno.test("admit() says no only when this member knows all that was acknowledged", async () => {
  const member = await memberWithUsers();
  const bob: Credentials = { kind: "certificate", name: "bob", orGuest: false };
  // The grant is applied after the question and before the barrier.
  const granted = change(member, [{ type: "userGrantRole", user: "bob", role: "a" }]);
  const problem = await new Promise((resolve) => {
    member.service.auth.admit(
      () => bob,
      (rights) => rights.has("read", "a"),
      resolve,
      ({ reason }) => resolve(reason),
    );
  });
  await granted;
  assertEquals(problem, undefined);
});

Deno.test("a transaction within a transaction is refused before it is proposed", async () => {
  const member = await memberWithUsers();
  const ann = token(await login(member, "ann", ANN_PASSWORD));
  const inner = {
    type: "txn",
    compares: [compare({ key: "c" })],
    success: [],
    failure: [],
  } as const;
  const outer = { ...inner, compares: [], failure: [inner] };
  assertEquals(await write(member, ann, outer), "permissionDenied");
});
