/** The door of every API: who asks, and whether they may. */
import { assert, assertEquals } from "@std/assert";
import {
  type Credentials,
  GUEST_CREDENTIALS,
  NO_CREDENTIALS,
  parseBasic,
} from "../../../src/service/auth/credentials.ts";
import { Passwords } from "../../../src/service/auth/passwords.ts";
import { makeSecret } from "../../../src/service/auth/tokens.ts";
import type { RangeView } from "../../../src/store/watch/view.ts";
import { compare, put, range } from "../../store/commands.ts";
import { random } from "../../store/log.ts";
import {
  ANN_PASSWORD,
  basic,
  change,
  CHEAP,
  CountedPasswords,
  login,
  type Member,
  memberWithoutUsers,
  memberWithUsers,
  ROOT_PASSWORD,
  token,
  write,
} from "./setting.ts";

/** Whether ann's key can be read, or why not. */
async function read({ service }: Member, credentials: Credentials, key = "a"): Promise<string> {
  return await service.auth.read(
    () => credentials,
    (_store, _nowMs, rights) => rights.has("read", key) ? "read" : "no",
    (problem) => problem,
    ({ reason }) => reason,
  );
}

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

Deno.test("login() gives a token for the password, and for nothing else", async () => {
  const member = await memberWithUsers();
  const right = await login(member, "ann", ANN_PASSWORD);
  assertEquals(await write(member, token(right), put({ key: "a" })), "done");
  assertEquals(await login(member, "ann", "wrong"), "authenticationFailed");
  assertEquals(await login(member, "nobody", ANN_PASSWORD), "authenticationFailed");
  assertEquals(await login(member, "bob", ""), "authenticationFailed");
  assertEquals(await login(member, "", ""), "authenticationFailed");
  const { succeeded, failed } = member.service.authenticator.logins;
  assertEquals([succeeded, failed], [1, 4]);
});

Deno.test("each kind of credentials opens what its user may have", async () => {
  const member = await memberWithUsers();
  const rows: readonly (readonly [Credentials, string, string])[] = [
    [NO_CREDENTIALS, "userNameEmpty", "userNameEmpty"],
    [GUEST_CREDENTIALS, "permissionDenied", "permissionDenied"],
    [token("nonsense"), "invalidToken", "invalidToken"],
    [token(await login(member, "ann", ANN_PASSWORD)), "done", "permissionDenied"],
    [token(await login(member, "root", ROOT_PASSWORD)), "done", "done"],
    [basic("ann", ANN_PASSWORD), "done", "permissionDenied"],
    [basic("ann", "wrong"), "authenticationFailed", "authenticationFailed"],
    [{ kind: "basic", header: "Bearer x" }, "authenticationFailed", "authenticationFailed"],
    [{ kind: "certificate", name: "ann", orGuest: true }, "done", "permissionDenied"],
    [{ kind: "certificate", name: "bob", orGuest: false }, "permissionDenied", "permissionDenied"],
    [
      { kind: "certificate", name: "stranger", orGuest: false },
      "permissionDenied",
      "permissionDenied",
    ],
  ];
  for (const [credentials, own, foreign] of rows) {
    assertEquals(await write(member, credentials, put({ key: "a" })), own);
    assertEquals(await write(member, credentials, put({ key: "c" })), foreign);
  }
});

