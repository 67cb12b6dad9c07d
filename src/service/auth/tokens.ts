/**
 * What stands for a login: a token says which user has logged in and at which auth
 * revision, and whoever checks it needs no other member for that. A token is dead when
 * its user has changed since: the password, the roles, or the whole user.
 */
import type { ByteString } from "../../store/byte_string.ts";
import type { AuthView } from "../../store/auth/auth.ts";

/** What a token says. */
export interface TokenClaims {
  readonly user: ByteString;
  /** The auth revision when it was issued. */
  readonly revision: number;
}

/** Makes tokens and takes them apart; knows nothing of users. */
export interface TokenScheme {
  /** A token of `claims`; undefined when this member can only check those of others. */
  issue(claims: TokenClaims, auth: AuthView, nowMs: number): string | undefined;
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
  return user !== undefined && claims.revision >= user.revision ? user.name : undefined;
}
