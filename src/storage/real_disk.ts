/**
 * The data directory on a real disk. Every operation is one system call where
 * that is possible; errors become `DiskFullError` or `DiskError`, and nothing is
 * tried twice.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { isOutOfDescriptors } from "../base/descriptors.ts";
import { DiskFullError, messageOf } from "../base/errors.ts";
import {
  type Disk,
  type DiskEntry,
  DiskError,
  type DiskFile,
  type DiskLock,
  LockedError,
} from "./disk.ts";
import { DescriptorReserve } from "./descriptor_reserve.ts";

/** A disk is quick when so many syncs in a row took no longer: the event loop may wait for the next. */
const QUICK_SYNC_MS = 1;
const QUICK_SYNCS = 32;

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** No space left, no quota left: errors that end when somebody makes room. */
const FULL_CODES: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/**
 * Opens the data directory at `path`, and makes it if need be, readable by its
 * owner only. Throws `DiskFullError`, `DiskError`.
 */
export async function openRealDisk(path: string, clock: Clock = systemClock): Promise<Disk> {
  const made = attempt(`make the directory "${path}"`, () => makeDirectory(path));
  for (const parent of made) await syncParent(parent);
  return new RealDisk(path, clock);
}

class RealDisk implements Disk {
  readonly path: string;
  readonly #clock: Clock;
  readonly #reserve: DescriptorReserve;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
    this.#reserve = new DescriptorReserve(path);
  }

  list(): DiskEntry[] {
    const list = () => {
      const entries: DiskEntry[] = [];
      for (const { name, isFile } of Deno.readDirSync(this.path)) {
        const size = isFile ? sizeOf(this.#at(name)) : undefined;
        if (size !== undefined) entries.push({ name, size });
      }
      return entries;
    };
    const entries = attempt(`list "${this.path}"`, () => this.#reserve.lend(list));
    this.#reserve.refill();
    return entries;
  }

  open(name: string): DiskFile {
    return this.#open(name, { read: true, write: true });
  }

  create(name: string): DiskFile {
    return this.#open(name, {
      read: true,
      write: true,
      create: true,
      truncate: true,
      mode: FILE_MODE,
    });
  }

  rename(from: string, to: string): void {
    attempt(`rename "${this.#at(from)}" to "${to}"`, () => {
      Deno.renameSync(this.#at(from), this.#at(to));
    });
  }

  async remove(name: string): Promise<void> {
    const path = this.#at(name);
    try {
      await Deno.remove(path);
    } catch (cause) {
      throw failure(`remove "${path}"`, cause);
    }
  }

  async syncDirectory(): Promise<void> {
    await syncDirectoryAt(this.path, this.#reserve);
    this.#reserve.refill();
  }

  lock(name: string): DiskLock {
    const options = { read: true, write: true, create: true, mode: FILE_MODE };
    const path = this.#at(name);
    const file = attempt(`open "${path}"`, () => Deno.openSync(path, options));
    try {
      if (!attempt(`lock "${path}"`, () => file.tryLockSync(true))) {
        throw new LockedError(this.path, readPid(path));
      }
      // The pid is for people and may stay behind: the lock itself dies with the process.
      attempt(`write "${path}"`, () => {
        file.truncateSync(0);
        file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
      });
      this.#reserve.open();
      const release = () => {
        this.#reserve.close();
        file.close();
      };
      return { release };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #open(name: string, options: Deno.OpenOptions): DiskFile {
    const path = this.#at(name);
    const open = () => Deno.openSync(path, options);
    const file = attempt(`open "${path}"`, () => this.#reserve.lend(open));
    return new RealFile(name, path, file, this.#clock, this.#reserve);
  }

  #at(name: string): string {
    return `${this.path}/${name}`;
  }
}

class RealFile implements DiskFile {
  readonly name: string;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #clock: Clock;
  readonly #reserve: DescriptorReserve;
  /** Where the next read or write goes; undefined when a failure left it open. */
  #position: number | undefined = 0;
  /** Syncs in a row that were quick. */
  #quickSyncs = 0;

  constructor(
    name: string,
    path: string,
    file: Deno.FsFile,
    clock: Clock,
    reserve: DescriptorReserve,
  ) {
    this.name = name;
    this.#path = path;
    this.#file = file;
    this.#clock = clock;
    this.#reserve = reserve;
  }

  size(): number {
    return attempt(`read "${this.#path}"`, () => this.#file.statSync().size);
  }

  read(into: Uint8Array, offset: number): number {
    return attempt(`read "${this.#path}"`, () => {
      this.#seek(offset);
      let done = 0;
      while (done < into.length) {
        const count = this.#file.readSync(into.subarray(done));
        if (count === null) break;
        done += count;
      }
      this.#position = offset + done;
      return done;
    });
  }

  write(bytes: Uint8Array, offset: number): void {
    attempt(`write "${this.#path}"`, () => {
      this.#seek(offset);
      // A write may be short without an error; what stopped it comes with the next one.
      for (let done = 0; done < bytes.length;) {
        done += this.#file.writeSync(done === 0 ? bytes : bytes.subarray(done));
      }
      this.#position = offset + bytes.length;
    });
  }

  async sync(mayBlock = false): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    try {
      // A thread that syncs and wakes this one takes half as long again as the sync.
      if (mayBlock && this.#quickSyncs >= QUICK_SYNCS) this.#file.syncDataSync();
      else await this.#file.syncData();
    } catch (error) {
      this.#syncHere(error);
    }
    const isQuick = this.#clock.monotonicMs() - startMs <= QUICK_SYNC_MS;
    this.#quickSyncs = isQuick ? this.#quickSyncs + 1 : 0;
  }

  close(): void {
    this.#file.close();
    this.#reserve.refill();
  }

  /** A sync beside the event loop takes a second descriptor: without one nothing was tried yet. */
  #syncHere(error: unknown): void {
    let cause = error;
    if (isOutOfDescriptors(error)) {
      try {
        return this.#file.syncDataSync();
      } catch (error) {
        cause = error;
      }
    }
    // A full disk included: what the kernel could not write it may have dropped.
    throw new DiskError(
      `Sync of "${this.#path}" failed, what was written may be lost (${
        messageOf(cause)
      }): stop this node, check the disk, start again`,
      { cause },
    );
  }

  /** Where the file stands is not known again before what comes next has ended well. */
  #seek(offset: number): void {
    const isThere = this.#position === offset;
    this.#position = undefined;
    if (!isThere) this.#file.seekSync(offset, Deno.SeekMode.Start);
  }
}

/** Undefined for a file that is gone: others may come and go beside those of the node. */
function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Runs one operation and names it when it fails. */
function attempt<T>(what: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    throw failure(what, cause);
  }
}

function failure(what: string, cause: unknown): DiskError | DiskFullError {
  const reason = messageOf(cause);
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  // EFBIG, to which the runtime gives no code.
  if (reason.includes("(os error 27)")) {
    return new DiskFullError(
      `This process may have no file large enough to ${what} (${reason}): raise "ulimit -f", or LimitFSIZE= in its unit`,
      { cause },
    );
  }
  if (FULL_CODES.has(code)) {
    return new DiskFullError(
      `No space to ${what} (${reason}): make room, writes go on by themselves`,
      { cause },
    );
  }
  return new DiskError(`Could not ${what} (${reason}): check the disk and the permissions`, {
    cause,
  });
}

/** Returns the directories in which one was made, outermost first. */
function makeDirectory(path: string): string[] {
  try {
    Deno.mkdirSync(path, { mode: DIRECTORY_MODE });
    return [parentOf(path)];
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      Deno.readDirSync(path);
      return [];
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const made = makeDirectory(parentOf(path));
  Deno.mkdirSync(path, { mode: DIRECTORY_MODE });
  return [...made, parentOf(path)];
}

function parentOf(path: string): string {
  return path.replace(/[/\\]*[^/\\]+[/\\]*$/, "") || (path.startsWith("/") ? "/" : ".");
}

/** Makes a new directory durable in its parent, as far as the process may look there. */
async function syncParent(parent: string): Promise<void> {
  try {
    await syncDirectoryAt(parent);
  } catch (error) {
    const cause = error instanceof DiskError ? error.cause : error;
    if (cause instanceof Deno.errors.NotCapable) return;
    if (cause instanceof Deno.errors.PermissionDenied) return;
    throw error;
  }
}

async function syncDirectoryAt(path: string, reserve?: DescriptorReserve): Promise<void> {
  // Windows does not open directories; NTFS keeps its own journal of names.
  if (Deno.build.os === "windows") return;
  const open = () => Deno.openSync(path);
  const directory = attempt(`open "${path}"`, () => reserve?.lend(open) ?? open());
  try {
    await directory.sync().catch((error) => {
      if (!isOutOfDescriptors(error)) throw error;
      directory.syncSync();
    });
  } catch (cause) {
    throw new DiskError(
      `Sync of the directory "${path}" failed, files may be lost (${
        messageOf(cause)
      }): stop this node, check the disk, start again`,
      { cause },
    );
  } finally {
    directory.close();
  }
}

function readPid(path: string): number {
  try {
    return Number.parseInt(Deno.readTextFileSync(path), 10) || 0;
  } catch {
    return 0;
  }
}
