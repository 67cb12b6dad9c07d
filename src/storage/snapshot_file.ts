/**
 * The snapshot file: what it stands for, then the state machine's image in the
 * slices it came in, each with a checksum, and a trailer that counts them. The
 * same bytes lie on disk and go to other members. Layout: `FORMAT.md`.
 *
 * This knows one file at a time; which one counts is `snapshot_store.ts`'s affair.
 */
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import { decodeConfiguration, DecodeError, encodeConfiguration } from "../raft/codec.ts";
import type { Configuration, SnapshotMeta } from "../raft/types.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { hasSameItems } from "../base/sequences.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { CorruptionError, FormatVersionError, type Refuse, refuseAt } from "./errors.ts";
import { FileWindow } from "./file_window.ts";
import { isSamePosition, type LogPosition } from "./log_shape.ts";
import { PacedWriter, type PaceOptions, pause } from "./pace.ts";

const MAGIC = new TextEncoder().encode("etcdsnap");
/** Of the format, on disk and on its way to other members. */
const SNAPSHOT_VERSION = 1;
const HEADER_BYTES = 48;
const HEADER_USED_BYTES = 36;
const HEADER_CHECKED_BYTES = 44;
const SLICE_HEADER_BYTES = 16;
const SLICE_CHECKED_BYTES = 12;
const TRAILER_BYTES = 32;
const TRAILER_CHECKED_BYTES = 28;
/** Stands where a slice has its length. */
const TRAILER_MARK = 0xffffffff;

/**
 * Why a snapshot's image is no state of the state machine; undefined when it is one, which
 * is said at its end. Checksums don't tell: an image that was wrong before it was written
 * has right ones.
 */
export type ImageProof = (image: AsyncIterable<Uint8Array>) => Promise<string | undefined>;

/** How a snapshot is read to be proven. */
export interface ProofOptions extends PaceOptions {
  /** Without it the checksums are all the proof. */
  readonly faultOfImage?: ImageProof | undefined;
}

/** What a file holds, proven up to the trailer. */
export interface SnapshotContent {
  readonly meta: SnapshotMeta;
  /** Of the whole file. */
  readonly sizeBytes: number;
}

/** Writes a snapshot into `file`, which is empty, and resolves when it is durable. */
export async function writeSnapshot(
  file: DiskFile,
  meta: SnapshotMeta,
  slices: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: PaceOptions,
): Promise<void> {
  const output = new SliceOutput(file, options);
  const encoding = new SnapshotEncoding(meta);
  await output.write(encoding.head);
  for await (const slice of slices) {
    if (slice.length === 0) continue;
    await output.write(encoding.next(slice));
    await output.write(slice);
  }
  await output.write(encoding.trailer());
  await output.flush();
  await file.sync();
}

/** The bytes around the slices of one snapshot: `head`, then each slice after its header, then the trailer. */
export class SnapshotEncoding {
  readonly head: Uint8Array;
  readonly #chain: SliceChain;

  constructor(meta: SnapshotMeta) {
    this.head = encodeHeader(meta);
    this.#chain = new SliceChain(headerCrc(this.head));
  }

  /** The header of `slice`, which is the next one and not empty. */
  next(slice: Uint8Array): Uint8Array {
    return this.#chain.next(slice);
  }

  trailer(): Uint8Array {
    return this.#chain.trailer();
  }
}

/**
 * Reads all of `name`, once, and proves every checksum and the image. Rejects with
 * `CorruptionError`, `FormatVersionError`. `onRead` gets the bytes read since its last call.
 */
export async function proveSnapshot(
  disk: Disk,
  name: string,
  options: ProofOptions,
  onRead: (bytes: number) => void = () => {},
): Promise<SnapshotContent> {
  const file = disk.open(name);
  try {
    return await proveSnapshotAt(file, `${disk.path}/${name}`, 0, options, onRead);
  } finally {
    file.close();
  }
}

