/**
 * Changes of the membership, on the leader: a queue of wishes, each turned into
 * one configuration entry when the one before it has been applied (thesis §4.1:
 * one change at a time, and only after an entry of the leader's own term).
 */
import type { RaftCore } from "../../raft/core.ts";
import type { Configuration } from "../../raft/types.ts";
import { NO_LEADER, NOT_COMMITTED, NOT_LEADER } from "../failures.ts";
import type { Agreed } from "./outcome.ts";
import type { Done, Failure, Outcome } from "../ports.ts";
import { type Waiter, Waiters } from "../waiters.ts";

/** What a wish wants done to the configuration that is in effect. */
export type Plan =
  | { readonly kind: "propose"; readonly next: Configuration }
  | { readonly kind: "done" }
  /** Not yet: asked again next turn. */
  | { readonly kind: "wait" }
  | { readonly kind: "refuse"; readonly failure: Failure };

/** Called with the newest configuration; `proposed` once an entry of this wish has been applied. */
export type Planner = (current: Configuration, proposed: boolean) => Plan;

interface Change extends Waiter<Agreed> {
  readonly plan: Planner;
  /** Index of the entry, once there is one. */
  index: number;
}

const QUEUE_MAX = 64;

export class MembershipQueue {
  readonly changes = new Waiters<Agreed, Change>({
    max: QUEUE_MAX,
    late: NO_LEADER,
    failureOf: ({ index }, failure) => index > 0 ? NOT_COMMITTED : failure,
  });
  readonly #core: RaftCore;

  constructor(core: RaftCore) {
    this.#core = core;
  }

  get idle(): boolean {
    return this.changes.size === 0;
  }

  add(plan: Planner, deadlineTick: number, done: Done<Agreed>): void {
    this.changes.add({ plan, done, deadlineTick, index: 0 });
  }

  /** Once a turn: moves the first change on as far as it can go. */
  run(): void {
    for (const [id, change] of this.changes) {
      const outcome = this.#advance(change);
      if (outcome === undefined) return;
      this.changes.end(id, outcome);
    }
  }

  /** The outcome, or undefined while the change has to wait. */
  #advance(change: Change): Outcome<Agreed> | undefined {
    const core = this.#core;
    if (core.role !== "leader") return change.index > 0 ? NOT_COMMITTED : NOT_LEADER;
    // Until the newest configuration is committed it may be undone: nobody is told of it.
    if (Math.max(change.index, core.configurationIndex) > core.appliedIndex) return undefined;
    const plan = change.plan(core.configuration, change.index > 0);
    switch (plan.kind) {
      case "done":
        // Without an entry of its own the wish was granted by the one that is in effect.
        return {
          ok: true,
          value: {
            configuration: core.configuration,
            index: change.index || core.configurationIndex,
          },
        };
      case "wait":
        return undefined;
      case "refuse":
        return plan.failure;
      case "propose": {
        const proposed = core.proposeConfiguration(plan.next);
        if (proposed.ok) {
          change.index = proposed.index;
          return undefined;
        }
        if (proposed.reason === "notLeader") return NOT_LEADER;
        if (proposed.reason === "invalid") {
          return { ok: false, reason: "refused", cause: proposed.cause };
        }
        return undefined;
      }
    }
  }
}
