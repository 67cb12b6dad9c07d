/**
 * Who has proven their password: by a login, or with every request. Both are remembered for
 * a while, since a password takes 50 ms to check, and far more on a busy machine:
 * etcdctl logs in for every command, and gives up after two seconds. What is kept is a hash
 * under a key of this process.
 */
import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import type { AuthView } from "../../store/auth/auth.ts";
import type { ByteString } from "../../store/byte_string.ts";
import { parseBasic } from "./credentials.ts";
import { LoginPace } from "./login_pace.ts";
import { BusyError, PASSWORD_LENGTH_MAX, type PasswordHashes } from "./passwords.ts";
import { Recent } from "./recent.ts";

/** What has become of passwords, since the process started. */
export interface LoginCounters {
  readonly succeeded: number;
  readonly failed: number;
  /** Not looked at, because so many had failed or were under way. */
  readonly slowed: number;
}

/** Why a password opens nothing. */
export type LoginProblem = "authenticationFailed" | "tooManyLogins";

/** Headers and passwords that are remembered, and for how long. */
const PROVEN_MAX = 1000;
const PROVEN_MS = 300_000;

/** Passwords that wait for another one of their user. */
const WAITING_MAX = 64;

interface Proven {
  readonly user: ByteString;
  /** Of the user then: another one means another password or other roles. */
  readonly revision: number;
  readonly untilMs: number;
}

export class Logins implements LoginCounters {
  readonly #passwords: PasswordHashes;
  readonly #pace = new LoginPace();
  readonly #proven = new Recent<string, Proven>(PROVEN_MAX);
  /** Passwords that were made or proven lately, with their hashes; until when, in ms. */
  readonly #known = new Recent<string, number>(PROVEN_MAX);
  /** Headers that are being looked at: who sends the same at once waits for the same answer. */
  readonly #underWay = new Map<string, Promise<LoginProblem | undefined>>();
  /** The last password of a user that is being looked at, or waits for it. */
  readonly #turns = new Map<ByteString, Promise<unknown>>();
  #waiting = 0;
  readonly #key = randomBytes(32);
  succeeded = 0;
  failed = 0;
  slowed = 0;

  constructor(passwords: PasswordHashes) {
    this.#passwords = passwords;
  }

  /** See `Passwords.hash`. Whoever made it logs in next. */
  async hash(password: string, nowMs: number): Promise<string> {
    const hash = await this.#passwords.hash(password);
    if (password.length <= PASSWORD_LENGTH_MAX) this.#remember(password, hash, nowMs);
    return hash;
  }

  /**
   * Why the password is not that of `user`; undefined when it is. Passwords of one user are
   * looked at one after the other, so a burst of guesses gains nothing.
   */
  async check(
    auth: AuthView,
    user: ByteString,
    password: string,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    const hash = auth.user(user)?.passwordHash;
    const look = () => this.#check(user, password, hash, nowMs);
    const before = this.#turns.get(user);
    if (before !== undefined && this.#waiting >= WAITING_MAX) return this.#slow();
    const turn = before === undefined ? look() : this.#after(before, look);
    this.#turns.set(user, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(user) === turn) this.#turns.delete(user);
    }
  }

  async #after<T>(before: Promise<unknown>, look: () => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      await before.catch(() => {});
    } finally {
      this.#waiting--;
    }
    return await look();
  }

  #slow(): LoginProblem {
    this.slowed++;
    return "tooManyLogins";
  }

  async #check(
    user: ByteString,
    password: string,
    hash: string | undefined,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    if (!this.#pace.isFree(user, nowMs)) return this.#slow();
    let isRight: boolean;
    try {
      isRight = this.#knows(password, hash, nowMs) ||
        await this.#passwords.verify(password, hash === "" ? undefined : hash);
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      return this.#slow();
    }
    if (isRight) {
      if (hash !== undefined) this.#remember(password, hash, nowMs);
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

  /** Whether `password` was found to be that of `hash`, which has a salt of its own. */
  #knows(password: string, hash: string | undefined, nowMs: number): boolean {
    if (hash === undefined || hash === "") return false;
    return nowMs < (this.#known.get(this.#nameOf(`${hash}\n${password}`)) ?? 0);
  }

  #remember(password: string, hash: string, nowMs: number): void {
    this.#known.set(this.#nameOf(`${hash}\n${password}`), nowMs + PROVEN_MS);
  }

  /** What stands for a secret in memory. */
  #nameOf(secret: string): string {
    return createHmac("sha256", this.#key).update(Buffer.from(secret)).digest("base64");
  }
}
