/**
 * What the messages hold that are encoded by hand: the hot ones, of keys, leases and
 * watches. Their fields have the names and meanings of etcd's `rpc.proto` and `kv.proto`.
 */
import type { Enum, WatchId } from "./scalars.ts";
import type { Union, UnionMember } from "./table.ts";

/** Stands in every response. */
export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** After the request; 0 where the revision is not told. */
  readonly revision: number;
  readonly raftTerm: number;
}

export interface KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  /** 0 for none. */
  readonly lease: bigint;
}

export interface Event {
  readonly type: Enum<"PUT" | "DELETE">;
  /** A DELETE's has only key and modRevision. */
  readonly kv: KeyValue | undefined;
  readonly prevKv: KeyValue | undefined;
}

export type SortOrder = Enum<"NONE" | "ASCEND" | "DESCEND">;
export type SortTarget = Enum<"KEY" | "VERSION" | "CREATE" | "MOD" | "VALUE">;

export interface RangeRequest {
  readonly key: string;
  readonly rangeEnd: string;
  /** At most so many keys; 0 for all. */
  readonly limit: number;
  /** 0 or less for the newest. */
  readonly revision: number;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface RangeResponse {
  readonly header: ResponseHeader | undefined;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutRequest {
  readonly key: string;
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface PutResponse {
  readonly header: ResponseHeader | undefined;
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeRequest {
  readonly key: string;
  readonly rangeEnd: string;
  readonly prevKv: boolean;
}

export interface DeleteRangeResponse {
  readonly header: ResponseHeader | undefined;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

export interface RequestOpMembers {
  readonly range: RangeRequest;
  readonly put: PutRequest;
  readonly deleteRange: DeleteRangeRequest;
  readonly txn: TxnRequest;
}

export type RequestOp = Union<RequestOpMembers>;

export interface ResponseOpMembers {
  readonly range: RangeResponse;
  readonly put: PutResponse;
  readonly deleteRange: DeleteRangeResponse;
  readonly txn: TxnResponse;
}

export type ResponseOp = Union<ResponseOpMembers>;

export type CompareResult = Enum<"EQUAL" | "GREATER" | "LESS" | "NOT_EQUAL">;
export type CompareTarget = Enum<"VERSION" | "CREATE" | "MOD" | "VALUE" | "LEASE">;

export interface CompareOperands {
  readonly version: number;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: Uint8Array;
  readonly lease: bigint;
}

export interface Compare {
  readonly result: CompareResult;
  readonly target: CompareTarget;
  readonly key: string;
  /** May be of another kind than `target`, or absent: then the target's zero is meant. */
  readonly operand: UnionMember<CompareOperands> | undefined;
  readonly rangeEnd: string;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface LeaseKeepAliveRequest {
  readonly id: bigint;
}

export interface LeaseKeepAliveResponse {
  readonly header: ResponseHeader | undefined;
  readonly id: bigint;
  /** 0 for a lease that does not exist. */
  readonly ttl: number;
}

export interface WatchResponse {
  readonly header: ResponseHeader | undefined;
  readonly watchId: WatchId;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Of a watch that began too early: the first revision to be had. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same revision follows. */
  readonly fragment: boolean;
  readonly events: readonly Event[];
}
