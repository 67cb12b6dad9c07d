/**
 * Reads the log at start. Its one judgement: where the frames end, is that a
 * write which a crash cut short, or damage to acknowledged data?
 *
 * A batch is written only when the one before it is durable (`wal.ts`, one save
 * at a time), so at most the last one may be torn, and it was not acknowledged.
 * Whatever is found after the place where the frames end and proves a later
 * sequence durable, proves that the data missing there was acknowledged: then
 * this refuses. It never writes.
 */
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import type { Entry, HardState } from "../raft/types.ts";
import type { Disk } from "./disk.ts";
import { CorruptionError, type Refuse, refuseAt } from "./errors.ts";
import { FileWindow } from "./file_window.ts";
import {
  decodeFrameHeader,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  provenSequence,
} from "./frame.ts";
import { type LogPosition, LogShape } from "./log_shape.ts";
import { parseSegmentName, segmentName } from "./names.ts";
import { type PaceOptions, pause } from "./pace.ts";
import { type Batch, decodeBatch } from "./record.ts";
import { readSegmentHeader, type Segment, SEGMENT_HEADER_BYTES } from "./segment.ts";

export interface ReplayOptions extends PaceOptions {
  /** Bytes done since the last call. */
  readonly onRead: (bytes: number) => void;
}

/** A segment that has ended. */
export interface SealedSegment extends Segment {
  /** The last index of the log when it ended; 0 once a reset has replaced all before it. */
  readonly lastIndex: number;
}

/** Where the next frame goes. */
export interface LogTail {
  readonly segment: Segment;
  readonly offset: number;
  /** Of the last frame of the log. */
  readonly sequence: number;
  /** True when part of a batch follows that a crash cut short. */
  readonly torn: boolean;
}

export interface ReplayedLog {
  readonly sealed: readonly SealedSegment[];
  readonly tail: LogTail;
  /** The empty segment after the tail, if it was made already. */
  readonly next: Segment | undefined;
  /** Segments that were being retired when the process ended. */
  readonly leftover: readonly string[];
  readonly shape: LogShape;
  readonly hardState: HardState;
  /** Contiguous to the end of the log, from the later of `floor` and the log's base. */
  readonly entries: Entry[];
}

/** The same segments when a reset follows: none of their entries counts any more. */
export function replaced(sealed: readonly SealedSegment[]): SealedSegment[] {
  return sealed.map((segment) => ({ ...segment, lastIndex: 0 }));
}

/** Sequences of the segments in the directory, ascending. */
export function segmentSequences(disk: Disk): number[] {
  return disk.list().map((entry) => parseSegmentName(entry.name))
    .filter((sequence) => sequence !== undefined).sort((a, b) => a - b);
}

/**
 * Reads the log, which has at least one segment, and keeps the entries after
 * `floor`. Throws `CorruptionError` and `FormatVersionError`.
 */
export async function replayLog(
  disk: Disk,
  floor: number,
  options: ReplayOptions,
): Promise<ReplayedLog> {
  return await new Replay(disk, floor, options).run();
}

function samePosition(a: LogPosition, b: LogPosition): boolean {
  return a.index === b.index && a.term === b.term;
}

function named({ index, term }: LogPosition): string {
  return `index ${index} of term ${term}`;
}

/** How the frames of a segment end; after "open" there is nothing that can be read. */
type SegmentEnd = "sealed" | "marked" | "torn" | "open";

class Replay {
  readonly #disk: Disk;
  readonly #floor: number;
  readonly #options: ReplayOptions;
  #sealed: readonly SealedSegment[] = [];
  readonly #shape = new LogShape({ index: 0, term: 0 });
  #hardState: HardState = { term: 0, vote: 0, commitIndex: 0 };
  readonly #entries: Entry[] = [];
  /** Of the last frame read; undefined before the first, which may have any. */
  #sequence: number | undefined;

  constructor(disk: Disk, floor: number, options: ReplayOptions) {
    this.#disk = disk;
    this.#floor = floor;
    this.#options = options;
  }

