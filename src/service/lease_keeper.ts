/**
 * Decides when leases end: the leader counts, in memory and by its own monotonic clock,
 * and says by an entry of the log that a lease has run out. A renewal makes no entry; it
 * is answered when a read round has confirmed that this member leads, and one that came
 * after the deadline when its lease has ended. Whoever begins to lead gives every lease its
 * full TTL again, so no lease ends before its time because the leader changed, whatever the
 * machines' clocks say.
 */
import type { Clock } from "../base/clock.ts";
import type { Done, Failure, Outcome } from "../node/ports.ts";
import { encodeCommand } from "../store/command/codec.ts";
import { NOBODY } from "../store/command/command.ts";
import type { Lease } from "../store/lease/leases.ts";
import type { Result } from "../store/result.ts";
import { encodeFailure, encodeValue } from "./answer.ts";
import type { Store } from "../store/store.ts";
import { FORWARDED, type Service } from "./service.ts";

/** From one look at all leases to the next. */
const LOOK_MS = 500;

/** Leases that one look ends; the rest has its turn with the next one. */
const ENDINGS_PER_LOOK = 1_000;

/** Nobody may be told that a lease lives whose end may be committed at any moment. */
const MAY_END: Failure = {
  ok: false,
  reason: "unknown",
  cause: "The lease has run out, and its end is not committed yet",
};

export interface LeaseKeeperOptions {
  readonly service: Service;
  readonly store: Pick<Store, "lease" | "leases" | "onGrant">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Ask it on any member: what only the leader knows is asked of the leader. */
export class LeaseKeeper {
  readonly #service: Service;
  readonly #store: Pick<Store, "lease" | "leases">;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** When each lease ends, by the monotonic clock. The store has another object for each grant. */
  #deadlines = new WeakMap<Lease, number>();
  /** Whose `#deadlines` they are. */
  #term = 0;
  /** Leases whose end is on its way through the log, with whoever waits to know. */
  readonly #ending = new Map<Lease, Done<Result>[]>();
  /** In this term: leases whose end is in the log and was not committed in time, so it may still be. */
  #doomed = new WeakSet<Lease>();
  #nextLookMs = 0;

  constructor({ service, store, clock }: LeaseKeeperOptions) {
    this.#service = service;
    this.#store = store;
    this.#clock = clock;
    // Not when it is looked at leases next: that would be up to half a second too late.
    store.onGrant((lease) => {
      if (service.node.isLeader()) this.#deadlineOf(lease, clock.monotonicMs());
    });
    service.handle(FORWARDED.leaseRenew, (payload, done) => {
      this.#answer(payload, done, (id, told) => this.#renewHere(id, told));
    });
    service.handle(FORWARDED.leaseTime, (payload, done) => {
      this.#answer(payload, done, (id, told) => this.#remainingHere(id, told));
    });
  }

