/** What `etcd doctor` finds out about a data directory, without changing anything in it. */
import { messageOf } from "../base/errors.ts";
import { statfsSync } from "node:fs";
import { decodeCommand } from "../store/command/codec.ts";
import {
  checkFinished,
  type DirectoryContent,
  isNew,
  readDirectory,
} from "../storage/directory.ts";
import { CorruptionError } from "../storage/errors.ts";
import { LOCK_NAME, PROBE_TEMPORARY_NAME, snapshotName } from "../storage/names.ts";
import { openReadOnlyDisk } from "../storage/read_only_disk.ts";
import { snapshotSlices } from "../storage/snapshot_file.ts";
import { ImageError } from "../store/image/format.ts";
import { Store } from "../store/store.ts";
import { DATA_OPTIONS } from "./data_files.ts";
import type { Finding } from "./finding.ts";
import { amount } from "./progress.ts";
import { shellWord } from "./shell_word.ts";

/** Looks that a running node may spoil by changing files meanwhile. */
const ATTEMPTS_MAX = 5;
const SYNCS = 100;
/** What etcd's documentation asks of a disk. */
const SYNC_GOOD_MS = 10;
/** Half an election time-out: a slower disk costs leaders their office. */
const SYNC_BAD_MS = 500;
const SPACE_GOOD_BYTES = 2 ** 30;
/** A few segments of the log. */
const SPACE_BAD_BYTES = 64 * 2 ** 20;

export interface DataDiagnosis {
  readonly findings: readonly Finding[];
  /** Whether a node runs in the directory; undefined when this user may not look. */
  readonly isRunning: boolean | undefined;
  /** Whether a node has begun there; true when this user may not look. */
  readonly hasData: boolean;
  /** The latest time that the data was stamped with, Unix ms; 0 when there is none. */
  readonly stampedMs: number;
}

/** Everything about the directory at `path`; `onProgress` as in `readDirectory`. */
export async function diagnoseData(
  path: string,
  onProgress: (read: number, total: number) => void,
): Promise<DataDiagnosis> {
  const check = "data directory";
  let mode: number | null;
  try {
    const { isDirectory, mode: found } = Deno.statSync(path);
    if (!isDirectory) throw new Error("it is a file");
    mode = found;
  } catch (error) {
    const found = `"${path}": ${messageOf(error)}`;
    const advice = "a node makes it at its first start; name another with -d";
    const finding: Finding = error instanceof Deno.errors.NotFound
      ? { status: "warn", check, found: `"${path}" does not exist`, advice }
      : { status: "fail", check, found, advice };
    return { findings: [finding], isRunning: false, hasData: false, stampedMs: 0 };
  }
  const isOpen = mode !== null && (mode & 0o077) !== 0;
  const isRunning = isLocked(`${path}/${LOCK_NAME}`);
  const directory: Finding = isRunning === undefined
    ? {
      status: "fail",
      check,
      found: `"${path}" can't be looked into by this user`,
      advice: "run this as the user of the node, to whom all of the directory must belong",
    }
    : {
      status: isOpen ? "warn" : "ok",
      check,
      found: `"${path}"${isRunning ? ", a node runs in it" : ""}${
        isOpen ? `, others may look into it (mode ${(mode! & 0o777).toString(8)})` : ""
      }`,
      advice: isOpen ? `chmod 700 ${shellWord(path)}` : "",
    };
  const { finding, hasData, stampedMs } = await verify(path, isRunning, onProgress);
  return {
    findings: [directory, finding, await syncs(path), space(path)],
    isRunning,
    hasData: hasData || isRunning === undefined,
    stampedMs,
  };
}

/** Tries the lock that a node would hold, and lets it go at once. Undefined when it can't be opened. */
function isLocked(path: string): boolean | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? false : undefined;
  }
  try {
    return !file.tryLockSync(false);
  } finally {
    file.close();
  }
}

