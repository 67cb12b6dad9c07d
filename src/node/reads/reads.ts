/**
 * Linearizable reads on the leader by ReadIndex (thesis §6.4), batched: all that
 * wait in one turn share one round of heartbeats. A read is released when its
 * index has been applied and everything due at its time has expired, so that a
 * key found dead can't come back under a later leader.
 */
import type { RaftCore } from "../../raft/core.ts";
import type { Expiry } from "../expiry.ts";
import type { Barrier } from "../ports.ts";
import type { Waiters } from "../waiters.ts";

interface Group {
  readonly ids: readonly number[];
  /** The cluster's time the group is judged by: not before its last member came. */
  readonly nowMs: number;
}

interface Confirmed {
  readonly index: number;
  readonly group: Group;
}

export interface ReadsOptions {
  readonly core: RaftCore;
  /** All reads of this node. */
  readonly waiters: Waiters<Barrier>;
  readonly nowMs: () => number;
  readonly expiry: Pick<Expiry<unknown>, "judge" | "judgeNow">;
  /** Takes what this node can't confirm because it leads no more. */
  readonly reroute: (id: number) => void;
}

export class Reads {
  readonly #options: ReadsOptions;
  readonly #core: RaftCore;
  #arriving: number[] = [];
  /** Groups whose round is under way, by the core's token. */
  readonly #rounds = new Map<number, Group>();
  #confirmed: Confirmed[] = [];
  #nextToken = 1;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#core = options.core;
  }

  /** What a read may be judged by at once, on a leader that need ask nobody. */
  now(): Barrier | undefined {
    if (!this.#core.isReadableAlone) return undefined;
    const { expiry, nowMs: clock } = this.#options;
    const nowMs = expiry.judgeNow(clock);
    return nowMs === undefined ? undefined : { nowMs };
  }

  /** The read that waits under `id`. */
  add(id: number): void {
    this.#arriving.push(id);
  }

  /** Opens a round for what has arrived; called once a turn, before messages are taken. */
  start(): void {
    if (this.#arriving.length === 0) return;
    const group = { ids: this.#arriving, nowMs: this.#options.nowMs() };
    this.#arriving = [];
    const token = this.#nextToken++;
    if (this.#core.readIndex(token)) this.#rounds.set(token, group);
    else this.#lost(group);
  }

  /** Collects confirmed rounds and releases what has been applied. */
  release(): void {
    for (const { token, index } of this.#core.takeReads()) {
      const group = this.#rounds.get(token);
      if (group === undefined) continue;
      this.#rounds.delete(token);
      this.#confirmed.push({ index, group });
    }
    for (const token of this.#core.takeDroppedReads()) {
      const group = this.#rounds.get(token);
      if (group === undefined) continue;
      this.#rounds.delete(token);
      this.#lost(group);
    }
    if (this.#confirmed.length === 0) return;
    const { waiters, expiry } = this.#options;
    const applied = this.#core.appliedIndex;
    const waiting: Confirmed[] = [];
    for (const read of this.#confirmed) {
      const { ids, nowMs: askedMs } = read.group;
      const nowMs = read.index > applied ? undefined : expiry.judge(askedMs);
      if (nowMs === undefined) waiting.push(read);
      else waiters.endAll(ids, { ok: true, value: { nowMs } });
    }
    this.#confirmed = waiting;
  }

  /** Forgets rounds for which nobody waits any longer. */
  prune(): void {
    const isAwaited = ({ ids }: Group) => this.#options.waiters.deadlineOf(ids) > 0;
    for (const [token, group] of this.#rounds) {
      if (!isAwaited(group)) this.#rounds.delete(token);
    }
    this.#confirmed = this.#confirmed.filter(({ group }) => isAwaited(group));
  }

  #lost({ ids }: Group): void {
    for (const id of ids) this.#options.reroute(id);
  }
}
