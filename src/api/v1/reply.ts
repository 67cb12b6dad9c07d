/**
 * Events and items as v1's JSON. Old clients reject fields that they don't know
 * and some read them in order, so: `action, key, dir, prevValue, value, newKey,
 * expiration, ttl, index`, each absent when empty, false or 0, and no others.
 *
 * Concatenated, with `JSON.stringify` for strings only: that takes half the time
 * of an object built to be stringified.
 */
import type { Reply } from "../../http/exchange.ts";
import { type ByteString, textOf } from "../../store/byte_string.ts";
import { type Event, isRemoval } from "../../store/event.ts";
import type { Item } from "../../store/tree/listing.ts";
import { textOfBytes } from "../../store/value.ts";

/** Characters after which a slice of a listing is handed out. */
const SLICE_LENGTH = 64 * 1024;

/** What a SET, a DELETE or a watch answers. */
function eventBody(event: Event): string {
  const { before, after, logIndex, timeMs } = event;
  if (isRemoval(event)) {
    return deletionBody(event.key, before?.value ?? NO_VALUE, before?.deadlineMs ?? 0, logIndex);
  }
  let json = `{"action":"SET","key":${JSON.stringify(textOf(event.key))}`;
  if (before !== undefined) json += valueField("prevValue", before.value);
  if (after === undefined) return `${json},"index":${logIndex}}`;
  json += valueField("value", after.value);
  if (before === undefined) json += ',"newKey":true';
  if (after.deadlineMs !== 0) json += lifetime(after.deadlineMs, timeMs);
  return `${json},"index":${logIndex}}`;
}

/** What the end of a key, or of a member, answers; `deadlineMs` is the one that it had. */
export function deletionBody(
  key: ByteString,
  value: Uint8Array,
  deadlineMs: number,
  index: number,
): string {
  let json = `{"action":"DELETE","key":${JSON.stringify(textOf(key))}`;
  json += valueField("prevValue", value);
  if (deadlineMs !== 0) json += expiration(deadlineMs);
  return `${json},"index":${index}}`;
}

/** What a GET of a file answers, judged at `nowMs`. */
export function fileBody(
  { key, value, deadlineMs }: Pick<Item, "key" | "value" | "deadlineMs">,
  index: number,
  nowMs: number,
): string {
  let json = `{"action":"GET","key":${JSON.stringify(textOf(key))}`;
  if (value !== "") json += `,"value":${JSON.stringify(value)}`;
  if (deadlineMs !== 0) json += lifetime(deadlineMs, nowMs);
  return `${json},"index":${index}}`;
}

/** What a GET of a directory answers: its children in slices, or whole if they are few. */
export function listingBody(
  items: Iterable<Item>,
  index: number,
  nowMs: number,
): string | Iterable<string> {
  const slices = listingSlices(items, index, nowMs);
  const first = slices.next();
  if (first.done) return "[]";
  const second = slices.next();
  if (second.done) return first.value;
  return concat([first.value, second.value], slices);
}

const NO_VALUE = new Uint8Array(0);

function valueField(name: "value" | "prevValue", value: Uint8Array): string {
  return value.length === 0 ? "" : `,"${name}":${JSON.stringify(textOfBytes(value))}`;
}

/** The deadline, and the whole seconds left: a TTL of 5 shows 4 at once, as the last one has begun. */
function lifetime(deadlineMs: number, nowMs: number): string {
  const ttl = Math.ceil((deadlineMs - nowMs) / 1000) - 1;
  return expiration(deadlineMs) + (ttl > 0 ? `,"ttl":${ttl}` : "");
}

function expiration(deadlineMs: number): string {
  return `,"expiration":"${new Date(deadlineMs).toISOString()}"`;
}

function* listingSlices(
  items: Iterable<Item>,
  index: number,
  nowMs: number,
): Generator<string, void> {
  let slice = "[";
  let separator = "";
  for (const item of items) {
    slice += separator +
      (item.isDirectory
        ? `{"action":"GET","key":${JSON.stringify(textOf(item.key))},"dir":true,"index":${index}}`
        : fileBody(item, index, nowMs));
    separator = ",";
    if (slice.length < SLICE_LENGTH) continue;
    yield slice;
    slice = "";
  }
  yield `${slice}]`;
}

function* concat(first: readonly string[], rest: Iterable<string>): Generator<string, void> {
  yield* first;
  yield* rest;
}

/**
 * Answers with events. The writer and all who watch are told of one event one
 * after the other, so remembering the newest lets them share one string.
 */
export class EventReplies {
  #event: Event | undefined;
  #reply: Reply = { status: 200, body: "" };

  of(event: Event): Reply {
    if (event !== this.#event) {
      this.#event = event;
      this.#reply = { status: 200, body: eventBody(event) };
    }
    return this.#reply;
  }
}
