/**
 * What clients say who they are by: simple tokens, JSON Web Tokens and Basic headers, whole,
 * forged and mutated, against parsers that are written a second time. The first byte of an
 * input says which it is.
 */
import { createHmac } from "node:crypto";
import { parseBasic } from "../../src/service/auth/credentials.ts";
import { JwtTokens } from "../../src/service/auth/jwt.ts";
import { SimpleTokens } from "../../src/service/auth/simple_tokens.ts";
import type { TokenClaims } from "../../src/service/auth/tokens.ts";
import type { SeededRandom } from "../sim/random.ts";
import { AuthLog, SECRET } from "../store/auth/setting.ts";
import { anyText, mutated } from "./mutate.ts";
import { bytesOf, expectSame, type Subject, textOf } from "./subject.ts";

const NOW_MS = 1_800_000_000_000;
const TTL_MS = 300_000;
const CLUSTER = 1;
const KEY = bytesOf("a key of a good length for HS256");

const SIMPLE = new SimpleTokens(TTL_MS, CLUSTER);
const JWT = new JwtTokens({
  method: "HS256",
  privateKey: KEY,
  publicKey: undefined,
  ttlMs: TTL_MS,
});
const LOG = new AuthLog();
LOG.enable();

const KINDS = ["simple", "jwt", "basic"] as const;

const NAMES = ["ann", "root", "é", "a:b", "", "\xff", "n".repeat(200)];

export const credentials: Subject = {
  name: "credentials",
  promise: "a token opens what it was signed for, and nothing else opens anything",
  make(random) {
    const kind = random.integer(0, KINDS.length - 1);
    const text = MAKERS[KINDS[kind]!](random);
    const bytes = bytesOf(text);
    return Uint8Array.of(kind, ...random.chance(0.5) ? mutated(bytes, random) : bytes);
  },
  check([input]) {
    const text = textOf(input!.subarray(1));
    const { auth } = LOG.store;
    switch (KINDS[(input![0] ?? 0) % KINDS.length]!) {
      case "simple":
        // Twice: the second time it is one that is in use.
        for (let i = 0; i < 2; i++) {
          expectSame(told(SIMPLE.check(text, auth, NOW_MS)), slowSimple(text), "a simple token");
        }
        return;
      case "jwt":
        for (let i = 0; i < 2; i++) {
          expectSame(told(JWT.check(text, auth, NOW_MS)), slowJwt(text), "a JWT");
        }
        return;
      case "basic":
        return expectSame(parseBasic(text), slowBasic(text), "a Basic header");
    }
  },
};

const MAKERS = { simple: makeSimple, jwt: makeJwt, basic: makeBasic };

function makeSimple(random: SeededRandom): string {
  const issuedMs = NOW_MS + random.pick([0, 1, -TTL_MS, -TTL_MS - 1, TTL_MS, TTL_MS + 1, -1e9]);
  const user = base64Url(bytesOf(random.pick(NAMES)));
  const revision = random.skewed(1, 2 ** 31).toString(36);
  const text = `${user}.${revision}.${issuedMs.toString(36)}.${"r".repeat(12)}`;
  const secret = random.chance(0.2) ? Uint8Array.of(9) : SECRET;
  const cluster = random.chance(0.2) ? CLUSTER + 1 : CLUSTER;
  return `${text}.${base64Url(hmac(secret, `${cluster}.${text}`))}`;
}

function makeJwt(random: SeededRandom): string {
  const nowS = NOW_MS / 1000;
  const head = {
    alg: random.pick(["HS256", "HS256", "HS256", "none", "HS512", "RS256"]),
    typ: "JWT",
    ...(random.chance(0.1) && { crit: ["exp"] }),
  };
  const claims = {
    username: random.chance(0.1) ? 7 : random.pick(NAMES),
    revision: random.pick([1, 2, 2 ** 40, 1.5, "1", null]),
    ...(random.chance(0.8) && { exp: random.pick([nowS + 1, nowS, nowS - 1, 0, "soon", 1e300]) }),
    ...(random.chance(0.2) && { nbf: random.pick([nowS, nowS + 1, "now"]) }),
  };
  const text = [head, claims].map((part) => base64Url(bytesOf(JSON.stringify(part)))).join(".");
  const key = random.chance(0.2) ? bytesOf("another") : KEY;
  return `${text}.${random.chance(0.1) ? "" : base64Url(hmac(key, text))}`;
}

