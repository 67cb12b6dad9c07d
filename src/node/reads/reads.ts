/**
 * Linearizable reads on the leader by ReadIndex (thesis §6.4), batched: all that
 * wait in one turn share one round of heartbeats. A read is released when its
 * index has been applied and everything due at its time has expired, so that a
 * key found dead can't come back under a later leader.
 */
import type { RaftCore } from "../../raft/core.ts";
import type { Expiry } from "../expiry.ts";
import { NOT_CONFIRMED } from "../failures.ts";
import type { Barrier, Done, Failure, Outcome } from "../ports.ts";

interface Group {
  readonly waiters: Done<Barrier>[];
  /** The cluster's time the group is judged by: not before its last member came. */
  readonly nowMs: number;
  readonly deadlineTick: number;
}

interface Confirmed {
  readonly index: number;
  readonly group: Group;
}

export class Reads {
  readonly #core: RaftCore;
  readonly #nowMs: () => number;
  readonly #expiry: Pick<Expiry<unknown>, "judge" | "judgeNow">;
  /** Takes what this node can't confirm because it leads no more. */
  readonly #reroute: (done: Done<Barrier>) => void;
  #size = 0;
  #arriving: Done<Barrier>[] = [];
  #arrivingDeadlineTick = 0;
  /** Groups whose round is under way, by the core's token. */
  readonly #rounds = new Map<number, Group>();
  #confirmed: Confirmed[] = [];
  #nextToken = 1;

  constructor(
    core: RaftCore,
    nowMs: () => number,
    expiry: Pick<Expiry<unknown>, "judge" | "judgeNow">,
    reroute: (done: Done<Barrier>) => void,
  ) {
    this.#core = core;
    this.#nowMs = nowMs;
    this.#expiry = expiry;
    this.#reroute = reroute;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** What a read may be judged by at once, on a leader that need ask nobody. */
  now(): Barrier | undefined {
    if (!this.#core.isReadableAlone) return undefined;
    const nowMs = this.#expiry.judgeNow(this.#nowMs);
    return nowMs === undefined ? undefined : { nowMs };
  }

  add(done: Done<Barrier>, deadlineTick: number): void {
    this.#size++;
    this.#arriving.push(done);
    this.#arrivingDeadlineTick = deadlineTick;
  }

  /** Opens a round for what has arrived; called once a turn, before messages are taken. */
  start(): void {
    if (this.#arriving.length === 0) return;
    const group = {
      waiters: this.#arriving,
      nowMs: this.#nowMs(),
      deadlineTick: this.#arrivingDeadlineTick,
    };
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
    for (const read of [...this.#confirmed]) {
      const nowMs = read.index > applied ? undefined : this.#expiry.judge(read.group.nowMs);
      if (nowMs !== undefined) this.#endConfirmed(read, { ok: true, value: { nowMs } });
    }
  }

  expire(tick: number): void {
    for (const [token, group] of this.#rounds) {
      if (group.deadlineTick > tick) continue;
      this.#rounds.delete(token);
      this.#end(group.waiters, NOT_CONFIRMED);
    }
    const late = this.#confirmed.filter(({ group }) => group.deadlineTick <= tick);
    for (const read of late) this.#endConfirmed(read, NOT_CONFIRMED);
  }

  failAll(failure: Failure): void {
    const groups = [
      ...this.#rounds.values(),
      ...this.#confirmed.map(({ group }) => group),
    ];
    const arriving = this.#arriving;
    this.#rounds.clear();
    this.#confirmed = [];
    this.#arriving = [];
    this.#end(arriving, failure);
    for (const { waiters } of groups) this.#end(waiters, failure);
  }

  #lost({ waiters }: Group): void {
    this.#size -= waiters.length;
    for (const done of waiters) this.#reroute(done);
  }

  /** Nothing when the callback of another one has ended it. */
  #endConfirmed(read: Confirmed, outcome: Outcome<Barrier>): void {
    const place = this.#confirmed.indexOf(read);
    if (place < 0) return;
    this.#confirmed.splice(place, 1);
    this.#end(read.group.waiters, outcome);
  }

  #end(waiters: readonly Done<Barrier>[], outcome: Outcome<Barrier>): void {
    this.#size -= waiters.length;
    for (const done of waiters) done(outcome);
  }
}