  /**
   * Ends what has run out, when this member leads. To be called again and again, more
   * often than twice a second; most calls do nothing.
   */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + LOOK_MS;
    if (!this.#service.node.isLeader()) return;
    let endings = 0;
    for (const lease of this.#store.leases()) {
      if (this.#deadlineOf(lease, nowMs) > nowMs) continue;
      if (this.#ending.has(lease) || this.#doomed.has(lease)) continue;
      if (++endings > ENDINGS_PER_LOOK) return;
      this.#end(lease);
    }
  }

  /** Gives the lease its full TTL from now on, and tells it in seconds; 0 when there is no such lease. */
  renew(id: bigint, done: Done<number>): void {
    if (this.#service.node.isLeader()) this.#renewHere(id, done);
    else this.#ask(FORWARDED.leaseRenew, id, done);
  }

  /** What is left of the lease in ms, not below 0; -1 when there is no such lease. */
  remaining(id: bigint, done: Done<number>): void {
    if (this.#service.node.isLeader()) this.#remainingHere(id, done);
    else this.#ask(FORWARDED.leaseTime, id, done);
  }

  /** All leases: those that end first go first if this member leads, else those granted first. */
  list(): Lease[] {
    const leases = [...this.#store.leases()];
    if (!this.#service.node.isLeader()) return leases;
    const nowMs = this.#clock.monotonicMs();
    return leases
      .map((lease) => ({ lease, deadlineMs: this.#deadlineOf(lease, nowMs) }))
      .sort((a, b) => a.deadlineMs - b.deadlineMs)
      .map(({ lease }) => lease);
  }

  #renewHere(id: bigint, done: Done<number>): void {
    this.#confirmed(done, (nowMs, askedMs) => {
      if (!this.#service.node.isLeader()) return this.#ask(FORWARDED.leaseRenew, id, done);
      const lease = this.#store.lease(id);
      if (lease === undefined) return done({ ok: true, value: 0 });
      const ending = this.#ending.get(lease);
      // It may be gone already: nobody may be told that it lives.
      if (ending !== undefined) return void ending.push(() => this.renew(id, done));
      const deadlines = this.#current();
      if (this.#doomed.has(lease)) return done(MAY_END);
      const deadlineMs = deadlines.get(lease);
      // Too late, though nobody has looked since: as at etcd it ends before that is told.
      if (deadlineMs !== undefined && deadlineMs <= askedMs) return this.#endLate(lease, done);
      deadlines.set(lease, nowMs + lease.ttlSeconds * 1000);
      done({ ok: true, value: lease.ttlSeconds });
    });
  }

  #remainingHere(id: bigint, done: Done<number>): void {
    this.#confirmed(done, (nowMs) => {
      if (!this.#service.node.isLeader()) return this.#ask(FORWARDED.leaseTime, id, done);
      const lease = this.#store.lease(id);
      const value = lease === undefined
        ? -1
        : Math.max(0, Math.floor(this.#deadlineOf(lease, nowMs) - nowMs));
      done({ ok: true, value });
    });
  }

  /** Ends a lease that came too late to be renewed, and tells what there is under its id then. */
  #endLate(lease: Lease, done: Done<number>): void {
    const { node } = this.#service;
    const term = node.term();
    this.#end(lease, (outcome) => {
      // The leader of another term gives every lease its full TTL again.
      const isOthers = !node.isLeader() || node.term() !== term;
      if (outcome.ok || isOthers) return this.renew(lease.id, done);
      done(outcome.reason === "unknown" ? MAY_END : outcome);
    });
  }

  /**
   * Calls `next` once a read round has confirmed the leader, with the monotonic time then
   * and that of this call: nobody is late because the round took long.
   */
  #confirmed(done: Done<number>, next: (nowMs: number, askedMs: number) => void): void {
    const askedMs = this.#clock.monotonicMs();
    if (this.#service.node.barrierNow() !== undefined) return next(askedMs, askedMs);
    this.#service.barrier((outcome) => {
      if (outcome.ok) next(this.#clock.monotonicMs(), askedMs);
      else done(outcome);
    });
  }

  #deadlineOf(lease: Lease, nowMs: number): number {
    const deadlines = this.#current();
    const known = deadlines.get(lease);
    if (known !== undefined) return known;
    const deadlineMs = nowMs + lease.ttlSeconds * 1000;
    deadlines.set(lease, deadlineMs);
    return deadlineMs;
  }

  /** The deadlines of this term: those of an earlier one may have been renewed elsewhere meanwhile. */
  #current(): WeakMap<Lease, number> {
    const term = this.#service.node.term();
    if (term !== this.#term) {
      this.#term = term;
      this.#deadlines = new WeakMap();
      // Who leads in another term knows by now what became of all entries before it.
      this.#doomed = new WeakSet();
    }
    return this.#deadlines;
  }

  /** Calls back when the end has been applied, or has failed. */
  #end(lease: Lease, ...done: Done<Result>[]): void {
    const { node } = this.#service;
    const term = node.term();
    this.#ending.set(lease, done);
    const command = {
      type: "leaseRevoke",
      id: lease.id,
      grantIndex: lease.grantIndex,
    } as const;
    // Never passed on: another leader has its own reckoning.
    node.propose(encodeCommand(command, NOBODY, node.nowMs()), (outcome) => {
      const isOpen = !outcome.ok && outcome.reason === "unknown";
      if (isOpen && node.term() === term) this.#doomed.add(lease);
      const waiting = this.#ending.get(lease) ?? [];
      this.#ending.delete(lease);
      for (const tell of waiting) tell(outcome);
    });
  }

  /** Asks the leader. */
  #ask(kind: number, id: bigint, done: Done<number>): void {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setBigInt64(0, id);
    this.#service.forward(kind, payload, (outcome) => {
      done(outcome.ok ? readNumber(outcome.value) : outcome);
    });
  }

  /** On the leader: answers what another member asks. */
  #answer(
    payload: Uint8Array,
    done: (reply: Uint8Array | undefined) => void,
    find: (id: bigint, told: Done<number>) => void,
  ): void {
    if (!this.#service.node.isLeader()) return done(undefined);
    if (payload.length !== 8) {
      const cause = `Expected the id of a lease, found ${payload.length} bytes`;
      return done(encodeFailure({ ok: false, reason: "refused", cause }));
    }
    const id = viewOf(payload).getBigInt64(0);
    find(id, (outcome) => {
      if (!outcome.ok) {
        return done(outcome.reason === "notLeader" ? undefined : encodeFailure(outcome));
      }
      const value = new Uint8Array(8);
      viewOf(value).setFloat64(0, outcome.value);
      done(encodeValue(value));
    });
  }
}

function readNumber(bytes: Uint8Array): Outcome<number> {
  if (bytes.length === 8) return { ok: true, value: viewOf(bytes).getFloat64(0) };
  const cause = `Expected a number of 8 bytes from the leader, found ${bytes.length} bytes`;
  return { ok: false, reason: "unknown", cause };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
