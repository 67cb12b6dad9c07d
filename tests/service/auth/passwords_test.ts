/** Passwords: their hashes, and how guessing is slowed. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { LoginPace } from "../../../src/service/auth/login_pace.ts";
import { BusyError, Passwords } from "../../../src/service/auth/passwords.ts";
import { CHEAP } from "./setting.ts";

Deno.test("verify() takes the password that was hashed, and no other", async () => {
  const passwords = new Passwords(CHEAP);
  for (const password of ["pw", "", "ü☃\0", "x".repeat(4096)]) {
    const hash = await passwords.hash(password);
    assert(await passwords.verify(password, hash));
    assert(!await passwords.verify(`${password}!`, hash));
    assert(await new Passwords({ logN: 2, r: 2, p: 2, bcrypt: 4 }).verify(password, hash));
  }
});

Deno.test("hash() gives each password a salt of its own", async () => {
  const passwords = new Passwords(CHEAP);
  const [one, other] = [await passwords.hash("pw"), await passwords.hash("pw")];
  assert(one !== other);
  assert(one.startsWith("$scrypt$ln=1,r=1,p=1$"));
});

Deno.test("verify() says no to what is no hash, and to one that would take all memory", async () => {
  const passwords = new Passwords(CHEAP);
  const salt = "c2FsdA";
  const hash = "A".repeat(43);
  for (
    const text of [
      undefined,
      "",
      "$2a$10$abcdefghijklmnopqrstuv",
      `$scrypt$ln=30,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=0,r=1,p=1$${salt}$${hash}`,
      `$scrypt$ln=1,r=1,p=1$${salt}$`,
      `$scrypt$ln=1,r=1,p=1$${salt}$AAAA`,
    ]
  ) assert(!await passwords.verify("", text), text);
});

Deno.test("a password of nobody, of zeros, opens nothing", async () => {
  const passwords = new Passwords(CHEAP);
  assert(!await passwords.verify("", undefined));
});

Deno.test("hash() turns away whoever comes when too many wait, and goes on with the others", async () => {
  const passwords = new Passwords({ logN: 10, r: 8, p: 1, bcrypt: 4 });
  const hashes = Array.from({ length: 66 }, () => passwords.hash("pw"));
  await assertRejects(() => passwords.hash("pw"), BusyError);
  assertEquals((await Promise.all(hashes)).length, 66);
  assert(await passwords.verify("pw", await passwords.hash("pw")));
});

Deno.test("failures in a row are slowed, for each user alone, and success forgets them", () => {
  const pace = new LoginPace();
  for (let i = 0; i < 4; i++) pace.failed("u", 0);
  assert(pace.isFree("u", 0));
  pace.failed("u", 0);
  assert(!pace.isFree("u", 249));
  assert(pace.isFree("u", 250));
  assert(pace.isFree("v", 0));
  pace.failed("u", 250);
  assert(!pace.isFree("u", 749));
  for (let i = 0; i < 100; i++) pace.failed("u", 1_000);
  assert(!pace.isFree("u", 15_999));
  assert(pace.isFree("u", 16_000));
  pace.succeeded("u");
  pace.failed("u", 16_000);
  assert(pace.isFree("u", 16_000));
});

Deno.test("names that fail are remembered up to a bound", () => {
  const pace = new LoginPace();
  for (let i = 0; i < 5; i++) pace.failed("u", 0);
  for (let i = 0; i < 10_000; i++) pace.failed(`n${i}`, 0);
  assert(pace.isFree("u", 0), "the oldest is forgotten");
});
