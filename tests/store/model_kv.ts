/** What v3's operations do to the model, and read of it. */
import type {
  Compare,
  Operation,
  PutOperation,
  RangeOperation,
  TxnOperation,
} from "../../src/store/command/command.ts";
import type { Model } from "./model.ts";
import {
  bytesIn,
  NO_VERSION,
  type PlainKeyValue,
  type PlainOperationResult,
  type PlainRange,
  type PlainRejected,
  type PlainVersion,
} from "./plain.ts";

type Keys = ReadonlyMap<string, PlainVersion>;

/** Why nothing of `operation` is carried out; the state before it decides. */
export function problemOf(model: Model, operation: Operation): PlainRejected | undefined {
  // As in etcd a put of its own asks for its lease first, one of a transaction for its key.
  if (operation.type === "put") {
    return problemOfLease(model, operation) ?? problemOfKey(model, operation);
  }
  const taken = takenOf(model, operation);
  const puts = taken.map((inner) =>
    inner.type === "put" ? problemOfKey(model, inner) ?? problemOfLease(model, inner) : undefined
  );
  const ranges = taken.map((inner) =>
    inner.type === "range" ? problemOfRange(model, inner) : undefined
  );
  return [...puts, ...ranges].find((problem) => problem);
}

/** What is carried out of a transaction, in order. */
function takenOf(model: Model, operation: Operation): Operation[] {
  if (operation.type !== "txn") return [operation];
  const { success, failure } = operation;
  const branch = holdsAll(model.keys, operation) ? success : failure;
  return branch.flatMap((inner) => takenOf(model, inner));
}

function problemOfRange(model: Model, { revision, key }: RangeOperation) {
  if (revision > model.revision) return model.rejected("futureRevision", key);
  const isGone = revision > 0 && revision < model.compactedRevision;
  return isGone ? model.rejected("compacted", key) : undefined;
}

function problemOfKey(model: Model, { key, ignoreLease, ignoreValue }: PutOperation) {
  const isNeeded = ignoreValue || ignoreLease;
  return isNeeded && !model.keys.has(key) ? model.rejected("keyNotFound", key) : undefined;
}

function problemOfLease(model: Model, { key, lease }: PutOperation) {
  const isMissing = lease !== 0n && !model.leases.has(lease);
  return isMissing ? model.rejected("leaseNotFound", key) : undefined;
}

/** `before` is the state by which all conditions are judged. */
export function carryOut(
  model: Model,
  operation: Operation,
  before: Keys = new Map(model.keys),
): PlainOperationResult {
  switch (operation.type) {
    case "put":
      return put(model, operation);
    case "deleteRange": {
      const { key, rangeEnd, wantsPrevious } = operation;
      const found = inRange(model.keys, key, rangeEnd);
      for (const { key } of found) model.remove(key, "delete");
      return { type: "delete", deleted: found.length, previous: wantsPrevious ? found : [] };
    }
    case "range": {
      const { revision } = operation;
      return rangeOf(revision > 0 ? model.past.get(revision)! : model.keys, operation);
    }
    case "txn": {
      const succeeded = holdsAll(before, operation);
      const results = (succeeded ? operation.success : operation.failure)
        .map((inner) => carryOut(model, inner, before));
      return { type: "txn", succeeded, results };
    }
  }
}

function put(model: Model, operation: PutOperation): PlainOperationResult {
  const { key, lease, ignoreLease, ignoreValue, wantsPrevious } = operation;
  const version = model.keys.get(key);
  model.put(key, {
    action: "set",
    value: ignoreValue && version ? version.value : bytesIn(operation.value),
    lease: ignoreLease && version ? version.lease : lease,
  }, false);
  return { type: "put", previous: wantsPrevious && version ? { key, version } : undefined };
}

/** What a Range of v3 reads of `keys`. */
export function rangeOf(keys: Keys, operation: RangeOperation): PlainRange {
  const found = inRange(keys, operation.key, operation.rangeEnd);
  const { length: count } = found;
  if (operation.countOnly) return { type: "range", kvs: [], count, more: false };
  const limit = operation.limit || Infinity;
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = operation;
  const isBounded = minModRevision + maxModRevision + minCreateRevision + maxCreateRevision > 0;
  // Without an order and without bounds, the limit comes before the sorting.
  const isCutFirst = operation.sortOrder === "none" && !isBounded;
  const taken = isCutFirst ? found.slice(0, limit + 1) : found;
  const kvs = sorted(taken.filter(({ version }) => isInBounds(version, operation)), operation);
  return {
    type: "range",
    kvs: kvs.slice(0, limit).map(({ key, version }) => ({
      key,
      version: operation.keysOnly ? { ...version, value: "" } : version,
    })),
    count,
    more: kvs.length > limit,
  };
}

export function inRange(keys: Keys, start: string, rangeEnd: string): PlainKeyValue[] {
  const isIn = (key: string) => {
    if (rangeEnd === "") return key === start;
    return key >= start && (rangeEnd === "\0" || key < rangeEnd);
  };
  return [...keys].filter(([key]) => isIn(key))
    .map(([key, version]) => ({ key, version }))
    .sort((a, b) => a.key < b.key ? -1 : 1);
}

function isInBounds(
  { modRevision, createRevision }: PlainVersion,
  { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision }: RangeOperation,
): boolean {
  return modRevision >= minModRevision && modRevision <= (maxModRevision || Infinity) &&
    createRevision >= minCreateRevision && createRevision <= (maxCreateRevision || Infinity);
}

function sorted(
  kvs: readonly PlainKeyValue[],
  { sortTarget, sortOrder }: RangeOperation,
): PlainKeyValue[] {
  const rank = ({ key, version }: PlainKeyValue) => {
    switch (sortTarget) {
      case "key":
        return key;
      case "version":
        return version.version;
      case "create":
        return version.createRevision;
      case "mod":
        return version.modRevision;
      case "value":
        return version.value;
    }
  };
  const sign = sortOrder === "descend" ? -1 : 1;
  return kvs.toSorted((a, b) => rank(a) < rank(b) ? -sign : Number(rank(a) > rank(b)) * sign);
}

function holdsAll(keys: Keys, { compares }: TxnOperation): boolean {
  return compares.every((compare) => {
    const found = inRange(keys, compare.key, compare.rangeEnd).map(({ version }) => version);
    if (found.length > 0) return found.every((version) => holds(compare, version));
    return compare.target !== "value" && holds(compare, NO_VERSION);
  });
}

function holds(compare: Compare, version: PlainVersion): boolean {
  const [found, wanted] = operands(compare, version);
  switch (compare.operator) {
    case "equal":
      return found === wanted;
    case "notEqual":
      return found !== wanted;
    case "greater":
      return found > wanted;
    case "less":
      return found < wanted;
  }
}

function operands(compare: Compare, version: PlainVersion) {
  switch (compare.target) {
    case "value":
      return [version.value, bytesIn(compare.value)] as const;
    case "lease":
      return [version.lease, compare.lease] as const;
    case "version":
      return [version.version, compare.number] as const;
    case "create":
      return [version.createRevision, compare.number] as const;
    case "mod":
      return [version.modRevision, compare.number] as const;
  }
}
