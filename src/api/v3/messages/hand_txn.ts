/** The codecs of transactions, by hand; see `hand_kv.ts`. */
import {
  bytesFieldSize,
  enter,
  type FieldNames,
  flagFieldSize,
  messageFieldSize,
  otherField,
  writeFlagField,
  writeKeyField,
} from "./hand.ts";
import {
  DELETE_RANGE_REQUEST,
  DELETE_RANGE_RESPONSE,
  enterHeader,
  headerFieldSize,
  PUT_REQUEST,
  PUT_RESPONSE,
  writeHeaderField,
} from "./hand_kv.ts";
import { enumFieldSize, RANGE_REQUEST, RANGE_RESPONSE, writeEnumField } from "./hand_range.ts";
import { COMPARE_RESULT, COMPARE_TARGET } from "./kv_enums.ts";
import type * as hot from "./hot.ts";
import { enumValue } from "./scalars.ts";
import type { Draft, HandCodec, Lengths } from "./table.ts";
import { deeper, type WireReader } from "./wire_reader.ts";
import { bigVarintSize, delimitedSize, varintSize, type WireWriter } from "./wire_writer.ts";

const COMPARE_NAMES: FieldNames = {
  1: "result",
  2: "target",
  3: "key",
  4: "version",
  5: "create_revision",
  6: "mod_revision",
  7: "value",
  8: "lease",
  64: "range_end",
};

type CompareInProgress = { -readonly [K in keyof hot.Compare]: hot.Compare[K] };

/** A condition. */
export const COMPARE: HandCodec<hot.Compare> = {
  read(reader, _, previous) {
    const compare: CompareInProgress = {
      result: previous?.result ?? "EQUAL",
      target: previous?.target ?? "VERSION",
      key: previous?.key ?? "",
      operand: previous?.operand,
      rangeEnd: previous?.rangeEnd ?? "",
    };
    while (reader.offset < reader.end) readCompareField(reader, compare);
    return compare;
  },
  measure: (compare) =>
    enumFieldSize(COMPARE_RESULT, compare.result) + enumFieldSize(COMPARE_TARGET, compare.target) +
    bytesFieldSize(compare.key) + operandSize(compare.operand) +
    // Its tag takes two bytes.
    (compare.rangeEnd ? 1 + bytesFieldSize(compare.rangeEnd) : 0),
  write(compare, writer) {
    writeEnumField(writer, 8, COMPARE_RESULT, compare.result);
    writeEnumField(writer, 16, COMPARE_TARGET, compare.target);
    writeKeyField(writer, 26, compare.key);
    writeOperand(writer, compare.operand);
    if (!compare.rangeEnd) return;
    writer.varint(514);
    writer.varint(compare.rangeEnd.length);
    writer.latin1(compare.rangeEnd);
  },
};

function readCompareField(reader: WireReader, compare: CompareInProgress): void {
  const tag = reader.tag();
  switch (tag) {
    case 8:
      compare.result = enumValue(COMPARE_RESULT, reader.int32());
      break;
    case 16:
      compare.target = enumValue(COMPARE_TARGET, reader.int32());
      break;
    case 26:
      compare.key = reader.latin1();
      break;
    case 32:
      compare.operand = { kind: "version", value: reader.int64() };
      break;
    case 40:
      compare.operand = { kind: "createRevision", value: reader.int64() };
      break;
    case 48:
      compare.operand = { kind: "modRevision", value: reader.int64() };
      break;
    case 58:
      compare.operand = { kind: "value", value: reader.view() };
      break;
    case 64:
      compare.operand = { kind: "lease", value: reader.bigInt64() };
      break;
    case 514:
      compare.rangeEnd = reader.latin1();
      break;
    default:
      otherField(reader, tag, COMPARE_NAMES);
  }
}

/** An operand that is zero is written, since its kind says something. */
function operandSize(operand: hot.Compare["operand"]): number {
  if (operand === undefined) return 0;
  switch (operand.kind) {
    case "version":
    case "createRevision":
    case "modRevision":
      return 1 + varintSize(operand.value);
    case "value":
      return 1 + delimitedSize(operand.value.length);
    case "lease":
      return 1 + bigVarintSize(operand.value);
  }
}

