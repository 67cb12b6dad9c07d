/**
 * Results, events and versions as plain objects that can be compared: the store's may
 * be views of bytes. Values are byte strings.
 */
import { byteStringAt, byteStringOf } from "../../src/store/byte_string.ts";
import type { ValueBytes } from "../../src/store/command/command.ts";
import type { Event } from "../../src/store/event.ts";
import type { Version } from "../../src/store/keyspace/record.ts";
import type {
  Applied,
  Done,
  KeyValue,
  Nothing,
  OperationResult,
  Rejected,
  Result,
} from "../../src/store/result.ts";

export type PlainVersion = Omit<Version, "value"> & { readonly value: string };

export type PlainEvent = Omit<Event, "after" | "before"> & {
  readonly after: PlainVersion | undefined;
  readonly before: PlainVersion | undefined;
};

export interface PlainKeyValue {
  readonly key: string;
  readonly version: PlainVersion;
}

export type PlainOperationResult =
  | { readonly type: "put"; readonly previous: PlainKeyValue | undefined }
  | {
    readonly type: "delete";
    readonly deleted: number;
    readonly previous: readonly PlainKeyValue[];
  }
  | PlainRange
  | {
    readonly type: "txn";
    readonly succeeded: boolean;
    readonly results: readonly PlainOperationResult[];
  };

export interface PlainRange {
  readonly type: "range";
  readonly kvs: readonly PlainKeyValue[];
  readonly count: number;
  readonly more: boolean;
}

export type PlainRejected = Rejected;

export type PlainResult =
  | PlainEvent
  | PlainRejected
  | Nothing
  | Done
  | Omit<Applied, "result"> & { readonly result: PlainOperationResult };

export const NO_VERSION: PlainVersion = {
  value: "",
  setIndex: 0,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  createdIndex: 0,
  modifiedIndex: 0,
  deadlineMs: 0,
  lease: 0n,
};

/** A value as a byte string. */
export function bytesIn(value: ValueBytes): string {
  return typeof value === "string" ? byteStringOf(value) : byteStringAt(value, 0, value.length);
}

export function plainVersion(version: Version): PlainVersion {
  return {
    value: bytesIn(version.value),
    setIndex: version.setIndex,
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    version: version.version,
    createdIndex: version.createdIndex,
    modifiedIndex: version.modifiedIndex,
    deadlineMs: version.deadlineMs,
    lease: version.lease,
  };
}

export function plainEvent(event: Event): PlainEvent {
  const { after, before, ...rest } = event;
  return {
    ...rest,
    after: after && plainVersion(after),
    before: before && plainVersion(before),
  };
}

export function plainKeyValue({ key, version }: KeyValue): PlainKeyValue {
  return { key, version: plainVersion(version) };
}

export function plainOperationResult(result: OperationResult): PlainOperationResult {
  switch (result.type) {
    case "put":
      return { type: "put", previous: result.previous && plainKeyValue(result.previous) };
    case "delete":
      return { ...result, previous: result.previous.map(plainKeyValue) };
    case "range":
      return { ...result, kvs: result.kvs.map(plainKeyValue) };
    case "txn":
      return { ...result, results: result.results.map(plainOperationResult) };
  }
}

export function plainResult(result: Result): PlainResult {
  switch (result.kind) {
    case "event":
      return plainEvent(result);
    case "applied":
      return { ...result, result: plainOperationResult(result.result) };
    case "rejected":
    case "nothing":
    case "done":
      return result;
  }
}
