/** A store at the end of a log that a test writes, entry by entry. */
import { assert } from "@std/assert";
import { byteStringOf, textOf } from "../../src/store/byte_string.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import {
  type Command,
  type CompactCommand,
  NOBODY,
  type ValueBytes,
} from "../../src/store/command/command.ts";
import type { Result } from "../../src/store/result.ts";
import { Store, type StoreOptions } from "../../src/store/store.ts";
import { type First, watchFirst } from "../../src/store/watch/first.ts";
import { type V1Event, v1EventOf, type V1Result, v1ResultOf } from "./v1_words.ts";

/** Time of the first command, Unix ms: 2013-09-01. */
export const START_MS = 1_377_993_600_000;

export class Log {
  readonly store: Store;
  /** Of the newest entry. The first two are the no-op and the registration of the first node. */
  index = 2;
  timeMs = START_MS;

  constructor(options: StoreOptions = {}) {
    this.store = new Store(options);
  }

  apply(command: Command): Result {
    return this.store.apply(++this.index, encodeCommand(command, NOBODY, this.timeMs));
  }

  set(
    key: string,
    value: ValueBytes,
    options: { prevValue?: ValueBytes; ttlSeconds?: number } = {},
  ): V1Result {
    const { prevValue, ttlSeconds } = options;
    const name = byteStringOf(key);
    return v1ResultOf(this.apply({ type: "set", key: name, value, prevValue, ttlSeconds }));
  }

  delete(key: string): V1Result {
    return v1ResultOf(this.apply({ type: "delete", key: byteStringOf(key) }));
  }

  expire(key: string, setIndex: number): V1Result {
    const name = byteStringOf(key);
    return v1ResultOf(this.apply({ type: "expire", key: name, setIndex, isDirectory: false }));
  }

  /** Applies all that is due now. */
  expireDue(): V1Result[] {
    return this.store.due(this.timeMs, Infinity).map((bytes) =>
      v1ResultOf(this.store.apply(++this.index, bytes))
    );
  }

  /** Forgets all events but the newest `keepEvents`. */
  keep(keepEvents: number): void {
    this.apply(keeping(this.store, keepEvents));
  }

  /** The value for a reader of now; undefined for a directory and for what is missing. */
  value(key: string): string | undefined {
    const found = this.store.read(byteStringOf(key), this.timeMs);
    return found === undefined || found.isDirectory ? undefined : found.value;
  }

  /** What a reader at `nowMs` finds. */
  kind(key: string, nowMs = this.timeMs): "file" | "directory" | "missing" {
    const found = this.store.read(byteStringOf(key), nowMs);
    if (found === undefined) return "missing";
    return found.isDirectory ? "directory" : "file";
  }

  /** The children for a reader of now: `name=value` for files, `name/` for directories. */
  list(key: string): string[] {
    return [...this.store.list(byteStringOf(key), this.timeMs)]
      .map(({ key, isDirectory, value }) =>
        isDirectory ? `${textOf(key)}/` : `${textOf(key)}=${value}`
      );
  }

  /** The next event at `path`, kept in the array that is returned. */
  watch(path: string, since?: number): V1Event[] {
    const events: V1Event[] = [];
    const first = this.watchFirst(path, since, (event) => events.push(event));
    assert(first.kind !== "cleared", `The history must reach back to ${since}`);
    return events;
  }

  /** `onEvent` is called within, too, when the event is in the history. */
  watchFirst(
    path: string,
    since: number | undefined,
    onEvent: (event: V1Event) => void,
    onCleared: () => void = () => {},
  ): First {
    const view = { kind: "path", api: "v1", path: byteStringOf(path), recursive: true } as const;
    const first = watchFirst(this.store.watches, view, since, {
      onEvent: (event) => onEvent(v1EventOf(event)),
      onCleared,
    });
    if (first.kind === "event") onEvent(v1EventOf(first.event));
    return first;
  }
}

/** The command that forgets all events but the newest `keepEvents`. */
export function keeping(store: Store, keepEvents: number): CompactCommand {
  const { revision, changeIndex } = store;
  return { type: "compact", revision, changeIndex: changeIndex + 1, keepEvents };
}

/** The slices of an image, copied as a disk would. */
export function slices(store: Store): Uint8Array[] {
  return [...store.snapshot()].map((slice) => slice.slice());
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** The order of the bytes of UTF-8, the slow way. */
export function byBytes(a: string, b: string): number {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a).toHex(), encoder.encode(b).toHex()];
  return left < right ? -1 : Number(left > right);
}

/** Numbers in [0, 1) from a seed; mulberry32. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
