/**
 * What somebody may: the one door for reads, writes and watches of every API. Who it is that
 * asks is found by `authenticator.ts`. What somebody is allowed is judged by the users and
 * roles that this member knows; a "no" is said only when it knows all that was acknowledged
 * before, and writes are judged once more where they are applied.
 *
 * While authentication is off, all that this costs is to look at one boolean.
 */
import type { Failure } from "../../node/ports.ts";
import type { AuthView } from "../../store/auth/auth.ts";
import { mayApply, mayWatch } from "../../store/auth/judge.ts";
import { ALL_RIGHTS, NO_RIGHTS, type Rights } from "../../store/auth/rights.ts";
import type { ByteString } from "../../store/byte_string.ts";
import { decodeCommand, encodeCommand } from "../../store/command/codec.ts";
import { type Command, NOBODY, type Requester } from "../../store/command/command.ts";
import type { Rejected, RejectionReason, Result, ResultOf } from "../../store/result.ts";
import type { Store } from "../../store/store.ts";
import type { View } from "../../store/watch/view.ts";
import type { Answer, OnAnswer } from "../answer.ts";
import { type Audit, type AuditEntry, describeCommand } from "./audit.ts";
import type { Authenticator, IdentityProblem } from "./authenticator.ts";
import type { Who } from "./credentials.ts";

/** Why somebody is turned away. */
export type AuthProblem = IdentityProblem | "permissionDenied";

/** Reads what it was asked for; the store is not to be kept. `nowMs`: see `Barrier`. */
export type Serve<T> = (store: Store, nowMs: number) => T;

/** Reads for somebody with `rights`. */
export type ServeWith<T> = (store: Store, nowMs: number, rights: Rights) => T;

/** What the door leads to: what `Service` does for somebody who may; its docstrings hold. */
export interface Guarded {
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
}

/**
 * A request is judged again so many times when users change under it: after the password was
 * looked at, or before the entry is applied.
 */
const TRIES_MAX = 3;

export class AuthGate {
  readonly #service: Guarded;
  readonly #store: Store;
  readonly #authenticator: Authenticator;
  readonly #audit: Audit | undefined;

  /** `audit` is told what is done, and what is refused. */
  constructor(service: Guarded, store: Store, authenticator: Authenticator, audit?: Audit) {
    this.#service = service;
    this.#store = store;
    this.#authenticator = authenticator;
    this.#audit = audit;
  }

  /** Whether authentication is on, as far as this member knows. */
  get isOn(): boolean {
    return this.#store.auth.isEnabled;
  }

  /** Users and roles as this member knows them. */
  get view(): AuthView {
    return this.#store.auth;
  }

  /** What these credentials open now, or why nothing. */
  rightsOf(who: Who): Rights | AuthProblem {
    const requester = this.#authenticator.requesterOf(who);
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
    void this.read<void>(
      who,
      (_store, _nowMs, rights) => tell(isAllowed(rights) ? undefined : "permissionDenied"),
      tell,
      fail,
    );
  }

  /** Linearizable; see `Service.read`. */
  read<T>(
    who: Who,
    serve: ServeWith<T>,
    refuse: (problem: AuthProblem) => T,
    fail: (failure: Failure) => T,
    triesLeft = TRIES_MAX,
  ): T | Promise<T> {
    return this.#service.read<T>((store, nowMs) => {
      const rights = this.rightsOf(who);
      if (typeof rights !== "string") return serve(store, nowMs, rights);
      // By the users of now, of whom this member knows all.
      const proof = triesLeft > 0 ? this.#authenticator.prove(who) : undefined;
      if (proof === undefined) return refuse(rights);
      return proof.then((problem) =>
        problem === undefined ? this.read(who, serve, refuse, fail, triesLeft - 1) : refuse(problem)
      );
    }, fail);
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
    const proof = this.#authenticator.prove(who);
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
  write<C extends Command, Redirects extends boolean>(
    who: Who,
    command: C,
    redirects: Redirects,
    done: OnAnswer<ResultOf<C>, Redirects>,
  ): void {
    // Results come back by their place in the log, so no type ties them to what was asked for. The
    // store keeps to `ResultOf`, and the service redirects nobody who doesn't want it.
    const told = done as OnAnswer<Result>;
    if (!this.isOn) return this.#service.write(command, redirects, told);
    // It may have to be asked for once more, when its values are no longer there.
    const kept = decodeCommand(encodeCommand(command)).command;
    const write = { who, command: kept, redirects, done: this.#recording(who, kept, told) };
    const requester = this.#judge(write);
    if (typeof requester === "string") this.#judgeAgain(write, TRIES_MAX);
    else this.#propose(write, requester, TRIES_MAX);
  }

  /**
   * What a watch that is open must be told of: calls `onDenied` when its client may no
   * longer see what it watches. To be called whenever users may have changed.
   */
  watchGuard(who: Who, view: View, onDenied: (problem: AuthProblem) => void): () => void {
    // Its token may run out while it is open; what counts is the user.
    const first = this.#authenticator.requesterOf(who);
    let user: ByteString = typeof first === "string" ? "" : first.user;
    return () => {
      if (!this.isOn) return;
      const requester = user === ""
        ? this.#authenticator.requesterOf(who)
        : { user, authRevision: 0 };
      if (typeof requester === "string") return onDenied(requester);
      user = requester.user;
      if (!mayWatch(this.#rightsFor(requester), view)) onDenied("permissionDenied");
    };
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
    const requester = this.#authenticator.requesterOf(who);
    this.#audit({
      ...subject,
      user: typeof requester === "string" ? "" : requester.user,
      address: who().address?.() ?? "",
      refusal,
    });
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

  /** By all that was acknowledged before, and by the password if there is one. */
  #judgeAgain(write: Write, triesLeft: number): void {
    const refuse = (problem: AuthProblem) =>
      write.done(rejected(problem, this.#service.changeIndex));
    const serve = () => {
      const requester = this.#judge(write);
      if (typeof requester === "string") refuse(requester);
      else this.#propose(write, requester, triesLeft);
    };
    void this.read<void>(write.who, serve, refuse, write.done);
  }

  #propose(write: Write, requester: Requester, triesLeft: number): void {
    const { command, redirects, done } = write;
    this.#service.write(command, redirects, (answer) => {
      if (triesLeft > 0 && wasJudgedByOld(answer)) this.#judgeAgain(write, triesLeft - 1);
      else done(answer);
    }, requester);
  }

  #judge({ who, command }: Write): Requester | AuthProblem {
    const requester = this.#authenticator.requesterOf(who);
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
