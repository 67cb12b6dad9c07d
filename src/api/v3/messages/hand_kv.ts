/**
 * The codecs of the messages that every read and write is made of, by hand: they
 * take a fifth of the time that the tables take. `tests/api/v3/hand_test.ts`
 * holds each against its table.
 */
import {
  bytesFieldSize,
  enter,
  type FieldNames,
  flagFieldSize,
  idFieldSize,
  messageFieldSize,
  numberFieldSize,
  otherField,
  writeBytesField,
  writeFlagField,
  writeIdField,
  writeKeyField,
  writeNumberField,
} from "./hand.ts";
import type * as hot from "./hot.ts";
import { NO_BYTES } from "./scalars.ts";
import type { Draft, HandCodec } from "./table.ts";
import { deeper, type WireReader } from "./wire_reader.ts";
import { WireWriter } from "./wire_writer.ts";

const HEADER_NAMES: FieldNames = {
  1: "cluster_id",
  2: "member_id",
  3: "revision",
  4: "raft_term",
};

function readHeader(
  reader: WireReader,
  previous: hot.ResponseHeader | undefined,
): hot.ResponseHeader {
  let clusterId = previous?.clusterId ?? 0n;
  let memberId = previous?.memberId ?? 0n;
  let revision = previous?.revision ?? 0;
  let raftTerm = previous?.raftTerm ?? 0;
  while (reader.offset < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 8:
        clusterId = reader.bigUint64();
        break;
      case 16:
        memberId = reader.bigUint64();
        break;
      case 24:
        revision = reader.int64();
        break;
      case 32:
        raftTerm = reader.uint64();
        break;
      default:
        otherField(reader, tag, HEADER_NAMES);
    }
  }
  return { clusterId, memberId, revision, raftTerm };
}

/** The ids that were written last: they are the same in all answers of a member. */
let written = { clusterId: 0n, memberId: 0n, bytes: new Uint8Array(0) };

function idsOf({ clusterId = 0n, memberId = 0n }: Draft<hot.ResponseHeader>): Uint8Array {
  if (written.clusterId !== clusterId || written.memberId !== memberId) {
    const writer = new WireWriter();
    writeIdField(writer, 8, clusterId);
    writeIdField(writer, 16, memberId);
    written = { clusterId, memberId, bytes: writer.written().slice() };
  }
  return written.bytes;
}

function headerSize(header: Draft<hot.ResponseHeader>): number {
  return idsOf(header).length + numberFieldSize(header.revision) +
    numberFieldSize(header.raftTerm);
}

function writeHeader(header: Draft<hot.ResponseHeader>, writer: WireWriter): void {
  writer.raw(idsOf(header));
  writeNumberField(writer, 24, header.revision);
  writeNumberField(writer, 32, header.raftTerm);
}

/** In every response. */
export const RESPONSE_HEADER: HandCodec<hot.ResponseHeader> = {
  read: (reader, _, previous) => readHeader(reader, previous),
  measure: headerSize,
  write: writeHeader,
};

/** Reads the header of a response, whose tag was read. */
export function enterHeader(
  reader: WireReader,
  depth: number,
  previous: hot.ResponseHeader | undefined,
): hot.ResponseHeader {
  deeper(depth);
  const outer = enter(reader);
  const header = readHeader(reader, previous);
  reader.end = outer;
  return header;
}

/** The size of a response's header with its tag. */
export function headerFieldSize(header: Draft<hot.ResponseHeader> | undefined): number {
  return header === undefined ? 0 : messageFieldSize(headerSize(header));
}

/** Writes a response's header with its tag, which is 1 in all of them. */
export function writeHeaderField(
  writer: WireWriter,
  header: Draft<hot.ResponseHeader> | undefined,
): void {
  if (header === undefined) return;
  writer.byte(10);
  writer.varint(headerSize(header));
  writeHeader(header, writer);
}

const KEY_VALUE_NAMES: FieldNames = {
  1: "key",
  2: "create_revision",
  3: "mod_revision",
  4: "version",
  5: "value",
  6: "lease",
};