/** The same for one that fills an open file from `begin` to the end. */
export async function proveSnapshotAt(
  file: DiskFile,
  path: string,
  begin: number,
  options: ProofOptions,
  onRead: (bytes: number) => void = () => {},
): Promise<SnapshotContent> {
  const { faultOfImage = readThrough } = options;
  const window = new FileWindow(file, options.sliceBytes);
  const { meta, seed, end } = readHeader(window, path, begin);
  let reported = 0;
  let isRead = false;
  const paced = async function* (): AsyncGenerator<Uint8Array, void> {
    for (const slice of readSlices(window, path, seed, end)) {
      yield slice;
      if (window.furthest === reported) continue;
      onRead(window.furthest - reported);
      reported = window.furthest;
      await pause(options.scheduler);
    }
    isRead = true;
  };
  const fault = await faultOfImage(paced());
  if (fault !== undefined) {
    throw new CorruptionError(path, end, "an image of a state", `"${fault}"`);
  }
  assert(isRead, "A proof reads all of the image");
  onRead(window.size - reported);
  return { meta, sizeBytes: window.size - begin };
}

async function readThrough(image: AsyncIterable<Uint8Array>): Promise<undefined> {
  for await (const _ of image);
}

/** The slices of an open file, each proven before it is handed out, the trailer after the last. */
export function* snapshotSlices(
  file: DiskFile,
  path: string,
  windowBytes: number,
  begin = 0,
): Generator<Uint8Array, void> {
  const window = new FileWindow(file, windowBytes);
  const { seed, end } = readHeader(window, path, begin);
  yield* readSlices(window, path, seed, end);
}

/** Refuses a snapshot, at `offset` of `path`, that stands for another place in the log than `expected`. */
export function checkPosition(
  path: string,
  offset: number,
  found: LogPosition,
  expected: LogPosition,
): void {
  if (isSamePosition(found, expected)) return;
  throw new CorruptionError(
    path,
    offset,
    `a snapshot of index ${expected.index} and term ${expected.term}`,
    `index ${found.index} and term ${found.term}`,
  );
}

/** A configuration whose checksum was right. */
export function readConfiguration(encoded: Uint8Array, refuse: Refuse): Configuration {
  try {
    return decodeConfiguration(encoded);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse("a configuration", `bytes that are none (${error.message})`);
  }
}

function encodeHeader(meta: SnapshotMeta): Uint8Array {
  const configuration = encodeConfiguration(meta.configuration);
  const bytes = new Uint8Array(HEADER_BYTES + configuration.length);
  const writer = new ByteWriter(bytes);
  writer.copy(MAGIC);
  writer.u32(SNAPSHOT_VERSION);
  writer.u32(configuration.length);
  writer.u53(meta.index);
  writer.u53(meta.term);
  writer.u32(crc32(configuration));
  writer.zerosTo(HEADER_CHECKED_BYTES);
  writer.u32(crc32(bytes.subarray(0, HEADER_CHECKED_BYTES)));
  writer.copy(configuration);
  return bytes;
}

/** The header's own checksum, where those of the slices start: it binds them to this file. */
function headerCrc(header: Uint8Array): number {
  return crc32(header.subarray(0, HEADER_CHECKED_BYTES));
}

function readHeader(
  window: FileWindow,
  path: string,
  begin: number,
): { readonly meta: SnapshotMeta; readonly seed: number; readonly end: number } {
  const refuse = refuseAt(path, begin);
  const header = window.bytes(begin, HEADER_BYTES, refuse);
  const reader = new ByteReader(header, refuse);
  const magic = reader.take(MAGIC.length);
  const version = reader.u32();
  const configurationBytes = reader.u32();
  const index = reader.u53();
  const term = reader.u53();
  const configurationCrc = reader.u32();
  reader.take(HEADER_CHECKED_BYTES - HEADER_USED_BYTES);
  if (
    !hasSameItems(magic, MAGIC) ||
    reader.u32() !== crc32(header.subarray(0, HEADER_CHECKED_BYTES))
  ) refuse("the header of a snapshot", "bytes that fail their checksum");
  if (version !== SNAPSHOT_VERSION) throw new FormatVersionError(path, SNAPSHOT_VERSION, version);
  const refuseConfiguration = refuseAt(path, begin + HEADER_BYTES);
  const encoded = window.bytes(begin + HEADER_BYTES, configurationBytes, refuseConfiguration);
  if (crc32(encoded) !== configurationCrc) {
    refuseConfiguration("a configuration", "bytes that fail their checksum");
  }
  return {
    meta: { index, term, configuration: readConfiguration(encoded, refuseConfiguration) },
    seed: headerCrc(header),
    end: begin + HEADER_BYTES + configurationBytes,
  };
}

