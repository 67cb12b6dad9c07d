/**
 * Reads an image into a key space, a slice at a time, and proves it whole before it
 * gives it away. Must not touch the state that is in use. The format is in `format.ts`.
 */
import { Alarms } from "../alarms.ts";
import { Auth } from "../auth/auth.ts";
import { decodeAuthContent } from "../auth/content.ts";
import { ByteReader, DecodeError } from "../../base/bytes.ts";
import { digestOf, type Head } from "../head.ts";
import { Hasher } from "../keyspace/hash.ts";
import { checkRecord, keyAt } from "../keyspace/record.ts";
import { BlockQueue } from "./block_queue.ts";
import {
  ALARMS,
  AUTH,
  type BlockReader,
  DIRECTORIES,
  END,
  expectHash,
  HEAD,
  IMAGE_VERSION,
  ImageError,
  type ImageTarget,
  LEASES,
  RECORDS,
  type RestoredState,
  VERSIONS,
} from "./format.ts";
import { ImageReaderV1 } from "./reader_v1.ts";

/** Takes an image in, portion by portion; of no more use after it threw. */
export class ImageReader<T extends ImageTarget> {
  readonly #blocks = new BlockQueue();
  readonly #target: T;
  /** Known from the first block on. */
  #reader: BlockReader<T> | undefined;

  /** `target` is fresh. */
  constructor(target: T) {
    this.#target = target;
  }

  /** The next bytes of the image, cut anywhere. Throws `ImageError`. */
  add(bytes: Uint8Array): void {
    asImageError(() => {
      this.#blocks.add(bytes);
      for (let block = this.#blocks.next(); block !== undefined; block = this.#blocks.next()) {
        this.#reader ??= readerFor(block, this.#target);
        this.#reader.read(block);
      }
    });
  }

  /** The state, after the last bytes. Throws `ImageError` when some are missing. */
  finish(): RestoredState<T> {
    const state = this.#blocks.size > 0 ? undefined : this.#reader?.finish();
    if (state === undefined) {
      throw new ImageError("Damaged image: expected an end block, found the end of the bytes");
    }
    return state;
  }
}

/** By the version in the head block. Throws `DecodeError`. */
function readerFor<T extends ImageTarget>(block: Uint8Array, target: T): BlockReader<T> {
  const [kind, version] = block;
  if (kind !== HEAD) {
    throw new DecodeError(`Expected a head block, found kind ${kind}`);
  }
  if (version === 1) return new ImageReaderV1(target);
  if (version === IMAGE_VERSION) return new ImageReaderV2(target);
  throw new DecodeError(`Expected version ${IMAGE_VERSION}, found ${version}`);
}

const REPEATED = new Set([VERSIONS, DIRECTORIES, RECORDS]);

class ImageReaderV2<T extends ImageTarget> implements BlockReader<T> {
  readonly #hasher = new Hasher();
  readonly #keys: T;
  readonly #alarms = new Alarms();
  #auth = new Auth();
  #head: Head | undefined;
  /** Of the last block that was read; 0 before the first. */
  #kind = 0;
  #digest = "";

  constructor(keys: T) {
    this.#keys = keys;
  }

  read(block: Uint8Array): void {
    const reader = new ByteReader(block);
    const kind = reader.byte();
    if (kind < this.#kind || (kind === this.#kind && !REPEATED.has(kind))) {
      throw new DecodeError(`Expected another block after kind ${this.#kind}, found kind ${kind}`);
    }
    this.#kind = kind;
    if (kind !== END) this.#hasher.bytes(block);
    switch (kind) {
      case HEAD:
        this.#readHead(reader);
        break;
      case LEASES:
        while (!reader.atEnd) this.#readLease(reader);
        break;
      case ALARMS:
        while (!reader.atEnd) this.#readAlarm(reader);
        break;
      case AUTH:
        this.#auth = Auth.of(decodeAuthContent(reader));
        break;
      case VERSIONS:
        return this.#readVersions(block);
      case DIRECTORIES:
      case RECORDS:
        return this.#readRecords(kind, block);
      case END:
        this.#readEnd(reader);
        break;
      default:
        throw new DecodeError(`Expected a kind of block, found ${kind}`);
    }
    reader.end();
  }

  finish(): RestoredState<T> | undefined {
    if (this.#head === undefined || this.#kind !== END) return undefined;
    this.#keys.endRestoring();
    return {
      head: this.#head,
      keys: this.#keys,
      alarms: this.#alarms,
      auth: this.#auth,
      digest: this.#digest,
    };
  }

  #readHead(reader: ByteReader): void {
    reader.byte();
    this.#head = {
      timeMs: reader.integer(),
      index: reader.integer(),
      appliedIndex: reader.integer(),
      revision: reader.integer(),
      changeIndex: reader.integer(),
      compactedRevision: reader.integer(),
    };
    this.#keys.startVersionsAt(reader.integer(), {
      logIndex: reader.integer(),
      changeIndex: reader.integer(),
      revision: reader.integer(),
    });
  }

  #readLease(reader: ByteReader): void {
    const id = reader.bigint();
    if (this.#keys.leases.get(id) !== undefined) {
      throw new DecodeError(`Expected each lease once, found ${id} again`);
    }
    this.#keys.leases.grant(id, reader.integer(), reader.integer());
  }

  #readAlarm(reader: ByteReader): void {
    const alarm = reader.byte() === 1 ? "corrupt" : "noSpace";
    const member = BigInt.asUintN(64, reader.bigint());
    this.#alarms.apply({ type: "alarm", action: "activate", alarm, member });
  }

  #readVersions(block: Uint8Array): void {
    for (let at = 1; at < block.length;) at = this.#keys.versions.take(block, at).next;
  }

  #readRecords(kind: number, block: Uint8Array): void {
    const starts: number[] = [];
    for (let at = 1; at < block.length; at = checkRecord(block, at)) starts.push(at);
    const late = kind === RECORDS
      ? this.#keys.appendRecords(block, starts, block.length)
      : this.#keys.appendDirectories(block, starts, block.length);
    if (late === undefined) return;
    throw new DecodeError(`Expected ascending keys, found "${keyAt(block, late)}" too late`);
  }

  #readEnd(reader: ByteReader): void {
    const digest = digestOf(this.#head!, this.#keys, this.#alarms, this.#auth);
    this.#digest = digest;
    expectHash("state", reader.byteString(), digest);
    expectHash("blocks", reader.byteString(), this.#hasher.finish().hex());
  }
}

function asImageError(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ImageError(`Damaged image: ${error.message}`, { cause: error });
  }
}
