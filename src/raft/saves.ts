/**
 * What is durable, what the disk works on, and the promises that wait for it.
 * It never writes: it makes batches, one outstanding at a time, and learns from
 * `finish` that one is on disk.
 *
 * The log may change while a batch is outstanding. A finished batch therefore
 * counts only as far as the log still holds its very (index, term) pairs: equal
 * pairs mean equal logs up to there (paper §5.3, Log Matching), whatever was
 * truncated and came back in between.
 */
import { assert } from "../base/assert.ts";
import type { Log } from "./log.ts";
import type { HardState, MemberId, Message, SaveBatch, SnapshotMeta } from "./types.ts";

export class Saves {
  /** Invariant 3: the log up to here is on disk. */
  #savedIndex: number;
  /** The first entry that no batch has taken yet. */
  #nextIndex: number;
  #hardState: HardState;
  /** Accepted, not on disk yet. */
  #snapshot: SnapshotMeta | undefined;
  #outstanding: SaveBatch | undefined;
  #promises: Message[] = [];

  /** Everything up to `lastIndex` came from the disk, and so did `hardState`. */
  constructor(hardState: HardState, lastIndex: number) {
    this.#hardState = hardState;
    this.#savedIndex = lastIndex;
    this.#nextIndex = lastIndex + 1;
  }

  get savedIndex(): number {
    return this.#savedIndex;
  }

  /** A received snapshot that is not on disk yet. */
  get pendingSnapshot(): SnapshotMeta | undefined {
    return this.#snapshot;
  }

  isVoteSaved(term: number, vote: MemberId): boolean {
    return this.#hardState.term === term && this.#hardState.vote === vote;
  }

  /** Whether all that `message` promises is on disk, so that it may leave at once. */
  covers(message: Message, term: number, vote: MemberId): boolean {
    if (!this.isVoteSaved(term, vote)) return false;
    const acknowledges = message.type === "appendReply" && !message.rejected;
    return !acknowledges || message.index <= this.#savedIndex;
  }

  /** Keeps `message` until the disk holds what it promises: a few a peer, however long that takes. */
  defer(message: Message): void {
    const at = this.#promises.findIndex((earlier) => isSuperseded(earlier, message));
    if (at >= 0) this.#promises.splice(at, 1);
    this.#promises.push(message);
  }

  /** The term has passed: nobody waits for these any longer, and the log they speak of may go. */
  dropPromises(): void {
    this.#promises = [];
  }

  /** The log was cut before `index`. */
  truncatedFrom(index: number): void {
    this.#savedIndex = Math.min(this.#savedIndex, index - 1);
    this.#nextIndex = Math.min(this.#nextIndex, index);
  }

  /** The log now stands where `snapshot` does; before, it was right up to `commitIndex`. */
  replacedBy(snapshot: SnapshotMeta, commitIndex: number): void {
    this.#savedIndex = Math.min(this.#savedIndex, commitIndex);
    this.#nextIndex = snapshot.index + 1;
    this.#snapshot = snapshot;
  }

  /**
   * Whether `take` has anything to give. A higher commit index alone is not
   * worth a disk write: it goes with the next one.
   */
  isDue(lastIndex: number, term: number, vote: MemberId): boolean {
    return this.#outstanding === undefined &&
      (this.#nextIndex <= lastIndex || this.#snapshot !== undefined ||
        !this.isVoteSaved(term, vote));
  }

  /** The next batch; only when one is due. */
  take(log: Log, hardState: HardState): SaveBatch {
    assert(this.#outstanding === undefined, "Only one batch may be outstanding");
    assert(hardState.commitIndex <= log.lastIndex, "Commit must lie within the log");
    const { term, vote, commitIndex } = hardState;
    const isSame = this.isVoteSaved(term, vote) && commitIndex === this.#hardState.commitIndex;
    const batch: SaveBatch = {
      hardState: isSame ? undefined : hardState,
      snapshot: this.#snapshot,
      entries: log.slice(this.#nextIndex, log.lastIndex),
      messages: this.#promises,
    };
    this.#outstanding = batch;
    this.#nextIndex = log.lastIndex + 1;
    this.#promises = [];
    return batch;
  }

  /** `batch` is on disk. */
  finish(batch: SaveBatch, log: Log): void {
    assert(batch === this.#outstanding, "Only the outstanding batch can become durable");
    this.#outstanding = undefined;
    if (batch.hardState !== undefined) this.#hardState = batch.hardState;
    if (batch.snapshot !== undefined) this.#finishSnapshot(batch.snapshot);
    // A snapshot that waits replaces the log on disk: what it holds there does not count.
    if (this.#snapshot !== undefined) return;
    const last = batch.entries.findLast(({ index, term }) => log.matches(index, term));
    if (last !== undefined) this.#savedIndex = Math.max(this.#savedIndex, last.index);
    this.#nextIndex = Math.max(this.#nextIndex, this.#savedIndex + 1);
  }

  /** The promises that the disk holds by now; the others wait on. */
  release(term: number, vote: MemberId): Message[] {
    if (this.#promises.length === 0) return [];
    const waiting: Message[] = [];
    const released: Message[] = [];
    for (const message of this.#promises) {
      (this.covers(message, term, vote) ? released : waiting).push(message);
    }
    this.#promises = waiting;
    return released;
  }

  /** A newer one may have arrived meanwhile: then the log stands beyond this one. */
  #finishSnapshot(snapshot: SnapshotMeta): void {
    if (this.#snapshot === snapshot) this.#snapshot = undefined;
    this.#savedIndex = Math.max(this.#savedIndex, snapshot.index);
  }
}

/** Whether `later` leaves nothing for `earlier` to say to its receiver. */
function isSuperseded(earlier: Message, later: Message): boolean {
  if (earlier.type !== later.type || earlier.to !== later.to) return false;
  if (earlier.type !== "appendReply" || later.type !== "appendReply") return true;
  if (earlier.rejected !== later.rejected) return false;
  // A higher acknowledgement says all that a lower one does; of refusals the newest counts.
  return later.rejected || earlier.index <= later.index;
}
