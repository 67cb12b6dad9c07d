/**
 * Who has proven their password: by a login, or with every request. Both are remembered for
 * a while, since a password takes 50 ms to check, and far more on a busy machine:
 * etcdctl logs in for every command, and gives up after two seconds. Wrong ones are, too,
 * since whoever sends one will send it again. What is kept is a hash under a key of this
 * process.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { AuthView } from "../../store/auth/auth.ts";
import type { ByteString } from "../../store/byte_string.ts";
import { parseBasic } from "./credentials.ts";
import { LoginPace, placeOf } from "./login_pace.ts";
import { BusyError, type PasswordHashes } from "./passwords.ts";
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

/** Wrong passwords that are remembered, each with where it came from. */
const WRONG_MAX = 10_000;

/** Longer names have no token, longer passwords are nobody's. */
const NAME_LENGTH_MAX = 4096;
const PASSWORD_LENGTH_MAX = 4096;

interface Proven {
  readonly user: ByteString;
  /** Of the user then: another one means another password or other roles. */
  readonly revision: number;
  readonly untilMs: number;
}

/** Whether a password is the one of a hash. */
interface Look {
  /** Stands for both. */
  readonly name: string;
  /** Undefined of who has none, or is nobody. */
  readonly hash: string | undefined;
  readonly password: string;
  /** Where it came from first. */
  readonly place: string;
}

export class Logins implements LoginCounters {
  readonly #passwords: PasswordHashes;
  readonly #pace = new LoginPace();
  readonly #proven = new Recent<string, Proven>(PROVEN_MAX);
  /** Passwords that were made or proven lately, with their hashes; until when, in ms. */
  readonly #right = new Recent<string, number>(PROVEN_MAX);
  /** Passwords that were wrong lately, with the places that have sent them; until when, in ms. */
  readonly #wrong = new Recent<string, number>(WRONG_MAX);
  /** What is being looked at: who asks the same at once, from wherever, waits for the same answer. */
  readonly #looks = new Map<string, Promise<boolean>>();
  /** The same by places, each of which has one try by that. */
  readonly #tries = new Map<string, Promise<LoginProblem | undefined>>();
  readonly #key = randomBytes(32);
  succeeded = 0;
  failed = 0;
  slowed = 0;

  constructor(passwords: PasswordHashes) {
    this.#passwords = passwords;
  }

  /** See `Passwords.hash`. Whoever made it logs in next. */
  hash(password: string, nowMs: number): Promise<string> {
    // Nobody logs in by a long one: any other does, and waits in less memory.
    return password.length > PASSWORD_LENGTH_MAX
      ? this.#passwords.hash(randomBytes(32).toString("base64"))
      : this.#hash(password, nowMs);
  }

  async #hash(password: string, nowMs: number): Promise<string> {
    const hash = await this.#passwords.hash(password);
    this.#right.set(this.#nameOf(hash, password), nowMs + PROVEN_MS);
    return hash;
  }

  /** Why the password is not that of `user`, for a client at `address`; undefined when it is. */
  async check(
    auth: AuthView,
    user: ByteString,
    password: string,
    address: string,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    const isLong = user.length > NAME_LENGTH_MAX || password.length > PASSWORD_LENGTH_MAX;
    const problem = isLong
      ? "authenticationFailed"
      : await this.#check(auth, user, password, placeOf(address), nowMs);
    if (problem === undefined) this.succeeded++;
    else if (problem === "authenticationFailed") this.failed++;
    else this.slowed++;
    return problem;
  }

  /**
   * Clients that were not told of a new password send the old one for ever. To say no once
   * more costs nothing and tells them nothing, so all that counts as one guess. It is said to
   * their place alone: others would learn which passwords somebody has had, or mistyped.
   */
  #check(
    auth: AuthView,
    user: ByteString,
    password: string,
    place: string,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    // Of who has none, or is nobody, a password is looked at for as long.
    const hash = auth.user(user)?.passwordHash || undefined;
    const asked = hash === undefined
      ? this.#nameOf("", user, password)
      : this.#nameOf(hash, password);
    const name = `${asked} ${place}`;
    if (nowMs < (this.#wrong.get(name) ?? 0)) {
      this.#wrong.set(name, nowMs + PROVEN_MS);
      return Promise.resolve("authenticationFailed");
    }
    return shared(this.#tries, name, async () => {
      const look = { name: asked, hash, password, place };
      const problem = await this.#try(look, `${this.#nameOf(user)} ${place}`, nowMs);
      if (problem === "authenticationFailed") this.#wrong.set(name, nowMs + PROVEN_MS);
      return problem;
    });
  }

  /** `who` has one try less, unless the password is right. */
  async #try(look: Look, who: string, nowMs: number): Promise<LoginProblem | undefined> {
    if (!this.#pace.take(who, nowMs)) return "tooManyLogins";
    try {
      const isRight = nowMs < (this.#right.get(look.name) ?? 0) || await this.#look(look);
      if (!isRight) return "authenticationFailed";
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      this.#pace.giveBack(who);
      return "tooManyLogins";
    }
    this.#right.set(look.name, nowMs + PROVEN_MS);
    this.#pace.succeeded(who);
    return undefined;
  }

  #look({ name, hash, password, place }: Look): Promise<boolean> {
    return shared(this.#looks, name, () => this.#passwords.verify(password, hash, place));
  }

  /** Whose Authorization header this is, if its password was proven lately. */
  userOf(auth: AuthView, header: string, nowMs: number): ByteString | undefined {
    const proven = this.#proven.get(this.#nameOf(header));
    if (proven === undefined || nowMs >= proven.untilMs) return undefined;
    return auth.user(proven.user)?.revision === proven.revision ? proven.user : undefined;
  }

  /** Has the password of an Authorization header proven; afterwards `userOf` knows. */
  async prove(
    auth: AuthView,
    header: string,
    address: string,
    nowMs: number,
  ): Promise<LoginProblem | undefined> {
    const basic = parseBasic(header);
    if (basic === undefined) return "authenticationFailed";
    const { user, password } = basic;
    const revision = auth.user(user)?.revision ?? 0;
    const problem = await this.check(auth, user, password, address, nowMs);
    if (problem !== undefined) return problem;
    this.#proven.set(this.#nameOf(header), { user, revision, untilMs: nowMs + PROVEN_MS });
    return undefined;
  }

  /** What stands for secrets in memory. */
  #nameOf(...secrets: readonly string[]): string {
    return createHmac("sha256", this.#key).update(JSON.stringify(secrets)).digest("base64");
  }
}

/** What `start` promises, or has promised to who asked for the same and waits still. */
function shared<T>(
  underWay: Map<string, Promise<T>>,
  name: string,
  start: () => Promise<T>,
): Promise<T> {
  const known = underWay.get(name);
  if (known !== undefined) return known;
  const promise = start().finally(() => underWay.delete(name));
  underWay.set(name, promise);
  return promise;
}
