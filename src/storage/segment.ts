/**
 * Segments, the files of the log. Each is filled to its full size before it is
 * used, so that saving neither allocates space nor finds the disk full half-way,
 * and retired ones are used again without being cleaned: the salt in the header
 * makes the frames of an earlier life invalid. Layout: `FORMAT.md`.
 */
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import { DiskFullError } from "../base/errors.ts";
import type { Random } from "../node/ports.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { hasSameItems } from "../base/sequences.ts";
import { type Disk, type DiskFile, removeIfThere } from "./disk.ts";
import { CorruptionError, FormatVersionError, refuseAt } from "./errors.ts";
import { SEGMENT_TEMPORARY_NAME, segmentName, spareName } from "./names.ts";
import { PacedWriter, type PaceOptions } from "./pace.ts";

/** A sector of its own, so that no save ever rewrites it. */
export const SEGMENT_HEADER_BYTES = 512;

/** Room for the header and a few small frames. */
const SEGMENT_BYTES_MIN = SEGMENT_HEADER_BYTES + 256;

const MAGIC = new TextEncoder().encode("etcd-wal");
/** Of the format of segments and of all in them. */
const SEGMENT_VERSION = 1;
const USED_BYTES = 40;
const CHECKED_BYTES = 36;

/** One file of the log. */
export interface Segment {
  readonly name: string;
  /** Counts the segments of a log from 1; also in the name. */
  readonly sequence: number;
  /** Of the file, header included. */
  readonly sizeBytes: number;
  /** Where the checksums of its frames start. */
  readonly salt: number;
}

/** A segment that has ended. */
export interface SealedSegment extends Segment {
  /** The last index of the log when it ended; 0 once a reset has replaced all before it. */
  readonly lastIndex: number;
}

/** The same segments when a reset follows: none of their entries counts any longer. */
export function withoutEntries(sealed: readonly SealedSegment[]): SealedSegment[] {
  return sealed.map((segment) => ({ ...segment, lastIndex: 0 }));
}

/** How segments are made and kept. */
export interface SegmentOptions extends PaceOptions {
  /** Size of a segment, 768 at least; a batch that does not fit gets a larger one. */
  readonly segmentBytes: number;
  /** Retired segments kept to be used again. */
  readonly spareSegmentsMax: number;
  readonly random: Random;
}

/** The first sector of the file. */
function encodeSegmentHeader(segment: Segment): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const writer = new ByteWriter(bytes);
  writer.copy(MAGIC);
  writer.u32(SEGMENT_VERSION);
  writer.u32(segment.salt);
  writer.u53(segment.sequence);
  writer.u53(segment.sizeBytes);
  writer.u32(0);
  writer.u32(crc32(bytes.subarray(0, CHECKED_BYTES)));
  return bytes;
}

/** Reads and proves the header of the file `name`. Throws `CorruptionError`, `FormatVersionError`. */
export function readSegmentHeader(
  disk: Disk,
  file: DiskFile,
  sequence: number,
): Segment {
  const path = `${disk.path}/${file.name}`;
  const refuse = refuseAt(path, 0);
  const bytes = new Uint8Array(USED_BYTES);
  if (file.read(bytes, 0) < USED_BYTES) refuse("the header of a log segment", "a shorter file");
  const reader = new ByteReader(bytes, refuse);
  const magic = reader.take(MAGIC.length);
  const version = reader.u32();
  const salt = reader.u32();
  const found = { sequence: reader.u53(), sizeBytes: reader.u53() };
  reader.u32();
  if (
    !hasSameItems(magic, MAGIC) ||
    reader.u32() !== crc32(bytes.subarray(0, CHECKED_BYTES))
  ) refuse("the header of a log segment", "bytes that fail their checksum");
  if (version !== SEGMENT_VERSION) throw new FormatVersionError(path, SEGMENT_VERSION, version);
  if (found.sequence !== sequence) {
    refuse(`segment ${sequence} as in the file's name`, `segment ${found.sequence}`);
  }
  const size = file.size();
  if (size !== found.sizeBytes) {
    throw new CorruptionError(
      path,
      Math.min(size, found.sizeBytes),
      `a file of ${found.sizeBytes} bytes`,
      `${size}`,
    );
  }
  return { name: file.name, sequence, sizeBytes: size, salt };
}

/** Makes segments and takes them back. */
export class SegmentSupply {
  readonly #disk: Disk;
  readonly #options: SegmentOptions;
  /** Files of `segmentBytes`, durable under their spare names. */
  readonly #spares: string[] = [];

  constructor(disk: Disk, options: SegmentOptions) {
    assert(options.segmentBytes >= SEGMENT_BYTES_MIN, "A segment holds a few frames");
    this.#disk = disk;
    this.#options = options;
  }

  /**
   * Resolves with a segment that is durable under its name, in place of one that
   * was there, and holds no frame but those that `firstFrames` makes for its
   * salt. One call at a time. Rejects with `DiskFullError` and leaves nothing behind.
   */
  async make(
    sequence: number,
    sizeBytes: number,
    firstFrames?: (salt: number) => Uint8Array,
  ): Promise<Segment> {
    const salt = Math.floor(this.#options.random() * 2 ** 32);
    const segment = { name: segmentName(sequence), sequence, sizeBytes, salt };
    const spare = sizeBytes === this.#options.segmentBytes ? this.#spares.pop() : undefined;
    const temporary = spare ?? SEGMENT_TEMPORARY_NAME;
    const disk = this.#disk;
    try {
      const file = spare === undefined ? disk.create(temporary) : disk.open(temporary);
      try {
        if (spare === undefined) await this.#fill(file, sizeBytes);
        file.write(encodeSegmentHeader(segment), 0);
        if (firstFrames !== undefined) file.write(firstFrames(salt), SEGMENT_HEADER_BYTES);
        await file.sync();
      } finally {
        file.close();
      }
      disk.rename(temporary, segment.name);
    } catch (error) {
      // Gives the space back: whoever waits for it should find it.
      if (error instanceof DiskFullError) await removeIfThere(disk, temporary);
      throw error;
    }
    await disk.syncDirectory();
    return segment;
  }

  /** Takes back segments that nothing needs any longer, oldest first. */
  async retire(segments: readonly Segment[]): Promise<void> {
    if (segments.length === 0) return;
    const spares: string[] = [];
    for (const { name, sequence, sizeBytes } of segments) {
      const room = this.#spares.length + spares.length < this.#options.spareSegmentsMax;
      if (room && sizeBytes === this.#options.segmentBytes) {
        const spare = spareName(sequence);
        this.#disk.rename(name, spare);
        spares.push(spare);
      } else {
        await this.#disk.remove(name);
      }
    }
    // Before a spare is written over, its old name must be gone for good.
    await this.#disk.syncDirectory();
    this.#spares.push(...spares);
  }

  async #fill(file: DiskFile, sizeBytes: number): Promise<void> {
    const writer = new PacedWriter(file, this.#options);
    const zeros = new Uint8Array(Math.min(this.#options.sliceBytes, sizeBytes));
    while (writer.offset < sizeBytes) {
      await writer.write(zeros.subarray(0, sizeBytes - writer.offset));
    }
  }
}
