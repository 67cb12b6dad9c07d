/** A store at the end of a log that a test writes, entry by entry. */
import { assert } from "@std/assert";
import type { Command } from "../../src/store/command.ts";
import { encodeCommand } from "../../src/store/command.ts";
import type { ApplyResult, Event } from "../../src/store/event.ts";
import { Store } from "../../src/store/store.ts";

/** Time of the first command, Unix ms: 2013-09-01. */
export const START_MS = 1_377_993_600_000;

export class Log {
  readonly store: Store;
  /** Of the newest entry. The first two are the no-op and the registration of the first node. */
  index = 2;
  timeMs = START_MS;

  constructor(historyMax = 1024) {
    this.store = new Store({ historyMax });
  }

  apply(command: Command): ApplyResult {
    return this.store.apply(++this.index, encodeCommand(command));
  }

  set(
    key: string,
    value: string,
    options: { prevValue?: string; ttlSeconds?: number } = {},
  ): ApplyResult {
    const { prevValue, ttlSeconds } = options;
    return this.apply({ type: "set", key, value, prevValue, ttlSeconds, timeMs: this.timeMs });
  }

  delete(key: string): ApplyResult {
    return this.apply({ type: "delete", key, timeMs: this.timeMs });
  }

  expire(key: string, setIndex: number): ApplyResult {
    return this.apply({ type: "expire", key, setIndex, timeMs: this.timeMs });
  }

  /** Applies all that is due now. */
  expireDue(): ApplyResult[] {
    return this.store.due(this.timeMs, Infinity).map((bytes) =>
      this.store.apply(++this.index, bytes)
    );
  }

  /** The value for a reader of now; undefined for a directory and for what is missing. */
  value(key: string): string | undefined {
    const found = this.store.read(key, this.timeMs);
    return found.kind === "file" ? found.item.value : undefined;
  }

  /** The children for a reader of now: `name=value` for files, `name/` for directories. */
  list(key: string): string[] {
    return [...this.store.list(key, this.timeMs)].map(({ key, item }) =>
      item === "directory" ? `${key}/` : `${key}=${item.value}`
    );
  }

  /** The next event at `path`, kept in the array that is returned. */
  watch(path: string, since?: number): Event[] {
    const events: Event[] = [];
    const watch = this.store.watches.watch(path, since, (event) => events.push(event));
    assert("cancel" in watch, `The history must reach back to ${since}`);
    return events;
  }
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
