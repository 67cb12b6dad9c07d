/**
 * Who asks, and whether they may: the one door for reads, writes and watches of every
 * API. What somebody is allowed is judged by the users and roles that this member knows;
 * a "no" is said only when it knows all that was acknowledged before, and writes are
 * judged once more where they are applied.
 *
 * While authentication is off, all that this costs is to look at one boolean.
 */
import { randomBytes } from "node:crypto";
import type { Barrier, ClusterNode, Done, Failure } from "../../node/ports.ts";
import type { AuthView } from "../../store/auth/auth.ts";
import { mayApply, mayWatch } from "../../store/auth/judge.ts";
import { ALL_RIGHTS, NO_RIGHTS, type Rights } from "../../store/auth/rights.ts";
import type { ByteString } from "../../store/byte_string.ts";
import { decodeCommand, encodeCommand } from "../../store/command/codec.ts";
import { type Command, GUEST_USER, NOBODY, type Requester } from "../../store/command/command.ts";
import type { Rejected, RejectionReason, Result } from "../../store/result.ts";
import type { Store } from "../../store/store.ts";
import type { View } from "../../store/watch/view.ts";
import type { Answer, OnAnswer } from "../answer.ts";
import { type Audit, type AuditEntry, describeCommand } from "./audit.ts";
import type { Credentials } from "./credentials.ts";
import type { LoginCounters, LoginProblem, Logins } from "./logins.ts";
import { type TokenScheme, userOfToken } from "./tokens.ts";

/** Why somebody is turned away. */
export type AuthProblem = LoginProblem | "userNameEmpty" | "invalidToken" | "permissionDenied";

/** Says who asks; asked only when somebody wants to know. */
export type Who = () => Credentials;

/** Reads what it was asked for; the store is not to be kept. `nowMs`: see `Barrier`. */
export type Serve<T> = (store: Store, nowMs: number) => T;

/** Reads for somebody with `rights`. */
export type ServeWith<T> = (store: Store, nowMs: number, rights: Rights) => T;

/** What becomes of a login. */
export type LoginOutcome =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "refused"; readonly reason: LoginProblem | "authNotEnabled" | "invalidToken" }
  | { readonly kind: "failed"; readonly failure: Failure };

/** What the door leads to: what `Service` does for somebody who may; its docstrings hold. */
export interface Guarded {
  readonly node: Pick<ClusterNode<Result>, "nowMs">;
  readonly changeIndex: number;
  write(
    command: Command,
    redirects: boolean,
    done: OnAnswer<Result>,
    requester?: Requester,
  ): void;
  read<T>(serve: Serve<T | Promise<T>>, fail: (failure: Failure) => T): T | Promise<T>;
  readStale<T>(serve: Serve<T>, fail: (failure: Failure) => T): T;
  whenFresh(serve: Serve<void>, fail: (failure: Failure) => void): void;
  barrier(done: Done<Barrier>): void;
}

export interface AuthGateOptions {
  readonly service: Guarded;
  readonly store: Store;
  readonly tokens: TokenScheme;
  readonly logins: Logins;
  /** Is told what is done, and what is refused. */
  readonly audit?: Audit | undefined;
}

/** Bytes of the secret that signs tokens. */
const SECRET_BYTES = 32;

/** A request is judged again so many times when users change under it. */
const TRIES_MAX = 3;

export class AuthGate {
  readonly #service: Guarded;
  readonly #store: Store;
  readonly #tokens: TokenScheme;
  readonly #logins: Logins;
  readonly #audit: Audit | undefined;

  constructor({ service, store, tokens, logins, audit }: AuthGateOptions) {
    this.#audit = audit;
    this.#service = service;
    this.#store = store;
    this.#tokens = tokens;
    this.#logins = logins;
  }

  /** Whether authentication is on, as far as this member knows. */
  get isOn(): boolean {
    return this.#store.auth.isEnabled;
  }

  /** Users and roles as this member knows them. */
  get view(): AuthView {
    return this.#store.auth;
  }

  /** What has become of passwords. */
  get logins(): LoginCounters {
    return this.#logins;
  }

  /** For whom a command of these credentials is carried out now, or why for nobody. */
  requesterOf(who: Who): Requester | AuthProblem {
    const { auth } = this.#store;
    return auth.isEnabled ? this.#identify(auth, who()) : NOBODY;
  }

  /** What these credentials open now, or why nothing. */
  rightsOf(who: Who): Rights | AuthProblem {
    const requester = this.requesterOf(who);
    return typeof requester === "string" ? requester : this.#rightsFor(requester);
  }

