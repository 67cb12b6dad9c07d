/** What the handlers of v3 share. */
import type { LeaseKeeper } from "../../service/lease_keeper.ts";
import type { Service } from "../../service/service.ts";
import { HeaderMaker } from "./header.ts";

export interface V3Limits {
  /** Of a request, as etcd's `--max-request-bytes`; a message may have half a MiB more. */
  readonly requestBytesMax: number;
  /** `--max-txn-ops` */
  readonly txnOperationsMax: number;
  /** The election time-out; a lease lives half as long again at least. */
  readonly electionMs: number;
  /** `--watch-progress-notify-interval` */
  readonly progressNotifyMs: number;
  /** So many events stay for v1 and v2, whatever a client compacts; `-m`. */
  readonly eventsMin: number;
  /** Calls of the gateway at once, by `--max-concurrent-streams`; undefined without that. */
  readonly gatewayCallsMax: number | undefined;
  /** How long a client may leave a portion of a snapshot lying. */
  readonly snapshotStallMs: number;
  /** Watches of all streams together. */
  readonly watchesMax: number;
  /** Of all messages of gRPC of which only a part has come; one finds room in any case. */
  readonly arrivingBytesMax: number;
}

/** Of a message, beyond a request: what encloses it. */
export const MESSAGE_EXTRA_BYTES = 512 * 1024;

export interface V3Context {
  readonly service: Service;
  readonly leases: LeaseKeeper;
  readonly limits: V3Limits;
  readonly headers: HeaderMaker;
  /** In [0, 1). */
  readonly random: () => number;
  /** Of all streams; to be kept up to date by them. */
  readonly watches: { count: number };
}

/** What `service`, `leases` and the limits are joined to. */
export function makeContext(
  options: Omit<V3Context, "headers" | "watches">,
): V3Context {
  return { ...options, headers: new HeaderMaker(options.service), watches: { count: 0 } };
}
