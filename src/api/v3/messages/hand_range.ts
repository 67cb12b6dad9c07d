/** The codecs of reads, by hand; see `hand_kv.ts`. */
import {
  bytesFieldSize,
  type FieldNames,
  flagFieldSize,
  numberFieldSize,
  otherField,
  writeFlagField,
  writeKeyField,
  writeNumberField,
} from "./hand.ts";
import {
  enterHeader,
  enterKeyValue,
  headerFieldSize,
  keyValuesSize,
  writeHeaderField,
  writeKeyValues,
} from "./hand_kv.ts";
import { SORT_ORDER, SORT_TARGET } from "./kv_enums.ts";
import type * as hot from "./hot.ts";
import { type Enum, enumNumber, type EnumType, enumValue } from "./scalars.ts";
import type { HandCodec } from "./table.ts";
import type { WireReader } from "./wire_reader.ts";
import { varintSize, type WireWriter } from "./wire_writer.ts";

/** A value of an enum; the size with its tag. */
export function enumFieldSize<N extends string>(
  type: EnumType<N>,
  value: Enum<N> | undefined,
): number {
  if (value === undefined) return 0;
  const number = enumNumber(type, value);
  return number === 0 ? 0 : 1 + varintSize(number);
}

/** A value of an enum, with its tag. */
export function writeEnumField<N extends string>(
  writer: WireWriter,
  tag: number,
  type: EnumType<N>,
  value: Enum<N> | undefined,
): void {
  if (value !== undefined) writeNumberField(writer, tag, enumNumber(type, value));
}

const RANGE_REQUEST_NAMES: FieldNames = {
  1: "key",
  2: "range_end",
  3: "limit",
  4: "revision",
  5: "sort_order",
  6: "sort_target",
  7: "serializable",
  8: "keys_only",
  9: "count_only",
  10: "min_mod_revision",
  11: "max_mod_revision",
  12: "min_create_revision",
  13: "max_create_revision",
};

type RangeInProgress = { -readonly [K in keyof hot.RangeRequest]: hot.RangeRequest[K] };

/** Keys are read. */
export const RANGE_REQUEST: HandCodec<hot.RangeRequest> = {
  read(reader, _, previous) {
    const request: RangeInProgress = {
      key: previous?.key ?? "",
      rangeEnd: previous?.rangeEnd ?? "",
      limit: previous?.limit ?? 0,
      revision: previous?.revision ?? 0,
      sortOrder: previous?.sortOrder ?? "NONE",
      sortTarget: previous?.sortTarget ?? "KEY",
      serializable: previous?.serializable ?? false,
      keysOnly: previous?.keysOnly ?? false,
      countOnly: previous?.countOnly ?? false,
      minModRevision: previous?.minModRevision ?? 0,
      maxModRevision: previous?.maxModRevision ?? 0,
      minCreateRevision: previous?.minCreateRevision ?? 0,
      maxCreateRevision: previous?.maxCreateRevision ?? 0,
    };
    while (reader.offset < reader.end) readRangeField(reader, request);
    return request;
  },
  measure: (request) =>
    bytesFieldSize(request.key) + bytesFieldSize(request.rangeEnd) +
    numberFieldSize(request.limit) + numberFieldSize(request.revision) +
    enumFieldSize(SORT_ORDER, request.sortOrder) + enumFieldSize(SORT_TARGET, request.sortTarget) +
    flagFieldSize(request.serializable) + flagFieldSize(request.keysOnly) +
    flagFieldSize(request.countOnly) +
    numberFieldSize(request.minModRevision) + numberFieldSize(request.maxModRevision) +
    numberFieldSize(request.minCreateRevision) + numberFieldSize(request.maxCreateRevision),
  write(request, writer) {
    writeKeyField(writer, 10, request.key);
    writeKeyField(writer, 18, request.rangeEnd);
    writeNumberField(writer, 24, request.limit);
    writeNumberField(writer, 32, request.revision);
    writeEnumField(writer, 40, SORT_ORDER, request.sortOrder);
    writeEnumField(writer, 48, SORT_TARGET, request.sortTarget);
    writeFlagField(writer, 56, request.serializable);
    writeFlagField(writer, 64, request.keysOnly);
    writeFlagField(writer, 72, request.countOnly);
    writeNumberField(writer, 80, request.minModRevision);
    writeNumberField(writer, 88, request.maxModRevision);
    writeNumberField(writer, 96, request.minCreateRevision);
    writeNumberField(writer, 104, request.maxCreateRevision);
  },
};

function readRangeField(reader: WireReader, request: RangeInProgress): void {
  const tag = reader.tag();
  switch (tag) {
    case 10:
      request.key = reader.latin1();
      break;
    case 18:
      request.rangeEnd = reader.latin1();
      break;
    case 24:
      request.limit = reader.int64();
      break;
    case 32:
      request.revision = reader.int64();
      break;
    case 40:
      request.sortOrder = enumValue(SORT_ORDER, reader.int32());
      break;
    case 48:
      request.sortTarget = enumValue(SORT_TARGET, reader.int32());
      break;
    case 56:
      request.serializable = reader.bool();
      break;
    case 64:
      request.keysOnly = reader.bool();
      break;
    case 72:
      request.countOnly = reader.bool();
      break;
    case 80:
      request.minModRevision = reader.int64();
      break;
    case 88:
      request.maxModRevision = reader.int64();
      break;
    case 96:
      request.minCreateRevision = reader.int64();
      break;
    case 104:
      request.maxCreateRevision = reader.int64();
      break;
    default:
      otherField(reader, tag, RANGE_REQUEST_NAMES);
  }
}

const RANGE_RESPONSE_NAMES: FieldNames = { 1: "header", 2: "kvs", 3: "more", 4: "count" };

/** Their answer, of any number of keys. */
export const RANGE_RESPONSE: HandCodec<hot.RangeResponse> = {
  read(reader, depth, previous) {
    let header = previous?.header;
    const kvs = [...(previous?.kvs ?? [])];
    let more = previous?.more ?? false;
    let count = previous?.count ?? 0;
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 18) kvs.push(enterKeyValue(reader, depth, undefined));
      else if (tag === 10) header = enterHeader(reader, depth, header);
      else if (tag === 24) more = reader.bool();
      else if (tag === 32) count = reader.int64();
      else otherField(reader, tag, RANGE_RESPONSE_NAMES);
    }
    return { header, kvs, more, count };
  },
  measure: (response) =>
    headerFieldSize(response.header) + keyValuesSize(response.kvs) +
    flagFieldSize(response.more) + numberFieldSize(response.count),
  write(response, writer) {
    writeHeaderField(writer, response.header);
    writeKeyValues(writer, 18, response.kvs);
    writeFlagField(writer, 24, response.more);
    writeNumberField(writer, 32, response.count);
  },
};
