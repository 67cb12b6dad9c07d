/**
 * What stands for a login: a token says which user has logged in, at which auth revision
 * and by which password, and whoever checks it needs no other member for that. A token is
 * dead when its user has another password, or is another one of that name; other roles end
 * no login. One that can't say the password, a JWT, is dead when its user has changed at all.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { ByteString } from "../../store/byte_string.ts";
import type { AuthView } from "../../store/auth/auth.ts";

/** Who has shown a password. */
export interface Login {
  readonly user: ByteString;
  /** The auth revision then. */
  readonly revision: number;
  /** Of the password that was shown. */
  readonly passwordHash: string;
}

/** What a token says. */
export interface TokenClaims extends Pick<Login, "user" | "revision"> {
  /** See `markOf`; undefined when it says nothing of the password. */
  readonly passwordMark?: string;
}

/** Makes tokens and takes them apart; knows nothing of users. */
export interface TokenScheme {
  /** A token for who has logged in; undefined when this member can only check those of others. */
  issue(login: Login, auth: AuthView, nowMs: number): string | undefined;
  /** What the token says; undefined when it is none, or no longer good. */
  check(token: string, auth: AuthView, nowMs: number): TokenClaims | undefined;
}

/** Longer ones are not looked at. */
const TOKEN_LENGTH_MAX = 8192;

/** The user of a good token. */
export function userOfToken(
  scheme: TokenScheme,
  token: string,
  auth: AuthView,
  nowMs: number,
): ByteString | undefined {
  if (token === "" || token.length > TOKEN_LENGTH_MAX) return undefined;
  const claims = scheme.check(token, auth, nowMs);
  if (claims === undefined) return undefined;
  const user = auth.user(claims.user);
  if (user === undefined) return undefined;
  const isSame = claims.revision >= user.revision ||
    claims.passwordMark === markOf(user.passwordHash, auth.secret);
  return isSame ? user.name : undefined;
}

const SECRET_BYTES = 32;

/** What signs the tokens of a cluster: for `authEnable`. */
export function makeSecret(): Uint8Array {
  return new Uint8Array(randomBytes(SECRET_BYTES));
}

const MARK_BYTES = 9;

/** Stands for a password in a token, and tells nothing of the hash to who has not the secret. */
export function markOf(passwordHash: string, secret: Uint8Array): string {
  const mark = createHmac("sha256", secret).update(`password.${passwordHash}`).digest();
  return mark.subarray(0, MARK_BYTES).toString("base64url");
}