function* readSlices(
  window: FileWindow,
  path: string,
  seed: number,
  begin: number,
): Generator<Uint8Array, void> {
  const chain = new SliceChain(seed);
  for (let offset = begin;;) {
    const refuse = refuseAt(path, offset);
    const header = window.bytes(offset, SLICE_HEADER_BYTES, refuse);
    const length = new ByteReader(header, refuse).u32();
    if (length === TRAILER_MARK) return checkTrailer(window, chain, offset, refuse);
    if (!chain.follows(header)) {
      refuse(`the header of slice ${chain.count}`, "bytes that fail their checksum");
    }
    const slice = window.bytes(offset + SLICE_HEADER_BYTES, length, refuse);
    const expected = chain.next(slice);
    if (!hasSameItems(expected, header)) {
      refuse(`slice ${chain.count - 1} of the state`, "bytes that fail their checksum");
    }
    yield slice;
    offset += SLICE_HEADER_BYTES + length;
  }
}

function checkTrailer(
  window: FileWindow,
  chain: SliceChain,
  offset: number,
  refuse: Refuse,
): void {
  const trailer = window.bytes(offset, TRAILER_BYTES, refuse);
  if (!hasSameItems(trailer, chain.trailer())) {
    refuse(`a trailer after ${chain.count} slices`, "another one");
  }
  const end = offset + TRAILER_BYTES;
  if (window.size !== end) refuse(`a file of ${end} bytes`, `${window.size}`);
}

/** Counts slices and chains their headers, on the way out and on the way in. */
class SliceChain {
  #crc: number;
  #count = 0;
  #bytes = 0;

  constructor(seed: number) {
    this.#crc = seed;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether `header` was made for the slice at this very place. */
  follows(header: Uint8Array): boolean {
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    return view.getUint32(4) === this.#count &&
      view.getUint32(12) === crc32(header.subarray(0, SLICE_CHECKED_BYTES), this.#crc);
  }

  /** Counts `slice` and returns its header. */
  next(slice: Uint8Array): Uint8Array {
    assert(slice.length < TRAILER_MARK, "A slice is shorter than 4 GiB");
    const bytes = new Uint8Array(SLICE_HEADER_BYTES);
    const writer = new ByteWriter(bytes);
    writer.u32(slice.length);
    writer.u32(this.#count);
    writer.u32(crc32(slice));
    // The next checksum starts from this one, not from one over it: a CRC over
    // data and its own CRC is the same for all data.
    this.#crc = crc32(bytes.subarray(0, SLICE_CHECKED_BYTES), this.#crc);
    writer.u32(this.#crc);
    this.#count++;
    this.#bytes += slice.length;
    return bytes;
  }

  /** Ends the file; covers the number of slices and of their bytes. */
  trailer(): Uint8Array {
    const bytes = new Uint8Array(TRAILER_BYTES);
    const writer = new ByteWriter(bytes);
    writer.u32(TRAILER_MARK);
    writer.u32(this.#crc);
    writer.u53(this.#count);
    writer.u53(this.#bytes);
    writer.zerosTo(TRAILER_CHECKED_BYTES);
    writer.u32(crc32(bytes.subarray(0, TRAILER_CHECKED_BYTES), this.#crc));
    return bytes;
  }
}

/** Gathers what is written into slices of even size, so that small pieces cost no write each. */
class SliceOutput {
  readonly #writer: PacedWriter;
  readonly #buffer: Uint8Array;
  #used = 0;

  constructor(file: DiskFile, options: PaceOptions) {
    this.#writer = new PacedWriter(file, options);
    this.#buffer = new Uint8Array(options.sliceBytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#buffer.length - this.#used);
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === this.#buffer.length) await this.flush();
    }
  }

  async flush(): Promise<void> {
    await this.#writer.write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
