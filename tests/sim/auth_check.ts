/**
 * Nobody gets what they may not have, and nobody who may is turned away: what clients are
 * told against the users and roles at the very index at which they were judged.
 */
import type { Permission } from "../../src/store/command/auth_command.ts";
import type { Command } from "../../src/store/command/command.ts";
import { hashOf } from "../store/auth/changes.ts";
import { type AuthState, type Held, heldBy, isOfCluster } from "../store/auth/model.ts";
import { may, type SlowKeys } from "../store/auth/permissions.ts";
import { slowKeys } from "../store/model.ts";
import { type Claim, describeClaim, revisionOf, userBy } from "./claims.ts";
import type { ModelStore, Step } from "./model_store.ts";
import { describe } from "./text.ts";
import type { Violations } from "./violation.ts";

/** What somebody must hold. */
export type HeldNeeds = (held: readonly Permission[]) => boolean;

/** What a client is told whom a member turns away without asking the log. */
export const TURNED_AWAY: ReadonlySet<string> = new Set([
  "permissionDenied",
  "authIsOld",
  "userNameEmpty",
  "invalidToken",
  "authenticationFailed",
  "tooManyLogins",
]);

export class AuthCheck {
  readonly #violations: Violations;
  readonly #model: ModelStore;
  /** Whether a token may be dead of old age: where no clock can be trusted, or the run is long. */
  readonly #mayBeOld: () => boolean;

  constructor(
    violations: Violations,
    model: ModelStore,
    mayBeOld: () => boolean = () => false,
  ) {
    this.#violations = violations;
    this.#model = model;
    this.#mayBeOld = mayBeOld;
  }

  /** Whether the entry `index` names whom the claim makes somebody. */
  isOf(claim: Claim, index: number, { requester }: Step): boolean {
    const state = this.#model.authAt(index - 1);
    const found = userBy(state, claim);
    return !state.isEnabled || typeof found !== "string" && found.user === requester.user;
  }

  /** Somebody was answered from the entry `index`, which did or refused what it says. */
  answered(claim: Claim, index: number, step: Step): void {
    const { requester, result, command } = step;
    const state = this.#model.authAt(index - 1);
    // The simulation's clients ask for what is the cluster's, too.
    if (!state.isEnabled || isOfCluster(command)) return;
    const isRefused = result.kind === "rejected" &&
      (result.reason === "permissionDenied" || result.reason === "authIsOld");
    if (isRefused) return;
    this.#violations.check(
      this.isOf(claim, index, step),
      "nobody does what they may not",
      () =>
        `${describeClaim(claim)} has ${describe(command)} done at ${index} as ` +
        `"${requester.user}", expected ${describe(userBy(state, claim))}`,
    );
  }

  /** A member at `index` gave somebody what only those who hold what `needs` says may have. */
  served(claim: Claim, index: number, needs: HeldNeeds): void {
    const problem = problemOf(claim, this.#model.authAt(index), needs);
    this.#violations.check(
      problem === undefined,
      "nobody reads what they may not",
      () => `${describeClaim(claim)} is served at ${index}, expected "${problem}"`,
    );
  }

  /** A member at `index`, which knew all up to `floor` before, turned somebody away. */
  refused(claim: Claim, index: number, floor: number, reason: string, needs: HeldNeeds): void {
    this.#violations.check(
      index >= floor,
      "who is turned away is so by the users of now",
      () => `${describeClaim(claim)} is told "${reason}" at ${index}, ${floor} was known before`,
    );
    // What a member counts for itself nobody else can know.
    if (reason === "tooManyLogins" || reason === "invalidToken" && this.#mayBeOld()) return;
    // It takes a while to look at a password: users, and the switch, may have changed meanwhile.
    const since = reason === "authenticationFailed" ? floor : index;
    const problems = this.#statesIn(since, index).map((state) => problemOf(claim, state, needs));
    this.#violations.check(
      problems.some((problem) => problem === reason),
      "who may is not turned away",
      () => `${describeClaim(claim)} is told "${reason}" at ${index}, expected "${problems[0]}"`,
    );
  }

  /** The same of somebody who wanted `command` done. */
  refusedCommand(
    claim: Claim,
    index: number,
    floor: number,
    reason: string,
    command: Command,
  ): void {
    const keys = this.#keysAt(index);
    // Which directories there were is not kept: both are looked at.
    this.refused(
      claim,
      index,
      floor,
      reason,
      (held) =>
        [true, false].every((isThere) =>
          may(held, { ...keys, hasDirectory: () => isThere }, command)
        ),
    );
  }

  /** A login at a member which has applied `index` by now gave `token`. */
  loggedIn(
    { user, password }: { readonly user: string; readonly password: string },
    floor: number,
    index: number,
    token: string,
  ): Claim {
    const revision = revisionOf(token);
    const state = this.#statesIn(floor, index).find((state) =>
      state.isEnabled && state.revision === revision &&
      state.users.get(user)?.passwordHash === hashOf(password)
    );
    this.#violations.check(
      state !== undefined,
      "a login needs the password of then",
      () => `${user} has a token of revision ${revision} at ${index}`,
    );
    // A login may have begun before authentication went off and on again: it is signed at its end.
    const { secret } = this.#model.authAt(index);
    return { kind: "token", token, user, revision, hash: hashOf(password), secret };
  }

  /** A login was refused by a member which has applied `index` by now. */
  notLoggedIn(
    { user, password }: { readonly user: string; readonly password: string },
    floor: number,
    index: number,
    reason: string,
  ): void {
    if (reason === "tooManyLogins") return;
    const isRight = this.#statesIn(floor, index).some(({ isEnabled, users }) =>
      reason === "authNotEnabled"
        ? !isEnabled
        : isEnabled && users.get(user)?.passwordHash !== hashOf(password)
    );
    this.#violations.check(
      isRight,
      "a password that is right opens",
      () => `${user} is told "${reason}" at ${index}`,
    );
  }

  /** The states from `floor` on up to `index`. */
  #statesIn(floor: number, index: number): AuthState[] {
    const states: AuthState[] = [];
    for (let at = index; at >= floor; at--) {
      const state = this.#model.authAt(at);
      if (states.at(-1) !== state) states.push(state);
    }
    return states;
  }

  #keysAt(index: number): SlowKeys {
    const { revision } = this.#model.numbersAt(index);
    return slowKeys(this.#model.keysAt(revision), new Map());
  }
}

/** Why the users of `state` do not let somebody have what `needs` says; undefined when they do. */
function problemOf(claim: Claim, state: AuthState, needs: HeldNeeds): string | undefined {
  if (!state.isEnabled) return undefined;
  const found = userBy(state, claim);
  if (typeof found === "string") return found;
  const held: Held | undefined = heldBy(state, found.user);
  if (held === "everything") return undefined;
  return held !== undefined && needs(held) ? undefined : "permissionDenied";
}
