/**
 * Who asks: the user behind the credentials of a request, by the users that this member knows,
 * and logins, which make tokens of passwords. What a user may is judged by `gate.ts`.
 */
import type { Failure } from "../../node/ports.ts";
import type { AuthView } from "../../store/auth/auth.ts";
import type { ByteString } from "../../store/byte_string.ts";
import { GUEST_USER, NOBODY, type Requester } from "../../store/command/command.ts";
import type { Store } from "../../store/store.ts";
import type { Audit } from "./audit.ts";
import type { Credentials, Who } from "./credentials.ts";
import type { LoginCounters, LoginProblem, Logins } from "./logins.ts";
import { type TokenScheme, userOfToken } from "./tokens.ts";

/** Why somebody is taken for nobody. */
export type IdentityProblem = LoginProblem | "userNameEmpty" | "invalidToken";

/** What becomes of a login. */
export type LoginOutcome =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "refused"; readonly reason: LoginProblem | "authNotEnabled" | "invalidToken" }
  | { readonly kind: "failed"; readonly failure: Failure };

/** What is asked of `Service`; its docstrings hold. */
export interface Reads {
  readonly node: { nowMs(): number };
  read<T>(serve: () => Promise<T>, fail: (failure: Failure) => T): T | Promise<T>;
}

export interface AuthenticatorOptions {
  readonly service: Reads;
  readonly store: Store;
  readonly tokens: TokenScheme;
  readonly logins: Logins;
  /** Is told of logins. */
  readonly audit: Audit | undefined;
}

export class Authenticator {
  readonly #service: Reads;
  readonly #store: Store;
  readonly #tokens: TokenScheme;
  readonly #logins: Logins;
  readonly #audit: Audit | undefined;

  constructor({ service, store, tokens, logins, audit }: AuthenticatorOptions) {
    this.#service = service;
    this.#store = store;
    this.#tokens = tokens;
    this.#logins = logins;
    this.#audit = audit;
  }

  /** What has become of passwords. */
  get logins(): LoginCounters {
    return this.#logins;
  }

  /**
   * For whom a command of these credentials is carried out now, or why for nobody. A password
   * counts once it was looked at: see `prove`.
   */
  requesterOf(who: Who): Requester | IdentityProblem {
    const { auth } = this.#store;
    return auth.isEnabled ? this.#identify(auth, who()) : NOBODY;
  }

  /**
   * Looks at the password of `who`, as the users of now have it, and tells what is wrong with
   * it. Undefined when there is none to look at, or it was looked at before.
   */
  prove(who: Who): Promise<LoginProblem | undefined> | undefined {
    const { auth } = this.#store;
    if (!auth.isEnabled) return undefined;
    const credentials = who();
    if (credentials.kind !== "basic") return undefined;
    const { header, address } = credentials;
    const nowMs = this.#service.node.nowMs();
    if (this.#logins.userOf(auth, header, nowMs) !== undefined) return undefined;
    return this.#logins.prove(auth, header, address?.() ?? "", nowMs);
  }

  /** A token for who has the password of `user`; `address` is the client's. */
  async login(user: ByteString, password: string, address = ""): Promise<LoginOutcome> {
    return await this.#service.read<LoginOutcome>(
      () => this.#login(user, password, address),
      (failure) => ({ kind: "failed", failure }),
    );
  }

  /** What the log may know of a password. Rejects with `BusyError`. */
  hashPassword(password: string): Promise<string> {
    return this.#logins.hash(password, this.#service.node.nowMs());
  }

  async #login(
    user: ByteString,
    password: string,
    address: string,
  ): Promise<LoginOutcome> {
    const { auth } = this.#store;
    if (!auth.isEnabled) return { kind: "refused", reason: "authNotEnabled" };
    const nowMs = this.#service.node.nowMs();
    // Of now: whose password changes while it is looked at gets a token that is dead.
    const { revision } = auth;
    const passwordHash = auth.user(user)?.passwordHash ?? "";
    const problem = await this.#logins.check(auth, user, password, address, nowMs);
    this.#audit?.({ user, address, action: "login", about: [], refusal: problem });
    if (problem !== undefined) return { kind: "refused", reason: problem };
    const token = this.#tokens.issue({ user, revision, passwordHash }, this.#store.auth, nowMs);
    if (token === undefined) return { kind: "refused", reason: "invalidToken" };
    return { kind: "token", token };
  }

  #identify(auth: AuthView, credentials: Credentials): Requester | IdentityProblem {
    const authRevision = auth.revision;
    const nowMs = this.#service.node.nowMs();
    switch (credentials.kind) {
      case "nobody":
        return "userNameEmpty";
      case "guest":
        return { user: GUEST_USER, authRevision };
      case "certificate": {
        const { name, orGuest } = credentials;
        const isGuest = orGuest && auth.user(name) === undefined;
        return { user: isGuest ? GUEST_USER : name, authRevision };
      }
      case "token": {
        const user = userOfToken(this.#tokens, credentials.token, auth, nowMs);
        return user === undefined ? "invalidToken" : { user, authRevision };
      }
      case "basic": {
        const user = this.#logins.userOf(auth, credentials.header, nowMs);
        return user === undefined ? "authenticationFailed" : { user, authRevision };
      }
    }
  }
}
