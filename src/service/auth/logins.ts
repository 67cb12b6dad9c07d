/**
 * Who has proven their password: by a login, or with every request. The latter is
 * remembered for a while, since a password takes a fifth of a second to check; what is
 * kept is a hash under a key of this process.
 */
import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import type { AuthView } from "../../store/auth/auth.ts";
import type { ByteString } from "../../store/byte_string.ts";
import { parseBasic } from "./credentials.ts";
import { LoginPace } from "./login_pace.ts";
import { BusyError, type Passwords } from "./passwords.ts";
import { Recent } from "./recent.ts";

/** Why a password opens nothing. */
export type LoginProblem = "authenticationFailed" | "tooManyLogins";

/** Headers that are remembered, and for how long. */
const PROVEN_MAX = 1000;
const PROVEN_MS = 300_000;

interface Proven {
  readonly user: ByteString;
  /** Of the user then: another one means another password or other roles. */
  readonly revision: number;
  readonly untilMs: number;
}

export class Logins {
  readonly #passwords: Passwords;
  readonly #pace = new LoginPace();
  readonly #proven = new Recent<string, Proven>(PROVEN_MAX);
  /** Headers that are being looked at: who sends the same at once waits for the same answer. */
  readonly #underWay = new Map<string, Promise<LoginProblem | undefined>>();
  readonly #key = randomBytes(32);
  succeeded = 0;
  failed = 0;
  /** Logins that were not looked at, because so many had failed or were under way. */
  slowed = 0;

  constructor(passwords: Passwords) {
    this.#passwords = passwords;
  }

  /** See `Passwords.hash`. */
  hash(password: string): Promise<string> {
    return this.#passwords.hash(password);
  }

  /** Why the password is not that of `user`; undefined when it is. */
  async check(
    auth: AuthView,
    user: ByteString,
    password: string,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    if (!this.#pace.isFree(user, nowMs)) {
      this.slowed++;
      return "tooManyLogins";
    }
    const hash = auth.user(user)?.passwordHash;
    let isRight: boolean;
    try {
      isRight = await this.#passwords.verify(password, hash === "" ? undefined : hash);
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      this.slowed++;
      return "tooManyLogins";
    }
    if (isRight) {
      this.succeeded++;
      this.#pace.succeeded(user);
      return undefined;
    }
    this.failed++;
    this.#pace.failed(user, nowMs);
    return "authenticationFailed";
  }

  /** Whose Authorization header this is, if its password was proven lately. */
  userOf(auth: AuthView, header: string, nowMs: number): ByteString | undefined {
    const proven = this.#proven.get(this.#nameOf(header));
    if (proven === undefined || nowMs >= proven.untilMs) return undefined;
    return auth.user(proven.user)?.revision === proven.revision ? proven.user : undefined;
  }

  /** Has the password of an Authorization header proven; afterwards `userOf` knows. */
  prove(auth: AuthView, header: string, nowMs: number): Promise<LoginProblem | undefined> {
    const name = this.#nameOf(header);
    const known = this.#underWay.get(name);
    if (known !== undefined) return known;
    const proof = this.#prove(auth, header, name, nowMs)
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, proof);
    return proof;
  }

  async #prove(
    auth: AuthView,
    header: string,
    name: string,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    const basic = parseBasic(header);
    if (basic === undefined) return "authenticationFailed";
    const { user, password } = basic;
    const revision = auth.user(user)?.revision ?? 0;
    const problem = await this.check(auth, user, password, nowMs);
    if (problem !== undefined) return problem;
    this.#proven.set(name, { user, revision, untilMs: nowMs + PROVEN_MS });
    return undefined;
  }

  #nameOf(header: string): string {
    return createHmac("sha256", this.#key).update(Buffer.from(header)).digest("base64");
  }
}
