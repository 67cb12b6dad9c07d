/**
 * The state machine a second time, written to be checked against the design by eye
 * and not to be fast: plain maps, a copy of all keys for each revision, a list of all
 * events. Which keys are files and which directories are there is worked out from
 * what is there, never kept up to date. Answers and events must be the store's.
 */
import type {
  AlarmCommand,
  Command,
  CompactCommand,
  DeleteCommand,
  ExpireCommand,
  LeaseGrantCommand,
  LeaseRevokeCommand,
  SetCommand,
  StampedCommand,
} from "../../src/store/command/command.ts";
import type { Action } from "../../src/store/event.ts";
import type { SlowKeys } from "./auth/permissions.ts";
import { type AuthState, changedBy, NO_USERS, refusalBy } from "./auth/model.ts";
import { carryOut, problemOf } from "./model_kv.ts";
import { applyTreeDelete, applyTreePut } from "./model_tree.ts";
import {
  bytesIn,
  NO_VERSION,
  type PlainEvent,
  type PlainRejected,
  type PlainResult,
  type PlainVersion,
} from "./plain.ts";

/** A directory; one that is implied by the files of v3 goes with the last of them. */
export interface ModelDirectory extends PlainVersion {
  readonly isMade: boolean;
}

export interface ModelLease {
  readonly ttlSeconds: number;
  readonly grantIndex: number;
}

/** A new value of a key, without what follows from the entry. */
export interface ModelPut {
  readonly action: Action;
  readonly value: string;
  readonly deadlineMs?: number;
  readonly lease?: bigint;
  readonly keepsCreatedIndex?: boolean;
  readonly isQuiet?: boolean;
}

/** The last millisecond of the year 9999. */
const DEADLINE_MS_MAX = Date.parse("9999-12-31T23:59:59.999Z");

export class Model {
  timeMs = 0;
  index = 0;
  appliedIndex = 0;
  revision = 1;
  changeIndex = 3;
  compactedRevision = 0;
  readonly keys = new Map<string, PlainVersion>();
  readonly directories = new Map<string, ModelDirectory>();
  readonly leases = new Map<bigint, ModelLease>();
  readonly alarms = new Set<string>();
  auth: AuthState = NO_USERS;
  /** All that ever happened; watches can begin behind the first `gone` of them. */
  readonly events: PlainEvent[] = [];
  gone = 0;
  /** What was there at each revision. */
  readonly past = new Map<number, ReadonlyMap<string, PlainVersion>>([[1, new Map()]]);
  /** Whether the entry has changed a key so far. */
  #hasRevision = false;

  apply(index: number, stamped: StampedCommand): PlainResult {
    this.appliedIndex = index;
    this.timeMs = Math.max(this.timeMs, stamped.timeMs);
    this.#hasRevision = false;
    const eventsBefore = this.events.length;
    const result = this.#apply(stamped);
    const { command } = stamped;
    const isFailedTest = command.type === "set" && command.prevValue !== undefined &&
      result.kind === "rejected" && result.reason !== "notAFile";
    const isRefused = result.kind === "rejected" && REFUSALS.includes(result.reason);
    const isV1 = command.type === "set" || command.type === "delete";
    if (isV1 ? !isFailedTest && !isRefused : this.events.length > eventsBefore) this.index = index;
    if (this.#hasRevision) this.past.set(++this.revision, new Map(this.keys));
    return result.kind === "applied" || result.kind === "done"
      ? { ...result, revision: this.revision }
      : result;
  }

  /** The deadline of a TTL that begins now; 0 for none. */
  deadlineAfter(ttlSeconds: number | undefined): number {
    if (ttlSeconds === undefined) return 0;
    return Math.min(this.timeMs + 1000 * ttlSeconds, DEADLINE_MS_MAX);
  }

  /** The revision of what happens now. */
  get #revisionNow(): number {
    return this.#hasRevision ? this.revision + 1 : this.revision;
  }

  rejected(
    reason: PlainRejected["reason"],
    key: string,
    failed?: PlainRejected["failed"],
  ): PlainRejected {
    const rejected = { kind: "rejected", reason, key, changeIndex: this.changeIndex } as const;
    return failed === undefined ? rejected : { ...rejected, failed };
  }

  file(key: string): PlainVersion | undefined {
    return isFile(key) ? this.keys.get(key) : undefined;
  }