Deno.test("login() gives a token that is new, by whatever time reads are judged", async () => {
  const member = await memberWithUsers();
  // A full disk, on which a key should have ended long ago.
  member.node.judgedMs = 0;
  const ann = token(await login(member, "ann", ANN_PASSWORD));
  assertEquals(await write(member, ann, put({ key: "a" })), "done");
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

Deno.test("a password that was proven is remembered until it is another one", async () => {
  const member = await memberWithUsers();
  const ann = basic("ann", ANN_PASSWORD);
  for (let i = 0; i < 3; i++) assertEquals(await read(member, ann), "read");
  assertEquals(member.service.authenticator.logins.succeeded, 1);
  const passwordHash = await member.service.authenticator.hashPassword("new");
  await change(member, [{ type: "userChangePassword", user: "ann", passwordHash }]);
  assertEquals(await read(member, ann), "authenticationFailed");
  assertEquals(await read(member, basic("ann", "new")), "read");
  member.node.advance(300_000);
  assertEquals(await read(member, basic("ann", "new")), "read");
  assertEquals(member.service.authenticator.logins.succeeded, 3, "not remembered for ever");
});

Deno.test("a password whose hash can't be computed opens nothing, and ends no node", async () => {
  const member = await memberWithUsers();
  // Of an image from elsewhere: N is too large for such blocks (RFC 7914 §2).
  const passwordHash = `$scrypt$ln=17,r=1,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;
  await change(member, [{ type: "userChangePassword", user: "ann", passwordHash }]);
  const ann = basic("ann", ANN_PASSWORD);
  assertEquals(await write(member, ann, put({ key: "a" })), "tooManyLogins");
  assertEquals(await read(member, ann), "tooManyLogins");
  assertEquals(await login(member, "ann", ANN_PASSWORD), "tooManyLogins");
});

Deno.test("who has just got a password, or logged in, logs in without scrypt, until it is another one", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = memberWithoutUsers(undefined, undefined, passwords);
  const { authenticator } = member.service;
  const long = "x".repeat(5_000);
  await change(member, [
    {
      type: "userAdd",
      user: "root",
      passwordHash: await authenticator.hashPassword("one"),
      noPassword: false,
    },
    { type: "userGrantRole", user: "root", role: "root" },
    {
      type: "userAdd",
      user: "long",
      passwordHash: await authenticator.hashPassword(long),
      noPassword: false,
    },
    { type: "authEnable", secret: makeSecret() },
  ]);
  for (let i = 0; i < 3; i++) assert((await login(member, "root", "one")).length > 20);
  assertEquals(passwords.verified, 0);
  assertEquals(await login(member, "root", "two"), "authenticationFailed");
  assertEquals(await login(member, "long", long), "authenticationFailed");
  assertEquals(await login(member, "n".repeat(5_000), "one"), "authenticationFailed");
  assertEquals(passwords.verified, 1, "what is too long is not looked at");
  member.node.advance(300_000);
  for (let i = 0; i < 3; i++) assert((await login(member, "root", "one")).length > 20);
  assertEquals(passwords.verified, 2);
  const passwordHash = await new Passwords(CHEAP).hash("two");
  await change(member, [{ type: "userChangePassword", user: "root", passwordHash }]);
  assertEquals(await login(member, "root", "one"), "authenticationFailed");
  assert((await login(member, "root", "two")).length > 20);
});

Deno.test("who sends the same password at once waits for the same proof", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = await memberWithUsers(undefined, undefined, passwords);
  // What was made here is known for a while.
  member.node.advance(300_000);
  const ann = basic("ann", ANN_PASSWORD);
  await Promise.all(Array.from({ length: 20 }, () => read(member, ann)));
  assertEquals(passwords.verified, 1);
  assertEquals(member.service.authenticator.logins.succeeded, 20);
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

Deno.test("parseBasic() takes what RFC 7617 says and nothing else", () => {
  const header = (text: string) => `Basic ${new TextEncoder().encode(text).toBase64()}`;
  assertEquals(parseBasic(header("u:p:q")), { user: "u", password: "p:q" });
  assertEquals(parseBasic(header("u:")), { user: "u", password: "" });
  assertEquals(parseBasic(header("ü:☃")), { user: "\xc3\xbc", password: "☃" });
  assertEquals(parseBasic(header("u:p").replace("Basic", "bAsIc ")), { user: "u", password: "p" });
  for (
    const bad of [
      "",
      "Basic",
      "Basic ",
      "Basic !",
      "Bearer x",
      header(":p"),
      header("u"),
      "Basicdg==",
      header("u:p") + ",",
      header(`u:${"p".repeat(9000)}`),
    ]
  ) assertEquals(parseBasic(bad), undefined, bad);
});

Deno.test("any bytes as credentials open nothing and break nothing", async () => {
  const member = await memberWithUsers();
  const next = random(7);
  const real = await login(member, "ann", ANN_PASSWORD);
  for (let i = 0; i < 2000; i++) {
    const length = Math.floor(next() * 60);
    let text = Array.from({ length }, () => String.fromCharCode(Math.floor(next() * 256))).join("");
    if (i % 3 === 0) text = real.slice(0, Math.floor(next() * real.length)) + text;
    if (i % 3 === 1) text = `Basic ${text}`;
    assertEquals(member.service.authenticator.requesterOf(() => token(text)), "invalidToken");
    const header = { kind: "basic", header: text } as const;
    assertEquals(member.service.authenticator.requesterOf(() => header), "authenticationFailed");
    parseBasic(text);
  }
});
