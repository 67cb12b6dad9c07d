/**
 * What the committed log has to do, by the plain model of all APIs, and what clients of
 * v1 could see at any index. Applies every committed command once.
 */
import { textOf } from "../../src/store/byte_string.ts";
import { decodeCommand, encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, NOBODY, type Requester } from "../../src/store/command/command.ts";
import { isRemoval } from "../../src/store/event.ts";
import { type AuthState, NO_USERS } from "../store/auth/model.ts";
import { Model } from "../store/model.ts";
import type { PlainEvent, PlainResult, PlainVersion } from "../store/plain.ts";
import type { V1Event } from "../store/v1_words.ts";
import { KEYS } from "./keys.ts";

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

/** The numbers of a state. */
export type Numbers = Readonly<
  Record<"index" | "revision" | "changeIndex" | "compactedRevision", number>
>;

/** A committed command and what it does. */
export interface Step {
  readonly command: Command;
  readonly requester: Requester;
  /** The same for all commands that say the same. */
  readonly signature: string;
  readonly result: PlainResult;
  /** After it. */
  readonly numbers: Numbers;
  /** After it. */
  readonly auth: AuthState;
}

export class ModelStore {
  /** As of the newest committed entry. */
  readonly state = new Model();
  /** What watches of v1 are told, in the order of the indexes. */
  readonly events: V1Event[] = [];
  readonly #versions = new Map<string, Version[]>();
  /** By index; undefined for what is no command. */
  readonly #steps: (Step | undefined)[] = [];

  /** What the entry at `index` did; undefined when it is no command, or not committed. */
  stepAt(index: number): Step | undefined {
    return this.#steps[index];
  }

  /** Applies the committed command at `index`, which is above all before it. */
  apply(index: number, data: Uint8Array): Step {
    const { state } = this;
    const stamped = decodeCommand(data);
    const before = state.events.length;
    const result = state.apply(index, stamped);
    const { revision, changeIndex, compactedRevision } = state;
    const numbers = { index: state.index, revision, changeIndex, compactedRevision };
    const { command, requester } = stamped;
    const { auth } = state;
    const signature = signatureOf(command);
    const step: Step = { command, requester, signature, result, numbers, auth };
    this.#steps[index] = step;
    for (const event of state.events.slice(before)) {
      if (event.isFile && !event.isDirectory && !event.isQuiet) this.events.push(v1Words(event));
    }
    for (const key of KEYS) this.#note(index, key);
    return step;
  }

  /** The numbers after the entry at `index`. */
  numbersAt(index: number): Numbers {
    for (let at = index; at > 0; at--) {
      const step = this.#steps[at];
      if (step !== undefined) return step.numbers;
    }
    return { index: 0, revision: 1, changeIndex: 3, compactedRevision: 0 };
  }

  /** Users and roles after the entry at `index`. */
  authAt(index: number): AuthState {
    for (let at = index; at > 0; at--) {
      const step = this.#steps[at];
      if (step !== undefined) return step.auth;
    }
    return NO_USERS;
  }

  /** What was there at `revision`. */
  keysAt(revision: number): ReadonlyMap<string, PlainVersion> {
    return this.state.past.get(revision)!;
  }

  /** What `key`, one of v1's, was after the entry at `index`, deadlines aside; undefined: never there. */
  at(key: string, index: number): Version | undefined {
    return this.#versions.get(key)?.findLast((version) => version.index <= index);
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

  #note(index: number, key: string): void {
    const file = this.state.file(key);
    const isDirectory = file === undefined && this.state.hasDirectory(key);
    const kind = isDirectory ? "directory" : file === undefined ? "missing" : "file";
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    const last = versions.at(-1);
    if (kind === (last?.kind ?? "missing") && file?.setIndex !== index) return;
    const { value = "", deadlineMs = 0 } = file ?? {};
    versions.push({ index, kind, value: textOf(value), deadlineMs, deadSince: Infinity });
  }
}

/** What is the same for all commands that say the same, whoever asks and whenever. */
export function signatureOf(command: Command): string {
  return encodeCommand(command, NOBODY, 0).toHex();
}

/** Whether `key` is `path` or below it. */
export function isUnder(path: string, key: string): boolean {
  return path === "/" || key === path || key.startsWith(`${path}/`);
}

function v1Words(event: PlainEvent): V1Event {
  const { after, before, logIndex: index, timeMs } = event;
  const isDelete = isRemoval({ ...event, after: undefined, before: undefined });
  const deadlineMs = (after ?? before)?.deadlineMs ?? 0;
  return {
    action: isDelete ? "DELETE" : "SET",
    key: textOf(event.key),
    newKey: before === undefined,
    index,
    ...(before !== undefined && { prevValue: textOf(before.value) }),
    ...(after !== undefined && { value: textOf(after.value) }),
    ...(deadlineMs !== 0 && { expirationMs: deadlineMs }),
    ...(after !== undefined && deadlineMs !== 0 && {
      ttlSeconds: Math.ceil((deadlineMs - timeMs) / 1000),
    }),
  };
}