  hasDirectory(path: string): boolean {
    return path === "/" || this.directories.has(path);
  }

  /** The nearest file above `key`. */
  fileAbove(key: string): string | undefined {
    return above(key).findLast((path) => this.file(path) !== undefined);
  }

  /** The files and directories below `path`. */
  below(path: string): { readonly files: string[]; readonly directories: string[] } {
    const isBelow = (key: string) => key.startsWith(path === "/" ? "/" : `${path}/`);
    return {
      files: [...this.keys.keys()].filter((key) => isFile(key) && isBelow(key)).sort(),
      directories: [...this.directories.keys()].filter(isBelow).sort(),
    };
  }

  put(key: string, put: ModelPut, makesParents: boolean): PlainEvent {
    const before = this.keys.get(key);
    const changeIndex = ++this.changeIndex;
    this.#hasRevision = true;
    const after: PlainVersion = {
      value: put.value,
      setIndex: this.appliedIndex,
      createRevision: before?.createRevision ?? this.#revisionNow,
      modRevision: this.#revisionNow,
      version: (before?.version ?? 0) + 1,
      createdIndex: put.keepsCreatedIndex && before ? before.createdIndex : changeIndex,
      modifiedIndex: changeIndex,
      deadlineMs: put.deadlineMs ?? 0,
      lease: put.lease ?? 0n,
    };
    this.keys.set(key, after);
    if (isFile(key)) this.#makeParents(key, makesParents);
    const { action, isQuiet = false } = put;
    return this.#tell({ action, key, isQuiet, isFile: isFile(key), changeIndex, after, before });
  }

  remove(key: string, action: Action, coveredBy?: number): PlainEvent {
    const before = this.keys.get(key)!;
    const changeIndex = coveredBy ?? ++this.changeIndex;
    this.#hasRevision = true;
    this.keys.delete(key);
    const isCovered = coveredBy !== undefined;
    const event = { action, key, isFile: isFile(key), isCovered, changeIndex, before };
    if (!isCovered) this.#forgetEmpty();
    return this.#tell({ ...event, after: undefined });
  }

  putDirectory(path: string, action: Action, deadlineMs: number, isQuiet: boolean): PlainEvent {
    const before = this.directories.get(path);
    const changeIndex = ++this.changeIndex;
    if (before === undefined) this.#makeParents(path, true);
    const after = this.#directoryNow(before?.createdIndex ?? changeIndex, deadlineMs);
    // As in the original, an update does not move what is kept.
    const modifiedIndex = before?.modifiedIndex ?? changeIndex;
    this.directories.set(path, { ...after, modifiedIndex, isMade: true });
    const event = { action, key: path, isDirectory: true, isFile: true, isQuiet, changeIndex };
    return this.#tell({ ...event, after, before: before && withoutMade(before) });
  }

  /** A directory takes the place of the file `key`. */
  replaceByDirectory(key: string, deadlineMs: number): PlainEvent {
    const before = this.keys.get(key)!;
    const changeIndex = ++this.changeIndex;
    const after = this.#directoryNow(changeIndex, deadlineMs);
    const event = { action: "set", key, isDirectory: true, isFile: true, changeIndex } as const;
    const told = this.#tell({ ...event, after, before });
    const hidden = this.directories.get(key);
    if (hidden !== undefined) {
      const gone = { ...event, action: "delete", isCovered: true, after: undefined } as const;
      this.#tell({ ...gone, before: withoutMade(hidden) });
    }
    this.directories.set(key, { ...after, isMade: true });
    this.remove(key, "delete", changeIndex);
    this.#forgetEmpty();
    return told;
  }

  removeDirectory(path: string, action: Action): PlainEvent {
    const changeIndex = ++this.changeIndex;
    const { files, directories } = this.below(path);
    const [told] = [path, ...directories].map((key) => {
      const before = withoutMade(this.directories.get(key)!);
      const isCovered = key !== path;
      const event = { action, key, isDirectory: true, isFile: true, isCovered, changeIndex };
      return this.#tell({ ...event, after: undefined, before });
    });
    for (const key of [path, ...directories]) this.directories.delete(key);
    for (const key of files) this.remove(key, action, changeIndex);
    this.#forgetEmpty();
    return told!;
  }