  /**
   * Tells why somebody may not, once that is sure, or undefined. `isAllowed` may be
   * called again, later. What is `asked` for is recorded where that is wanted.
   */
  admit(
    who: Who,
    isAllowed: (rights: Rights) => boolean,
    done: (problem: AuthProblem | undefined) => void,
    fail: (failure: Failure) => void,
    asked?: string,
  ): void {
    const tell = (problem: AuthProblem | undefined) => {
      if (asked !== undefined) this.#record(who, { action: asked, about: [] }, problem);
      done(problem);
    };
    if (this.#problemOf(who, isAllowed) === undefined) return tell(undefined);
    this.#whenReady(who, (problem) => tell(problem ?? this.#problemOf(who, isAllowed)), fail);
  }

  /** Linearizable; see `Service.read`. */
  read<T>(
    who: Who,
    serve: ServeWith<T>,
    refuse: (problem: AuthProblem) => T,
    fail: (failure: Failure) => T,
    triesLeft = TRIES_MAX,
  ): T | Promise<T> {
    const judged = (store: Store, nowMs: number): T | Promise<T> => {
      const rights = this.rightsOf(who);
      if (typeof rights !== "string") return serve(store, nowMs, rights);
      // Users, or the switch, have changed while this member caught up: nobody has looked at the
      // password by those of now.
      return triesLeft > 0 && this.#mustProve(who)
        ? this.read(who, serve, refuse, fail, triesLeft - 1)
        : refuse(rights);
    };
    if (!this.#mustProve(who)) return this.#service.read<T>(judged, fail);
    return new Promise((resolve, reject) => {
      this.#whenReady(who, (problem) => {
        try {
          resolve(problem === undefined ? this.#service.read<T>(judged, fail) : refuse(problem));
        } catch (error) {
          reject(error);
        }
      }, (failure) => resolve(fail(failure)));
    });
  }

  /** By what this member knows now; see `Service.readStale`. */
  readStale<T>(
    who: Who,
    serve: ServeWith<T>,
    refuse: (problem: AuthProblem) => T,
    fail: (failure: Failure) => T,
  ): T | Promise<T> {
    const judged = (store: Store, nowMs: number): T => {
      const rights = this.rightsOf(who);
      return typeof rights === "string" ? refuse(rights) : serve(store, nowMs, rights);
    };
    const proof = this.#mustProve(who) ? this.#prove(who()) : undefined;
    if (proof === undefined) return this.#service.readStale<T>(judged, fail);
    return proof.then((problem) =>
      problem === undefined ? this.#service.readStale<T>(judged, fail) : refuse(problem)
    );
  }

  /**
   * Linearizable, for whoever can spare no promise: see `Service.whenFresh`. Not for
   * credentials with a password.
   */
  whenFresh(
    who: Who,
    isAllowed: (rights: Rights, store: Store) => boolean,
    serve: (store: Store) => void,
    refuse: (problem: AuthProblem) => void,
    fail: (failure: Failure) => void,
  ): void {
    this.#service.whenFresh((store) => {
      const problem = this.isOn
        ? this.#problemOf(who, (rights) => isAllowed(rights, store))
        : undefined;
      if (problem === undefined) serve(store);
      else refuse(problem);
    }, fail);
  }

  /** See `Service.write`; who may not is answered with a rejection. */
  write(who: Who, command: Command, redirects: boolean, done: OnAnswer<Result>): void {
    if (!this.isOn) return this.#service.write(command, redirects, done);
    // It may have to be asked for once more, when its values are no longer there.
    const kept = decodeCommand(encodeCommand(command)).command;
    const write = { who, command: kept, redirects, done: this.#recording(who, kept, done) };
    if (this.#mustProve(who)) this.#writeWhenReady(write, TRIES_MAX);
    else this.#write(write, TRIES_MAX, false);
  }

  /**
   * What a watch that is open must be told of: calls `onDenied` when its client may no
   * longer see what it watches. To be called whenever users may have changed.
   */
  watchGuard(who: Who, view: View, onDenied: (problem: AuthProblem) => void): () => void {
    // Its token may run out while it is open; what counts is the user.
    const first = this.requesterOf(who);
    let user: ByteString = typeof first === "string" ? "" : first.user;
    return () => {
      if (!this.isOn) return;
      const requester = user === "" ? this.requesterOf(who) : { user, authRevision: 0 };
      if (typeof requester === "string") return onDenied(requester);
      user = requester.user;
      if (!mayWatch(this.#rightsFor(requester), view)) onDenied("permissionDenied");
    };
  }

  /** A token for who has the password of `user`; `address` is the client's. */
  login(user: ByteString, password: string, address = ""): Promise<LoginOutcome> {
    return new Promise((resolve, reject) => {
      this.#service.barrier((outcome) => {
        if (!outcome.ok) return resolve({ kind: "failed", failure: outcome });
        this.#login(user, password, address).then(resolve, reject);
      });
    });
  }

  /** What the log may know of a password. Rejects with `BusyError`. */
  hashPassword(password: string): Promise<string> {
    return this.#logins.hash(password, this.#service.node.nowMs());
  }

  /** For `authEnable`. */
  makeSecret(): Uint8Array {
    return new Uint8Array(randomBytes(SECRET_BYTES));
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

  /** `done`, before which what has come of a command is recorded. */
  #recording(who: Who, command: Command, done: OnAnswer<Result>): OnAnswer<Result> {
    if (this.#audit === undefined) return done;
    const subject = describeCommand(command);
    return (answer) => {
      const rejection = answer.ok && answer.value.kind === "rejected" ? answer.value.reason : "";
      this.#record(who, subject, REFUSALS.has(rejection) ? rejection : undefined);
      done(answer);
    };
  }

  #record(
    who: Who,
    subject: Pick<AuditEntry, "action" | "about">,
    refusal: string | undefined,
  ): void {
    if (this.#audit === undefined || !this.isOn) return;
    const requester = this.requesterOf(who);
    this.#audit({
      ...subject,
      user: typeof requester === "string" ? "" : requester.user,
      address: who().address?.() ?? "",
      refusal,
    });
  }

  #identify(auth: AuthView, credentials: Credentials): Requester | AuthProblem {
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

  #rightsFor(requester: Requester): Rights {
    const { auth } = this.#store;
    if (requester === NOBODY || !auth.isEnabled) return ALL_RIGHTS;
    return auth.rightsOf(requester.user) ?? NO_RIGHTS;
  }

  #problemOf(who: Who, isAllowed: (rights: Rights) => boolean): AuthProblem | undefined {
    const rights = this.rightsOf(who);
    if (typeof rights === "string") return rights;
    return isAllowed(rights) ? undefined : "permissionDenied";
  }

  /** Whether a password has to be looked at before `who` can be judged. */
  #mustProve(who: Who): boolean {
    if (!this.isOn) return false;
    const credentials = who();
    return credentials.kind === "basic" &&
      this.#logins.userOf(this.view, credentials.header, this.#service.node.nowMs()) === undefined;
  }

  #prove(credentials: Credentials): Promise<LoginProblem | undefined> | undefined {
    if (credentials.kind !== "basic") return undefined;
    const { header, address } = credentials;
    return this.#logins.prove(this.view, header, address?.() ?? "", this.#service.node.nowMs());
  }

  /** Calls `then` when this member knows all that was acknowledged before, and has looked at the password. */
  #whenReady(
    who: Who,
    then: (problem: LoginProblem | undefined) => void,
    fail: (failure: Failure) => void,
    triesLeft = TRIES_MAX,
  ): void {
    this.#service.barrier((outcome) => {
      if (!outcome.ok) return fail(outcome);
      const proof = this.#mustProve(who) ? this.#prove(who()) : undefined;
      if (proof === undefined) return then(undefined);
      proof.then((problem) => {
        // The user has changed while the password was looked at: it was that of before.
        const isOld = problem === undefined && this.#mustProve(who);
        if (isOld && triesLeft > 0) this.#whenReady(who, then, fail, triesLeft - 1);
        else then(problem);
      });
    });
  }

  #writeWhenReady(write: Write, triesLeft: number): void {
    this.#whenReady(
      write.who,
      (problem) => {
        if (problem !== undefined) write.done(rejected(problem, this.#service.changeIndex));
        else this.#write(write, triesLeft, true);
      },
      write.done,
    );
  }

  /** `isReady`: this member knows enough to say no. */
  #write(write: Write, triesLeft: number, isReady: boolean): void {
    const { who, command, redirects, done } = write;
    const requester = this.#judge(who, command);
    if (typeof requester === "string") {
      if (!isReady) return this.#writeWhenReady(write, triesLeft);
      return done(rejected(requester, this.#service.changeIndex));
    }
    this.#service.write(command, redirects, (answer) => {
      if (triesLeft > 0 && wasJudgedByOld(answer)) this.#writeWhenReady(write, triesLeft - 1);
      else done(answer);
    }, requester);
  }

  #judge(who: Who, command: Command): Requester | AuthProblem {
    const requester = this.requesterOf(who);
    if (typeof requester === "string" || requester === NOBODY) return requester;
    const rights = this.view.rightsOf(requester.user);
    const isAllowed = rights !== undefined && mayApply(rights, this.#store, command);
    return isAllowed ? requester : "permissionDenied";
  }
}

/** Of what a command may be rejected for, what has to do with who asks. */
const REFUSALS: ReadonlySet<string> = new Set<RejectionReason>([
  "permissionDenied",
  "authIsOld",
  "userNameEmpty",
  "invalidToken",
  "authenticationFailed",
  "tooManyLogins",
]);

interface Write {
  readonly who: Who;
  readonly command: Command;
  readonly redirects: boolean;
  readonly done: OnAnswer<Result>;
}

function wasJudgedByOld(answer: Answer<Result>): boolean {
  return answer.ok && answer.value.kind === "rejected" && answer.value.reason === "authIsOld";
}

/** As if the store had said it. */
function rejected(reason: RejectionReason, changeIndex: number): Answer<Rejected> {
  return { ok: true, value: { kind: "rejected", reason, key: "", changeIndex } };
}
