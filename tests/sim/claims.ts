/**
 * Who simulated users say that they are, and whether that opens anything by the users and
 * roles of a moment: the checker's own opinion, which knows the passwords.
 */
import { GUEST_CREDENTIALS, NO_CREDENTIALS, type Who } from "../../src/service/auth/credentials.ts";
import type { PasswordHashes } from "../../src/service/auth/passwords.ts";
import { GUEST_USER } from "../../src/store/command/command.ts";
import { hashOf } from "../store/auth/changes.ts";
import type { AuthState } from "../store/auth/model.ts";

export type Claim =
  | { readonly kind: "nobody" }
  | { readonly kind: "guest" }
  | { readonly kind: "certificate"; readonly user: string }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | {
    readonly kind: "token";
    readonly token: string;
    readonly user: string;
    /** As the token has it. */
    readonly revision: number;
    /** Of the password that it was got by. */
    readonly hash: string;
    /** By which it was signed. */
    readonly secret: Uint8Array;
  };

/** Who never has to prove anything: the name in a certificate. */
export const ROOT: Claim = { kind: "certificate", user: "root" };

/** What clients bring to say it. */
export function whoOf(claim: Claim): Who {
  switch (claim.kind) {
    case "nobody":
      return () => NO_CREDENTIALS;
    case "guest":
      return () => GUEST_CREDENTIALS;
    case "certificate":
      return () => ({ kind: "certificate", name: claim.user, orGuest: false });
    case "password": {
      const header = `Basic ${btoa(`${claim.user}:${claim.password}`)}`;
      return () => ({ kind: "basic", header });
    }
    case "token":
      return () => ({ kind: "token", token: claim.token });
  }
}

/** Without the token, which is another one in each run. */
export function describeClaim(claim: Claim): string {
  return claim.kind === "nobody" || claim.kind === "guest"
    ? claim.kind
    : `${claim.user} by ${claim.kind}`;
}

/** Whom a claim makes somebody, or why nobody, while authentication is on. */
export function userBy(
  { users, secret }: AuthState,
  claim: Claim,
): { readonly user: string } | "userNameEmpty" | "invalidToken" | "authenticationFailed" {
  switch (claim.kind) {
    case "nobody":
      return "userNameEmpty";
    case "guest":
      return { user: GUEST_USER };
    case "certificate":
      return { user: claim.user };
    case "password":
      return users.get(claim.user)?.passwordHash === hashOf(claim.password)
        ? { user: claim.user }
        : "authenticationFailed";
    case "token": {
      const user = users.get(claim.user);
      // What is signed says the password, not the user that it was.
      const isDead = user === undefined ||
        user.revision > claim.revision && user.passwordHash !== claim.hash;
      return isDead || secret.toHex() !== claim.secret.toHex()
        ? "invalidToken"
        : { user: claim.user };
    }
  }
}

/** The password of a hash. */
export function passwordOf(hash: string): string {
  return hash.slice("plain:".length);
}

/** Passwords that take no time: threads would make every run another one. */
export const PLAIN_PASSWORDS: PasswordHashes = {
  hash: (password) => Promise.resolve(hashOf(password)),
  verify: (password, hash) => Promise.resolve(hash === hashOf(password)),
};

/** The auth revision that a token says. */
export function revisionOf(token: string): number {
  return parseInt(token.split(".")[1] ?? "", 36);
}