  #apply({ command, requester }: StampedCommand): PlainResult {
    const refusal = refusalBy(this.auth, slowKeys(this.keys, this.directories), command, requester);
    if (refusal !== undefined) return this.rejected(refusal, "");
    const active = (alarm: string) => [...this.alarms].some((name) => name.startsWith(alarm));
    if (active("corrupt") && WRITES.some((type) => has(command, type))) {
      return this.rejected("corrupt", "");
    }
    if (active("noSpace") && GROWTH.some((type) => has(command, type))) {
      return this.rejected("noSpace", "");
    }
    switch (command.type) {
      case "set":
        return this.#set(command);
      case "delete":
        return this.#delete(command);
      case "expire":
        return this.#expire(command);
      case "treePut":
        return applyTreePut(this, command);
      case "treeDelete":
        return applyTreeDelete(this, command);
      case "put":
      case "deleteRange":
      case "range":
      case "txn": {
        const problem = problemOf(this, command);
        if (problem !== undefined) return problem;
        const { appliedIndex: logIndex } = this;
        return { kind: "applied", revision: 0, logIndex, result: carryOut(this, command) };
      }
      case "compact":
        return this.#compact(command);
      case "leaseGrant":
        return this.#grant(command);
      case "leaseRevoke":
        return this.#revoke(command);
      case "alarm":
        return this.#done(this.#alarm(command));
      case "auth": {
        const after = changedBy(this.auth, command);
        if (typeof after === "string") return this.rejected(after, "");
        this.auth = after;
        return this.#done(true);
      }
    }
  }

  #set({ key, value, prevValue, ttlSeconds }: SetCommand): PlainResult {
    const file = this.file(key);
    const blocked = this.fileAbove(key) !== undefined;
    if (file !== undefined && blocked) return this.rejected("notAFile", key);
    if (prevValue !== undefined) {
      if (file === undefined) return this.rejected("keyNotFound", key);
      const expected = bytesIn(prevValue);
      const failed = [{ of: "value", expected, found: file.value }] as const;
      if (file.value !== expected) return this.rejected("testFailed", key, failed);
    }
    if (ttlSeconds !== undefined && ttlSeconds <= 0) {
      if (file === undefined) return this.rejected("keyNotFound", key);
      return this.remove(key, "delete");
    }
    const isFree = file !== undefined || isFile(key) && !blocked && !this.hasDirectory(key);
    if (!isFree) return this.rejected("notAFile", key);
    const deadlineMs = this.deadlineAfter(ttlSeconds);
    return this.put(key, { action: "set", value: bytesIn(value), deadlineMs }, true);
  }

  #delete({ key }: DeleteCommand): PlainResult {
    if (this.file(key) === undefined) return this.rejected("keyNotFound", key);
    if (this.fileAbove(key) !== undefined) return this.rejected("notAFile", key);
    return this.remove(key, "delete");
  }

  #expire({ key, setIndex, isDirectory }: ExpireCommand): PlainResult {
    const found = isDirectory ? this.directories.get(key) : this.keys.get(key);
    if (found?.setIndex !== setIndex) return { kind: "nothing" };
    return isDirectory ? this.removeDirectory(key, "expire") : this.remove(key, "expire");
  }

  #compact({ revision, changeIndex, keepEvents }: CompactCommand): PlainResult {
    if (revision > this.revision) return this.rejected("futureRevision", "");
    if (changeIndex === 0 && revision <= this.compactedRevision) {
      return this.rejected("compacted", "");
    }
    const older = this.events.findLastIndex((event) =>
      event.revision < revision || event.changeIndex < changeIndex
    );
    const gone = Math.min(older + 1, this.events.length - keepEvents);
    this.gone = Math.max(this.gone, gone);
    this.compactedRevision = Math.max(this.compactedRevision, revision);
    return this.#done(true);
  }

  #grant({ id, ttlSeconds }: LeaseGrantCommand): PlainResult {
    if (this.leases.has(id)) return this.rejected("leaseExists", "");
    this.leases.set(id, { ttlSeconds, grantIndex: this.appliedIndex });
    return this.#done(true);
  }

  #revoke({ id, grantIndex }: LeaseRevokeCommand): PlainResult {
    const lease = this.leases.get(id);
    if (lease === undefined || (grantIndex !== 0 && grantIndex !== lease.grantIndex)) {
      return this.rejected("leaseNotFound", "");
    }
    const keys = [...this.keys.keys()].filter((key) => this.keys.get(key)!.lease === id);
    for (const key of keys.sort()) this.remove(key, grantIndex === 0 ? "delete" : "expire");
    this.leases.delete(id);
    return this.#done(true);
  }

  /** Whether anything changed. */
  #alarm({ action, alarm, member }: AlarmCommand): boolean {
    const name = `${alarm} ${member}`;
    const isActive = this.alarms.has(name);
    if (action === "activate") this.alarms.add(name);
    else this.alarms.delete(name);
    return this.alarms.has(name) !== isActive;
  }

  #done(changed: boolean): PlainResult {
    return { kind: "done", revision: 0, logIndex: this.appliedIndex, changed };
  }

  #makeParents(key: string, isMade: boolean): void {
    for (const path of above(key)) {
      if (this.directories.has(path)) continue;
      this.directories.set(path, { ...this.#directoryNow(this.changeIndex, 0), isMade });
    }
  }

  /** Directories that nobody made, and under which nothing is any longer, are not there. */
  #forgetEmpty(): void {
    for (const [path, { isMade }] of this.directories) {
      const { files, directories } = this.below(path);
      const isNeeded = files.length > 0 ||
        directories.some((below) => this.directories.get(below)!.isMade);
      if (!isMade && !isNeeded) this.directories.delete(path);
    }
  }

  #directoryNow(createdIndex: number, deadlineMs: number): PlainVersion {
    const { appliedIndex: setIndex, changeIndex: modifiedIndex } = this;
    return { ...NO_VERSION, setIndex, createdIndex, modifiedIndex, deadlineMs };
  }

  #tell(
    event:
      & Pick<PlainEvent, "action" | "key" | "isFile" | "changeIndex" | "after" | "before">
      & Partial<PlainEvent>,
  ): PlainEvent {
    const told: PlainEvent = {
      kind: "event",
      isDirectory: false,
      isQuiet: false,
      isCovered: false,
      logIndex: this.appliedIndex,
      revision: this.#revisionNow,
      timeMs: this.timeMs,
      ...event,
    };
    this.events.push(told);
    return told;
  }
}

