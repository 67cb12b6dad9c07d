/**
 * The state machine: applies the commands of the replicated log, in order,
 * to the tree, the history and the watches. Deterministic: reads no clock, no
 * random number, no environment, so all members agree at every index.
 *
 * A key is there for commands until its expiry has been applied, even when its
 * deadline has passed: the order of the log decides, not the time. Readers, who
 * bring a time, no longer see it from its deadline on.
 */
import { assert, InvariantError } from "../base/assert.ts";
import type { StateMachine } from "../node/ports.ts";
import {
  type Command,
  CommandError,
  decodeCommand,
  encodeCommand,
  type SetCommand,
} from "./command.ts";
import { StoreCounters } from "./counters.ts";
import { type ApplyResult, type Event, NOTHING, type Rejection } from "./event.ts";
import { History } from "./history.ts";
import { digestOf, type StateHead } from "./image_format.ts";
import { ImageReader } from "./image_reader.ts";
import { writeImage } from "./image_writer.ts";
import { DIRECTORY, type FileItem } from "./record.ts";
import { type Listed, Tree } from "./tree.ts";
import { WatchHub } from "./watch_hub.ts";

/** The last millisecond of the year 9999, beyond which RFC 3339 has no dates: no deadline is later. */
const DEADLINE_MS_MAX = 253_402_300_799_999;

export interface StoreOptions {
  /** Events kept for watches that look back; `-m`. */
  readonly historyMax: number;
}

export type ReadResult =
  | { readonly kind: "file"; readonly item: FileItem }
  | { readonly kind: "directory" }
  | { readonly kind: "missing" };

export interface StoreStats {
  /** Files. */
  readonly keys: number;
  /** Without the root. */
  readonly directories: number;
  readonly watchers: number;
  /** Files with a deadline. */
  readonly expiring: number;
  readonly historyEvents: number;
  /** The lowest index that a watch can look back to. */
  readonly historyFirstIndex: number;
}

const READ_DIRECTORY: ReadResult = Object.freeze({ kind: "directory" });
const READ_MISSING: ReadResult = Object.freeze({ kind: "missing" });

