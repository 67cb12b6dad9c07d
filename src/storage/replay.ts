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
import { FRAME_HEADER_BYTES, type FrameHeader } from "./frame.ts";
import { isSamePosition, type LogPosition, LogShape } from "./log_shape.ts";
import { parseSegmentName, segmentName } from "./names.ts";
import { type Batch, decodeBatch } from "./record.ts";
import {
  type SealedSegment,
  type Segment,
  SEGMENT_HEADER_BYTES,
  withoutEntries,
} from "./segment.ts";
import { SegmentReader, type SegmentReaderOptions } from "./segment_reader.ts";

/** Where the next frame goes. */
export interface LogTail {
  readonly segment: Segment;
  readonly offset: number;
  /** Of the last frame of the log. */
  readonly sequence: number;
  /** True when part of a batch follows that a crash cut short. */
  readonly torn: boolean;
}

/** Bytes `from` to `to` of a segment. */
export interface FramePlace {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface ReplayedLog {
  readonly sealed: readonly SealedSegment[];
  readonly tail: LogTail;
  /** The empty segment after the tail, if it was made already. */
  readonly next: Segment | undefined;
  /** The last frame, unless a mark says that its sync succeeded. */
  readonly unproven: FramePlace | undefined;
  /** Segments that were being retired when the process ended. */
  readonly leftover: readonly string[];
  readonly shape: LogShape;
  readonly hardState: HardState;
  /** Contiguous to the end of the log, from the later of `floor` and the log's base. */
  readonly entries: Entry[];
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
  options: SegmentReaderOptions,
): Promise<ReplayedLog> {
  return await new Replay(disk, floor, options).run();
}

const FAILED_CHECKSUM = "bytes that fail their checksum";

function named({ index, term }: LogPosition): string {
  return `index ${index} of term ${term}`;
}

/** How the frames of a segment end; after "open" there is nothing that can be read. */
type SegmentEnd = "sealed" | "marked" | "torn" | "open";

class Replay {
  readonly #disk: Disk;
  readonly #floor: number;
  readonly #options: SegmentReaderOptions;
  #sealed: readonly SealedSegment[] = [];
  readonly #shape = new LogShape({ index: 0, term: 0 });
  #hardState: HardState = { term: 0, vote: 0, commitIndex: 0 };
  readonly #entries: Entry[] = [];
  /** Of the last frame read; undefined before the first, which may have any. */
  #sequence: number | undefined;
  #last: FramePlace | undefined;
  #isMarked = false;

  constructor(disk: Disk, floor: number, options: SegmentReaderOptions) {
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
      const reader = new SegmentReader(this.#disk, sequence, this.#options);
      try {
        const tail = await this.#segment(reader);
        if (tail === undefined) continue;
        const next = await this.#next(run, tail);
        const leftover = all.slice(0, begin).map(segmentName);
        return {
          sealed: this.#sealed,
          tail,
          next,
          unproven: this.#isMarked ? undefined : this.#last,
          leftover,
          shape: this.#shape,
          hardState: this.#hardState,
          entries: this.#entries,
        };
      } finally {
        reader.close();
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
  async #segment(reader: SegmentReader): Promise<LogTail | undefined> {
    const { segment } = reader;
    let offset = SEGMENT_HEADER_BYTES;
    let end: SegmentEnd | undefined;
    while (end === undefined) {
      const header = reader.header(offset);
      end = this.#endAt(reader, header, offset);
      if (end !== undefined) break;
      assert(header !== undefined, "Frames end where there is no header");
      const payload = reader.payload(header, offset);
      const batch = decodeBatch(payload, reader.refuse(offset));
      this.#apply(batch, offset === SEGMENT_HEADER_BYTES, reader.refuse(offset));
      this.#sequence = header.sequence;
      offset = this.#passed(segment.name, offset, FRAME_HEADER_BYTES + header.payloadBytes);
      if (reader.hasRead) await reader.breathe();
    }
    if (end === "sealed") {
      this.#sequence = this.#sequence! + 1;
      this.#passed(segment.name, offset, FRAME_HEADER_BYTES);
      this.#sealed = [...this.#sealed, { ...segment, lastIndex: this.#shape.last.index }];
      return undefined;
    }
    this.#isMarked = end === "marked";
    const sequence = await this.#proveEnd(reader, offset);
    return { segment, offset, sequence, torn: end === "torn" };
  }

  /** Where the frame of `bytes` at `from` ends. */
  #passed(name: string, from: number, bytes: number): number {
    this.#last = { name, from, to: from + bytes };
    return from + bytes;
  }

  /** Whether the frames end at `offset`, and how; undefined when a whole batch is there. */
  #endAt(
    reader: SegmentReader,
    header: FrameHeader | undefined,
    offset: number,
  ): SegmentEnd | undefined {
    if (header === undefined) return "open";
    if (header.kind === "mark") return header.sequence === this.#sequence ? "marked" : "open";
    const expected = this.#sequence === undefined ? header.sequence : this.#sequence + 1;
    if (header.sequence !== expected) return "open";
    if (header.kind === "seal") return this.#sequence === undefined ? "open" : "sealed";
    const payload = reader.payload(header, offset);
    return crc32(payload) === header.payloadCrc ? undefined : "torn";
  }

