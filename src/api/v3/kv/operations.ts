/**
 * From KV's requests to the store's operations, with all that is wrong with a request
 * by itself: in etcd's order, because a client is told the first thing only.
 */
import type {
  Compare,
  CompareTarget,
  DeleteRangeOperation,
  Operation,
  PutOperation,
  RangeOperation,
  SortTarget,
  TxnOperation,
} from "../../../store/command/command.ts";
import type { Compare as CompareMessage } from "../messages/kv.ts";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../messages/kv.ts";
import { RECORD_KEY_BYTES_MAX } from "../../../store/keyspace/record.ts";
import { NO_BYTES } from "../messages/scalars.ts";
import { StatusCode } from "../status.ts";
import { STATUS, type Status, status } from "../statuses.ts";
import { duplicateKey } from "./duplicates.ts";

/** What tells a status from an operation: no operation has a code. */
export function isStatus(value: object | Status): value is Status {
  return "code" in value;
}

const SORT_TARGETS = {
  KEY: "key",
  VERSION: "version",
  CREATE: "create",
  MOD: "mod",
  VALUE: "value",
} as const satisfies Record<string, SortTarget>;

const SORT_ORDERS = { NONE: "none", ASCEND: "ascend", DESCEND: "descend" } as const;

/** The range that is asked for, or why it is none. */
export function toRange(request: RangeRequest): RangeOperation | Status {
  const { key, sortOrder, sortTarget } = request;
  if (key === "") return STATUS.emptyKey;
  // A number has no name: no order and no target that etcd knows.
  if (typeof sortOrder === "number" || typeof sortTarget === "number") {
    return STATUS.invalidSortOption;
  }
  return {
    type: "range",
    key,
    rangeEnd: request.rangeEnd,
    limit: Math.max(0, request.limit),
    revision: Math.max(0, request.revision),
    sortOrder: SORT_ORDERS[sortOrder],
    sortTarget: SORT_TARGETS[sortTarget],
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    minModRevision: leastOf(request.minModRevision, request.maxModRevision),
    maxModRevision: Math.max(0, request.maxModRevision),
    minCreateRevision: leastOf(request.minCreateRevision, request.maxCreateRevision),
    maxCreateRevision: Math.max(0, request.maxCreateRevision),
  };
}

/** The lowest revision that fits both bounds, of which 0 is none: no key has one up to a number below 0. */
function leastOf(min: number, max: number): number {
  return max < 0 ? Number.MAX_SAFE_INTEGER : Math.max(0, min);
}

/** The put that is asked for, or why it is none. */
export function toPut(request: PutRequest): PutOperation | Status {
  const { key, value, lease, ignoreValue, ignoreLease } = request;
  if (key === "") return STATUS.emptyKey;
  if (ignoreValue && value.length > 0) return STATUS.valueProvided;
  if (ignoreLease && lease !== 0n) return STATUS.leaseProvided;
  return {
    type: "put",
    key,
    value,
    lease,
    wantsPrevious: request.prevKv,
    ignoreValue,
    ignoreLease,
  };
}

/** The deletion that is asked for, or why it is none. */
export function toDeleteRange(request: DeleteRangeRequest): DeleteRangeOperation | Status {
  const { key, rangeEnd, prevKv } = request;
  if (key === "") return STATUS.emptyKey;
  return { type: "deleteRange", key, rangeEnd, wantsPrevious: prevKv };
}

/**
 * The transaction that is asked for, or why it is none. `operationsMax` bounds the
 * longest of its three lists; what is nested in it has what it leaves.
 */
export function toTxn(request: TxnRequest, operationsMax: number): TxnOperation | Status {
  const operation = readTxn(request, operationsMax);
  if (isStatus(operation)) return operation;
  const { success, failure } = operation;
  return duplicateKey(success) || duplicateKey(failure) ? STATUS.duplicateKey : operation;
}

function readTxn(
  { compare, success, failure }: TxnRequest,
  operationsMax: number,
): TxnOperation | Status {
  const longest = Math.max(compare.length, success.length, failure.length);
  if (longest > operationsMax) return STATUS.tooManyOperations;
  const left = operationsMax - longest;
  const compares = collect(compare, toCompare);
  if (isStatus(compares)) return compares;
  const then = collect(success, (one) => toOperation(one, left));
  if (isStatus(then)) return then;
  const otherwise = collect(failure, (one) => toOperation(one, left));
  if (isStatus(otherwise)) return otherwise;
  return { type: "txn", compares, success: then, failure: otherwise };
}