function makeBasic(random: SeededRandom): string {
  const word = random.pick(["Basic", "basic", "BASIC", "Bearer", ""]);
  const space = random.pick([" ", "  ", ""]);
  const text = `${random.pick(NAMES)}${random.pick([":", "::", ""])}${anyText(random, 12)}`;
  return `${word}${space}${bytesOf(text).toBase64()}${random.pick(["", "", " ", "="])}`;
}

/** Who a token names, in a form that can be compared; undefined for nobody. */
function told(claims: TokenClaims | undefined) {
  return claims && { user: claims.user, revision: claims.revision };
}

function slowSimple(token: string) {
  const parts = token.split(".");
  const [user = "", revision = "", issued = "", random = "", signature = ""] = parts;
  if (parts.length !== 5 || random.length !== 12 || signature.length !== 43) return undefined;
  if (![user, random, signature].every((part) => part !== "" && !/[^A-Za-z0-9_-]/.test(part))) {
    return undefined;
  }
  if (![revision, issued].every((part) => part.length <= 11 && /^[0-9a-z]+$/.test(part))) {
    return undefined;
  }
  const text = parts.slice(0, 4).join(".");
  const wanted = base64Url(hmac(SECRET, `${CLUSTER}.${text}`));
  // The last digit says two bits more than there are.
  if (!isSameBut2Bits(signature, wanted)) return undefined;
  const age = NOW_MS - parseInt(issued, 36);
  if (Math.abs(age) > TTL_MS) return undefined;
  const digits = user.replaceAll("-", "+").replaceAll("_", "/");
  const name = atob(digits.length % 4 === 1 ? digits.slice(0, -1) : digits);
  return { user: name, revision: parseInt(revision, 36) };
}

function isSameBut2Bits(a: string, b: string): boolean {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = (text: string) => digits.indexOf(text.at(-1)!) >> 2;
  return a.slice(0, -1) === b.slice(0, -1) && last(a) === last(b);
}

function slowJwt(token: string) {
  const [head = "", body = "", signature = "", ...more] = token.split(".");
  if (more.length > 0 || [head, body, signature].some((part) => !/^[\w-]+$/.test(part))) {
    return undefined;
  }
  const wanted = base64Url(hmac(KEY, `${head}.${body}`));
  if (signature.length !== 43 || !isSameBut2Bits(signature, wanted)) return undefined;
  // Only what was signed here comes so far.
  const [{ alg, crit }, { username, revision, exp, nbf }] = [head, body].map((part) =>
    JSON.parse(textOf(Uint8Array.fromBase64(part, { alphabet: "base64url" })))
  );
  if (alg !== "HS256" || crit !== undefined || typeof username !== "string") return undefined;
  if (!Number.isInteger(revision)) return undefined;
  if (exp !== undefined && !(typeof exp === "number" && NOW_MS < exp * 1000)) return undefined;
  if (nbf !== undefined && !(typeof nbf === "number" && NOW_MS >= nbf * 1000)) return undefined;
  const user = Array.from(bytesOf(username), (byte) => String.fromCharCode(byte)).join("");
  return { user, revision };
}

function slowBasic(header: string) {
  const [word = "", ...rest] = header.split(" ").filter((part) => part !== "");
  const [text = ""] = rest;
  const isForm = /^basic /i.test(header) && word.toLowerCase() === "basic" && rest.length === 1;
  if (!isForm || header.length > 8192 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const digits = text.replace(/=+$/, "");
  const bytes = atob(digits.length % 4 === 1 ? digits.slice(0, -1) : digits);
  const colon = bytes.indexOf(":");
  if (colon < 1) return undefined;
  const password = Uint8Array.from(bytes.slice(colon + 1), (unit) => unit.charCodeAt(0));
  return { user: bytes.slice(0, colon), password: textOf(password) };
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