function readKeyValue(reader: WireReader, previous: hot.KeyValue | undefined): hot.KeyValue {
  let key = previous?.key ?? "";
  let createRevision = previous?.createRevision ?? 0;
  let modRevision = previous?.modRevision ?? 0;
  let version = previous?.version ?? 0;
  let value = previous?.value ?? NO_BYTES;
  let lease = previous?.lease ?? 0n;
  while (reader.offset < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 10:
        key = reader.latin1();
        break;
      case 16:
        createRevision = reader.int64();
        break;
      case 24:
        modRevision = reader.int64();
        break;
      case 32:
        version = reader.int64();
        break;
      case 42:
        value = reader.view();
        break;
      case 48:
        lease = reader.bigInt64();
        break;
      default:
        otherField(reader, tag, KEY_VALUE_NAMES);
    }
  }
  return { key, createRevision, modRevision, version, value, lease };
}

function keyValueSize(one: Draft<hot.KeyValue>): number {
  return bytesFieldSize(one.key) + numberFieldSize(one.createRevision) +
    numberFieldSize(one.modRevision) + numberFieldSize(one.version) + bytesFieldSize(one.value) +
    idFieldSize(one.lease);
}

function writeKeyValue(one: Draft<hot.KeyValue>, writer: WireWriter): void {
  writeKeyField(writer, 10, one.key);
  writeNumberField(writer, 16, one.createRevision);
  writeNumberField(writer, 24, one.modRevision);
  writeNumberField(writer, 32, one.version);
  writeBytesField(writer, 42, one.value);
  writeIdField(writer, 48, one.lease);
}

/** What a range, an event and a previous value are made of. */
export const KEY_VALUE: HandCodec<hot.KeyValue> = {
  read: (reader, _, previous) => readKeyValue(reader, previous),
  measure: keyValueSize,
  write: writeKeyValue,
};

/** Reads a key and its value, whose tag was read. */
export function enterKeyValue(
  reader: WireReader,
  depth: number,
  previous: hot.KeyValue | undefined,
): hot.KeyValue {
  deeper(depth);
  const outer = enter(reader);
  const one = readKeyValue(reader, previous);
  reader.end = outer;
  return one;
}

/** The size of a key and its value with the tag. */
export function keyValueFieldSize(one: Draft<hot.KeyValue> | undefined): number {
  return one === undefined ? 0 : messageFieldSize(keyValueSize(one));
}

/** Writes a key and its value with the tag. */
export function writeKeyValueField(
  writer: WireWriter,
  tag: number,
  one: Draft<hot.KeyValue> | undefined,
): void {
  if (one === undefined) return;
  writer.byte(tag);
  writer.varint(keyValueSize(one));
  writeKeyValue(one, writer);
}

/** The size of many of them, with their tags. */
export function keyValuesSize(kvs: readonly Draft<hot.KeyValue>[] | undefined): number {
  let size = 0;
  if (kvs !== undefined) { for (const one of kvs) size += keyValueFieldSize(one); }
  return size;
}

/** Writes many of them, with their tags. */
export function writeKeyValues(
  writer: WireWriter,
  tag: number,
  kvs: readonly Draft<hot.KeyValue>[] | undefined,
): void {
  if (kvs !== undefined) { for (const one of kvs) writeKeyValueField(writer, tag, one); }
}

const PUT_REQUEST_NAMES: FieldNames = {
  1: "key",
  2: "value",
  3: "lease",
  4: "prev_kv",
  5: "ignore_value",
  6: "ignore_lease",
};

