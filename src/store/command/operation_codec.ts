/** The bytes of v3's operations within a command; `codec.ts` has what stands around them. */
import { type ByteReader, DecodeError } from "../../base/bytes.ts";
import type {
  Compare,
  CompareOperator,
  CompareTarget,
  Operation,
  RangeOperation,
  SortOrder,
  SortTarget,
  TxnOperation,
} from "./command.ts";
import type { GrowingWriter } from "./growing_writer.ts";

const PUT = 1;
const DELETE_RANGE = 2;
const RANGE = 3;
const TXN = 4;

/** The first letters of flags are those of the operation that has them. */
const PUT_PREVIOUS = 0x01;
const PUT_IGNORE_VALUE = 0x02;
const PUT_IGNORE_LEASE = 0x04;
const PUT_LEASE = 0x08;
const RANGE_KEYS_ONLY = 0x01;
const RANGE_COUNT_ONLY = 0x02;

const SORT_ORDERS: readonly SortOrder[] = ["none", "ascend", "descend"];
const SORT_TARGETS: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];
const OPERATORS: readonly CompareOperator[] = ["equal", "greater", "less", "notEqual"];
const TARGETS: readonly CompareTarget[] = ["version", "create", "mod", "value", "lease"];

/** Transactions within transactions; more than that is refused before it is proposed. */
const DEPTH_MAX = 128;

/** Writes what `readOperation` reads. */
export function writeOperation(writer: GrowingWriter, operation: Operation): void {
  switch (operation.type) {
    case "put":
      writer.byte(PUT);
      writer.byte(
        (operation.wantsPrevious ? PUT_PREVIOUS : 0) |
          (operation.ignoreValue ? PUT_IGNORE_VALUE : 0) |
          (operation.ignoreLease ? PUT_IGNORE_LEASE : 0) |
          (operation.lease === 0n ? 0 : PUT_LEASE),
      );
      writer.byteString(operation.key);
      writer.value(operation.value);
      if (operation.lease !== 0n) writer.bigint(operation.lease);
      return;
    case "deleteRange":
      writer.byte(DELETE_RANGE);
      writer.byte(operation.wantsPrevious ? 1 : 0);
      writer.byteString(operation.key);
      return writer.byteString(operation.rangeEnd);
    case "range":
      return writeRange(writer, operation);
    case "txn":
      writer.byte(TXN);
      writer.integer(operation.compares.length);
      for (const compare of operation.compares) writeCompare(writer, compare);
      for (const branch of [operation.success, operation.failure]) {
        writer.integer(branch.length);
        for (const inner of branch) writeOperation(writer, inner);
      }
  }
}

/** Throws `DecodeError`. */
export function readOperation(reader: ByteReader, depth = 0): Operation {
  const kind = reader.byte();
  switch (kind) {
    case PUT: {
      const flags = reader.byte();
      return {
        type: "put",
        wantsPrevious: (flags & PUT_PREVIOUS) !== 0,
        ignoreValue: (flags & PUT_IGNORE_VALUE) !== 0,
        ignoreLease: (flags & PUT_IGNORE_LEASE) !== 0,
        key: reader.byteString(),
        value: reader.bytes(),
        lease: (flags & PUT_LEASE) === 0 ? 0n : reader.bigint(),
      };
    }
    case DELETE_RANGE:
      return {
        type: "deleteRange",
        wantsPrevious: reader.byte() === 1,
        key: reader.byteString(),
        rangeEnd: reader.byteString(),
      };
    case RANGE:
      return readRange(reader);
    case TXN:
      return readTxn(reader, depth);
    default:
      throw new DecodeError(`Expected an operation, found kind ${kind}`);
  }
}

function readTxn(reader: ByteReader, depth: number): TxnOperation {
  if (depth >= DEPTH_MAX) throw new DecodeError("Expected fewer transactions within each other");
  const list = <T>(read: () => T): T[] => {
    const items: T[] = [];
    for (let left = reader.integer(); left > 0; left--) items.push(read());
    return items;
  };
  return {
    type: "txn",
    compares: list(() => readCompare(reader)),
    success: list(() => readOperation(reader, depth + 1)),
    failure: list(() => readOperation(reader, depth + 1)),
  };
}

function writeRange(writer: GrowingWriter, range: RangeOperation): void {
  writer.byte(RANGE);
  writer.byte(
    (range.keysOnly ? RANGE_KEYS_ONLY : 0) | (range.countOnly ? RANGE_COUNT_ONLY : 0),
  );
  writer.byte(SORT_ORDERS.indexOf(range.sortOrder));
  writer.byte(SORT_TARGETS.indexOf(range.sortTarget));
  writer.byteString(range.key);
  writer.byteString(range.rangeEnd);
  writer.integer(range.limit);
  writer.integer(range.revision);
  writer.integer(range.minModRevision);
  writer.integer(range.maxModRevision);
  writer.integer(range.minCreateRevision);
  writer.integer(range.maxCreateRevision);
}

function readRange(reader: ByteReader): RangeOperation {
  const flags = reader.byte();
  return {
    type: "range",
    keysOnly: (flags & RANGE_KEYS_ONLY) !== 0,
    countOnly: (flags & RANGE_COUNT_ONLY) !== 0,
    sortOrder: pick(SORT_ORDERS, reader.byte()),
    sortTarget: pick(SORT_TARGETS, reader.byte()),
    key: reader.byteString(),
    rangeEnd: reader.byteString(),
    limit: reader.integer(),
    revision: reader.integer(),
    minModRevision: reader.integer(),
    maxModRevision: reader.integer(),
    minCreateRevision: reader.integer(),
    maxCreateRevision: reader.integer(),
  };
}

function writeCompare(writer: GrowingWriter, compare: Compare): void {
  writer.byte(OPERATORS.indexOf(compare.operator));
  writer.byte(TARGETS.indexOf(compare.target));
  writer.byteString(compare.key);
  writer.byteString(compare.rangeEnd);
  switch (compare.target) {
    case "value":
      return writer.value(compare.value);
    case "lease":
      return writer.bigint(compare.lease);
    case "version":
    case "create":
    case "mod":
      // A client may compare with a negative number, which nothing equals.
      return writer.bigint(int64Of(compare.number));
  }
}

/** The largest number of 64 bits, which a JavaScript number rounds up to 2^63. */
const INT64_MAX = 2n ** 63n - 1n;

function int64Of(number: number): bigint {
  return number >= 2 ** 63 ? INT64_MAX : BigInt(number);
}

function readCompare(reader: ByteReader): Compare {
  const operator = pick(OPERATORS, reader.byte());
  const target = pick(TARGETS, reader.byte());
  const key = reader.byteString();
  const rangeEnd = reader.byteString();
  return {
    operator,
    target,
    key,
    rangeEnd,
    value: target === "value" ? reader.bytes() : NO_VALUE,
    lease: target === "lease" ? reader.bigint() : 0n,
    number: target === "value" || target === "lease" ? 0 : Number(reader.bigint()),
  };
}

const NO_VALUE = new Uint8Array(0);

function pick<T>(words: readonly T[], at: number): T {
  const word = words[at];
  if (word === undefined) throw new DecodeError(`Expected a number below ${words.length}`);
  return word;
}