function writeOperand(writer: WireWriter, operand: hot.Compare["operand"]): void {
  if (operand === undefined) return;
  switch (operand.kind) {
    case "version":
      writer.byte(32);
      return writer.varint(operand.value);
    case "createRevision":
      writer.byte(40);
      return writer.varint(operand.value);
    case "modRevision":
      writer.byte(48);
      return writer.varint(operand.value);
    case "value":
      writer.byte(58);
      writer.varint(operand.value.length);
      return writer.raw(operand.value);
    case "lease":
      writer.byte(64);
      return writer.bigVarint(operand.value);
  }
}

/** Reads a message in a message, whose tag was read. */
function enterMessage<T>(codec: HandCodec<T>, reader: WireReader, depth: number): T {
  const inner = deeper(depth);
  const outer = enter(reader);
  const message = codec.read(reader, inner, undefined);
  reader.end = outer;
  return message;
}

/** The size of a message in a message, which is remembered for when it is written. */
function nestedSize<T>(codec: HandCodec<T>, message: Draft<T>, lengths: Lengths): number {
  const place = lengths.open();
  const size = codec.measure(message, lengths);
  lengths.close(place, size);
  return messageFieldSize(size);
}

function writeNested<T>(
  codec: HandCodec<T>,
  tag: number,
  message: Draft<T>,
  writer: WireWriter,
  lengths: Lengths,
): void {
  writer.byte(tag);
  writer.varint(lengths.take());
  codec.write(message, writer, lengths);
}

function nestedSizes<T>(
  codec: HandCodec<T>,
  messages: readonly Draft<T>[] | undefined,
  lengths: Lengths,
): number {
  let size = 0;
  if (messages !== undefined) {
    for (const message of messages) size += nestedSize(codec, message, lengths);
  }
  return size;
}

function writeAllNested<T>(
  codec: HandCodec<T>,
  tag: number,
  messages: readonly Draft<T>[] | undefined,
  writer: WireWriter,
  lengths: Lengths,
): void {
  if (messages === undefined) return;
  for (const message of messages) writeNested(codec, tag, message, writer, lengths);
}

const REQUEST_OP_NAMES: FieldNames = {
  1: "request_range",
  2: "request_put",
  3: "request_delete_range",
  4: "request_txn",
};

/** One operation of a transaction. */
export const REQUEST_OP: HandCodec<hot.RequestOp> = {
  read(reader, depth, previous) {
    let op: hot.RequestOp = previous ?? { kind: "none" };
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) {
        op = { kind: "range", value: enterMessage(RANGE_REQUEST, reader, depth) };
      } else if (tag === 18) {
        op = { kind: "put", value: enterMessage(PUT_REQUEST, reader, depth) };
      } else if (tag === 26) {
        const value = enterMessage(DELETE_RANGE_REQUEST, reader, depth);
        op = { kind: "deleteRange", value };
      } else if (tag === 34) {
        op = { kind: "txn", value: enterMessage(TXN_REQUEST, reader, depth) };
      } else {
        otherField(reader, tag, REQUEST_OP_NAMES);
      }
    }
    return op;
  },
  measure(op, lengths) {
    switch (op.kind) {
      case "none":
        return 0;
      case "range":
        return nestedSize(RANGE_REQUEST, op.value, lengths);
      case "put":
        return nestedSize(PUT_REQUEST, op.value, lengths);
      case "deleteRange":
        return nestedSize(DELETE_RANGE_REQUEST, op.value, lengths);
      case "txn":
        return nestedSize(TXN_REQUEST, op.value, lengths);
    }
  },
  write(op, writer, lengths) {
    switch (op.kind) {
      case "none":
        return;
      case "range":
        return writeNested(RANGE_REQUEST, 10, op.value, writer, lengths);
      case "put":
        return writeNested(PUT_REQUEST, 18, op.value, writer, lengths);
      case "deleteRange":
        return writeNested(DELETE_RANGE_REQUEST, 26, op.value, writer, lengths);
      case "txn":
        return writeNested(TXN_REQUEST, 34, op.value, writer, lengths);
    }
  },
};

const RESPONSE_OP_NAMES: FieldNames = {
  1: "response_range",
  2: "response_put",
  3: "response_delete_range",
  4: "response_txn",
};

