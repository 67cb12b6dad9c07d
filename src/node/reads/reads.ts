/**
 * Linearizable reads on the leader by ReadIndex (thesis §6.4), batched: all that
 * wait in one turn share one round of heartbeats. A read is released when its
 * index has been applied and everything due at its time has expired, so that a
 * key found dead can't come back under a later leader.
 */
import type { RaftCore } from "../../raft/core.ts";
import type { Expiry } from "../expiry.ts";
import { NOT_CONFIRMED } from "../failures.ts";
import type { Barrier, Done, Failure } from "../ports.ts";
import { Waiters } from "../waiters.ts";

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
  /** Reads that may wait, for whatever. */
  readonly waitingMax: number;
  readonly nowMs: () => number;
  readonly expiry: Pick<Expiry<unknown>, "judge" | "judgeNow">;
  /** Takes what this node can't confirm because it leads no more. */
  readonly reroute: (done: Done<Barrier>) => void;
}

export class Reads {
  readonly #options: ReadsOptions;
  readonly #core: RaftCore;
  readonly #waiters: Waiters<Barrier>;
  #arriving: number[] = [];
  /** Groups whose round is under way, by the core's token. */
  readonly #rounds = new Map<number, Group>();
  #confirmed: Confirmed[] = [];
  #nextToken = 1;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#core = options.core;
    this.#waiters = new Waiters({ max: options.waitingMax, late: NOT_CONFIRMED });
  }

  /** What a read may be judged by at once, on a leader that need ask nobody. */
  now(): Barrier | undefined {
    if (!this.#core.isReadableAlone) return undefined;
    const { expiry, nowMs: clock } = this.#options;
    const nowMs = expiry.judgeNow(clock);
    return nowMs === undefined ? undefined : { nowMs };
  }

  add(done: Done<Barrier>, deadlineTick: number): void {
    const id = this.#waiters.add({ done, deadlineTick });
    if (id > 0) this.#arriving.push(id);
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
    const applied = this.#core.appliedIndex;
    const waiting: Confirmed[] = [];
    for (const read of this.#confirmed) {
      const { ids, nowMs: askedMs } = read.group;
      const nowMs = read.index > applied ? undefined : this.#options.expiry.judge(askedMs);
      if (nowMs === undefined) waiting.push(read);
      else for (const id of ids) this.#waiters.end(id, { ok: true, value: { nowMs } });
    }
    this.#confirmed = waiting;
  }

  expire(tick: number): void {
    this.#waiters.expire(tick);
    for (const [token, group] of this.#rounds) {
      if (!this.#isAwaited(group)) this.#rounds.delete(token);
    }
    this.#confirmed = this.#confirmed.filter(({ group }) => this.#isAwaited(group));
  }

  close(failure: Failure): void {
    this.#waiters.close(failure);
  }

  #isAwaited({ ids }: Group): boolean {
    return this.#waiters.deadlineOf(ids) > 0;
  }

  #lost({ ids }: Group): void {
    for (const id of ids) {
      const read = this.#waiters.take(id);
      if (read !== undefined) this.#options.reroute(read.done);
    }
  }
}