export class Store implements StateMachine<ApplyResult> {
  /** Who waits for events; stays the same for the life of the store, restores included. */
  readonly watches: WatchHub;
  readonly counters = new StoreCounters();
  readonly #historyMax: number;
  readonly #history: History;
  #tree = new Tree();
  #head: { -readonly [K in keyof StateHead]: StateHead[K] } = {
    timeMs: 0,
    index: 0,
    appliedIndex: 0,
  };

  constructor(options: StoreOptions) {
    this.#historyMax = options.historyMax;
    this.#history = new History(options.historyMax);
    this.watches = new WatchHub(this.#history);
  }

  /** The latest time (Unix ms) that any applied command was stamped with. */
  get timeMs(): number {
    return this.#head.timeMs;
  }

  /**
   * The index of the last command that reached the tree: of a set or a delete
   * even if it failed, of a test-and-set only if it passed its comparison, of an
   * expiry only if it removed something.
   */
  get index(): number {
    return this.#head.index;
  }

  /** When the next file is due, Unix ms; Infinity when none is. */
  nextDeadlineMs(): number {
    return this.#tree.nextDeadlineMs();
  }

  /**
   * Applies the log's entry `index`. Its watches are called before this returns.
   * Throws `InvariantError` when `data` is no command: it was committed, so every
   * member must stop here rather than go on in its own way.
   */
  apply(index: number, data: Uint8Array): ApplyResult {
    const head = this.#head;
    assert(index > head.appliedIndex, "Entries must be applied in ascending order");
    const command = decodeCommitted(index, data);
    head.appliedIndex = index;
    head.timeMs = Math.max(head.timeMs, command.timeMs);
    switch (command.type) {
      case "set":
        return this.counters.set(this.#set(index, command), command.prevValue !== undefined);
      case "delete":
        head.index = index;
        return this.counters.delete(this.#delete(index, command.key));
      case "expire":
        return this.counters.expire(this.#expire(index, command.key, command.setIndex));
    }
  }

  /**
   * Commands that expire what is due at `nowMs`, in the order of the deadlines,
   * at most `max`. The same ones come again until they have been applied.
   */
  due(nowMs: number, max: number): Uint8Array[] {
    return this.#tree.due(nowMs, max).map(({ key, setIndex }) =>
      encodeCommand({ type: "expire", key, setIndex, timeMs: nowMs })
    );
  }

  /** What is at `key` for a reader at `nowMs`: a file past its deadline is missing. */
  read(key: string, nowMs: number): ReadResult {
    const item = this.#tree.get(key);
    const isPast = item !== undefined && item !== DIRECTORY && item.deadlineMs !== 0 &&
      item.deadlineMs <= nowMs;
    if (item === undefined || isPast) {
      this.counters.getsFail++;
      return READ_MISSING;
    }
    this.counters.getsSuccess++;
    return item === DIRECTORY ? READ_DIRECTORY : { kind: "file", item };
  }

  /**
   * The direct children of the directory `key` as of this call, sorted by key in
   * the order of code points, without files past their deadline at `nowMs`. To be
   * consumed once, at any pace. A file or a missing key has no children. The
   * strings may be slices of much larger ones: good to pass on, not to keep.
   */
  list(key: string, nowMs: number): Iterable<Listed> {
    return this.#tree.list(key, nowMs);
  }

  /**
   * A page of what `list` lists: the children after the one named `after` ("" for
   * the first ones), at most `max` and some `unitsMax` UTF-16 units of values.
   */
  page(key: string, nowMs: number, after: string, max: number, unitsMax: number): Listed[] {
    return this.#tree.page(key, nowMs, after, max, unitsMax);
  }

  /**
   * The image of the state as of this call, in slices of at most 256 KiB, each
   * made when it is asked for, while the store goes on.
   */
  snapshot(): Iterable<Uint8Array> {
    return writeImage({
      head: { ...this.#head },
      clearedBefore: this.#history.clearedBefore,
      events: this.#history.toArray(),
      items: this.#tree.image(),
      hash: this.#tree.hash,
    });
  }

  /**
   * Replaces the whole state by that of an image, cut in any way. Watches go on:
   * they get the events that the image is ahead by. Rejects with `ImageError`
   * when it is damaged and leaves the state as it was.
   */
  async restore(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new ImageReader(this.#historyMax);
    for await (const chunk of chunks) reader.add(chunk);
    const { head, history, tree } = reader.finish();
    const { appliedIndex } = this.#head;
    this.#head = { ...head };
    this.#tree = tree;
    this.#history.replace(history);
    this.watches.catchUp(appliedIndex);
  }

  /**
   * A hash of the time, the index and every file and directory, kept up to date
   * by each change and so free to ask for. The history is left out: members may
   * keep different numbers of events.
   */
  digest(): string {
    return digestOf(this.#head, this.#tree.hash);
  }

  stats(): StoreStats {
    return {
      keys: this.#tree.fileCount,
      directories: this.#tree.directoryCount,
      watchers: this.watches.size,
      expiring: this.#tree.expiringCount,
      historyEvents: this.#history.size,
      historyFirstIndex: this.#history.clearedBefore,
    };
  }

  #set(index: number, command: SetCommand): ApplyResult {
    const { key, value, prevValue, ttlSeconds } = command;
    const item = this.#tree.get(key);
    if (prevValue !== undefined) {
      if (item === undefined || item === DIRECTORY) return keyNotFound(key);
      if (item.value !== prevValue) return testFailed(key, prevValue, item.value);
    }
    this.#head.index = index;
    if (ttlSeconds !== undefined && ttlSeconds <= 0) return this.#delete(index, key);
    if (item === DIRECTORY) return notAFile(key);
    if (item === undefined && !this.#tree.makeParents(key)) return notAFile(key);
    const deadlineMs = ttlSeconds === undefined ? 0 : deadlineAfter(this.timeMs, ttlSeconds);
    this.#tree.putFile(key, value, index, deadlineMs);
    return this.#publish(setEvent(index, key, value, item?.value, deadlineMs, this.timeMs));
  }

  #delete(index: number, key: string): ApplyResult {
    const item = this.#tree.get(key);
    if (item === undefined || item === DIRECTORY) return keyNotFound(key);
    return this.#remove(index, key, item);
  }

  #expire(index: number, key: string, setIndex: number): ApplyResult {
    const item = this.#tree.get(key);
    // Set again meanwhile: it lives by its new deadline.
    if (item === undefined || item === DIRECTORY || item.setIndex !== setIndex) return NOTHING;
    this.#head.index = index;
    return this.#remove(index, key, item);
  }

  #remove(index: number, key: string, { value, deadlineMs }: FileItem): Event {
    this.#tree.removeFile(key);
    return this.#publish({
      action: "DELETE",
      key,
      prevValue: value,
      newKey: false,
      ...(deadlineMs !== 0 && { expirationMs: deadlineMs }),
      index,
    });
  }

  /** The history first: a watch that a callback opens must find the event there. */
  #publish(event: Event): Event {
    this.#history.push(event);
    this.watches.publish(event);
    return event;
  }
}

function decodeCommitted(index: number, data: Uint8Array): Command {
  try {
    return decodeCommand(data);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new InvariantError(
      `Expected entry ${index} of the log to be a command; ${error.message}`,
      { cause: error },
    );
  }
}

function deadlineAfter(timeMs: number, ttlSeconds: number): number {
  return Math.min(timeMs + ttlSeconds * 1000, DEADLINE_MS_MAX);
}

function setEvent(
  index: number,
  key: string,
  value: string,
  prevValue: string | undefined,
  deadlineMs: number,
  timeMs: number,
): Event {
  // The two shapes without a TTL are spelled out: built by spreads they take a quarter of a set.
  if (deadlineMs === 0) {
    return prevValue === undefined
      ? { action: "SET", key, value, newKey: true, index }
      : { action: "SET", key, prevValue, value, newKey: false, index };
  }
  return {
    action: "SET",
    key,
    ...(prevValue !== undefined && { prevValue }),
    value,
    newKey: prevValue === undefined,
    expirationMs: deadlineMs,
    ttlSeconds: Math.ceil((deadlineMs - timeMs) / 1000),
    index,
  };
}

function keyNotFound(key: string): Rejection {
  return { kind: "rejected", reason: "keyNotFound", key };
}

function testFailed(key: string, expected: string, found: string): Rejection {
  return { kind: "rejected", reason: "testFailed", key, expected, found };
}

function notAFile(key: string): Rejection {
  return { kind: "rejected", reason: "notAFile", key };
}
