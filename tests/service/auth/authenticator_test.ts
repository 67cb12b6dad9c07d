/** Who asks: credentials, passwords, logins. */
import { assert, assertEquals } from "@std/assert";
import {
  type Credentials,
  GUEST_CREDENTIALS,
  NO_CREDENTIALS,
  parseBasic,
} from "../../../src/service/auth/credentials.ts";
import { Passwords } from "../../../src/service/auth/passwords.ts";
import { makeSecret } from "../../../src/service/auth/tokens.ts";
import { put } from "../../store/commands.ts";
import { random } from "../../store/log.ts";
import {
  ANN_PASSWORD,
  basic,
  change,
  CHEAP,
  CountedPasswords,
  login,
  memberWithoutUsers,
  memberWithUsers,
  read,
  ROOT_PASSWORD,
  token,
  write,
} from "./setting.ts";

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