function collect<From, To extends object>(
  list: readonly From[],
  convert: (one: From) => To | Status,
): To[] | Status {
  const converted: To[] = [];
  for (const one of list) {
    const made = convert(one);
    if (isStatus(made)) return made;
    converted.push(made);
  }
  return converted;
}

function toOperation(request: RequestOp, operationsLeft: number): Operation | Status {
  switch (request.kind) {
    case "range":
      return toRange(request.value);
    case "put":
      return toPut(request.value);
    case "deleteRange":
      return toDeleteRange(request.value);
    case "txn":
      return readTxn(request.value, operationsLeft);
    case "none":
      return STATUS.keyNotFound;
  }
}

const OPERATORS = {
  EQUAL: "equal",
  GREATER: "greater",
  LESS: "less",
  NOT_EQUAL: "notEqual",
} as const;

const TARGETS = {
  VERSION: "version",
  CREATE: "create",
  MOD: "mod",
  VALUE: "value",
  LEASE: "lease",
} as const satisfies Record<string, CompareTarget>;

/** What each target's operand is called in the message. */
const OPERANDS: Readonly<Record<CompareTarget, string>> = {
  version: "version",
  create: "createRevision",
  mod: "modRevision",
  value: "value",
  lease: "lease",
};

const BAD_COMPARE = status(StatusCode.invalidArgument, "etcdserver: invalid compare option");

function toCompare(message: CompareMessage): Compare | Status {
  const { key, rangeEnd, result, operand } = message;
  if (key === "") return STATUS.emptyKey;
  if (typeof result === "number" || typeof message.target === "number") return BAD_COMPARE;
  const target = TARGETS[message.target];
  const made = { key, rangeEnd, operator: OPERATORS[result], target, ...ZERO };
  // An operand of another kind than the target counts as none: zero is meant.
  if (operand === undefined || operand.kind !== OPERANDS[target]) return made;
  switch (operand.kind) {
    case "value":
      return { ...made, value: operand.value };
    case "lease":
      return { ...made, lease: operand.value };
    default:
      return { ...made, number: operand.value };
  }
}

const ZERO = { number: 0, value: NO_BYTES, lease: 0n } as const;

/** Whether it writes nothing whichever branch it takes, so that it need not go through the log. */
export function isReadOnly({ success, failure }: TxnOperation): boolean {
  const reads = (operation: Operation): boolean =>
    operation.type === "range" || operation.type === "txn" && isReadOnly(operation);
  return success.every(reads) && failure.every(reads);
}

/** Whether every range of a transaction says that what this member knows by now is good enough. */
export function isSerializable({ success, failure }: TxnRequest): boolean {
  const isStale = (one: RequestOp): boolean =>
    one.kind === "range" && one.value.serializable ||
    one.kind === "txn" && isSerializable(one.value);
  return success.every(isStale) && failure.every(isStale);
}

/** The same with values in memory of their own, for whoever has to wait. */
export function detached(operation: TxnOperation): TxnOperation {
  const compares = operation.compares.map((one) => ({ ...one, value: one.value.slice() }));
  const copy = (inner: Operation) => inner.type === "txn" ? detached(inner) : inner;
  return {
    type: "txn",
    compares,
    success: operation.success.map(copy),
    failure: operation.failure.map(copy),
  };
}

/** Of a put in etcd's log, beside key and value: its suite puts what just fits, also through a proxy. */
const PUT_EXTRA_BYTES = 24;

/**
 * What an operation takes in a command, nearly: fixed parts a little over their size. No
 * limit of requests is high enough for a key that has no place in a record.
 */
export function approximateSize(operation: Operation): number {
  switch (operation.type) {
    case "put":
      return operation.key.length > RECORD_KEY_BYTES_MAX
        ? Infinity
        : operation.key.length + operation.value.length + PUT_EXTRA_BYTES;
    case "deleteRange":
    case "range":
      return operation.key.length + operation.rangeEnd.length + 32;
    case "txn":
      return [
        ...operation.compares.map(({ key, rangeEnd, value }) =>
          key.length + rangeEnd.length + value.length + 16
        ),
        ...operation.success.map(approximateSize),
        ...operation.failure.map(approximateSize),
      ].reduce((sum, size) => sum + size, 16);
  }
}
