/** Passwords: their hashes, and how guessing is slowed. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { laterTurn } from "../../../src/base/turns.ts";
import { LoginPace, placeOf } from "../../../src/service/auth/login_pace.ts";
import { BusyError, Passwords } from "../../../src/service/auth/passwords.ts";
import { Turns } from "../../../src/service/auth/turns.ts";
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
  const passwords = new Passwords(CHEAP, new Turns(2, 64));
  const hashes = Array.from({ length: 66 }, () => passwords.hash("pw"));
  await assertRejects(() => passwords.hash("pw"), BusyError);
  assertEquals((await Promise.all(hashes)).length, 66);
  assert(await passwords.verify("pw", await passwords.hash("pw")));
});

Deno.test("places take turns, and each serves first who came first", async () => {
  const { turns, order, come } = row(1, 100);
  for (const who of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) come(who);
  for (let i = 0; i < 7; i++) {
    await laterTurn();
    turns.leave();
  }
  assertEquals(order, ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
});

Deno.test("no more work at once than may, whoever comes while a turn is handed on", async () => {
  const turns = new Turns(2, 100);
  let [working, most, done] = [0, 0, 0];
  const work = async () => {
    assert(await turns.enter("a"));
    most = Math.max(most, ++working);
    await laterTurn();
    working--;
    turns.leave();
    if (++done <= 20) await work();
  };
  await Promise.all(Array.from({ length: 5 }, work));
  assertEquals(most, 2);
});

Deno.test("when too many wait, who comes last to the longest line is turned away", async () => {
  const { order, away, come } = row(1, 4);
  for (const who of ["a0", "a1", "a2", "a3", "a4"]) come(who);
  // No place is better off by coming once more.
  for (const who of ["a5", "b1", "c1", "c2"]) come(who);
  await laterTurn();
  assertEquals(away, ["a5", "a4", "a3", "c2"]);
  assertEquals(order, ["a0"]);
});

/** Who comes to work, by names that begin with their place. */
function row(workingMax: number, waitingMax: number) {
  const turns = new Turns(workingMax, waitingMax);
  const [order, away]: string[][] = [[], []];
  const come = (who: string) => {
    turns.enter(who[0]!).then((isTurn) => (isTurn ? order! : away!).push(who));
  };
  return { turns, order, away, come };
}

Deno.test("a user's place has a hundred tries, and one a second after that", () => {
  const pace = new LoginPace();
  for (let i = 0; i < 100; i++) assert(pace.take("u", 0));
  assert(!pace.take("u", 999));
  assert(pace.take("u", 1_000));
  assert(!pace.take("u", 1_999));
  assert(pace.take("v", 1_999));
  for (let i = 0; i < 50; i++) assert(pace.take("u", 51_000));
  assert(!pace.take("u", 51_000));
  pace.giveBack("u");
  assert(pace.take("u", 51_000));
  assert(!pace.take("u", 51_000));
  pace.succeeded("u");
  for (let i = 0; i < 100; i++) assert(pace.take("u", 51_000));
  assert(!pace.take("u", 51_000));
});

Deno.test("a clock that is set back locks nobody out", () => {
  const pace = new LoginPace();
  for (let i = 0; i < 100; i++) pace.take("u", 1_000_000);
  assert(!pace.take("u", 1_000_000));
  assert(pace.take("u", 900_000));
});

Deno.test("users that are tried are remembered up to a bound", () => {
  const pace = new LoginPace();
  for (let i = 0; i < 100; i++) pace.take("u", 0);
  for (let i = 0; i < 10_000; i++) pace.take(`n${i}`, 0);
  assert(pace.take("u", 0), "the oldest is forgotten");
});

Deno.test("a place is an address of IPv4, or a network of IPv6", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::6", "2001:db8:1:2"],
    ["2001:db8::6", "2001:db8"],
    ["::1", ""],
    ["", ""],
  ];
  for (const [address, place] of rows) assertEquals(placeOf(address), place);
});
