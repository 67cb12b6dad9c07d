/**
 * Linearizable reads on the leader by ReadIndex (thesis §6.4), batched: all that
 * wait in one turn share one round of heartbeats. A read is released when its
 * index has been applied and everything due at its time has expired, so that a
 * key found dead can't come back under a later leader.
 */
import type { RaftCore } from "../raft/core.ts";
import { NOT_CONFIRMED } from "./failures.ts";
import type { Barrier, Done, Failure } from "./ports.ts";

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
  /** Whether the state machine holds anything due at the time; starts its expiry if so. */
  readonly #expiring: (nowMs: number) => boolean;
  /** Takes what this node can't confirm because it leads no more. */
  readonly #reroute: (done: Done<Barrier>) => void;
  #arriving: Done<Barrier>[] = [];
  #arrivingDeadlineTick = 0;
  /** Groups whose round is under way, by the core's token. */
  readonly #rounds = new Map<number, Group>();
  #confirmed: Confirmed[] = [];
  #nextToken = 1;

  constructor(
    core: RaftCore,
    nowMs: () => number,
    expiring: (nowMs: number) => boolean,
    reroute: (done: Done<Barrier>) => void,
  ) {
    this.#core = core;
    this.#nowMs = nowMs;
    this.#expiring = expiring;
    this.#reroute = reroute;
  }

  get size(): number {
    let size = this.#arriving.length;
    for (const group of this.#rounds.values()) size += group.waiters.length;
    for (const { group } of this.#confirmed) size += group.waiters.length;
    return size;
  }

  /** What a read may be judged by at once, on a leader that need ask nobody. */
  now(): Barrier | undefined {
    if (!this.#core.isReadableAlone) return undefined;
    const nowMs = this.#nowMs();
    return this.#expiring(nowMs) ? undefined : { nowMs };
  }

  add(done: Done<Barrier>, deadlineTick: number): void {
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
    const waiting: Confirmed[] = [];
    for (const read of this.#confirmed) {
      if (read.index > applied || this.#expiring(read.group.nowMs)) {
        waiting.push(read);
        continue;
      }
      const outcome = { ok: true, value: { nowMs: read.group.nowMs } } as const;
      for (const done of read.group.waiters) done(outcome);
    }
    this.#confirmed = waiting;
  }

  expire(tick: number): void {
    for (const [token, group] of this.#rounds) {
      if (group.deadlineTick > tick) continue;
      this.#rounds.delete(token);
      fail(group, NOT_CONFIRMED);
    }
    this.#confirmed = this.#confirmed.filter(({ group }) => {
      if (group.deadlineTick > tick) return true;
      fail(group, NOT_CONFIRMED);
      return false;
    });
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
    for (const done of arriving) done(failure);
    for (const group of groups) fail(group, failure);
  }

  #lost(group: Group): void {
    for (const done of group.waiters) this.#reroute(done);
  }
}

function fail(group: Group, failure: Failure): void {
  for (const done of group.waiters) done(failure);
}
