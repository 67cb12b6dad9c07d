/**
 * The payload of a batch: what one `save` must make durable together, so that
 * hard state and entries can never be torn apart. Layout: `FORMAT.md`.
 */
import type { Entry, EntryKind, HardState } from "../raft/types.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { Refuse } from "./errors.ts";
import { aligned, FRAME_ALIGNMENT } from "./frame.ts";
import type { LogPosition } from "./log_shape.ts";

/** Opens a segment: enough to begin reading the log there. */
export interface SegmentStart {
  /** The last entry before this segment. */
  readonly last: LogPosition;
  /** True when a received snapshot, up to `last`, replaced all that was before. */
  readonly reset: boolean;
}

export interface Batch {
  /** In the first batch of a segment, and only there. */
  readonly start: SegmentStart | undefined;
  /** Always there beside `start`. */
  readonly hardState: HardState | undefined;
  /** Of the entry before the first of `entries`; 0 when there are none. */
  readonly previousTerm: number;
  /** Contiguous; the first may replace an entry of an earlier batch and all after it. */
  readonly entries: readonly Entry[];
}

const FLAG_START = 1;
const FLAG_RESET = 2;
const FLAG_HARD_STATE = 4;
const FLAGS_KNOWN = FLAG_START | FLAG_RESET | FLAG_HARD_STATE;

const PREFIX_BYTES = 8;
const START_BYTES = 16;
const HARD_STATE_BYTES = 24;
const ENTRIES_PREFIX_BYTES = 16;
const ENTRY_PREFIX_BYTES = 16;

const KIND_CODES = { noop: 1, command: 2, config: 3 } as const;
const KINDS = new Map<number, EntryKind>([[1, "noop"], [2, "command"], [3, "config"]]);

/** Bytes of the encoded batch, a multiple of 8. */
export function batchBytes(batch: Batch): number {
  let bytes = PREFIX_BYTES;
  if (batch.start !== undefined) bytes += START_BYTES;
  if (batch.hardState !== undefined) bytes += HARD_STATE_BYTES;
  if (batch.entries.length > 0) bytes += ENTRIES_PREFIX_BYTES;
  for (const entry of batch.entries) bytes += ENTRY_PREFIX_BYTES + entry.data.length;
  return aligned(bytes);
}

/** Fills `into`, which has exactly `batchBytes(batch)` bytes. */
export function encodeBatch(batch: Batch, into: Uint8Array): void {
  const { start, hardState, entries } = batch;
  const writer = new ByteWriter(into);
  writer.u32(
    (start === undefined ? 0 : FLAG_START) | (start?.reset ? FLAG_RESET : 0) |
      (hardState === undefined ? 0 : FLAG_HARD_STATE),
  );
  writer.u32(entries.length);
  if (start !== undefined) {
    writer.u53(start.last.index);
    writer.u53(start.last.term);
  }
  if (hardState !== undefined) {
    writer.u53(hardState.term);
    writer.u53(hardState.vote);
    writer.u53(hardState.commitIndex);
  }
  if (entries.length > 0) {
    writer.u53(entries[0]!.index);
    writer.u53(batch.previousTerm);
  }
  for (const entry of entries) {
    writer.u53(entry.term);
    writer.u32(entry.data.length);
    writer.u32(KIND_CODES[entry.kind]);
    writer.copy(entry.data);
  }
  writer.zerosTo(into.length);
}

/** The batch in `bytes`, whose checksum was right; entries' data are views into it. */
export function decodeBatch(bytes: Uint8Array, refuse: Refuse): Batch {
  const reader = new ByteReader(bytes, refuse);
  const flags = reader.u32();
  const count = reader.u32();
  if ((flags & ~FLAGS_KNOWN) !== 0) refuse("known flags", `flags ${flags}`);
  const start = (flags & FLAG_START) === 0 ? undefined : {
    last: { index: reader.u53(), term: reader.u53() },
    reset: (flags & FLAG_RESET) !== 0,
  };
  const hardState = (flags & FLAG_HARD_STATE) === 0 ? undefined : {
    term: reader.u53(),
    vote: reader.u53(),
    commitIndex: reader.u53(),
  };
  const entries: Entry[] = [];
  let previousTerm = 0;
  if (count > 0) {
    const firstIndex = reader.u53();
    previousTerm = reader.u53();
    for (let i = 0; i < count; i++) {
      entries.push(decodeEntry(reader, firstIndex + i, refuse));
    }
  }
  if (reader.remaining >= FRAME_ALIGNMENT || !isZero(reader.take(reader.remaining))) {
    refuse("the end of the batch", `${reader.remaining} more bytes`);
  }
  return { start, hardState, previousTerm, entries };
}

function decodeEntry(reader: ByteReader, index: number, refuse: Refuse): Entry {
  const term = reader.u53();
  const length = reader.u32();
  const code = reader.u32();
  const kind = KINDS.get(code);
  if (kind === undefined) return refuse("a kind of entry from 1 to 3", `${code}`);
  return { index, term, kind, data: reader.take(length) };
}

/** True when every byte is zero. */
function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
