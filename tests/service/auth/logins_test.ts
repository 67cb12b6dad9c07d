/** Logins: whose wrong passwords keep whom waiting, and what a crowd costs. */
import { assert, assertEquals } from "@std/assert";
import { Passwords } from "../../../src/service/auth/passwords.ts";
import { Turns } from "../../../src/service/auth/turns.ts";
import { put } from "../../store/commands.ts";
import {
  ANN_PASSWORD,
  basic,
  CHEAP,
  CountedPasswords,
  login,
  type Member,
  memberWithUsers,
  ROOT_PASSWORD,
  write,
} from "./setting.ts";

const HERE = "192.0.2.1";
const ELSEWHERE = "192.0.2.2";

/** Nothing is known of any password: as after a restart. */
async function restarted(passwords?: Passwords): Promise<Member> {
  const member = await memberWithUsers(undefined, undefined, passwords);
  member.node.advance(300_000);
  return member;
}

async function mayLogIn(...of: Parameters<typeof login>): Promise<boolean> {
  return (await login(...of)).length > 20;
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

Deno.test("a wrong password that is sent again and again keeps nobody out", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = await restarted(passwords);
  for (let i = 0; i < 300; i++) {
    assertEquals(await login(member, "ann", "of before", HERE), "authenticationFailed");
  }
  const atOnce = times(300, () => login(member, "ann", "of long before", HERE));
  assertEquals([...new Set(await Promise.all(atOnce))], ["authenticationFailed"]);
  const header = basic("ann", "of the dashboard");
  for (let i = 0; i < 300; i++) {
    assertEquals(await write(member, header, put({ key: "a" })), "authenticationFailed");
  }
  assertEquals(passwords.verified, 3);
  assert(await mayLogIn(member, "ann", ANN_PASSWORD, HERE));
  const { succeeded, failed, slowed } = member.service.authenticator.logins;
  assertEquals({ succeeded, failed, slowed }, { succeeded: 1, failed: 900, slowed: 0 });
});

Deno.test("who guesses is slowed at their place, and nobody else is", async () => {
  const member = await restarted();
  for (let i = 0; i < 100; i++) {
    assertEquals(await login(member, "ann", `guess ${i}`, HERE), "authenticationFailed");
  }
  assertEquals(await login(member, "ann", "guess", HERE), "tooManyLogins");
  assertEquals(await login(member, "ann", ANN_PASSWORD, HERE), "tooManyLogins");
  assertEquals(member.service.authenticator.logins.slowed, 2);
  assert(await mayLogIn(member, "ann", ANN_PASSWORD, ELSEWHERE));
  assert(await mayLogIn(member, "root", ROOT_PASSWORD, HERE));
  // Known by now, which makes no guess cheaper.
  assertEquals(await login(member, "ann", ANN_PASSWORD, HERE), "tooManyLogins");
  member.node.advance(1_000);
  assert(await mayLogIn(member, "ann", ANN_PASSWORD, HERE));
  assertEquals(await login(member, "ann", "guess", HERE), "authenticationFailed");
});

Deno.test("a right password forgives the wrong ones of its place", async () => {
  const member = await restarted();
  for (let second = 0; second < 12; second++) {
    for (let i = 0; i < 30; i++) await login(member, "ann", `guess ${second}.${i}`, HERE);
    assert(await mayLogIn(member, "ann", ANN_PASSWORD, HERE));
    member.node.advance(1_000);
  }
  assertEquals(member.service.authenticator.logins.slowed, 0);
});

Deno.test("who guesses at once has no more guesses than one after the other", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = await restarted(passwords);
  const guesses = times(150, (i) => login(member, "ann", `guess ${i}`, HERE));
  const outcomes = await Promise.all(guesses);
  assertEquals(outcomes.filter((told) => told === "authenticationFailed").length, 100);
  assertEquals(outcomes.filter((told) => told === "tooManyLogins").length, 50);
  assertEquals(passwords.verified, 100);
});

Deno.test("a user who does not exist is looked at, slowed and remembered as one who does", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = await restarted(passwords);
  for (const user of ["ann", "bob", "nobody"]) {
    passwords.verified = 0;
    for (let i = 0; i < 120; i++) await login(member, user, `guess ${i % 110}`, HERE);
    assertEquals(await login(member, user, "guess 1", HERE), "authenticationFailed");
    assertEquals(passwords.verified, 100, user);
  }
  assertEquals(member.service.authenticator.logins.slowed, 3 * 10);
});

Deno.test("what was wrong at one place is looked at again at another", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = await restarted(passwords);
  await login(member, "ann", "of before", HERE);
  assertEquals(await login(member, "ann", "of before", ELSEWHERE), "authenticationFailed");
  assertEquals(passwords.verified, 2, "nobody learns which passwords others send");
});

Deno.test("a crowd that logs in at once by one password has it looked at once", async () => {
  const passwords = new CountedPasswords(CHEAP);
  const member = await restarted(passwords);
  for (const count of [200, 1_000]) {
    const crowd = times(count, (i) => mayLogIn(member, "ann", ANN_PASSWORD, `192.0.2.${i % 250}`));
    assert((await Promise.all(crowd)).every((isIn) => isIn));
  }
  assertEquals(passwords.verified, 1);
  assertEquals(member.service.authenticator.logins.succeeded, 1_200);
});

Deno.test("a crowd of many users is let in one after the other", async () => {
  const member = await restarted();
  const crowd = times(1_000, (i) => login(member, `user ${i}`, "wrong", HERE));
  assert(await mayLogIn(member, "root", ROOT_PASSWORD, ELSEWHERE));
  assertEquals([...new Set(await Promise.all(crowd))], ["authenticationFailed"]);
});

Deno.test("who could not be looked at has guessed nothing", async () => {
  const member = await restarted(new Passwords(CHEAP, new Turns(1, 0)));
  for (let i = 0; i < 20; i++) {
    const crowd = times(10, (j) => login(member, "ann", `guess ${10 * i + j}`, HERE));
    assertEquals((await Promise.all(crowd)).filter((told) => told === "tooManyLogins").length, 9);
  }
  assert(await mayLogIn(member, "ann", ANN_PASSWORD, HERE));
});