/** What one operation came to. */
export const RESPONSE_OP: HandCodec<hot.ResponseOp> = {
  read(reader, depth, previous) {
    let op: hot.ResponseOp = previous ?? { kind: "none" };
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) {
        op = { kind: "range", value: enterMessage(RANGE_RESPONSE, reader, depth) };
      } else if (tag === 18) {
        op = { kind: "put", value: enterMessage(PUT_RESPONSE, reader, depth) };
      } else if (tag === 26) {
        const value = enterMessage(DELETE_RANGE_RESPONSE, reader, depth);
        op = { kind: "deleteRange", value };
      } else if (tag === 34) {
        op = { kind: "txn", value: enterMessage(TXN_RESPONSE, reader, depth) };
      } else {
        otherField(reader, tag, RESPONSE_OP_NAMES);
      }
    }
    return op;
  },
  measure(op, lengths) {
    switch (op.kind) {
      case "none":
        return 0;
      case "range":
        return nestedSize(RANGE_RESPONSE, op.value, lengths);
      case "put":
        return nestedSize(PUT_RESPONSE, op.value, lengths);
      case "deleteRange":
        return nestedSize(DELETE_RANGE_RESPONSE, op.value, lengths);
      case "txn":
        return nestedSize(TXN_RESPONSE, op.value, lengths);
    }
  },
  write(op, writer, lengths) {
    switch (op.kind) {
      case "none":
        return;
      case "range":
        return writeNested(RANGE_RESPONSE, 10, op.value, writer, lengths);
      case "put":
        return writeNested(PUT_RESPONSE, 18, op.value, writer, lengths);
      case "deleteRange":
        return writeNested(DELETE_RANGE_RESPONSE, 26, op.value, writer, lengths);
      case "txn":
        return writeNested(TXN_RESPONSE, 34, op.value, writer, lengths);
    }
  },
};

const TXN_REQUEST_NAMES: FieldNames = { 1: "compare", 2: "success", 3: "failure" };

/** Conditions and what is done when they hold, and when not. */
export const TXN_REQUEST: HandCodec<hot.TxnRequest> = {
  read(reader, depth, previous) {
    const compare = [...(previous?.compare ?? [])];
    const success = [...(previous?.success ?? [])];
    const failure = [...(previous?.failure ?? [])];
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) compare.push(enterMessage(COMPARE, reader, depth));
      else if (tag === 18) success.push(enterMessage(REQUEST_OP, reader, depth));
      else if (tag === 26) failure.push(enterMessage(REQUEST_OP, reader, depth));
      else otherField(reader, tag, TXN_REQUEST_NAMES);
    }
    return { compare, success, failure };
  },
  measure: (txn, lengths) =>
    nestedSizes(COMPARE, txn.compare, lengths) + nestedSizes(REQUEST_OP, txn.success, lengths) +
    nestedSizes(REQUEST_OP, txn.failure, lengths),
  write(txn, writer, lengths) {
    writeAllNested(COMPARE, 10, txn.compare, writer, lengths);
    writeAllNested(REQUEST_OP, 18, txn.success, writer, lengths);
    writeAllNested(REQUEST_OP, 26, txn.failure, writer, lengths);
  },
};

const TXN_RESPONSE_NAMES: FieldNames = { 1: "header", 2: "succeeded", 3: "responses" };

/** Which branch was taken, and what its operations came to. */
export const TXN_RESPONSE: HandCodec<hot.TxnResponse> = {
  read(reader, depth, previous) {
    let header = previous?.header;
    let succeeded = previous?.succeeded ?? false;
    const responses = [...(previous?.responses ?? [])];
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) header = enterHeader(reader, depth, header);
      else if (tag === 16) succeeded = reader.bool();
      else if (tag === 26) responses.push(enterMessage(RESPONSE_OP, reader, depth));
      else otherField(reader, tag, TXN_RESPONSE_NAMES);
    }
    return { header, succeeded, responses };
  },
  measure: (response, lengths) =>
    headerFieldSize(response.header) + flagFieldSize(response.succeeded) +
    nestedSizes(RESPONSE_OP, response.responses, lengths),
  write(response, writer, lengths) {
    writeHeaderField(writer, response.header);
    writeFlagField(writer, 16, response.succeeded);
    writeAllNested(RESPONSE_OP, 26, response.responses, writer, lengths);
  },
};
