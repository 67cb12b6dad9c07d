/** bcrypt, held to hashes that other programs have made. */
import { assert, assertEquals } from "@std/assert";
import { hashByBcrypt, isBcrypt, verifyByBcrypt } from "../../../src/service/auth/bcrypt/bcrypt.ts";
import { wordsOfPi } from "../../../src/service/auth/bcrypt/pi.ts";
import { bcryptOf, Passwords } from "../../../src/service/auth/passwords.ts";
import { CHEAP } from "./setting.ts";

Deno.test("wordsOfPi() begins and ends as Blowfish's published tables do", () => {
  const words = wordsOfPi(18 + 4 * 256);
  assertEquals([...words.subarray(0, 3)], [0x243f6a88, 0x85a308d3, 0x13198a2e]);
  assertEquals([...words.subarray(17, 19)], [0x8979fb1b, 0xd1310ba6]);
  assertEquals([...words.subarray(-2)], [0x578fdfe3, 0x3ac372e6]);
});

/** From the tests of Openwall's crypt_blowfish and of jBCrypt. */
const KNOWN: readonly (readonly [password: string, hash: string])[] = [
  ["a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"],
  ["U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"],
  [
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
    "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
  ],
];

Deno.test("verifyByBcrypt() takes the passwords of hashes that others made, and no others", async () => {
  for (const [password, hash] of KNOWN) {
    assert(isBcrypt(hash));
    assert(await verifyByBcrypt(password, hash), password);
    assert(!await verifyByBcrypt(`x${password}`, hash), password);
  }
});

Deno.test("hashByBcrypt() makes what verifyByBcrypt() takes, with a salt of its own", async () => {
  for (const password of ["", "pw", "ü☃", "x".repeat(71)]) {
    const hash = await hashByBcrypt(password, 4);
    assert(hash !== undefined && isBcrypt(hash), hash);
    assert(await verifyByBcrypt(password, hash));
    assert(!await verifyByBcrypt(`${password}!`, hash) || password.length >= 71);
    assert(hash !== await hashByBcrypt(password, 4));
  }
});

Deno.test("hashByBcrypt() makes none of a password that it could not tell from others", async () => {
  assertEquals(await hashByBcrypt("x".repeat(72), 4), undefined);
  assertEquals(await hashByBcrypt("a\0a", 4), undefined);
});

Deno.test("isBcrypt() refuses other forms, and a cost that would stop the member", () => {
  const rest = "m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
  assert(isBcrypt(`$2b$15$${rest}`));
  for (const head of ["$2a$16$", "$2a$31$", "$2a$03$", "$2x$06$", "$2a$6$", "x$2a$06$"]) {
    assert(!isBcrypt(head + rest), head);
  }
  assert(!isBcrypt(`$2a$06$${rest}.`));
});

Deno.test("verify() takes a password by the hash that came from etcd, or by ours", async () => {
  const passwords = new Passwords(CHEAP);
  const [password, hash] = KNOWN[0]!;
  const empty = (await hashByBcrypt("", 4))!;
  assert(await passwords.verify(password, hash));
  assert(!await passwords.verify("b", hash));
  assert(!await passwords.verify("x".repeat(5000), empty), "longer than anybody's");
  const own = await passwords.hash("pw");
  // The part for etcd is not what is looked at here.
  assert(!await passwords.verify("a", own.replace(/\$2a.*/, hash)));
  assert(await passwords.verify("pw", own.replace(/\$2a.*/, "")));
});

Deno.test("bcryptOf() gives etcd the hash that it can check the same password by", async () => {
  const passwords = new Passwords(CHEAP);
  const hash = bcryptOf(await passwords.hash("pw"));
  assert(hash !== undefined && await verifyByBcrypt("pw", hash));
  assertEquals(bcryptOf(KNOWN[0]![1]), KNOWN[0]![1]);
  assertEquals(bcryptOf(await passwords.hash("x".repeat(100))), undefined);
  assertEquals(bcryptOf(""), undefined);
});
