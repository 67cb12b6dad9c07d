/** Tokens of both kinds: who can make them, and how long they are good. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  JWT_METHODS,
  JwtKeyError,
  type JwtMethod,
  JwtTokens,
} from "../../../src/service/auth/jwt.ts";
import { SimpleTokens } from "../../../src/service/auth/simple_tokens.ts";
import { type TokenScheme, userOfToken } from "../../../src/service/auth/tokens.ts";
import { random } from "../../store/log.ts";
import { AuthLog, permission } from "../../store/auth/setting.ts";

const START_MS = 1_800_000_000_000;
const TTL_MS = 300_000;

function logWithAnn(): AuthLog {
  const log = new AuthLog();
  log.enable({ ann: [permission("read", "a")], bob: [] });
  return log;
}

function issue(log: AuthLog, scheme: TokenScheme, user = "ann", nowMs = START_MS): string {
  const { auth } = log.store;
  const passwordHash = auth.user(user)?.passwordHash ?? "";
  return scheme.issue({ user, revision: auth.revision, passwordHash }, auth, nowMs)!;
}

function userOf(log: AuthLog, scheme: TokenScheme, token: string, nowMs = START_MS) {
  return userOfToken(scheme, token, log.store.auth, nowMs);
}

function pem(key: KeyObject, type: "pkcs8" | "spki" | "sec1" = "pkcs8"): Uint8Array {
  return Buffer.from(key.export({ type, format: "pem" }) as string);
}

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const CURVES = { ES256: "P-256", ES384: "P-384", ES512: "P-521" } as const;

function jwt(method: JwtMethod): JwtTokens {
  if (method.startsWith("HS")) {
    const privateKey = Buffer.from("a secret of a good length, well.");
    return new JwtTokens({ method, privateKey, publicKey: undefined, ttlMs: TTL_MS });
  }
  const pair = method.startsWith("ES")
    ? generateKeyPairSync("ec", { namedCurve: CURVES[method as keyof typeof CURVES] })
    : RSA;
  return new JwtTokens({
    method,
    privateKey: pem(pair.privateKey),
    publicKey: pem(pair.publicKey, "spki"),
    ttlMs: TTL_MS,
  });
}

const SCHEMES: readonly (readonly [name: string, make: () => TokenScheme])[] = [
  ["simple", () => new SimpleTokens(TTL_MS, 1)],
  ...JWT_METHODS.map((method) => [`JWT ${method}`, () => jwt(method)] as const),
];

for (const [name, make] of SCHEMES) {
  Deno.test(`${name}: a token is its user's until it is too old`, () => {
    const log = logWithAnn();
    const scheme = make();
    const token = issue(log, scheme);
    assertEquals(userOf(log, scheme, token), "ann");
    assertEquals(userOf(log, scheme, token, START_MS + TTL_MS - 1_000), "ann");
    assertEquals(userOf(log, scheme, issue(log, scheme, "bob")), "bob");
    assertEquals(userOf(log, scheme, issue(log, scheme, "nobody")), undefined);
    assertEquals(userOf(log, make(), token, START_MS + TTL_MS + 1), undefined);
  });

  Deno.test(`${name}: a token is dead when its user's password has changed, and lives on when others do`, () => {
    const log = logWithAnn();
    const scheme = make();
    const token = issue(log, scheme);
    log.change({ type: "userChangePassword", user: "bob", passwordHash: "x" }, "root");
    log.change({
      type: "roleGrantPermission",
      role: "ann",
      permission: permission("write", "a"),
    }, "root");
    assertEquals(userOf(log, scheme, token), "ann");
    log.change({ type: "userChangePassword", user: "ann", passwordHash: "x" }, "root");
    assertEquals(userOf(log, scheme, token), undefined);
    const second = issue(log, scheme);
    assertEquals(userOf(log, scheme, second), "ann");
    log.change({ type: "userRevokeRole", user: "ann", role: "ann" }, "root");
    // As etcd's: who gets or loses a role goes on. A JWT can't say by which password it was got.
    const isJwt = scheme instanceof JwtTokens;
    for (let i = 0; i < 2; i++) {
      assertEquals(userOf(log, scheme, second), isJwt ? undefined : "ann");
    }
    const third = issue(log, scheme);
    log.change([
      { type: "userDelete", user: "ann" },
      { type: "userAdd", user: "ann", passwordHash: "", noPassword: true },
    ], "root");
    assertEquals(userOf(log, scheme, third), undefined);
  });

  Deno.test(`${name}: a token that was changed anywhere is none`, () => {
    const log = logWithAnn();
    const scheme = make();
    const token = issue(log, scheme);
    const next = random(1);
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const step = Math.max(1, Math.floor(token.length / 60));
    for (let at = 0; at < token.length; at += step) {
      const other = letters[Math.floor(next() * letters.length)]!;
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      // The last letter of base64 has bits that stand for nothing.
      if (other === token[at] || at === token.length - 1) continue;
      assertEquals(userOf(log, scheme, changed), undefined, `${at} ${changed}`);
      assertEquals(userOf(log, scheme, token.slice(0, at)), undefined);
    }
    for (const text of ["", ".", "..", "....", "x".repeat(10_000), `${token}.`, `.${token}`]) {
      assertEquals(userOf(log, scheme, text), undefined);
    }
  });
}

Deno.test("a JWT lives as long as was said, whenever in a second it begins", () => {
  const log = logWithAnn();
  const [privateKey, ttlMs] = [Buffer.from("a secret of a good length, well."), 1_000];
  const scheme = new JwtTokens({ method: "HS256", privateKey, publicKey: undefined, ttlMs });
  for (const part of [0, 1, 999]) {
    const nowMs = START_MS + part;
    const token = issue(log, scheme, "ann", nowMs);
    assertEquals(userOf(log, scheme, token, nowMs + ttlMs - 1), "ann", `${part}`);
    assertEquals(userOf(log, scheme, token, nowMs + 2 * ttlMs), undefined, `${part}`);
  }
});

Deno.test("a simple token is good on every member of its cluster, and by the same secret only", () => {
  const log = logWithAnn();
  const token = issue(log, new SimpleTokens(TTL_MS, 1));
  const other = new SimpleTokens(TTL_MS, 1);
  assertEquals(userOf(log, other, token), "ann");
  const restored = new SimpleTokens(TTL_MS, 2);
  assertEquals(userOf(log, restored, token), undefined, "a cluster that was made from a backup");
  log.change({ type: "authDisable" }, "root");
  log.change({ type: "authEnable", secret: Uint8Array.from([9, 9, 9]) });
  assertEquals(userOf(log, other, token), undefined);
});

Deno.test("a simple token lives on while it is used, where it is used", () => {
  const log = logWithAnn();
  const scheme = new SimpleTokens(TTL_MS, 1);
  const token = issue(log, scheme);
  for (let i = 1; i <= 5; i++) {
    assertEquals(userOf(log, scheme, token, START_MS + i * (TTL_MS - 1)), "ann");
  }
  assertEquals(userOf(log, scheme, token, START_MS + 6 * TTL_MS + 1), undefined);
  assertEquals(userOf(log, scheme, token, START_MS), "ann", "its time is not over elsewhere");
});

Deno.test("a simple token is of its password, whatever else its user has since", () => {
  const log = logWithAnn();
  const scheme = new SimpleTokens(TTL_MS, 1);
  const token = issue(log, scheme);
  const { passwordHash } = log.store.auth.user("ann")!;
  log.change({ type: "userGrantRole", user: "ann", role: "root" }, "root");
  log.change({ type: "userChangePassword", user: "ann", passwordHash: "x" }, "root");
  assertEquals(userOf(log, scheme, token), undefined);
  const late = { user: "ann", revision: log.store.auth.revision - 1, passwordHash };
  assertEquals(
    userOf(log, scheme, scheme.issue(late, log.store.auth, START_MS)),
    undefined,
    "the password was looked at before it changed",
  );
});

Deno.test("no secret signs no token", () => {
  const log = new AuthLog();
  const scheme = new SimpleTokens(TTL_MS, 1);
  log.change({ type: "userAdd", user: "ann", passwordHash: "", noPassword: true });
  assertEquals(userOf(log, scheme, issue(log, scheme)), undefined);
});

function forged(header: object, claims: object, sign: (text: string) => string): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${sign(text)}`;
}

Deno.test("a JWT is judged by the method of the member, not by its own", () => {
  const log = logWithAnn();
  const publicPem = pem(RSA.publicKey, "spki");
  const scheme = jwt("RS256");
  const claims = { username: "ann", revision: log.store.auth.revision, exp: START_MS };
  const byPublicKey = (text: string) =>
    createHmac("sha256", publicPem).update(text).digest("base64url");
  assertEquals(userOf(log, scheme, forged({ alg: "HS256" }, claims, byPublicKey)), undefined);
  for (const alg of ["none", "None", "", "RS384", undefined, 1]) {
    assertEquals(userOf(log, scheme, forged({ alg }, claims, () => "AA")), undefined);
  }
  const others = issue(log, jwt("PS256"));
  assertEquals(userOf(log, scheme, others), undefined);
});

Deno.test("a JWT must say whose it is, of which revision, and be of now", () => {
  const log = logWithAnn();
  const scheme = jwt("HS256");
  const good = { username: "ann", revision: log.store.auth.revision, exp: START_MS / 1000 + 60 };
  const sign = (text: string) =>
    createHmac("sha256", "a secret of a good length, well.").update(text).digest("base64url");
  const userBy = (claims: object, header: object = { alg: "HS256" }) =>
    userOf(log, scheme, forged(header, claims, sign));
  assertEquals(userBy(good), "ann");
  assertEquals(userBy({ ...good, exp: undefined }), "ann");
  assertEquals(userBy({ ...good, exp: START_MS / 1000 }), undefined);
  assertEquals(userBy({ ...good, exp: "never" }), undefined);
  assertEquals(userBy({ ...good, nbf: START_MS / 1000 + 1 }), undefined);
  assertEquals(userBy({ ...good, nbf: START_MS / 1000 }), "ann");
  assertEquals(userBy({ ...good, username: 1 }), undefined);
  assertEquals(userBy({ ...good, revision: "1" }), undefined);
  assertEquals(userBy({ ...good, revision: 1 }), undefined);
  assertEquals(userBy([]), undefined);
  assertEquals(userBy(good, { alg: "HS512" }), undefined, "whatever it is signed by");
  assertEquals(userBy(good, { alg: "HS256", crit: ["b64"], b64: false }), undefined);
});

Deno.test("a member with the public key alone checks JWTs, and issues none", () => {
  const log = logWithAnn();
  const publicKey = pem(RSA.publicKey, "spki");
  const scheme = new JwtTokens({ method: "PS384", privateKey: undefined, publicKey, ttlMs: 1 });
  assertEquals(issue(log, scheme), undefined);
  assertEquals(userOf(log, scheme, issue(log, jwt("PS384"))), "ann");
});

Deno.test("keys that don't fit the method are refused", () => {
  const curve = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const others = pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
  const cases: readonly (readonly [JwtMethod, Uint8Array | undefined])[] = [
    ["RS256", pem(curve.privateKey)],
    ["ES256", pem(curve.privateKey)],
    ["ES384", pem(RSA.privateKey)],
    ["RS256", pem(short.privateKey)],
    ["RS256", Buffer.from("no key")],
    ["HS256", undefined],
    ["HS256", new Uint8Array()],
    ["ES512", undefined],
  ];
  for (const [method, privateKey] of cases) {
    assertThrows(
      () => new JwtTokens({ method, privateKey, publicKey: undefined, ttlMs: TTL_MS }),
      JwtKeyError,
      "Expected",
    );
  }
  // Anybody may have a public key, and could sign by it.
  const publicKey = pem(RSA.publicKey, "spki");
  for (const [method, privateKey] of [["HS256", undefined], ["RS256", others]] as const) {
    assertThrows(
      () => new JwtTokens({ method, privateKey, publicKey, ttlMs: TTL_MS }),
      JwtKeyError,
      "Expected",
    );
  }
  assert(
    new JwtTokens({
      method: "ES384",
      privateKey: pem(curve.privateKey),
      publicKey: undefined,
      ttlMs: TTL_MS,
    }),
  );
});
