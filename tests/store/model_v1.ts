/**
 * What v1's commands do, as plainly as it can be written: a Map of files, a Set of
 * directories, a list of all events. What the store must agree with.
 */
import { NOTHING } from "../../src/store/result.ts";
import { byBytes } from "./log.ts";
import type { V1Event as Event, V1Result } from "./v1_words.ts";

interface SetV1 {
  readonly type: "set";
  readonly key: string;
  readonly value: string;
  readonly prevValue: string | undefined;
  readonly ttlSeconds: number | undefined;
}

/** A command of v1 in text. */
export type CommandV1 =
  | SetV1
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "expire"; readonly key: string; readonly setIndex: number };

export interface ModelFile {
  readonly value: string;
  readonly setIndex: number;
  readonly deadlineMs: number;
}

export class ModelV1 {
  readonly files = new Map<string, ModelFile>();
  readonly directories = new Set<string>(["/"]);
  readonly events: Event[] = [];
  timeMs = 0;
  index = 0;

  apply(index: number, timeMs: number, command: CommandV1): V1Result {
    this.timeMs = Math.max(this.timeMs, timeMs);
    const result = this.#apply(index, command);
    if ("action" in result) this.events.push(result);
    const isTest = command.type === "set" && command.prevValue !== undefined;
    const passedOver = result === NOTHING || (isTest && "reason" in result);
    if (!passedOver) this.index = index;
    return result;
  }

  /** The children that a reader sees at `nowMs`, sorted. */
  list(directory: string, nowMs: number): string[] {
    const prefix = directory === "/" ? "/" : `${directory}/`;
    const isChild = (key: string) =>
      key.startsWith(prefix) && key !== "/" && !key.slice(prefix.length).includes("/");
    const files = [...this.files].filter(([, { deadlineMs }]) =>
      deadlineMs === 0 || deadlineMs > nowMs
    );
    return [
      ...files.map(([key]) => key),
      ...this.directories,
    ].filter(isChild).sort(byBytes);
  }

  due(nowMs: number): string[] {
    return [...this.files]
      .filter(([, { deadlineMs }]) => deadlineMs !== 0 && deadlineMs <= nowMs)
      .sort(([a, { deadlineMs: left }], [b, { deadlineMs: right }]) =>
        left - right || byBytes(a, b)
      )
      .map(([key]) => key);
  }

  #apply(index: number, command: CommandV1): V1Result {
    const { key } = command;
    const file = this.files.get(key);
    switch (command.type) {
      case "set":
        return this.#set(index, command, file);
      case "delete":
        return file === undefined
          ? { kind: "rejected", reason: "keyNotFound", key }
          : this.#remove(index, key, file);
      case "expire":
        return file?.setIndex === command.setIndex ? this.#remove(index, key, file) : NOTHING;
    }
  }

  #set(index: number, command: SetV1, file: ModelFile | undefined): V1Result {
    const { key, value, prevValue, ttlSeconds } = command;
    if (prevValue !== undefined && file === undefined) {
      return { kind: "rejected", reason: "keyNotFound", key };
    }
    if (prevValue !== undefined && file!.value !== prevValue) {
      const [expected, found] = [prevValue, file!.value];
      return { kind: "rejected", reason: "testFailed", key, expected, found };
    }
    if (ttlSeconds !== undefined && ttlSeconds <= 0) {
      return file === undefined
        ? { kind: "rejected", reason: "keyNotFound", key }
        : this.#remove(index, key, file);
    }
    const parents = parentsOf(key);
    if (this.directories.has(key) || parents.some((parent) => this.files.has(parent))) {
      return { kind: "rejected", reason: "notAFile", key };
    }
    for (const parent of parents) this.directories.add(parent);
    const deadlineMs = ttlSeconds === undefined ? 0 : this.timeMs + ttlSeconds * 1000;
    this.files.set(key, { value, setIndex: index, deadlineMs });
    const event: { -readonly [K in keyof Event]: Event[K] } = {
      action: "SET",
      key,
      value,
      newKey: file === undefined,
      index,
    };
    if (file !== undefined) event.prevValue = file.value;
    if (deadlineMs !== 0) event.expirationMs = deadlineMs;
    if (ttlSeconds !== undefined) event.ttlSeconds = ttlSeconds;
    return event;
  }

  #remove(index: number, key: string, { value, deadlineMs }: ModelFile): Event {
    this.files.delete(key);
    const event = { action: "DELETE", key, prevValue: value, newKey: false, index } as const;
    return deadlineMs === 0 ? event : { ...event, expirationMs: deadlineMs };
  }
}

/** `/a/b/c` has the parents `/a` and `/a/b`. */
function parentsOf(key: string): string[] {
  const names = key.split("/").slice(1, -1);
  return names.map((_, i) => "/" + names.slice(0, i + 1).join("/"));
}