/** What `slowKeys` reads of the keys and directories of some moment. */
export function slowKeys(
  keys: ReadonlyMap<string, PlainVersion>,
  directories: ReadonlyMap<string, unknown>,
): SlowKeys {
  return {
    hasKey: (key) => keys.has(key),
    hasDirectory: (path) => path === "/" || directories.has(path),
    keysOn: (lease) => [...keys.keys()].filter((key) => keys.get(key)!.lease === lease),
  };
}

/** For what a command is as if it had not been asked. */
const REFUSALS: readonly string[] = ["noSpace", "corrupt", "permissionDenied", "authIsOld"];

/** What asks for more space. */
const GROWTH = ["set", "treePut", "put", "leaseGrant"];

/** What changes keys or leases, but for what the cluster does by itself. */
const WRITES = [...GROWTH, "delete", "treeDelete", "deleteRange", "leaseRevoke"];

/** Whether `command` is of that type, or has such an operation in either branch at any depth. */
function has(command: Command, type: string): boolean {
  if (command.type === type) return true;
  if (command.type !== "txn") return false;
  return [...command.success, ...command.failure].some((inner) => has(inner, type));
}

/** Whether v1 and v2 see `key`. */
export function isFile(key: string): boolean {
  if (!key.startsWith("/") || key.length > 4096 || key.includes("\0")) return false;
  const segments = key.slice(1).split("/");
  const isClean = segments.every((segment) => !["", ".", ".."].includes(segment));
  return isClean && segments.length <= 128 && isUtf8(key);
}

function isUtf8(key: string): boolean {
  const bytes = Uint8Array.from(key, (unit) => unit.charCodeAt(0));
  return !new TextDecoder().decode(bytes).includes("\uFFFD") || key.includes("\xEF\xBF\xBD");
}

/** `/a/b/c` has `/a` and `/a/b` above it. */
export function above(key: string): string[] {
  const names = key.split("/").slice(1, -1);
  return names.map((_, i) => "/" + names.slice(0, i + 1).join("/"));
}

function withoutMade({ isMade: _, ...version }: ModelDirectory): PlainVersion {
  return version;
}
