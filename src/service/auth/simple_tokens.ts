/**
 * Tokens signed by the cluster's secret, HMAC-SHA-256 (RFC 2104), so that any member
 * can check them. The cluster's id is signed, too: a cluster that was restored from a
 * backup has the same users and the same secret, and its tokens open nothing in the other.
 *
 *     USER.REVISION.ISSUED.PASSWORD.SIGNATURE
 *
 * user, the password's mark and signature in base64url, the numbers in base 36, the time in the
 * cluster's milliseconds. A token is good for its lifetime, and on a member where it is
 * used meanwhile for as long as it goes on being used, as etcd's simple tokens are.
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { AuthView } from "../../store/auth/auth.ts";
import { bytesOf, byteStringAt } from "../../store/byte_string.ts";
import { Recent } from "./recent.ts";
import { type Login, markOf, type TokenClaims, type TokenScheme } from "./tokens.ts";

/** Tokens in use that a member remembers; the others are checked by their signature. */
const USED_MAX = 10_000;

const TOKEN = /^([\w-]+)\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([\w-]{12})\.([\w-]{43})$/;

interface Used extends TokenClaims {
  readonly usedMs: number;
}

export class SimpleTokens implements TokenScheme {
  readonly #ttlMs: number;
  readonly #clusterId: number;
  readonly #used = new Recent<string, Used>(USED_MAX);
  /** By which those in use were signed. */
  #secret: Uint8Array = new Uint8Array(0);

  constructor(ttlMs: number, clusterId: number) {
    this.#ttlMs = ttlMs;
    this.#clusterId = clusterId;
  }

  issue({ user, revision, passwordHash }: Login, { secret }: AuthView, nowMs: number): string {
    const name = Buffer.from(bytesOf(user)).toString("base64url");
    const mark = markOf(passwordHash, secret);
    const text = `${name}.${revision.toString(36)}.${nowMs.toString(36)}.${mark}`;
    return `${text}.${this.#sign(text, secret).toString("base64url")}`;
  }

  check(token: string, { secret }: AuthView, nowMs: number): TokenClaims | undefined {
    if (secret !== this.#secret) this.#trust(secret);
    const used = this.#used.get(token);
    if (used === undefined) return this.#checkSignature(token, secret, nowMs);
    if (nowMs - used.usedMs > this.#ttlMs) {
      this.#used.delete(token);
      return undefined;
    }
    this.#used.set(token, { ...used, usedMs: nowMs });
    return used;
  }

  /** Another secret, or the same one out of an image. */
  #trust(secret: Uint8Array): void {
    if (Buffer.compare(secret, this.#secret) !== 0) this.#used.clear();
    this.#secret = secret;
  }

  #checkSignature(token: string, secret: Uint8Array, nowMs: number): TokenClaims | undefined {
    const found = TOKEN.exec(token);
    if (found === null || secret.length === 0) return undefined;
    const [, user = "", revision = "", issued = "", passwordMark = "", signature = ""] = found;
    const expected = this.#sign(token.slice(0, -signature.length - 1), secret);
    const given = Buffer.from(signature, "base64url");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const ageMs = nowMs - parseInt(issued, 36);
    // The clock of the cluster goes forward only; from the future is a lie or an error.
    if (ageMs > this.#ttlMs || ageMs < -this.#ttlMs) return undefined;
    const bytes = Buffer.from(user, "base64url");
    const claims: Used = {
      user: byteStringAt(bytes, 0, bytes.length),
      revision: parseInt(revision, 36),
      passwordMark,
      usedMs: nowMs,
    };
    this.#used.set(token, claims);
    return claims;
  }

  #sign(text: string, secret: Uint8Array): Buffer {
    return createHmac("sha256", secret).update(`${this.#clusterId}.${text}`).digest();
  }
}
