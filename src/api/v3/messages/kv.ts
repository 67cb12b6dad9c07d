/**
 * Keys and values: `mvccpb`, and the requests and responses of the KV service.
 * Facts about fields are those of etcd's `rpc.proto` and `kv.proto`, 3.0 to 3.6.
 */
import * as hand from "./hand_kv.ts";
import * as handRange from "./hand_range.ts";
import * as handTxn from "./hand_txn.ts";
import * as handWatch from "./hand_watch.ts";
import type * as hot from "./hot.ts";
import { COMPARE_RESULT, COMPARE_TARGET, EVENT_TYPE, SORT_ORDER, SORT_TARGET } from "./kv_enums.ts";
import {
  bool,
  bytes,
  enumeration,
  id,
  int64,
  key,
  message,
  type MessageType,
  oneof,
  repeated,
  sub,
  uint64,
  union,
  unsignedId,
} from "./table.ts";

type ResponseHeader = hot.ResponseHeader;
type KeyValue = hot.KeyValue;
type Event = hot.Event;
type SortOrder = hot.SortOrder;
type SortTarget = hot.SortTarget;
type RangeRequest = hot.RangeRequest;
type RangeResponse = hot.RangeResponse;
type PutRequest = hot.PutRequest;
type PutResponse = hot.PutResponse;
type DeleteRangeRequest = hot.DeleteRangeRequest;
type DeleteRangeResponse = hot.DeleteRangeResponse;
type RequestOp = hot.RequestOp;
type ResponseOp = hot.ResponseOp;
type CompareResult = hot.CompareResult;
type CompareTarget = hot.CompareTarget;
type CompareOperands = hot.CompareOperands;
type Compare = hot.Compare;
type TxnRequest = hot.TxnRequest;
type TxnResponse = hot.TxnResponse;

interface CompactionRequest {
  readonly revision: number;
  readonly physical: boolean;
}

/** A response that says nothing but that it was done. */
interface HeaderOnly {
  readonly header: ResponseHeader | undefined;
}

type CompactionResponse = HeaderOnly;

const ResponseHeader = message<ResponseHeader>("ResponseHeader", {
  clusterId: unsignedId(1, "cluster_id"),
  memberId: unsignedId(2, "member_id"),
  revision: int64(3),
  raftTerm: uint64(4, "raft_term"),
}, hand.RESPONSE_HEADER);

const KeyValue = message<KeyValue>("mvccpb.KeyValue", {
  key: key(1),
  createRevision: int64(2, "create_revision"),
  modRevision: int64(3, "mod_revision"),
  version: int64(4),
  value: bytes(5),
  lease: id(6),
}, hand.KEY_VALUE);

const Event = message<Event>("mvccpb.Event", {
  type: enumeration(1, EVENT_TYPE),
  kv: sub(2, () => KeyValue),
  prevKv: sub(3, () => KeyValue, "prev_kv"),
}, handWatch.EVENT);

const RangeRequest = message<RangeRequest>("RangeRequest", {
  key: key(1),
  rangeEnd: key(2, "range_end"),
  limit: int64(3),
  revision: int64(4),
  sortOrder: enumeration(5, SORT_ORDER, "sort_order"),
  sortTarget: enumeration(6, SORT_TARGET, "sort_target"),
  serializable: bool(7),
  keysOnly: bool(8, "keys_only"),
  countOnly: bool(9, "count_only"),
  minModRevision: int64(10, "min_mod_revision"),
  maxModRevision: int64(11, "max_mod_revision"),
  minCreateRevision: int64(12, "min_create_revision"),
  maxCreateRevision: int64(13, "max_create_revision"),
}, handRange.RANGE_REQUEST);

/** The header is the first field of every response. */
const header = sub(1, () => ResponseHeader);

const RangeResponse = message<RangeResponse>("RangeResponse", {
  header,
  kvs: repeated(sub(2, () => KeyValue)),
  more: bool(3),
  count: int64(4),
}, handRange.RANGE_RESPONSE);

