/**
 * Tokens as JSON Web Tokens (RFC 7519) in compact form (RFC 7515 §3.1), signed by keys of
 * the user's own (RFC 7518 §3.2 to §3.5), with etcd's claims: username, revision, exp.
 * The signatures are the platform's.
 */
import { Buffer } from "node:buffer";
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import type { AuthView } from "../../store/auth/auth.ts";
import { byteStringOf, textOf } from "../../store/byte_string.ts";
import { Recent } from "./recent.ts";
import type { Login, TokenClaims, TokenScheme } from "./tokens.ts";

/** The algorithms that etcd takes. */
export const JWT_METHODS = [
  ...["HS256", "HS384", "HS512", "RS256", "RS384", "RS512"],
  ...["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"],
] as const;

export type JwtMethod = typeof JWT_METHODS[number];

export interface JwtOptions {
  readonly method: JwtMethod;
  /** PEM; for HS the secret itself. Without it this member issues none. */
  readonly privateKey: Uint8Array | undefined;
  /** PEM; undefined when it follows from the private one, and of no use for HS. */
  readonly publicKey: Uint8Array | undefined;
  readonly ttlMs: number;
}

/** Keys that don't fit the method, or none. */
export class JwtKeyError extends Error {
  override readonly name = "JwtKeyError";
}

/** Good ones that a member remembers: a signature of RSA takes longer than a request. */
const CHECKED_MAX = 10_000;

/** RFC 7518 §3.4: the curve that belongs to each. */
const CURVES: ReadonlyMap<string, string> = new Map([
  ["ES256", "prime256v1"],
  ["ES384", "secp384r1"],
  ["ES512", "secp521r1"],
]);

/** RFC 7518 §3.3: a key of RSA has so many bits. */
const RSA_BITS_MIN = 2048;

interface Checked extends TokenClaims {
  readonly expiresMs: number;
}

/** Tokens of one method and its keys. */
export class JwtTokens implements TokenScheme {
  readonly #method: JwtMethod;
  readonly #ttlMs: number;
  readonly #sign: ((text: Buffer) => Buffer) | undefined;
  readonly #verify: (text: Buffer, signature: Buffer) => boolean;
  readonly #checked = new Recent<string, Checked>(CHECKED_MAX);

  /** Throws `JwtKeyError`. */
  constructor(options: JwtOptions) {
    this.#method = options.method;
    this.#ttlMs = options.ttlMs;
    const signer = options.method.startsWith("HS") ? hmacOf(options) : keysOf(options);
    this.#sign = signer.sign;
    this.#verify = signer.verify;
  }

  issue({ user, revision }: Login, _: AuthView, nowMs: number): string | undefined {
    if (this.#sign === undefined) return undefined;
    // Whole seconds, and not fewer than were said: one of a second's life would be dead on arrival.
    const exp = Math.ceil((nowMs + this.#ttlMs) / 1000);
    const text = `${encode({ alg: this.#method, typ: "JWT" })}.${
      encode({ username: textOf(user), revision, exp })
    }`;
    return `${text}.${this.#sign(Buffer.from(text)).toString("base64url")}`;
  }

  check(token: string, _: AuthView, nowMs: number): TokenClaims | undefined {
    const checked = this.#checked.get(token) ?? this.#checkSignature(token, nowMs);
    return checked !== undefined && nowMs < checked.expiresMs ? checked : undefined;
  }

  #checkSignature(token: string, nowMs: number): Checked | undefined {
    const parts = token.split(".");
    const [head = "", body = "", signature = ""] = parts;
    if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return undefined;
    // The method is ours to choose, not the token's (RFC 8725 §3.1).
    const header = decode(head);
    if (header?.alg !== this.#method || header.crit !== undefined) return undefined;
    if (!this.#verify(Buffer.from(`${head}.${body}`), Buffer.from(signature, "base64url"))) {
      return undefined;
    }
    const claims = decode(body);
    const checked = claims === undefined ? undefined : claimsOf(claims, nowMs);
    if (checked !== undefined) this.#checked.set(token, checked);
    return checked;
  }
}

function claimsOf(
  { username, revision, exp, nbf }: Readonly<Record<string, unknown>>,
  nowMs: number,
): Checked | undefined {
  if (typeof username !== "string" || !Number.isSafeInteger(revision)) return undefined;
  if (exp !== undefined && typeof exp !== "number") return undefined;
  if (nbf !== undefined && (typeof nbf !== "number" || nowMs < nbf * 1000)) return undefined;
  return {
    user: byteStringOf(username),
    revision: Number(revision),
    expiresMs: exp === undefined ? Infinity : exp * 1000,
  };
}

interface Signer {
  readonly sign: ((text: Buffer) => Buffer) | undefined;
  readonly verify: (text: Buffer, signature: Buffer) => boolean;
}

/** `SHA-256` of `HS256`, in the platform's words. */
function hashOf(method: JwtMethod): string {
  return `sha${method.slice(2)}`;
}

/** What is public is no secret: by a public key anybody could sign. */
function hmacOf({ method, privateKey: secret }: JwtOptions): Signer {
  if (secret === undefined || secret.length === 0) {
    throw new JwtKeyError(`Expected a priv-key with the secret of ${method}, found none`);
  }
  const mac = (text: Buffer) => createHmac(hashOf(method), secret).update(text).digest();
  return {
    sign: mac,
    verify: (text, signature) => {
      const expected = mac(text);
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    },
  };
}

function keysOf({ method, privateKey, publicKey }: JwtOptions): Signer {
  const own = privateKey === undefined
    ? undefined
    : readKey(() => createPrivateKey(Buffer.from(privateKey)), "priv-key");
  const others = publicKey === undefined
    ? own === undefined ? undefined : createPublicKey(own)
    : readKey(() => createPublicKey(Buffer.from(publicKey)), "pub-key");
  if (others === undefined) {
    throw new JwtKeyError(`Expected a pub-key or a priv-key for ${method}, found none`);
  }
  for (const key of [own, others]) if (key !== undefined) checkKey(method, key);
  if (own !== undefined && !createPublicKey(own).equals(others)) {
    throw new JwtKeyError("Expected the pub-key of the priv-key, found another's");
  }
  const hash = hashOf(method);
  const keyed = (key: KeyObject) => ({ key, ...paddingOf(method) });
  return {
    sign: own === undefined ? undefined : (text) => sign(hash, text, keyed(own)),
    verify: (text, signature) => verify(hash, text, keyed(others), signature),
  };
}

function readKey(read: () => KeyObject, name: string): KeyObject {
  try {
    return read();
  } catch (error) {
    throw new JwtKeyError(`Expected a key in PEM form for ${name}, found something else`, {
      cause: error,
    });
  }
}

function paddingOf(method: JwtMethod) {
  if (method.startsWith("PS")) {
    const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
    return { padding, saltLength };
  }
  return method.startsWith("ES") ? { dsaEncoding: "ieee-p1363" as const } : {};
}

function checkKey(method: JwtMethod, key: KeyObject): void {
  const curve = CURVES.get(method);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (curve !== undefined) {
    if (type === "ec" && details?.namedCurve === curve) return;
    throw new JwtKeyError(`Expected a key on the curve ${curve} for ${method}, found another`);
  }
  if (type === "rsa" && (details?.modulusLength ?? 0) >= RSA_BITS_MIN) return;
  throw new JwtKeyError(
    `Expected a key of RSA with at least ${RSA_BITS_MIN} bits for ${method}, found another`,
  );
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Readonly<Record<string, unknown>>
      : undefined;
  } catch {
    return undefined;
  }
}
