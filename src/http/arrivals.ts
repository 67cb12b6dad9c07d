/**
 * Handles together what comes in one turn of the event loop. First all sockets are read, then
 * all requests are handled, then all answers are written. Each kind of work finds its code and
 * data in the caches then, and a client that has many connections wakes up once for many
 * answers: docs/performance.md has what that is worth.
 *
 * Where few requests come a turn, they are handled as they come: to wait for company would cost
 * them a turn each, and bring nothing.
 */
import type { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";

/** A connection that reads. */
export interface Reader {
  /** Takes what the client has sent. */
  take(bytes: Buffer): void;
  /** The client sends no more. */
  end(): void;
}

/** A connection that has something to write. */
export interface Writer {
  writeHeld(): void;
}

/** So many arrivals in a turn are few. */
const FEW_MAX = 4;

/** Pairs of a reader and its bytes; undefined stands for bytes where the client sends no more. */
let arrivals: (Reader | Buffer | undefined)[] = [];
let isScheduled = false;
/** In the turn that is under way. */
let count = 0;
let areFew = true;
let isHandling = false;
let writers: Writer[] = [];

/** `bytes` have come for `reader`, or its end. */
export function arrived(reader: Reader, bytes: Buffer | undefined): void {
  count++;
  if (!isScheduled) {
    isScheduled = true;
    setImmediate(handleAll);
  }
  if (areFew) handle(reader, bytes);
  else arrivals.push(reader, bytes);
}

function handleAll(): void {
  const all = arrivals;
  arrivals = [];
  isScheduled = false;
  const few = count <= FEW_MAX;
  count = 0;
  isHandling = true;
  for (let at = 0; at < all.length; at += 2) {
    handle(all[at] as Reader, all[at + 1] as Buffer | undefined);
  }
  isHandling = false;
  // What came meanwhile stays behind what came before.
  areFew = few && arrivals.length === 0;
  const held = writers;
  writers = [];
  for (const writer of held) writer.writeHeld();
}

function handle(reader: Reader, bytes: Buffer | undefined): void {
  if (bytes === undefined) reader.end();
  else reader.take(bytes);
}

/** Lets `writer` write when all that came in this turn is handled; at once when that is nothing. */
export function writeLater(writer: Writer): void {
  if (isHandling) writers.push(writer);
  else writer.writeHeld();
}