/** One key is set. */
export const PUT_REQUEST: HandCodec<hot.PutRequest> = {
  read(reader, _, previous) {
    let key = previous?.key ?? "";
    let value = previous?.value ?? NO_BYTES;
    let lease = previous?.lease ?? 0n;
    let prevKv = previous?.prevKv ?? false;
    let ignoreValue = previous?.ignoreValue ?? false;
    let ignoreLease = previous?.ignoreLease ?? false;
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      switch (tag) {
        case 10:
          key = reader.latin1();
          break;
        case 18:
          value = reader.view();
          break;
        case 24:
          lease = reader.bigInt64();
          break;
        case 32:
          prevKv = reader.bool();
          break;
        case 40:
          ignoreValue = reader.bool();
          break;
        case 48:
          ignoreLease = reader.bool();
          break;
        default:
          otherField(reader, tag, PUT_REQUEST_NAMES);
      }
    }
    return { key, value, lease, prevKv, ignoreValue, ignoreLease };
  },
  measure: (put) =>
    bytesFieldSize(put.key) + bytesFieldSize(put.value) + idFieldSize(put.lease) +
    flagFieldSize(put.prevKv) + flagFieldSize(put.ignoreValue) + flagFieldSize(put.ignoreLease),
  write(put, writer) {
    writeKeyField(writer, 10, put.key);
    writeBytesField(writer, 18, put.value);
    writeIdField(writer, 24, put.lease);
    writeFlagField(writer, 32, put.prevKv);
    writeFlagField(writer, 40, put.ignoreValue);
    writeFlagField(writer, 48, put.ignoreLease);
  },
};

const PUT_RESPONSE_NAMES: FieldNames = { 1: "header", 2: "prev_kv" };

/** Its answer. */
export const PUT_RESPONSE: HandCodec<hot.PutResponse> = {
  read(reader, depth, previous) {
    let header = previous?.header;
    let prevKv = previous?.prevKv;
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) header = enterHeader(reader, depth, header);
      else if (tag === 18) prevKv = enterKeyValue(reader, depth, prevKv);
      else otherField(reader, tag, PUT_RESPONSE_NAMES);
    }
    return { header, prevKv };
  },
  measure: (response) => headerFieldSize(response.header) + keyValueFieldSize(response.prevKv),
  write(response, writer) {
    writeHeaderField(writer, response.header);
    writeKeyValueField(writer, 18, response.prevKv);
  },
};

const DELETE_RANGE_REQUEST_NAMES: FieldNames = { 1: "key", 2: "range_end", 3: "prev_kv" };

/** Keys are deleted. */
export const DELETE_RANGE_REQUEST: HandCodec<hot.DeleteRangeRequest> = {
  read(reader, _, previous) {
    let key = previous?.key ?? "";
    let rangeEnd = previous?.rangeEnd ?? "";
    let prevKv = previous?.prevKv ?? false;
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) key = reader.latin1();
      else if (tag === 18) rangeEnd = reader.latin1();
      else if (tag === 24) prevKv = reader.bool();
      else otherField(reader, tag, DELETE_RANGE_REQUEST_NAMES);
    }
    return { key, rangeEnd, prevKv };
  },
  measure: (request) =>
    bytesFieldSize(request.key) + bytesFieldSize(request.rangeEnd) + flagFieldSize(request.prevKv),
  write(request, writer) {
    writeKeyField(writer, 10, request.key);
    writeKeyField(writer, 18, request.rangeEnd);
    writeFlagField(writer, 24, request.prevKv);
  },
};

const DELETE_RANGE_RESPONSE_NAMES: FieldNames = { 1: "header", 2: "deleted", 3: "prev_kvs" };

/** Their answer. */
export const DELETE_RANGE_RESPONSE: HandCodec<hot.DeleteRangeResponse> = {
  read(reader, depth, previous) {
    let header = previous?.header;
    let deleted = previous?.deleted ?? 0;
    const prevKvs = [...(previous?.prevKvs ?? [])];
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) header = enterHeader(reader, depth, header);
      else if (tag === 16) deleted = reader.int64();
      else if (tag === 26) prevKvs.push(enterKeyValue(reader, depth, undefined));
      else otherField(reader, tag, DELETE_RANGE_RESPONSE_NAMES);
    }
    return { header, deleted, prevKvs };
  },
  measure: (response) =>
    headerFieldSize(response.header) + numberFieldSize(response.deleted) +
    keyValuesSize(response.prevKvs),
  write(response, writer) {
    writeHeaderField(writer, response.header);
    writeNumberField(writer, 16, response.deleted);
    writeKeyValues(writer, 26, response.prevKvs);
  },
};
