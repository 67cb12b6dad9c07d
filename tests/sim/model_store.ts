/**
 * What the state machine has to do, said a second time and as plainly as can be:
 * each key's whole past as a list of versions, so that it can be asked for the
 * state at any index. Applies every committed command once.
 */
import { textOf } from "../../src/store/byte_string.ts";
import { decodeCommand } from "../../src/store/command/codec.ts";
import type { ValueBytes } from "../../src/store/command/command.ts";
import { NOTHING } from "../../src/store/result.ts";
import type { V1Event, V1Result } from "../store/v1_words.ts";

/** What a key is from `index` on. */
export interface Version {
  readonly index: number;
  readonly kind: "file" | "directory" | "missing";
  readonly value: string;
  /** Unix ms; 0: permanent. */
  readonly deadlineMs: number;
  /** When a linearizable reader first found it past its deadline; Infinity: none has. */
  deadSince: number;
}

interface ModelSet {
  readonly type: "set";
  readonly key: string;
  readonly value: string;
  readonly prevValue: string | undefined;
  readonly ttlSeconds: number | undefined;
}

/** What clients and leaders ask for, in text. */
export type ModelCommand =
  | ModelSet
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "expire"; readonly key: string; readonly setIndex: number }
  /** Events may go, keys stay. */
  | { readonly type: "compact" };

/** `compact` is just done. */
export type ModelResult = V1Result | { readonly kind: "done" };

/** A command and what it does. */
export interface Step {
  readonly command: ModelCommand;
  readonly result: ModelResult;
}

export class ModelStore {
  readonly #versions = new Map<string, Version[]>();
  /** By index; undefined for what is no command. */
  readonly #steps: (Step | undefined)[] = [];
  /** In the order of their indexes. */
  readonly events: V1Event[] = [];
  #timeMs = 0;

  /** What the entry at `index` did; undefined when it is no command, or not committed. */
  stepAt(index: number): Step | undefined {
    return this.#steps[index];
  }

  /** Applies the committed command at `index`, which is above all before it. */
  apply(index: number, data: Uint8Array): Step {
    const { command, timeMs } = inText(data);
    this.#timeMs = Math.max(this.#timeMs, timeMs);
    const step = { command, result: this.#apply(index, command) };
    this.#steps[index] = step;
    if ("action" in step.result) this.events.push(step.result);
    return step;
  }

  /** What `key` was after the entry at `index`, deadlines aside; undefined: never there. */
  at(key: string, index: number): Version | undefined {
    const versions = this.#versions.get(key);
    for (let i = (versions?.length ?? 0) - 1; i >= 0; i--) {
      const version = versions![i]!;
      if (version.index <= index) return version;
    }
    return undefined;
  }

  /** The first event at `path` or under it with an index of at least `since`. */
  firstEvent(path: string, since: number): V1Event | undefined {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle]!.index < since) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < this.events.length; i++) {
      if (isUnder(path, this.events[i]!.key)) return this.events[i];
    }
    return undefined;
  }

  /** Keys with a deadline that are there after all that was applied. */
  livingUntil(): ReadonlyMap<string, Version> {
    const living = new Map<string, Version>();
    for (const [key, versions] of this.#versions) {
      const version = versions.at(-1)!;
      if (version.kind === "file" && version.deadlineMs !== 0) living.set(key, version);
    }
    return living;
  }

  #apply(index: number, command: ModelCommand): ModelResult {
    if (command.type === "compact") return { kind: "done" };
    const { key } = command;
    const current = this.at(key, index);
    const isFile = current?.kind === "file";
    switch (command.type) {
      case "set":
        return this.#set(index, command, current);
      case "delete":
        return isFile
          ? this.#delete(index, key, current)
          : { kind: "rejected", reason: "keyNotFound", key };
      case "expire":
        return isFile && current.index === command.setIndex
          ? this.#delete(index, key, current)
          : NOTHING;
    }
  }

  #set(index: number, command: ModelSet, current: Version | undefined): V1Result {
    const { key, value, prevValue, ttlSeconds } = command;
    const isFile = current?.kind === "file";
    if (prevValue !== undefined) {
      if (!isFile) return { kind: "rejected", reason: "keyNotFound", key };
      if (current.value !== prevValue) {
        const [expected, found] = [prevValue, current.value];
        return { kind: "rejected", reason: "testFailed", key, expected, found };
      }
    }
    if (ttlSeconds !== undefined && ttlSeconds <= 0) {
      return isFile
        ? this.#delete(index, key, current)
        : { kind: "rejected", reason: "keyNotFound", key };
    }
    if (current?.kind === "directory" || this.#isBelowFile(key, index)) {
      return { kind: "rejected", reason: "notAFile", key };
    }
    for (const directory of parentsOf(key)) {
      if (this.at(directory, index)?.kind !== "directory") {
        this.#put(directory, { index, kind: "directory", value: "", deadlineMs: 0 });
      }
    }
    const deadlineMs = ttlSeconds === undefined ? 0 : this.#timeMs + ttlSeconds * 1000;
    this.#put(key, { index, kind: "file", value, deadlineMs });
    return {
      action: "SET",
      key,
      ...(isFile && { prevValue: current.value }),
      value,
      newKey: !isFile,
      ...(deadlineMs !== 0 && { expirationMs: deadlineMs }),
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      index,
    };
  }

  #delete(index: number, key: string, { value, deadlineMs }: Version): V1Event {
    this.#put(key, { index, kind: "missing", value: "", deadlineMs: 0 });
    return {
      action: "DELETE",
      key,
      prevValue: value,
      newKey: false,
      ...(deadlineMs !== 0 && { expirationMs: deadlineMs }),
      index,
    };
  }

  #isBelowFile(key: string, index: number): boolean {
    return parentsOf(key).some((directory) => this.at(directory, index)?.kind === "file");
  }

  #put(key: string, version: Omit<Version, "deadSince">): void {
    const versions = this.#versions.get(key);
    const item = { ...version, deadSince: Infinity };
    if (versions === undefined) this.#versions.set(key, [item]);
    else versions.push(item);
  }
}

function inText(data: Uint8Array): { readonly command: ModelCommand; readonly timeMs: number } {
  const { command, timeMs } = decodeCommand(data);
  switch (command.type) {
    case "set": {
      const { type, value, prevValue, ttlSeconds } = command;
      const key = textOf(command.key);
      const expected = prevValue && utf8(prevValue);
      return {
        command: { type, key, value: utf8(value), prevValue: expected, ttlSeconds },
        timeMs,
      };
    }
    case "delete":
      return { command: { type: "delete", key: textOf(command.key) }, timeMs };
    case "expire": {
      const { type, key, setIndex } = command;
      return { command: { type, key: textOf(key), setIndex }, timeMs };
    }
    case "compact":
      return { command: { type: "compact" }, timeMs };
    default:
      throw new TypeError(`Expected a command that simulated clients ask, found ${command.type}`);
  }
}

function utf8(value: ValueBytes): string {
  return typeof value === "string" ? value : new TextDecoder().decode(value);
}

/** Whether `key` is `path` or below it. */
export function isUnder(path: string, key: string): boolean {
  return path === "/" || key === path || key.startsWith(`${path}/`);
}

/** The directories above `key`, without the root. */
function parentsOf(key: string): string[] {
  const parents: string[] = [];
  for (let slash = key.indexOf("/", 1); slash > 0; slash = key.indexOf("/", slash + 1)) {
    parents.push(key.slice(0, slash));
  }
  return parents;
}
