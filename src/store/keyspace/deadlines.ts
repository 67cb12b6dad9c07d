/** What expires, in the order of the deadlines: a map whose keys are deadline, kind and path. */
import type { ByteString } from "../byte_string.ts";
import { PackedMap } from "./packed_map.ts";
import { bareRecord, keyAt } from "./record.ts";

/** Hexadecimal digits of a deadline; enough until the year 10889. */
const DIGITS = 12;

const DIRECTORY = "d";
const FILE = "f";

export interface Due {
  readonly key: ByteString;
  readonly isDirectory: boolean;
}

export class DeadlineIndex {
  readonly #map = new PackedMap();

  get size(): number {
    return this.#map.size;
  }

  add(deadlineMs: number, key: ByteString, isDirectory: boolean): void {
    const entry = entryOf(deadlineMs, key, isDirectory);
    this.#map.set(entry, bareRecord(entry));
  }

  delete(deadlineMs: number, key: ByteString, isDirectory: boolean): void {
    this.#map.delete(entryOf(deadlineMs, key, isDirectory));
  }

  /** The earliest, Unix ms; Infinity when there is none. */
  next(): number {
    const first = this.#map.first();
    return first === undefined ? Infinity : deadlineOf(keyAt(first.bytes, first.at));
  }

  /** What is due at `nowMs`, the earliest first, at most `max`. */
  due(nowMs: number, max: number): Due[] {
    const due: Due[] = [];
    const cursor = this.#map.cursor();
    while (due.length < max && cursor.next()) {
      const entry = keyAt(cursor.bytes, cursor.at);
      if (deadlineOf(entry) > nowMs) break;
      due.push({ key: entry.slice(DIGITS + 1), isDirectory: entry[DIGITS] === DIRECTORY });
    }
    return due;
  }
}

function entryOf(deadlineMs: number, key: ByteString, isDirectory: boolean): ByteString {
  return deadlineMs.toString(16).padStart(DIGITS, "0") + (isDirectory ? DIRECTORY : FILE) + key;
}

function deadlineOf(entry: ByteString): number {
  return parseInt(entry.slice(0, DIGITS), 16);
}
