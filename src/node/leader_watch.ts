/** Who waits for a leader, and which one was known last. */
import { NONE } from "../raft/types.ts";
import type { Member, MemberId } from "../raft/types.ts";
import { NO_LEADER } from "./failures.ts";
import type { Done, Failure } from "./ports.ts";

export class LeaderWatch {
  #known: MemberId = NONE;
  #waiters: { readonly done: Done<Member>; readonly deadlineTick: number }[] = [];

  /** Notes `leader`; true when it is another one than before. */
  changed(leader: MemberId): boolean {
    const changed = leader !== this.#known;
    this.#known = leader;
    return changed;
  }

  add(done: Done<Member>, deadlineTick: number): void {
    this.#waiters.push({ done, deadlineTick });
  }

  found(leader: Member): void {
    this.#end(() => true, { ok: true, value: leader });
  }

  expire(tick: number): void {
    if (this.#waiters.length === 0) return;
    this.#end(({ deadlineTick }) => deadlineTick <= tick, NO_LEADER);
  }

  failAll(failure: Failure): void {
    this.#end(() => true, failure);
  }

  #end(
    ends: (waiter: { readonly deadlineTick: number }) => boolean,
    outcome: Parameters<Done<Member>>[0],
  ): void {
    const ending = this.#waiters.filter(ends);
    this.#waiters = this.#waiters.filter((waiter) => !ends(waiter));
    for (const { done } of ending) done(outcome);
  }
}
