/**
 * Takes in a data directory that `etcdctl snapshot restore` has made (`etcdutl`, by its
 * source, writes the same), as the runbooks of etcd and Kubernetes have it: restore, then
 * start on what was restored. Only one in which no etcd has run is taken in, because the
 * keys that etcd's log alone has would be lost.
 *
 * etcd's files are read and never written. What is ours is made beside them as by
 * `etcd restore`; a crash leaves it unfinished, and the next start makes it again. When it
 * is whole, etcd's files are moved aside, where nobody starts on them by mistake.
 */
import { createHash } from "node:crypto";
import { BoltError } from "../bolt/errors.ts";
import { EtcdLogError, readRestoredLog, type RestoredLog } from "../bolt/etcd_wal.ts";
import { DiskFullError, messageOf } from "../base/errors.ts";
import { formatId, randomFraction, randomId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import type { Member } from "../raft/types.ts";
import { isNew } from "../storage/directory.ts";
import type { Disk, DiskFile } from "../storage/disk.ts";
import { UNFINISHED_NAMES } from "../storage/names.ts";
import { openReadOnlyDisk, openReadOnlyFile } from "../storage/read_only_disk.ts";
import { type RebuildOptions, restoreInto } from "../storage/rebuild.ts";
import { boltFileOf, type EtcdState, readEtcdSnapshot } from "./etcd_snapshot.ts";

/** All that etcd has in a data directory. */
const THEIRS = "member";
/** Where it is afterwards. */
const ASIDE = "member.restored";

const ID_BITS = 53;

/** The directory is not one that is taken in; the message says why. */
export class TakeoverError extends Error {
  override readonly name = "TakeoverError";
}

/** Etcd's database below `path`. */
export function databaseIn(path: string): string {
  return `${path}/${THEIRS}/snap/db`;
}

/** Whether a directory has nothing of a node but, perhaps, what a takeover has left unfinished. */
export function mayTakeOver(disk: Disk): boolean {
  return isNew(disk) || disk.list().some(({ name }) => name === UNFINISHED_NAMES.restore);
}

/**
 * Makes the directory one of ours, under the name, the members and the addresses that it
 * says. Rejects with `TakeoverError`, and with what `restoreInto` does.
 */
export async function takeOver(
  disk: Disk,
  options: RebuildOptions,
  logger: Logger,
): Promise<void> {
  const { path } = disk;
  const log = await soundly(() => restoredLogIn(path));
  const state = await soundly(() => reading(databaseIn(path), (file) => stateOf(file, log)));
  const members = log.members.map(({ id, name, peerUrls }): Member => {
    // Their own word comes when they start; that of a restore holds, as at etcd.
    return { id: narrowed(id), name, peerUrls, clientUrls: [], voter: true, assigned: true };
  });
  const own = members.find(({ id }) => id === narrowed(log.memberId))!;
  const clusterId = clusterIdOf(log, state);
  const { index, term, slices, keys, revision } = state;
  try {
    await restoreInto(disk, {
      identity: { memberId: own.id, clusterId, name: own.name, initial: undefined },
      meta: { index, term, configuration: { members, removed: [] } },
      slices,
    }, options);
  } catch (error) {
    if (!(error instanceof DiskFullError)) throw error;
    throw new DiskFullError(
      `No space in "${path}" for a copy of "${databaseIn(path)}", which is as it was: make room ` +
        `and start again (${error.message})`,
      { cause: error },
    );
  }
  logger.info('Took in what "snapshot restore" has made of a snapshot of etcd', {
    ...{ directory: path, keys, revision, name: own.name },
    ...{ member: formatId(own.id), cluster: formatId(clusterId) },
    members: members.map(({ name, peerUrls }) => `${name}=${peerUrls.join()}`).join(" "),
  });
  await moveAside(disk, logger);
}

/** A directory that stays where it is, as a mount does, harms nothing: a node with data does not look at it. */
async function moveAside(disk: Disk, logger: Logger): Promise<void> {
  try {
    disk.rename(THEIRS, ASIDE);
    await disk.syncDirectory();
    logger.info("The files of etcd are no longer needed, and stay for the way back", {
      directory: `${disk.path}/${ASIDE}`,
    });
  } catch (error) {
    logger.warn("The files of etcd are no longer needed, and could not be moved aside", {
      directory: `${disk.path}/${THEIRS}`,
      cause: messageOf(error),
    });
  }
}

/** Runs `read`; what is wrong with a file of etcd becomes a `TakeoverError`. */
async function soundly<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof BoltError || error instanceof EtcdLogError)) throw error;
    throw new TakeoverError(error.message);
  }
}

async function reading<T>(path: string, read: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = openReadOnlyFile(path);
  try {
    return await read(file);
  } finally {
    file.close();
  }
}

async function restoredLogIn(path: string): Promise<RestoredLog> {
  const directory = `${path}/${THEIRS}/wal`;
  const files = filesIn(directory).filter((name) => name.endsWith(".wal"));
  const [only, ...more] = files;
  if (only === undefined || more.length > 0) {
    throw new TakeoverError(`expected one file of a log in "${directory}", found ${files.length}`);
  }
  const log = await reading(`${directory}/${only}`, (file) => readRestoredLog(boltFileOf(file)));
  const ids = new Set(log.members.map(({ id }) => narrowed(id)));
  if (ids.size === log.members.length && !ids.has(0)) return log;
  throw new TakeoverError(`expected ids that differ in ${ID_BITS} bits in "${directory}"`);
}

function filesIn(directory: string): string[] {
  try {
    return openReadOnlyDisk(directory).list().map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error && error.cause instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Members that were restored apart must come to one state. */
function stateOf(file: DiskFile, { members }: RestoredLog): Promise<EtcdState> {
  return readEtcdSnapshot(file, () => {}, members.length > 1);
}

/** An id as we have it: whoever is told of it reads the last 13 digits of etcd's. */
function narrowed(id: bigint): number {
  return Number(BigInt.asUintN(ID_BITS, id));
}

/**
 * Of several members it is a function of what they were restored from, too: who was made
 * of another snapshot is of another cluster, and is never taken for one who has the same log.
 */
function clusterIdOf({ clusterId }: RestoredLog, { digest }: EtcdState): number {
  if (digest === undefined) return randomId(randomFraction);
  const hash = createHash("sha256").update(`cluster ${clusterId} `).update(digest).digest();
  return randomId(() => Number(hash.readBigUInt64BE() >> 11n) / 2 ** ID_BITS);
}