  async run(): Promise<ReplayedLog> {
    const all = segmentSequences(this.#disk);
    // Retiring goes from the oldest on: the log is what is contiguous with the newest.
    const begin = all.findLastIndex((sequence, i) => sequence !== all[i - 1]! + 1);
    const run = all.slice(begin);
    assert(run.length > 0, "A log has at least one segment");
    for (const sequence of run) {
      const reading = new SegmentReading(this.#disk, sequence, this.#options);
      try {
        const tail = await this.#segment(reading);
        if (tail === undefined) continue;
        const next = await this.#next(run, tail);
        const leftover = all.slice(0, begin).map(segmentName);
        return {
          sealed: this.#sealed,
          tail,
          next,
          leftover,
          shape: this.#shape,
          hardState: this.#hardState,
          entries: this.#entries,
        };
      } finally {
        reading.close();
      }
    }
    const missing = segmentName(run.at(-1)! + 1);
    throw new CorruptionError(
      `${this.#disk.path}/${missing}`,
      0,
      "the segment that the one before it leads to",
      "no such file",
    );
  }

  /** Reads the frames of one segment; returns the tail of the log if it ends here. */
  async #segment(reading: SegmentReading): Promise<LogTail | undefined> {
    const { segment } = reading;
    let offset = SEGMENT_HEADER_BYTES;
    let end: SegmentEnd | undefined;
    while (end === undefined) {
      const header = reading.header(offset);
      end = this.#endAt(reading, header, offset);
      if (end !== undefined) break;
      assert(header !== undefined, "Frames end where there is no header");
      const payload = reading.payload(header, offset);
      const batch = decodeBatch(payload, reading.refuse(offset));
      this.#apply(batch, offset === SEGMENT_HEADER_BYTES, reading.refuse(offset));
      this.#sequence = header.sequence;
      offset += FRAME_HEADER_BYTES + header.payloadBytes;
      if (reading.hasRead) await reading.breathe();
    }
    if (end === "sealed") {
      this.#sequence = this.#sequence! + 1;
      this.#sealed = [...this.#sealed, { ...segment, lastIndex: this.#shape.last.index }];
      return undefined;
    }
    const sequence = await this.#proveEnd(reading, offset);
    return { segment, offset, sequence, torn: end === "torn" };
  }

  /** Whether the frames end at `offset`, and how; undefined when a whole batch is there. */
  #endAt(
    reading: SegmentReading,
    header: FrameHeader | undefined,
    offset: number,
  ): SegmentEnd | undefined {
    if (header === undefined) return "open";
    if (header.kind === "mark") return header.sequence === this.#sequence ? "marked" : "open";
    const expected = this.#sequence === undefined ? header.sequence : this.#sequence + 1;
    if (header.sequence !== expected) return "open";
    if (header.kind === "seal") return this.#sequence === undefined ? "open" : "sealed";
    const payload = reading.payload(header, offset);
    return crc32(payload) === header.payloadCrc ? undefined : "torn";
  }

  /** Throws when the log once went on after `offset`; returns the last sequence. */
  async #proveEnd(reading: SegmentReading, offset: number): Promise<number> {
    const sequence = this.#sequence;
    // A segment becomes part of the log with its first batch: the first one of all has it.
    if (sequence === undefined) {
      reading.refuse(offset)("the first batch of the log", "bytes that fail their checksum");
    }
    const later = await reading.findProof(offset, sequence! + 1);
    if (later !== undefined) {
      reading.refuse(offset)(
        `batch ${sequence! + 1}, proven to be acknowledged by what follows at offset ${later}`,
        "bytes that fail their checksum",
      );
    }
    return sequence!;
  }

  /** The segment after the tail, which nothing was written to. */
  async #next(run: readonly number[], tail: LogTail): Promise<Segment | undefined> {
    const [sequence, ...others] = run.filter((each) => each > tail.segment.sequence);
    if (sequence === undefined) return undefined;
    const refuse = refuseAt(`${this.#disk.path}/${tail.segment.name}`, tail.offset);
    if (others.length > 0) {
      refuse(`batch ${tail.sequence + 1}, proven by later segments`, "the end of the log");
    }
    const reading = new SegmentReading(this.#disk, sequence, this.#options);
    try {
      const later = await reading.findProof(SEGMENT_HEADER_BYTES, tail.sequence + 1);
      if (later === undefined) return reading.segment;
      const proof = `"${reading.segment.name}" at offset ${later}`;
      return refuse(
        `batch ${tail.sequence + 1}, proven to be acknowledged by ${proof}`,
        "bytes that fail their checksum",
      );
    } finally {
      reading.close();
    }
  }

  #apply(batch: Batch, opensSegment: boolean, refuse: Refuse): void {
    const { start, hardState, entries } = batch;
    if ((start !== undefined) !== opensSegment) {
      refuse("a segment's start in its first batch only", "another batch");
    }
    if (start !== undefined) this.#start(start.last, start.reset, refuse);
    if (entries.length > 0) this.#follow(entries[0]!.index - 1, batch.previousTerm, refuse);
    for (const entry of entries) {
      if (!this.#shape.accepts(entry.index, entry.term)) {
        refuse(
          `an entry that may follow ${named(this.#shape.last)}`,
          named(entry),
        );
      }
      this.#shape.append(entry.index, entry.term);
      this.#keep(entry);
    }
    if (hardState === undefined) return;
    if (hardState.commitIndex > this.#shape.last.index) {
      refuse(
        `a commit index up to ${this.#shape.last.index}`,
        `${hardState.commitIndex}`,
      );
    }
    this.#hardState = hardState;
  }

  #start(last: LogPosition, reset: boolean, refuse: Refuse): void {
    if (reset || this.#sequence === undefined) {
      this.#sealed = replaced(this.#sealed);
      this.#shape.reset(last);
      this.#entries.length = 0;
      return;
    }
    if (!samePosition(last, this.#shape.last)) {
      refuse(`a segment after ${named(this.#shape.last)}`, `one after ${named(last)}`);
    }
  }

  /**
   * Checks that entries may follow `index` and `term`. The segment that the log
   * now begins with may once have replaced entries of one that is retired: then
   * the log begins earlier than where that one ended.
   */
  #follow(index: number, term: number, refuse: Refuse): void {
    const shape = this.#shape;
    if (index < shape.base.index) {
      shape.reset({ index, term });
      this.#entries.length = 0;
    }
    if (shape.termAt(index) === term) return;
    refuse(`entries that may follow ${named(shape.last)}`, `some after ${named({ index, term })}`);
  }

  #keep(entry: Entry): void {
    if (entry.index <= this.#floor) {
      this.#entries.length = 0;
      return;
    }
    const first = this.#entries[0]?.index ?? entry.index;
    this.#entries.length = Math.max(0, entry.index - first);
    this.#entries.push(entry);
  }
}