  /** Throws when the log once went on after `offset`; returns the last sequence. */
  async #proveEnd(reader: SegmentReader, offset: number): Promise<number> {
    const sequence = this.#sequence;
    const refuse = reader.refuse(offset);
    // A segment becomes part of the log with its first batch: the first one of all has it.
    if (sequence === undefined) return refuse("the first batch of the log", FAILED_CHECKSUM);
    const later = await reader.findProof(offset, sequence + 1);
    if (later === undefined) return sequence;
    return refuse(
      `batch ${sequence + 1}, proven to be acknowledged by what follows at offset ${later}`,
      FAILED_CHECKSUM,
    );
  }

  /** The segment after the tail, which nothing was written to. */
  async #next(run: readonly number[], tail: LogTail): Promise<Segment | undefined> {
    const [sequence, ...others] = run.filter((each) => each > tail.segment.sequence);
    if (sequence === undefined) return undefined;
    const refuse = refuseAt(`${this.#disk.path}/${tail.segment.name}`, tail.offset);
    if (others.length > 0) {
      refuse(`batch ${tail.sequence + 1}, proven by later segments`, "the end of the log");
    }
    const reader = new SegmentReader(this.#disk, sequence, this.#options);
    try {
      const later = await reader.findProof(SEGMENT_HEADER_BYTES, tail.sequence + 1);
      if (later === undefined) return reader.segment;
      const proof = `"${reader.segment.name}" at offset ${later}`;
      return refuse(
        `batch ${tail.sequence + 1}, proven to be acknowledged by ${proof}`,
        FAILED_CHECKSUM,
      );
    } finally {
      reader.close();
    }
  }

  #apply(batch: Batch, opensSegment: boolean, refuse: Refuse): void {
    const { start, hardState, entries } = batch;
    if ((start !== undefined) !== opensSegment) {
      refuse("a segment's start in its first batch only", "another batch");
    }
    if (start !== undefined) this.#start(start.last, start.reset, refuse);
    const previous = { index: (entries[0]?.index ?? 0) - 1, term: batch.previousTerm };
    if (entries.length > 0 && !this.#shape.follow(previous)) {
      refuse(`entries that may follow ${named(this.#shape.last)}`, `some after ${named(previous)}`);
    }
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
      this.#sealed = withoutEntries(this.#sealed);
      this.#shape.reset(last);
      this.#entries.length = 0;
      return;
    }
    if (!isSamePosition(last, this.#shape.last)) {
      refuse(`a segment after ${named(this.#shape.last)}`, `one after ${named(last)}`);
    }
  }

  /** Keeps `entry` in place of one with its index, and of all after it. */
  #keep(entry: Entry): void {
    const first = this.#entries[0]?.index ?? entry.index;
    this.#entries.length = Math.max(0, entry.index - first);
    if (entry.index > this.#floor) this.#entries.push(entry);
  }
}
