/**
 * Reads the frames of one segment, and searches what follows them for frames
 * that must not be there. What either means is `replay.ts`'s affair.
 */
import type { Disk } from "./disk.ts";
import { type Refuse, refuseAt } from "./errors.ts";
import { FileWindow } from "./file_window.ts";
import {
  decodeFrameHeader,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  provenSequence,
} from "./frame.ts";
import { segmentName } from "./names.ts";
import { type PaceOptions, pause } from "./pace.ts";
import { readSegmentHeader, type Segment } from "./segment.ts";

export interface SegmentReaderOptions extends PaceOptions {
  /** Bytes done since the last call. */
  readonly onRead: (bytes: number) => void;
}

/** One segment, read from front to back. */
export class SegmentReader {
  readonly segment: Segment;
  readonly #path: string;
  readonly #window: FileWindow;
  readonly #options: SegmentReaderOptions;
  readonly #close: () => void;
  #reported = 0;

  constructor(disk: Disk, sequence: number, options: SegmentReaderOptions) {
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

  /** What was not read counts as read: nobody waits for it any longer. */
  close(): void {
    this.#report(this.segment.sizeBytes);
    this.#close();
  }

  #report(furthest: number): void {
    this.#options.onRead(furthest - this.#reported);
    this.#reported = furthest;
  }
}
