/**
 * The frames of a log segment: a header with a checksum of its own, so that a
 * damaged length is told from a payload that was cut short, and after it the
 * payload. Every header says which frame of the log it is and where it lies,
 * and its checksum starts from the salt of its segment: neither a leftover of a
 * recycled segment nor a client's bytes can pass for a frame.
 *
 * What one frame says about another is in `provenSequence`: the whole difference
 * between a torn write and damage hangs on it. Layout: `FORMAT.md`.
 */
import { crc32 } from "node:zlib";
import { unreachable } from "../base/assert.ts";
import { ByteWriter } from "../base/bytes.ts";

/** Of every frame; a seal and a mark are nothing else. */
export const FRAME_HEADER_BYTES = 32;
/** Frames begin at multiples of this. */
export const FRAME_ALIGNMENT = 8;

/** "EFRM". */
const MAGIC = 0x4546524d;
const CHECKED_BYTES = 28;

/**
 * `batch` is one save. `seal` ends a segment; the log goes on in the next one.
 * `mark` says that the batch before it is durable; the next frame overwrites it.
 */
export type FrameKind = "batch" | "seal" | "mark";
const KIND_CODES = { batch: 1, seal: 2, mark: 3 } as const;
const KINDS = new Map<number, FrameKind>([[1, "batch"], [2, "seal"], [3, "mark"]]);

/** What stands before the payload of a frame. */
export interface FrameHeader {
  readonly kind: FrameKind;
  /** Counts the batches and seals of a log from 1; a mark has that of the frame it proves. */
  readonly sequence: number;
  /** Bytes of payload after the header, a multiple of 8. */
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** Rounds up to where a frame may begin. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/** Writes `header` at the start of `bytes`; `offset` is its place in the segment. */
export function encodeFrameHeader(
  bytes: Uint8Array,
  header: FrameHeader,
  offset: number,
  salt: number,
): void {
  const writer = new ByteWriter(bytes);
  writer.u32(MAGIC);
  writer.u32(KIND_CODES[header.kind]);
  writer.u53(header.sequence);
  writer.u32(header.payloadBytes);
  writer.u32(header.payloadCrc);
  writer.u32(offset / FRAME_ALIGNMENT);
  writer.u32(crc32(bytes.subarray(0, CHECKED_BYTES), salt));
}

/** The header at `at` of `view`, or undefined when there is none that was written at `offset` of this segment. */
export function decodeFrameHeader(
  view: DataView,
  at: number,
  offset: number,
  salt: number,
): FrameHeader | undefined {
  if (view.getUint32(at) !== MAGIC) return undefined;
  const checked = new Uint8Array(view.buffer, view.byteOffset + at, CHECKED_BYTES);
  if (view.getUint32(at + 28) !== crc32(checked, salt)) return undefined;
  const kind = KINDS.get(view.getUint32(at + 4));
  const sequenceHigh = view.getUint32(at + 8);
  if (kind === undefined || view.getUint32(at + 24) * FRAME_ALIGNMENT !== offset) {
    return undefined;
  }
  return {
    kind,
    sequence: sequenceHigh * 2 ** 32 + view.getUint32(at + 12),
    payloadBytes: view.getUint32(at + 16),
    payloadCrc: view.getUint32(at + 20),
  };
}

/**
 * The sequence up to which the log was durable when this header was written.
 * A batch or a seal is written only after the frame before it was synced, and a
 * mark only after its own batch was.
 */
export function provenSequence(header: FrameHeader): number {
  switch (header.kind) {
    case "batch":
    case "seal":
      return header.sequence - 1;
    case "mark":
      return header.sequence;
    default:
      return unreachable(header.kind);
  }
}
