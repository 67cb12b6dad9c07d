/** The Lease service: grants and revocations through the log, the rest by whoever counts. */
import type { Store } from "../../store/store.ts";
import type { Outcome } from "../../node/ports.ts";
import { mayEndLease, mayReadLease } from "../../store/auth/judge.ts";
import { LEASE_TTL_MAX } from "../../store/lease/leases.ts";
import { bidi, type BidiListener, type Handler, type StreamCall, unary } from "./call.ts";
import type { V3Context } from "./context.ts";
import type { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "./messages/lease.ts";
import { METHODS } from "./methods.ts";
import { failureStatus, rejectionStatus } from "./refusal.ts";
import { STATUS } from "./statuses.ts";
import { ANYBODY, type Needs, readFresh, readHere, whoCalls, write } from "./waist.ts";

/** What answers the Lease service. */
export function leaseHandlers(v3: V3Context): readonly Handler[] {
  const { leases, headers, service } = v3;
  return [
    unary(METHODS.lease.grant, (request, call) => {
      if (request.ttl > LEASE_TTL_MAX) return call.fail(STATUS.leaseTtlTooLarge);
      const ttlSeconds = Math.max(request.ttl, shortestTtl(v3));
      const id = request.id === 0n ? freshLeaseId(v3) : request.id;
      write(v3, call, { type: "leaseGrant", id, ttlSeconds }, ({ revision }) => {
        call.answer({ header: headers.at(revision), id, ttl: ttlSeconds });
      });
    }),

    unary(METHODS.lease.revoke, ({ id }, call) => {
      write(v3, call, { type: "leaseRevoke", id, grantIndex: 0 }, ({ revision }) => {
        call.answer({ header: headers.at(revision) });
      });
    }),

    bidi(METHODS.lease.keepAlive, (call) => new KeepAliveStream(v3, call)),

    unary(METHODS.lease.timeToLive, ({ id, keys }, call) => {
      leases.remaining(id, (outcome) => {
        if (!outcome.ok) return call.fail(failureStatus(outcome));
        const remainingMs = outcome.value;
        const tell = (store: Store) => {
          const lease = store.lease(id);
          if (remainingMs < 0 || lease === undefined) {
            return call.answer({ header: headers.now(), id, ttl: -1 });
          }
          call.answer({
            header: headers.now(),
            id,
            // A TTL of 100 is told as 99 at once: the last second has begun.
            ttl: Math.max(0, Math.ceil(remainingMs / 1000) - 1),
            grantedTtl: lease.ttlSeconds,
            keys: keys ? [...lease.keys].sort() : [],
          });
        };
        // As in etcd, who asks counts only where names of keys are told; of a lease that is gone
        // there are none.
        if (!keys || remainingMs < 0) {
          return service.whenFresh(tell, (failure) => call.fail(failureStatus(failure)));
        }
        // This member may be behind the leader, who knew the lease.
        readFresh(v3, call, (rights, store) => mayReadLease(rights, store.lease(id)), tell);
      });
    }),

    unary(METHODS.lease.leases, (_, call) => {
      readHere(v3, call, ANYBODY, (store) => {
        const rights = service.auth.rightsOf(whoCalls(call));
        if (typeof rights === "string") return call.fail(rejectionStatus(rights));
        // Of the others it is nobody's business that they are there.
        const told = leases.list().filter(({ id }) => mayReadLease(rights, store.lease(id)));
        call.answer({ header: headers.now(), leases: told.map(({ id }) => ({ id })) });
      });
    }),
  ];
}

/** Half as long again as an election may take, so that a lease outlives one. */
function shortestTtl({ limits }: V3Context): number {
  return Math.ceil(1.5 * limits.electionMs / 1000);
}

/** A positive id that hardly any lease will have; whoever is told that one has it tries again. */
export function freshLeaseId({ random }: V3Context): bigint {
  const high = BigInt(Math.floor(random() * 2 ** 31));
  return high << 32n | BigInt(1 + Math.floor(random() * (2 ** 32 - 1)));
}

/** Renewals that may be under way on one stream; above it the client is held back. */
const RENEWALS_MAX = 1_000;

interface Renewal {
  readonly id: bigint;
  /** When it was asked for: by a later one the lease may have ended, which was renewed all the same. */
  readonly revision: number;
  /** There once the leader has answered. */
  outcome: Outcome<number> | undefined;
}

/** Answers each renewal, in the order in which they came. */
class KeepAliveStream implements BidiListener<LeaseKeepAliveRequest> {
  readonly #v3: V3Context;
  readonly #call: StreamCall<LeaseKeepAliveResponse>;
  /** Renewals in their order, with what came of them. */
  readonly #renewals: Renewal[] = [];
  #isHalfClosed = false;
  #isStalled = false;

  constructor(v3: V3Context, call: StreamCall<LeaseKeepAliveResponse>) {
    this.#v3 = v3;
    this.#call = call;
  }

  onMessage({ id }: LeaseKeepAliveRequest): void {
    const { revision } = this.#v3.service;
    const renewal: Renewal = { id, revision, outcome: undefined };
    this.#renewals.push(renewal);
    if (this.#renewals.length >= RENEWALS_MAX) this.#call.pause();
    const mayRenew: Needs = (rights, store) => mayEndLease(rights, store.lease(id));
    if (!this.#v3.service.auth.isOn) return this.#renew(renewal);
    // The keys that hang on it by now are what counts.
    readFresh(this.#v3, this.#call, mayRenew, () => this.#renew(renewal));
  }

  #renew(renewal: Renewal): void {
    this.#v3.leases.renew(renewal.id, (outcome) => {
      renewal.outcome = outcome;
      this.#answer();
    });
  }

  onHalfClose(): void {
    this.#isHalfClosed = true;
    this.#answer();
  }

  onDrain(): void {
    this.#isStalled = false;
    this.#answer();
  }

  onGone(): void {
    this.#renewals.length = 0;
  }

  #answer(): void {
    while (!this.#call.isOver && !this.#isStalled) {
      const [renewal] = this.#renewals;
      if (renewal?.outcome === undefined) break;
      this.#renewals.shift();
      const { id, revision, outcome } = renewal;
      if (!outcome.ok) return this.#call.fail(failureStatus(outcome));
      this.#isStalled = !this.#call.send({
        header: this.#v3.headers.at(revision),
        id,
        ttl: outcome.value,
      });
      if (this.#isStalled) this.#call.pause();
    }
    if (this.#renewals.length < RENEWALS_MAX && !this.#isStalled) this.#call.resume();
    if (this.#isHalfClosed && this.#renewals.length === 0) this.#call.end();
  }
}