const PutRequest = message<PutRequest>("PutRequest", {
  key: key(1),
  value: bytes(2),
  lease: id(3),
  prevKv: bool(4, "prev_kv"),
  ignoreValue: bool(5, "ignore_value"),
  ignoreLease: bool(6, "ignore_lease"),
}, hand.PUT_REQUEST);

const PutResponse = message<PutResponse>("PutResponse", {
  header,
  prevKv: sub(2, () => KeyValue, "prev_kv"),
}, hand.PUT_RESPONSE);

const DeleteRangeRequest = message<DeleteRangeRequest>("DeleteRangeRequest", {
  key: key(1),
  rangeEnd: key(2, "range_end"),
  prevKv: bool(3, "prev_kv"),
}, hand.DELETE_RANGE_REQUEST);

const DeleteRangeResponse = message<DeleteRangeResponse>("DeleteRangeResponse", {
  header,
  deleted: int64(2),
  prevKvs: repeated(sub(3, () => KeyValue, "prev_kvs")),
}, hand.DELETE_RANGE_RESPONSE);

const RequestOp: MessageType<RequestOp> = union<hot.RequestOpMembers>("RequestOp", {
  range: sub(1, () => RangeRequest, "request_range"),
  put: sub(2, () => PutRequest, "request_put"),
  deleteRange: sub(3, () => DeleteRangeRequest, "request_delete_range"),
  txn: sub(4, () => TxnRequest, "request_txn"),
}, handTxn.REQUEST_OP);

const ResponseOp: MessageType<ResponseOp> = union<hot.ResponseOpMembers>("ResponseOp", {
  range: sub(1, () => RangeResponse, "response_range"),
  put: sub(2, () => PutResponse, "response_put"),
  deleteRange: sub(3, () => DeleteRangeResponse, "response_delete_range"),
  txn: sub(4, () => TxnResponse, "response_txn"),
}, handTxn.RESPONSE_OP);

const Compare = message<Compare>("Compare", {
  result: enumeration(1, COMPARE_RESULT),
  target: enumeration(2, COMPARE_TARGET),
  key: key(3),
  operand: oneof<CompareOperands>({
    version: int64(4),
    createRevision: int64(5, "create_revision"),
    modRevision: int64(6, "mod_revision"),
    value: bytes(7),
    lease: id(8),
  }),
  rangeEnd: key(64, "range_end"),
}, handTxn.COMPARE);

const TxnRequest: MessageType<TxnRequest> = message<TxnRequest>("TxnRequest", {
  compare: repeated(sub(1, () => Compare)),
  success: repeated(sub(2, () => RequestOp)),
  failure: repeated(sub(3, () => RequestOp)),
}, handTxn.TXN_REQUEST);

const TxnResponse: MessageType<TxnResponse> = message<TxnResponse>("TxnResponse", {
  header,
  succeeded: bool(2),
  responses: repeated(sub(3, () => ResponseOp)),
}, handTxn.TXN_RESPONSE);

const CompactionRequest = message<CompactionRequest>("CompactionRequest", {
  revision: int64(1),
  physical: bool(2),
});

/** A response that has nothing but a header. */
const headerOnly = (name: string): MessageType<HeaderOnly> => message<HeaderOnly>(name, { header });

/** A request that asks without saying more. */
type Empty = Readonly<Record<never, never>>;

const emptyMessage = (name: string): MessageType<Empty> => message<Empty>(name, {});

const CompactionResponse = headerOnly("CompactionResponse");

export {
  CompactionRequest,
  CompactionResponse,
  Compare,
  type CompareOperands,
  type CompareResult,
  type CompareTarget,
  DeleteRangeRequest,
  DeleteRangeResponse,
  type Empty,
  emptyMessage,
  Event,
  header,
  type HeaderOnly,
  headerOnly,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  RequestOp,
  ResponseHeader,
  ResponseOp,
  type SortOrder,
  type SortTarget,
  TxnRequest,
  TxnResponse,
};