/** Reads all as a node would at its start. What goes wrong twice at one place is no coincidence. */
async function verify(
  path: string,
  isRunning: boolean | undefined,
  onProgress: (read: number, total: number) => void,
): Promise<Pick<DataDiagnosis, "hasData" | "stampedMs"> & { readonly finding: Finding }> {
  const check = "log, snapshot";
  const disk = openReadOnlyDisk(path);
  let last = "";
  let hasData = false;
  for (let attempt = 1;; attempt++) {
    try {
      if (isNew(disk)) {
        const finding: Finding = { status: "ok", check, found: "no data yet", advice: "" };
        return { finding, hasData: false, stampedMs: 0 };
      }
      hasData = true;
      checkFinished(disk);
      const content = await readDirectory(disk, { ...DATA_OPTIONS, onProgress });
      return { ...await prove(content, path, check), hasData };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const isFinal = isRunning === false || error.message === last || attempt === ATTEMPTS_MAX;
      last = error.message;
      if (!isFinal) continue;
      const found = error instanceof CorruptionError
        ? `damaged: "${error.file}" at offset ${error.offset}: expected ${error.expected}, found ${error.found}`
        : error.message;
      // Of what can't be read nothing is known: the other errors say themselves what to do.
      const advice = error instanceof CorruptionError || error instanceof ImageError
        ? "let the member join again with -f and -C, or restore a backup"
        : "";
      return { finding: { status: "fail", check, found, advice }, hasData, stampedMs: 0 };
    }
  }
}

/** Makes the state of it, whose own checksums are then proven, too. */
async function prove(content: DirectoryContent, path: string, check: string) {
  const { loaded, identity, chosen, log } = content;
  const { snapshot, entries } = loaded;
  const store = new Store();
  if (snapshot.index > 0) {
    const disk = openReadOnlyDisk(path);
    const name = snapshotName(snapshot.index, snapshot.term);
    const file = disk.open(name);
    try {
      await store.restore(snapshotSlices(file, `${path}/${name}`, DATA_OPTIONS.sliceBytes));
    } finally {
      file.close();
    }
  }
  let stampedMs = store.timeMs;
  for (const { kind, data } of entries) {
    if (kind === "command") stampedMs = Math.max(stampedMs, decodeCommand(data).timeMs);
  }
  const damaged = chosen.damaged.map(({ name }) => `"${name}"`).join(", ");
  const last = entries.at(-1)?.index ?? snapshot.index;
  const found =
    `sound: "${identity?.name ?? "no member yet"}", snapshot at index ${snapshot.index}, ` +
    `log to ${last}${log.tail.torn ? ", the last write was cut short and never acknowledged" : ""}${
      damaged === "" ? "" : `; but ${damaged} is damaged, an older one and the log make up for it`
    }`;
  const finding: Finding = {
    status: damaged === "" ? "ok" : "warn",
    check,
    found,
    advice: damaged === "" ? "" : "check the disk; the next snapshot replaces it",
  };
  return { finding, stampedMs };
}

/** Writes and syncs small blocks to a file of its own, as the log does. */
async function syncs(path: string): Promise<Finding> {
  const check = "disk sync";
  const name = `${path}/${PROBE_TEMPORARY_NAME}`;
  const times: number[] = [];
  try {
    const file = await Deno.open(name, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      const block = new Uint8Array(4096);
      for (let i = 0; i < SYNCS; i++) {
        file.writeSync(block);
        const start = performance.now();
        await file.syncData();
        times.push(performance.now() - start);
      }
    } finally {
      file.close();
      Deno.removeSync(name);
    }
  } catch (error) {
    const found = `cannot write to it: ${messageOf(error)}`;
    return {
      status: "fail",
      check,
      found,
      advice: "make room, or check the permissions and the disk",
    };
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.ceil(times.length * part) - 1]!;
  const p99 = at(0.99);
  const found = `p50 ${at(0.5).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, of ${SYNCS}`;
  if (p99 <= SYNC_GOOD_MS) return { status: "ok", check, found, advice: "" };
  return {
    status: p99 <= SYNC_BAD_MS ? "warn" : "fail",
    check,
    found,
    advice:
      `a p99 of up to ${SYNC_GOOD_MS} ms is good: use a faster disk, or nothing else on this one, or longer -heartbeat and -election`,
  };
}

function space(path: string): Finding {
  const check = "disk space";
  let free: number;
  let found: string;
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    free = bavail * bsize;
    found = `${amount(free, "bytes")} of ${amount(blocks * bsize, "bytes")} free`;
  } catch (error) {
    const reason = messageOf(error);
    return { status: "warn", check, found: `not known: ${reason}`, advice: "see `df`" };
  }
  if (free >= SPACE_GOOD_BYTES) return { status: "ok", check, found, advice: "" };
  return {
    status: free < SPACE_BAD_BYTES ? "fail" : "warn",
    check,
    found,
    advice: "make room: without it writes are refused",
  };
}
