/** The codecs of what is sent to watchers and to those who keep leases alive, by hand; see `hand_kv.ts`. */
import {
  enter,
  type FieldNames,
  flagFieldSize,
  idFieldSize,
  messageFieldSize,
  numberFieldSize,
  otherField,
  writeFlagField,
  writeIdField,
  writeNumberField,
} from "./hand.ts";
import {
  enterHeader,
  enterKeyValue,
  headerFieldSize,
  keyValueFieldSize,
  writeHeaderField,
  writeKeyValueField,
} from "./hand_kv.ts";
import { enumFieldSize, writeEnumField } from "./hand_range.ts";
import { EVENT_TYPE } from "./kv_enums.ts";
import type * as hot from "./hot.ts";
import { enumValue, STRING, WATCH_ID } from "./scalars.ts";
import type { Draft, HandCodec } from "./table.ts";
import { deeper, type WireReader } from "./wire_reader.ts";
import { WireWriter } from "./wire_writer.ts";

const EVENT_NAMES: FieldNames = { 1: "type", 2: "kv", 3: "prev_kv" };

function readEvent(reader: WireReader, depth: number, previous: hot.Event | undefined): hot.Event {
  let type = previous?.type ?? "PUT";
  let now = previous?.kv;
  let prevKv = previous?.prevKv;
  while (reader.offset < reader.end) {
    const tag = reader.tag();
    if (tag === 8) type = enumValue(EVENT_TYPE, reader.int32());
    else if (tag === 18) now = enterKeyValue(reader, depth, now);
    else if (tag === 26) prevKv = enterKeyValue(reader, depth, prevKv);
    else otherField(reader, tag, EVENT_NAMES);
  }
  return { type, kv: now, prevKv };
}

function eventSize(event: Draft<hot.Event>): number {
  return enumFieldSize(EVENT_TYPE, event.type) + keyValueFieldSize(event.kv) +
    keyValueFieldSize(event.prevKv);
}

function writeEvent(event: Draft<hot.Event>, writer: WireWriter): void {
  writeEnumField(writer, 8, EVENT_TYPE, event.type);
  writeKeyValueField(writer, 18, event.kv);
  writeKeyValueField(writer, 26, event.prevKv);
}

/** What happened to a key. */
export const EVENT: HandCodec<hot.Event> = {
  read: readEvent,
  measure: eventSize,
  write: writeEvent,
};

const WATCH_RESPONSE_NAMES: FieldNames = {
  1: "header",
  2: "watch_id",
  3: "created",
  4: "canceled",
  5: "compact_revision",
  6: "cancel_reason",
  7: "fragment",
  11: "events",
};

type WatchInProgress = { -readonly [K in keyof hot.WatchResponse]: hot.WatchResponse[K] };

/** What a watcher hears. */
export const WATCH_RESPONSE: HandCodec<hot.WatchResponse> = {
  read(reader, depth, previous) {
    const events = [...(previous?.events ?? [])];
    const response: WatchInProgress = {
      header: previous?.header,
      watchId: previous?.watchId ?? 0,
      created: previous?.created ?? false,
      canceled: previous?.canceled ?? false,
      compactRevision: previous?.compactRevision ?? 0,
      cancelReason: previous?.cancelReason ?? "",
      fragment: previous?.fragment ?? false,
      events,
    };
    while (reader.offset < reader.end) readWatchField(reader, depth, response, events);
    return response;
  },
  measure: (response) =>
    headerFieldSize(response.header) +
    (response.watchId ? 1 + WATCH_ID.size(response.watchId) : 0) +
    flagFieldSize(response.created) + flagFieldSize(response.canceled) +
    numberFieldSize(response.compactRevision) +
    (response.cancelReason ? 1 + STRING.size(response.cancelReason) : 0) +
    flagFieldSize(response.fragment) + eventsSize(response.events),
  write(response, writer) {
    writeHeaderField(writer, response.header);
    if (response.watchId) {
      writer.byte(16);
      WATCH_ID.write(writer, response.watchId);
    }
    writeFlagField(writer, 24, response.created);
    writeFlagField(writer, 32, response.canceled);
    writeNumberField(writer, 40, response.compactRevision);
    if (response.cancelReason) {
      writer.byte(50);
      STRING.write(writer, response.cancelReason);
    }
    writeFlagField(writer, 56, response.fragment);
    if (response.events !== undefined) writeEvents(response.events, writer);
  },
};

