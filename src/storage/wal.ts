/**
 * The write-ahead log: appends batches to the current segment and makes each
 * durable with one write and one sync (group commit). Ends and opens segments,
 * and retires those that nothing needs.
 *
 * Two rules that `replay.ts` stands on are kept here: a frame is written only
 * when the one before it is durable, and a mark only when its own batch is.
 * What the entries mean is the consensus core's affair. Nothing is read here.
 */
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import { DiskFullError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Entry, HardState } from "../raft/types.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { encodeFrameHeader, FRAME_HEADER_BYTES } from "./frame.ts";
import type { Fuse } from "./fuse.ts";
import type { LogPosition, LogShape } from "./log_shape.ts";
import { pause } from "./pace.ts";
import type { NeededFile } from "./presence.ts";
import { type Batch, batchBytes, encodeBatch } from "./record.ts";
import type { FramePlace, ReplayedLog } from "./replay.ts";
import {
  type SealedSegment,
  type Segment,
  SEGMENT_HEADER_BYTES,
  type SegmentOptions,
  SegmentSupply,
  withoutEntries,
} from "./segment.ts";

export interface WalOptions extends SegmentOptions {
  readonly logger: Logger;
}

/** What one save adds to the log. */
export interface Addition {
  readonly hardState: HardState | undefined;
  /** A received snapshot after which the log begins again, unless it holds that very entry. */
  readonly snapshot: LogPosition | undefined;
  readonly entries: readonly Entry[];
  /** See `Storage.save`. */
  readonly mayBlock: boolean;
}

const FIRST_SEQUENCE = 1;
const NO_HARD_STATE: HardState = { term: 0, vote: 0, commitIndex: 0 };

/** Makes the first segment, with an empty batch in it. Rejects with `DiskFullError`. */
export async function createLog(disk: Disk, options: SegmentOptions): Promise<void> {
  const start = { last: { index: 0, term: 0 }, reset: false };
  const batch = { start, hardState: NO_HARD_STATE, previousTerm: 0, entries: [] };
  const supply = new SegmentSupply(disk, options);
  await supply.make(1, options.segmentBytes, (salt) => {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + batchBytes(batch));
    encodeBatchFrame(frame, batch, FIRST_SEQUENCE, SEGMENT_HEADER_BYTES, salt);
    return frame;
  });
}

export class Wal {
  readonly #disk: Disk;
  readonly #options: WalOptions;
  readonly #fuse: Fuse;
  readonly #supply: SegmentSupply;
  readonly #shape: LogShape;
  #hardState: HardState;
  #sealed: readonly SealedSegment[];
  #current: Segment;
  #file: DiskFile;
  /** Where the next frame goes; there is always room for a header. */
  #offset: number;
  /** Of the last frame. */
  #sequence: number;
  /** The segment after the current one: durable, empty. */
  #next: Segment | undefined;
  #preparing: Promise<void> | undefined;
  /** True once the disk was too full for the next segment: it is made when it is needed. */
  #nextIsLate = false;
  /** Reused for frames of up to a slice. */
  readonly #scratch: Uint8Array;

  private constructor(disk: Disk, log: ReplayedLog, options: WalOptions, fuse: Fuse) {
    this.#disk = disk;
    this.#options = options;
    this.#fuse = fuse;
    this.#supply = new SegmentSupply(disk, options);
    this.#shape = log.shape;
    this.#hardState = log.hardState;
    this.#sealed = log.sealed;
    this.#current = log.tail.segment;
    this.#file = disk.open(this.#current.name);
    this.#offset = log.tail.offset;
    this.#sequence = log.tail.sequence;
    this.#next = log.next;
    this.#scratch = new Uint8Array(options.sliceBytes);
  }

  /**
   * Goes on with a log that was replayed: what was read becomes durable, because
   * a killed process may have left it in the page cache, and is marked as such. A
   * frame without its mark is written once more: had its sync failed, the kernel
   * would take it for written, and another sync would prove nothing (Rebello and
   * others, "Can Applications Recover from fsync Failures?", 2020).
   */
  static async open(
    disk: Disk,
    log: ReplayedLog,
    options: WalOptions,
    fuse: Fuse,
  ): Promise<Wal> {
    const wal = new Wal(disk, log, options, fuse);
    try {
      if (log.unproven !== undefined) rewrite(disk, log.unproven);
      await syncSeal(disk, log.sealed.at(-1));
      await wal.#file.sync();
      wal.#mark();
      for (const name of log.leftover) await disk.remove(name);
      if (log.leftover.length > 0) await disk.syncDirectory();
      return wal;
    } catch (error) {
      wal.#file.close();
      throw error;
    }
  }

