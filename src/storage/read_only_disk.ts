/**
 * A data directory that is only looked at: nothing in it is opened for writing,
 * locked or touched, so a node may run in it meanwhile.
 *
 * Such a node appends while its log is read. A file is therefore taken into
 * memory from its end to its beginning: what is seen of it was written in order
 * up to some point, as after a crash.
 */
import { messageOf } from "../base/errors.ts";
import { assert } from "../base/assert.ts";
import { type Disk, type DiskEntry, DiskError, type DiskFile } from "./disk.ts";
import { parseSegmentName } from "./names.ts";

const PIECE_BYTES = 64 * 1024;

/** Opens one file for reading. Throws `DiskError`. */
export function openReadOnlyFile(path: string): DiskFile {
  return new ReadOnlyFile(path, attempt(`open "${path}"`, () => Deno.openSync(path)));
}

/** The directory at `path`, which exists. Everything that would change it is a broken invariant. */
export function openReadOnlyDisk(path: string): Disk {
  const refuse = () => assert(false, "A directory that is looked at is not changed");
  return {
    path,
    list: () => attempt(`list "${path}"`, () => list(path)),
    open: (name) => {
      const file = openReadOnlyFile(`${path}/${name}`);
      return parseSegmentName(name) === undefined ? file : frozen(file);
    },
    create: refuse as never,
    rename: refuse as never,
    remove: refuse as never,
    syncDirectory: refuse as never,
    lock: refuse as never,
  };
}

function list(path: string): DiskEntry[] {
  const entries: DiskEntry[] = [];
  for (const { name, isFile } of Deno.readDirSync(path)) {
    if (isFile) entries.push({ name, size: Deno.statSync(`${path}/${name}`).size });
  }
  return entries;
}

class ReadOnlyFile implements DiskFile {
  readonly name: string;
  readonly #path: string;
  readonly #file: Deno.FsFile;

  constructor(path: string, file: Deno.FsFile) {
    this.name = path.slice(path.lastIndexOf("/") + 1);
    this.#path = path;
    this.#file = file;
  }

  size(): number {
    return attempt(`read "${this.#path}"`, () => this.#file.statSync().size);
  }

  read(into: Uint8Array, offset: number): number {
    return attempt(`read "${this.#path}"`, () => {
      this.#file.seekSync(offset, Deno.SeekMode.Start);
      let done = 0;
      while (done < into.length) {
        const count = this.#file.readSync(into.subarray(done));
        if (count === null) break;
        done += count;
      }
      return done;
    });
  }

  write(): void {
    assert(false, "A file that is looked at is not changed");
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#file.close();
  }
}

/** The bytes of `file` as of now. */
function frozen(file: DiskFile): DiskFile {
  const bytes = new Uint8Array(file.size());
  for (let end = bytes.length; end > 0;) {
    const begin = Math.max(0, end - PIECE_BYTES);
    file.read(bytes.subarray(begin, end), begin);
    end = begin;
  }
  file.close();
  return {
    name: file.name,
    size: () => bytes.length,
    read: (into, offset) => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    write: () => assert(false, "A file that is looked at is not changed"),
    sync: () => Promise.resolve(),
    close: () => {},
  };
}

function attempt<T>(what: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    const reason = messageOf(cause);
    throw new DiskError(`Could not ${what} (${reason}): check the path and the permissions`, {
      cause,
    });
  }
}
