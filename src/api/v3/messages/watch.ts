/** The messages of the Watch service: etcd's `rpc.proto`, 3.0 to 3.6. */
import { WATCH_RESPONSE } from "./hand_watch.ts";
import type * as hot from "./hot.ts";
import { type Empty, emptyMessage, Event, header } from "./kv.ts";
import { type Enum, enumType, type WatchId } from "./scalars.ts";
import {
  bool,
  enumeration,
  int64,
  key,
  message,
  repeated,
  string,
  sub,
  type Union,
  union,
  watchIdField,
} from "./table.ts";

type WatchFilter = Enum<"NOPUT" | "NODELETE">;

const WATCH_FILTER = enumType("etcdserverpb.WatchCreateRequest_FilterType", ["NOPUT", "NODELETE"]);

interface WatchCreateRequest {
  readonly key: string;
  readonly rangeEnd: string;
  /** The first revision of interest; 0 for those from now on. */
  readonly startRevision: number;
  readonly progressNotify: boolean;
  readonly filters: readonly WatchFilter[];
  readonly prevKv: boolean;
  /** 0 lets the server choose. */
  readonly watchId: WatchId;
  readonly fragment: boolean;
}

interface WatchCancelRequest {
  readonly watchId: WatchId;
}

type WatchProgressRequest = Empty;

interface WatchRequestMembers {
  readonly create: WatchCreateRequest;
  readonly cancel: WatchCancelRequest;
  readonly progress: WatchProgressRequest;
}

type WatchRequest = Union<WatchRequestMembers>;

type WatchResponse = hot.WatchResponse;

const WatchCreateRequest = message<WatchCreateRequest>("WatchCreateRequest", {
  key: key(1),
  rangeEnd: key(2, "range_end"),
  startRevision: int64(3, "start_revision"),
  progressNotify: bool(4, "progress_notify"),
  filters: repeated(enumeration(5, WATCH_FILTER)),
  prevKv: bool(6, "prev_kv"),
  watchId: watchIdField(7, "watch_id"),
  fragment: bool(8),
});

const WatchCancelRequest = message<WatchCancelRequest>("WatchCancelRequest", {
  watchId: watchIdField(1, "watch_id"),
});

const WatchProgressRequest = emptyMessage("WatchProgressRequest");

const WatchRequest = union<WatchRequestMembers>("WatchRequest", {
  create: sub(1, () => WatchCreateRequest, "create_request"),
  cancel: sub(2, () => WatchCancelRequest, "cancel_request"),
  progress: sub(3, () => WatchProgressRequest, "progress_request"),
});

const WatchResponse = message<WatchResponse>("WatchResponse", {
  header,
  watchId: watchIdField(2, "watch_id"),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int64(5, "compact_revision"),
  cancelReason: string(6, "cancel_reason"),
  fragment: bool(7),
  events: repeated(sub(11, () => Event)),
}, WATCH_RESPONSE);

export {
  WATCH_FILTER,
  WatchCancelRequest,
  WatchCreateRequest,
  type WatchFilter,
  WatchProgressRequest,
  WatchRequest,
  WatchResponse,
};
