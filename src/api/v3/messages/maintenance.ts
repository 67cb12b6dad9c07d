/** The messages of the Maintenance service: etcd's `rpc.proto`, 3.0 to 3.6. */
import {
  type Empty,
  emptyMessage,
  header,
  type HeaderOnly,
  headerOnly,
  type ResponseHeader,
} from "./kv.ts";
import { type Enum, enumType } from "./scalars.ts";
import {
  bool,
  bytes,
  enumeration,
  int64,
  message,
  repeated,
  string,
  sub,
  uint32,
  uint64,
  unsignedId,
} from "./table.ts";

type AlarmType = Enum<"NONE" | "NOSPACE" | "CORRUPT">;
type AlarmAction = Enum<"GET" | "ACTIVATE" | "DEACTIVATE">;
type DowngradeAction = Enum<"VALIDATE" | "ENABLE" | "CANCEL">;

const ALARM_TYPE = enumType("etcdserverpb.AlarmType", ["NONE", "NOSPACE", "CORRUPT"]);
const ALARM_ACTION = enumType(
  "etcdserverpb.AlarmRequest_AlarmAction",
  ["GET", "ACTIVATE", "DEACTIVATE"],
);
const DOWNGRADE_ACTION = enumType(
  "etcdserverpb.DowngradeRequest_DowngradeAction",
  ["VALIDATE", "ENABLE", "CANCEL"],
);

interface AlarmRequest {
  readonly action: AlarmAction;
  /** 0 for all. */
  readonly memberId: bigint;
  readonly alarm: AlarmType;
}

interface AlarmMember {
  readonly memberId: bigint;
  readonly alarm: AlarmType;
}

interface AlarmResponse {
  readonly header: ResponseHeader | undefined;
  readonly alarms: readonly AlarmMember[];
}

type StatusRequest = Empty;

interface StatusResponse {
  readonly header: ResponseHeader | undefined;
  readonly version: string;
  /** Sizes are in bytes. */
  readonly dbSize: number;
  /** A member's id; 0 for none. */
  readonly leader: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly errors: readonly string[];
  readonly dbSizeInUse: number;
  readonly isLearner: boolean;
  /** Since 3.6, with the rest. */
  readonly storageVersion: string;
  readonly dbSizeQuota: number;
  readonly downgradeInfo: DowngradeInfo | undefined;
}

interface DowngradeInfo {
  readonly enabled: boolean;
  readonly targetVersion: string;
}

type DefragmentRequest = Empty;
type DefragmentResponse = HeaderOnly;
type HashRequest = Empty;

interface HashResponse {
  readonly header: ResponseHeader | undefined;
  readonly hash: number;
}

interface HashKvRequest {
  /** 0 for the newest. */
  readonly revision: number;
}

interface HashKvResponse {
  readonly header: ResponseHeader | undefined;
  readonly hash: number;
  readonly compactRevision: number;
  /** Since 3.6. */
  readonly hashRevision: number;
}

type SnapshotRequest = Empty;

interface SnapshotResponse {
  readonly header: ResponseHeader | undefined;
  readonly remainingBytes: number;
  readonly blob: Uint8Array;
  /** Since 3.6. */
  readonly version: string;
}

interface MoveLeaderRequest {
  readonly targetId: bigint;
}

type MoveLeaderResponse = HeaderOnly;

/** Since 3.5. */
interface DowngradeRequest {
  readonly action: DowngradeAction;
  readonly version: string;
}

interface DowngradeResponse {
  readonly header: ResponseHeader | undefined;
  readonly version: string;
}

const AlarmRequest = message<AlarmRequest>("AlarmRequest", {
  action: enumeration(1, ALARM_ACTION),
  memberId: unsignedId(2, "memberID"),
  alarm: enumeration(3, ALARM_TYPE),
});

const AlarmMember = message<AlarmMember>("AlarmMember", {
  memberId: unsignedId(1, "memberID"),
  alarm: enumeration(2, ALARM_TYPE),
});

const AlarmResponse = message<AlarmResponse>("AlarmResponse", {
  header,
  alarms: repeated(sub(2, () => AlarmMember)),
});

const StatusRequest = emptyMessage("StatusRequest");

const DowngradeInfo = message<DowngradeInfo>("DowngradeInfo", {
  enabled: bool(1),
  targetVersion: string(2),
});

const StatusResponse = message<StatusResponse>("StatusResponse", {
  header,
  version: string(2),
  dbSize: int64(3),
  leader: unsignedId(4),
  raftIndex: uint64(5),
  raftTerm: uint64(6),
  raftAppliedIndex: uint64(7),
  errors: repeated(string(8)),
  dbSizeInUse: int64(9),
  isLearner: bool(10),
  storageVersion: string(11),
  dbSizeQuota: int64(12),
  downgradeInfo: sub(13, () => DowngradeInfo),
});

const DefragmentRequest = emptyMessage("DefragmentRequest");

const DefragmentResponse = headerOnly("DefragmentResponse");

const HashRequest = emptyMessage("HashRequest");

const HashResponse = message<HashResponse>("HashResponse", { header, hash: uint32(2) });

const HashKvRequest = message<HashKvRequest>("HashKVRequest", { revision: int64(1) });

const HashKvResponse = message<HashKvResponse>("HashKVResponse", {
  header,
  hash: uint32(2),
  compactRevision: int64(3, "compact_revision"),
  hashRevision: int64(4, "hash_revision"),
});

const SnapshotRequest = emptyMessage("SnapshotRequest");

const SnapshotResponse = message<SnapshotResponse>("SnapshotResponse", {
  header,
  remainingBytes: uint64(2, "remaining_bytes"),
  blob: bytes(3),
  version: string(4),
});

const MoveLeaderRequest = message<MoveLeaderRequest>("MoveLeaderRequest", {
  targetId: unsignedId(1, "targetID"),
});

const MoveLeaderResponse = headerOnly("MoveLeaderResponse");

const DowngradeRequest = message<DowngradeRequest>("DowngradeRequest", {
  action: enumeration(1, DOWNGRADE_ACTION),
  version: string(2),
});

const DowngradeResponse = message<DowngradeResponse>("DowngradeResponse", {
  header,
  version: string(2),
});

export {
  ALARM_ACTION,
  ALARM_TYPE,
  type AlarmAction,
  AlarmMember,
  AlarmRequest,
  AlarmResponse,
  type AlarmType,
  DefragmentRequest,
  DefragmentResponse,
  DOWNGRADE_ACTION,
  type DowngradeAction,
  DowngradeInfo,
  DowngradeRequest,
  DowngradeResponse,
  HashKvRequest,
  HashKvResponse,
  HashRequest,
  HashResponse,
  MoveLeaderRequest,
  MoveLeaderResponse,
  SnapshotRequest,
  SnapshotResponse,
  StatusRequest,
  StatusResponse,
};
