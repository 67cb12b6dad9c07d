/**
 * The messages of the services that are made of the others: locks
 * (`v3lock.proto`), elections (`v3election.proto`) and gRPC's health check
 * (`grpc/health/v1/health.proto`).
 */
import { header, type HeaderOnly, KeyValue, type ResponseHeader } from "./kv.ts";
import { type Enum, enumType } from "./scalars.ts";
import { bytes, enumeration, id, int64, key, message, string, sub } from "./table.ts";

interface LockRequest {
  /** The prefix of the keys of those who wait. */
  readonly name: string;
  /** 0 lets the server make a lease. */
  readonly lease: bigint;
}

interface LockResponse {
  readonly header: ResponseHeader | undefined;
  /** Holds the lock as long as it exists. */
  readonly key: string;
}

interface UnlockRequest {
  readonly key: string;
}

type UnlockResponse = HeaderOnly;

/** Who leads: the key that says so, and the revision that made it. */
interface LeaderKey {
  readonly name: string;
  readonly key: string;
  readonly rev: number;
  readonly lease: bigint;
}

interface CampaignRequest {
  readonly name: string;
  readonly lease: bigint;
  readonly value: Uint8Array;
}

interface CampaignResponse {
  readonly header: ResponseHeader | undefined;
  readonly leader: LeaderKey | undefined;
}

interface ProclaimRequest {
  readonly leader: LeaderKey | undefined;
  readonly value: Uint8Array;
}

type ProclaimResponse = HeaderOnly;

interface LeaderRequest {
  readonly name: string;
}

interface LeaderResponse {
  readonly header: ResponseHeader | undefined;
  readonly kv: KeyValue | undefined;
}

interface ResignRequest {
  readonly leader: LeaderKey | undefined;
}

type ResignResponse = HeaderOnly;

type ServingStatus = Enum<"UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN">;

const SERVING_STATUS = enumType(
  "grpc.health.v1.HealthCheckResponse_ServingStatus",
  ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"],
);

interface HealthCheckRequest {
  /** Empty for the server as a whole. */
  readonly service: string;
}

interface HealthCheckResponse {
  readonly status: ServingStatus;
}

const LockRequest = message<LockRequest>("v3lockpb.LockRequest", { name: key(1), lease: id(2) });

const LockResponse = message<LockResponse>("v3lockpb.LockResponse", { header, key: key(2) });

const UnlockRequest = message<UnlockRequest>("v3lockpb.UnlockRequest", { key: key(1) });

const UnlockResponse = message<UnlockResponse>("v3lockpb.UnlockResponse", { header });

const LeaderKey = message<LeaderKey>("v3electionpb.LeaderKey", {
  name: key(1),
  key: key(2),
  rev: int64(3),
  lease: id(4),
});

const CampaignRequest = message<CampaignRequest>("v3electionpb.CampaignRequest", {
  name: key(1),
  lease: id(2),
  value: bytes(3),
});

const CampaignResponse = message<CampaignResponse>("v3electionpb.CampaignResponse", {
  header,
  leader: sub(2, () => LeaderKey),
});

const ProclaimRequest = message<ProclaimRequest>("v3electionpb.ProclaimRequest", {
  leader: sub(1, () => LeaderKey),
  value: bytes(2),
});

const ProclaimResponse = message<ProclaimResponse>("v3electionpb.ProclaimResponse", { header });

const LeaderRequest = message<LeaderRequest>("v3electionpb.LeaderRequest", { name: key(1) });

const LeaderResponse = message<LeaderResponse>("v3electionpb.LeaderResponse", {
  header,
  kv: sub(2, () => KeyValue),
});

const ResignRequest = message<ResignRequest>("v3electionpb.ResignRequest", {
  leader: sub(1, () => LeaderKey),
});

const ResignResponse = message<ResignResponse>("v3electionpb.ResignResponse", { header });

const HealthCheckRequest = message<HealthCheckRequest>("grpc.health.v1.HealthCheckRequest", {
  service: string(1),
});

const HealthCheckResponse = message<HealthCheckResponse>("grpc.health.v1.HealthCheckResponse", {
  status: enumeration(1, SERVING_STATUS),
});

export {
  CampaignRequest,
  CampaignResponse,
  HealthCheckRequest,
  HealthCheckResponse,
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
  LockRequest,
  LockResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
  SERVING_STATUS,
  type ServingStatus,
  UnlockRequest,
  UnlockResponse,
};