/** One segment, read through a window. */
class SegmentReading {
  readonly segment: Segment;
  readonly #path: string;
  readonly #window: FileWindow;
  readonly #options: ReplayOptions;
  readonly #close: () => void;
  #reported = 0;

  constructor(disk: Disk, sequence: number, options: ReplayOptions) {
    const file = disk.open(segmentName(sequence));
    this.#path = `${disk.path}/${file.name}`;
    this.#close = () => file.close();
    this.#options = options;
    try {
      this.segment = readSegmentHeader(disk, file, sequence);
      this.#window = new FileWindow(file, options.sliceBytes);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  refuse(offset: number): Refuse {
    return refuseAt(this.#path, offset);
  }

  header(offset: number): FrameHeader | undefined {
    if (offset + FRAME_HEADER_BYTES > this.segment.sizeBytes) {
      this.refuse(offset)("a seal", "the end of the file");
    }
    const { view, at } = this.#window.view(offset, FRAME_HEADER_BYTES);
    return decodeFrameHeader(view, at, offset, this.segment.salt);
  }

  payload(header: FrameHeader, offset: number): Uint8Array {
    const refuse = this.refuse(offset);
    return this.#window.bytes(offset + FRAME_HEADER_BYTES, header.payloadBytes, refuse);
  }

  /** The offset of the first frame from `from` on which proves that `sequence` was durable. */
  async findProof(from: number, sequence: number): Promise<number | undefined> {
    const end = this.segment.sizeBytes - FRAME_HEADER_BYTES;
    for (let offset = from; offset <= end;) {
      const { view, at } = this.#window.view(offset, FRAME_HEADER_BYTES);
      const last = view.byteLength - FRAME_HEADER_BYTES;
      for (let i = at; i <= last; i += FRAME_ALIGNMENT, offset += FRAME_ALIGNMENT) {
        const header = decodeFrameHeader(view, i, offset, this.segment.salt);
        if (header !== undefined && provenSequence(header) >= sequence) return offset;
      }
      if (this.hasRead) await this.breathe();
    }
    return undefined;
  }

  /** Whether the disk was read since the event loop last ran. */
  get hasRead(): boolean {
    return this.#window.furthest !== this.#reported;
  }

  /** Reports progress and lets the event loop run. */
  async breathe(): Promise<void> {
    this.#report(this.#window.furthest);
    await pause(this.#options.scheduler);
  }

  /** What was not read counts as read: nobody waits for it any more. */
  close(): void {
    this.#report(this.segment.sizeBytes);
    this.#close();
  }

  #report(furthest: number): void {
    this.#options.onRead(furthest - this.#reported);
    this.#reported = furthest;
  }
}