  /** The files that hold the log now. */
  get files(): NeededFile[] {
    return [...this.#sealed, this.#current].map(({ name, sizeBytes: sizeMin }) => ({
      name,
      sizeMin,
    }));
  }

  get shape(): LogShape {
    return this.#shape;
  }

  /**
   * Resolves when the addition is durable; one at a time. Rejects with
   * `DiskFullError` when there is no space: then nothing of it counts, and the
   * log can be added to again.
   */
  async append({ hardState, snapshot, entries, mayBlock }: Addition): Promise<void> {
    const reset = snapshot !== undefined && this.#shape.termAt(snapshot.index) !== snapshot.term
      ? snapshot
      : undefined;
    this.#checkAddition(hardState, reset, entries);
    const before = reset ?? this.#shape.last;
    const previousTerm = this.#previousTerm(reset, entries);
    const opening: Batch = {
      start: { last: before, reset: reset !== undefined },
      hardState: hardState ?? this.#hardState,
      previousTerm,
      entries,
    };
    const bytesMax = FRAME_HEADER_BYTES + batchBytes(opening);
    assert(bytesMax < 2 ** 32, "A batch is smaller than 4 GiB");
    if (reset !== undefined || !this.#fits(bytesMax)) await this.#turnSegment(bytesMax);
    await this.#commit(
      this.#currentIsStarted() ? { start: undefined, hardState, previousTerm, entries } : opening,
      mayBlock,
    );
    this.#prepareNextIfDue();
  }

  /** Gives up the segments that hold no entry after `index`. */
  async retireThrough(index: number): Promise<void> {
    const kept = this.#sealed.findIndex((segment) => segment.lastIndex > index);
    const retired = kept === -1 ? this.#sealed : this.#sealed.slice(0, kept);
    if (retired.length === 0 || !this.#currentIsStarted()) return;
    this.#sealed = this.#sealed.slice(retired.length);
    this.#shape.forget(retired.at(-1)!.lastIndex);
    await this.#supply.retire(retired);
  }

  /** Makes everything durable, the mark included, unless the disk has failed. */
  async close(): Promise<void> {
    await this.#preparing;
    try {
      if (!this.#fuse.blown) await this.#file.sync();
    } finally {
      this.#file.close();
    }
  }

  #previousTerm(reset: LogPosition | undefined, entries: readonly Entry[]): number {
    if (entries.length === 0) return 0;
    const index = entries[0]!.index - 1;
    const term = index === reset?.index ? reset.term : this.#shape.termAt(index);
    assert(term !== undefined, "The log has no gap");
    return term;
  }

  /** What the core promises; a batch that breaks it must not reach the disk. */
  #checkAddition(
    hardState: HardState | undefined,
    reset: LogPosition | undefined,
    entries: readonly Entry[],
  ): void {
    const before = reset ?? this.#shape.last;
    const first = entries[0];
    const last = entries.at(-1);
    const lastIndex = last?.index ?? before.index;
    const { term, commitIndex } = this.#hardState;
    assert(first === undefined || first.index <= before.index + 1, "The log has no gap");
    assert(
      first === undefined || first.index > commitIndex,
      "Committed entries are never replaced",
    );
    assert(
      last === undefined || last.index - first!.index === entries.length - 1,
      "The entries of a batch are contiguous",
    );
    assert(
      last === undefined || last.term <= (hardState?.term ?? term),
      "No entry is of a later term than the saved one",
    );
    assert(
      reset === undefined || reset.index >= commitIndex,
      "A snapshot never takes committed entries back",
    );
    if (hardState === undefined) return;
    assert(hardState.term >= term, "The term never falls");
    assert(
      hardState.commitIndex <= lastIndex,
      "The commit index is never above the last saved index",
    );
  }

  #fits(frameBytes: number): boolean {
    return this.#offset + frameBytes + FRAME_HEADER_BYTES <= this.#current.sizeBytes;
  }

  #currentIsStarted(): boolean {
    return this.#offset > SEGMENT_HEADER_BYTES;
  }

  async #commit(batch: Batch, mayBlock: boolean): Promise<void> {
    const sequence = this.#sequence + 1;
    const bytes = FRAME_HEADER_BYTES + batchBytes(batch);
    assert(this.#fits(bytes), "A batch ends within its segment, with room for a seal");
    const frame = bytes <= this.#scratch.length
      ? this.#scratch.subarray(0, bytes)
      : new Uint8Array(bytes);
    encodeBatchFrame(frame, batch, sequence, this.#offset, this.#current.salt);
    await this.#write(frame);
    await this.#file.sync(mayBlock);
    this.#offset += bytes;
    this.#sequence = sequence;
    if (batch.start?.reset) {
      this.#shape.reset(batch.start.last);
      this.#sealed = withoutEntries(this.#sealed);
    }
    const { entries, previousTerm } = batch;
    if (entries.length > 0) {
      const previous = { index: entries[0]!.index - 1, term: previousTerm };
      assert(this.#shape.follow(previous), "Entries follow one that is there");
    }
    for (const { index, term } of entries) this.#shape.append(index, term);
    this.#hardState = batch.hardState ?? this.#hardState;
    this.#mark();
  }

  /** Writes a frame at the end of the log. On a full disk the end stays as it was. */
  async #write(frame: Uint8Array): Promise<void> {
    const { sliceBytes, scheduler } = this.#options;
    try {
      for (let at = 0; at < frame.length; at += sliceBytes) {
        if (at > 0) await pause(scheduler);
        this.#file.write(frame.subarray(at, at + sliceBytes), this.#offset + at);
      }
    } catch (error) {
      if (error instanceof DiskFullError) this.#mark();
      throw error;
    }
  }

  /**
   * Says, where the next frame will go, that the last one is durable. Not synced:
   * it outlives the process at once, and a power cut soon after. With it, damage
   * to the last batch is told from a write that was cut short.
   */
  #mark(): void {
    const mark = this.#bareFrame("mark", this.#sequence);
    try {
      this.#file.write(mark, this.#offset);
    } catch (error) {
      // Only file systems that copy on write need space for this; the log is sound without.
      if (!(error instanceof DiskFullError)) throw error;
    }
  }

  /** A frame without payload for the end of the log. */
  #bareFrame(kind: "mark" | "seal", sequence: number): Uint8Array {
    const frame = new Uint8Array(FRAME_HEADER_BYTES);
    const header = { kind, sequence, payloadBytes: 0, payloadCrc: 0 };
    encodeFrameHeader(frame, header, this.#offset, this.#current.salt);
    return frame;
  }

  /** Goes on in a segment that has room for a first batch of `frameBytes`. */
  async #turnSegment(frameBytes: number): Promise<void> {
    const room = SEGMENT_HEADER_BYTES + frameBytes + FRAME_HEADER_BYTES;
    if (!this.#currentIsStarted()) {
      if (this.#fits(frameBytes)) return;
      const { sequence } = this.#current;
      return this.#enter(await this.#make(sequence, room));
    }
    const next = await this.#takeNext(room);
    const sequence = this.#sequence + 1;
    await this.#write(this.#bareFrame("seal", sequence));
    await this.#file.sync();
    this.#sequence = sequence;
    this.#sealed = [...this.#sealed, { ...this.#current, lastIndex: this.#shape.last.index }];
    this.#next = undefined;
    this.#enter(next);
  }

  #enter(segment: Segment): void {
    const file = this.#disk.open(segment.name);
    this.#file.close();
    this.#file = file;
    this.#current = segment;
    this.#offset = SEGMENT_HEADER_BYTES;
    this.#nextIsLate = false;
  }

  /** The next segment with at least `room` bytes; it stays the next one until it is entered. */
  async #takeNext(room: number): Promise<Segment> {
    await this.#preparing;
    this.#fuse.check();
    if (this.#next === undefined || this.#next.sizeBytes < room) {
      this.#next = await this.#make(this.#current.sequence + 1, room);
    }
    return this.#next;
  }

  #make(sequence: number, room: number): Promise<Segment> {
    return this.#supply.make(sequence, Math.max(room, this.#options.segmentBytes));
  }

  /** Makes the next segment in the background once half of this one is used. */
  #prepareNextIfDue(): void {
    if (this.#next !== undefined || this.#preparing !== undefined || this.#nextIsLate) return;
    if (this.#offset * 2 < this.#current.sizeBytes) return;
    this.#preparing = this.#make(this.#current.sequence + 1, 0).then((next) => {
      this.#next = next;
    }, (error) => {
      this.#fuse.blow(error);
      this.#nextIsLate = true;
      this.#options.logger.warn("The next log segment could not be made ready", {
        cause: String(error),
      });
    }).finally(() => {
      this.#preparing = undefined;
    });
  }
}

/** Nothing may be written behind a seal that a killed process has left in the page cache. */
async function syncSeal(disk: Disk, segment: Segment | undefined): Promise<void> {
  if (segment === undefined) return;
  const file = disk.open(segment.name);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** Writes over a frame with what is there. */
function rewrite(disk: Disk, { name, from, to }: FramePlace): void {
  const file = disk.open(name);
  try {
    const bytes = new Uint8Array(to - from);
    assert(file.read(bytes, from) === bytes.length, "A frame that was replayed is there");
    file.write(bytes, from);
  } catch (error) {
    // Only file systems that copy on write need space for this, and after a failed sync
    // they show what is on disk.
    if (!(error instanceof DiskFullError)) throw error;
  } finally {
    file.close();
  }
}

function encodeBatchFrame(
  frame: Uint8Array,
  batch: Batch,
  sequence: number,
  offset: number,
  salt: number,
): void {
  const payload = frame.subarray(FRAME_HEADER_BYTES);
  encodeBatch(batch, payload);
  const payloadCrc = crc32(payload);
  encodeFrameHeader(
    frame,
    { kind: "batch", sequence, payloadBytes: payload.length, payloadCrc },
    offset,
    salt,
  );
}
