/**
 * Events and items as v1's JSON. Old clients reject fields that they don't know
 * and some read them in order, so: `action, key, dir, prevValue, value, newKey,
 * expiration, ttl, index`, each absent when empty, false or 0, and no others.
 *
 * Concatenated, with `JSON.stringify` for strings only: that takes half the time
 * of an object built to be stringified.
 */
import type { Reply } from "../../http/exchange.ts";
import type { Event } from "../../store/event.ts";
import type { FileItem } from "../../store/record.ts";
import type { Listed } from "../../store/tree.ts";

/** Characters after which a slice of a listing is handed out. */
const SLICE_LENGTH = 64 * 1024;

/** What a SET, a DELETE or a watch answers. */
export function eventBody(event: Event): string {
  let json = `{"action":"${event.action}","key":${JSON.stringify(event.key)}`;
  if (event.prevValue) json += `,"prevValue":${JSON.stringify(event.prevValue)}`;
  if (event.value) json += `,"value":${JSON.stringify(event.value)}`;
  if (event.newKey) json += ',"newKey":true';
  if (event.expirationMs !== undefined) json += expiration(event.expirationMs);
  // A TTL of 5 shows 4 at once, as the original's did: the last second has begun.
  const ttl = (event.ttlSeconds ?? 0) - 1;
  if (ttl > 0) json += `,"ttl":${ttl}`;
  return `${json},"index":${event.index}}`;
}

/** What a GET of a file answers, judged at `nowMs`. */
export function fileBody(key: string, item: FileItem, index: number, nowMs: number): string {
  let json = `{"action":"GET","key":${JSON.stringify(key)}`;
  if (item.value !== "") json += `,"value":${JSON.stringify(item.value)}`;
  if (item.deadlineMs !== 0) {
    json += expiration(item.deadlineMs);
    const ttl = remainingSeconds(item.deadlineMs, nowMs);
    if (ttl > 0) json += `,"ttl":${ttl}`;
  }
  return `${json},"index":${index}}`;
}

/** What a GET of a directory answers: its children in slices, or whole if they are few. */
export function listingBody(
  items: Iterable<Listed>,
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

/** Whole seconds left, the one that has begun not counted. */
function remainingSeconds(deadlineMs: number, nowMs: number): number {
  return Math.ceil((deadlineMs - nowMs) / 1000) - 1;
}

function expiration(deadlineMs: number): string {
  return `,"expiration":"${new Date(deadlineMs).toISOString()}"`;
}

function* listingSlices(
  items: Iterable<Listed>,
  index: number,
  nowMs: number,
): Generator<string, void> {
  let slice = "[";
  let separator = "";
  for (const { key, item } of items) {
    slice += separator +
      (item === "directory"
        ? `{"action":"GET","key":${JSON.stringify(key)},"dir":true,"index":${index}}`
        : fileBody(key, item, index, nowMs));
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
