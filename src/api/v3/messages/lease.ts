/**
 * The messages of the Lease service: etcd's `rpc.proto`, 3.0 to 3.6. TTLs are in
 * seconds, ids have 64 bits and may be negative.
 */
import { LEASE_KEEP_ALIVE_REQUEST, LEASE_KEEP_ALIVE_RESPONSE } from "./hand_watch.ts";
import type * as hot from "./hot.ts";
import {
  type Empty,
  emptyMessage,
  header,
  type HeaderOnly,
  headerOnly,
  type ResponseHeader,
} from "./kv.ts";
import { bool, id, int64, key, message, repeated, string, sub } from "./table.ts";

interface LeaseGrantRequest {
  readonly ttl: number;
  /** 0 lets the server choose. */
  readonly id: bigint;
}

interface LeaseGrantResponse {
  readonly header: ResponseHeader | undefined;
  readonly id: bigint;
  readonly ttl: number;
  readonly error: string;
}

interface LeaseRevokeRequest {
  readonly id: bigint;
}

type LeaseRevokeResponse = HeaderOnly;

type LeaseKeepAliveRequest = hot.LeaseKeepAliveRequest;
type LeaseKeepAliveResponse = hot.LeaseKeepAliveResponse;

interface LeaseTimeToLiveRequest {
  readonly id: bigint;
  readonly keys: boolean;
}

interface LeaseTimeToLiveResponse {
  readonly header: ResponseHeader | undefined;
  readonly id: bigint;
  /** What is left; -1 for a lease that does not exist. */
  readonly ttl: number;
  readonly grantedTtl: number;
  readonly keys: readonly string[];
}

type LeaseLeasesRequest = Empty;

interface LeaseStatus {
  readonly id: bigint;
}

interface LeaseLeasesResponse {
  readonly header: ResponseHeader | undefined;
  readonly leases: readonly LeaseStatus[];
}

const LeaseGrantRequest = message<LeaseGrantRequest>("LeaseGrantRequest", {
  ttl: int64(1, "TTL"),
  id: id(2, "ID"),
});

const LeaseGrantResponse = message<LeaseGrantResponse>("LeaseGrantResponse", {
  header,
  id: id(2, "ID"),
  ttl: int64(3, "TTL"),
  error: string(4),
});

const LeaseRevokeRequest = message<LeaseRevokeRequest>("LeaseRevokeRequest", { id: id(1, "ID") });

const LeaseRevokeResponse = headerOnly("LeaseRevokeResponse");

const LeaseKeepAliveRequest = message<LeaseKeepAliveRequest>("LeaseKeepAliveRequest", {
  id: id(1, "ID"),
}, LEASE_KEEP_ALIVE_REQUEST);

const LeaseKeepAliveResponse = message<LeaseKeepAliveResponse>("LeaseKeepAliveResponse", {
  header,
  id: id(2, "ID"),
  ttl: int64(3, "TTL"),
}, LEASE_KEEP_ALIVE_RESPONSE);

const LeaseTimeToLiveRequest = message<LeaseTimeToLiveRequest>("LeaseTimeToLiveRequest", {
  id: id(1, "ID"),
  keys: bool(2),
});

const LeaseTimeToLiveResponse = message<LeaseTimeToLiveResponse>("LeaseTimeToLiveResponse", {
  header,
  id: id(2, "ID"),
  ttl: int64(3, "TTL"),
  grantedTtl: int64(4, "grantedTTL"),
  keys: repeated(key(5)),
});

const LeaseLeasesRequest = emptyMessage("LeaseLeasesRequest");

const LeaseStatus = message<LeaseStatus>("LeaseStatus", { id: id(1, "ID") });

const LeaseLeasesResponse = message<LeaseLeasesResponse>("LeaseLeasesResponse", {
  header,
  leases: repeated(sub(2, () => LeaseStatus)),
});

export {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesRequest,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseStatus,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
};