type Events = readonly Draft<hot.Event>[];

const NO_EVENTS: Events = Object.freeze([]);

/** Larger lists are not kept in memory only because the next watcher may be told the same. */
const SHARED_BYTES_MAX = 64 * 1024;

/**
 * What was measured last. All watchers who see the same are told the same list, which
 * nobody changes: from the second on its bytes are copied.
 */
let shared: { readonly events: Events; readonly size: number; bytes: Uint8Array | undefined } = {
  events: NO_EVENTS,
  size: 0,
  bytes: undefined,
};

function eventsSize(events: Events | undefined): number {
  if (events === undefined || events.length === 0) return 0;
  if (shared.events === events) {
    if (shared.bytes === undefined && shared.size <= SHARED_BYTES_MAX) {
      const writer = new WireWriter(new Uint8Array(shared.size));
      writeEach(events, writer);
      shared.bytes = writer.written();
    }
    return shared.size;
  }
  let size = 0;
  for (const event of events) size += messageFieldSize(eventSize(event));
  shared = { events: size <= SHARED_BYTES_MAX ? events : NO_EVENTS, size, bytes: undefined };
  return size;
}

function writeEvents(events: Events, writer: WireWriter): void {
  if (shared.events === events && shared.bytes !== undefined) writer.raw(shared.bytes);
  else writeEach(events, writer);
}

function writeEach(events: Events, writer: WireWriter): void {
  for (const event of events) {
    writer.byte(90);
    writer.varint(eventSize(event));
    writeEvent(event, writer);
  }
}

function readWatchField(
  reader: WireReader,
  depth: number,
  response: WatchInProgress,
  events: hot.Event[],
): void {
  const tag = reader.tag();
  switch (tag) {
    case 10:
      response.header = enterHeader(reader, depth, response.header);
      break;
    case 16:
      response.watchId = WATCH_ID.read(reader);
      break;
    case 24:
      response.created = reader.bool();
      break;
    case 32:
      response.canceled = reader.bool();
      break;
    case 40:
      response.compactRevision = reader.int64();
      break;
    case 50:
      response.cancelReason = reader.text();
      break;
    case 56:
      response.fragment = reader.bool();
      break;
    case 90: {
      const inner = deeper(depth);
      const outer = enter(reader);
      events.push(readEvent(reader, inner, undefined));
      reader.end = outer;
      break;
    }
    default:
      otherField(reader, tag, WATCH_RESPONSE_NAMES);
  }
}

const KEEP_ALIVE_REQUEST_NAMES: FieldNames = { 1: "ID" };

/** A lease is renewed. */
export const LEASE_KEEP_ALIVE_REQUEST: HandCodec<hot.LeaseKeepAliveRequest> = {
  read(reader, _, previous) {
    let id = previous?.id ?? 0n;
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 8) id = reader.bigInt64();
      else otherField(reader, tag, KEEP_ALIVE_REQUEST_NAMES);
    }
    return { id };
  },
  measure: (request) => idFieldSize(request.id),
  write: (request, writer) => writeIdField(writer, 8, request.id),
};

const KEEP_ALIVE_RESPONSE_NAMES: FieldNames = { 1: "header", 2: "ID", 3: "TTL" };

/** Its answer. */
export const LEASE_KEEP_ALIVE_RESPONSE: HandCodec<hot.LeaseKeepAliveResponse> = {
  read(reader, depth, previous) {
    let header = previous?.header;
    let id = previous?.id ?? 0n;
    let ttl = previous?.ttl ?? 0;
    while (reader.offset < reader.end) {
      const tag = reader.tag();
      if (tag === 10) header = enterHeader(reader, depth, header);
      else if (tag === 16) id = reader.bigInt64();
      else if (tag === 24) ttl = reader.int64();
      else otherField(reader, tag, KEEP_ALIVE_RESPONSE_NAMES);
    }
    return { header, id, ttl };
  },
  measure: (response) =>
    headerFieldSize(response.header) + idFieldSize(response.id) + numberFieldSize(response.ttl),
  write(response, writer) {
    writeHeaderField(writer, response.header);
    writeIdField(writer, 16, response.id);
    writeNumberField(writer, 24, response.ttl);
  },
};
