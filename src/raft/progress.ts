/**
 * What a leader knows of one peer's log and how it may go on sending: paper
 * figure 2 (`nextIndex`, `matchIndex`), pipelined as in thesis §10.2.1.
 *
 * - `probe`: where the logs agree is not known; one append, then wait.
 * - `replicate`: they agree up to `match`; `next` runs ahead of the answers.
 * - `snapshot`: the entries it needs are compacted; wait until it has a snapshot.
 */
import { assert } from "../base/assert.ts";
import type { Inflight } from "./inflight.ts";
import type { PeerState } from "./options.ts";
import type { MemberId } from "./types.ts";

export class Progress {
  readonly id: MemberId;
  readonly inflight: Inflight;
  #match = 0;
  #next: number;
  #state: PeerState = "probe";
  /** Probing, and the one append has left. */
  #paused = false;
  /** Replicating, and some answer may be lost: ask with an empty append. */
  #asking = false;
  /** The highest commit index that it was told, as far as it was sent the entries. */
  #toldCommit = 0;
  #snapshotIndex = 0;
  /** Counted from the election on, which is no sign of life. */
  #ticksSinceHeard = 0;
  #hasAnswered = false;

  constructor(id: MemberId, next: number, inflight: Inflight) {
    this.id = id;
    this.inflight = inflight;
    this.#next = next;
  }

  /** Invariant 2: match < next, and match never goes down in a term of one process of the peer. */
  get match(): number {
    return this.#match;
  }

  get next(): number {
    return this.#next;
  }

  get state(): PeerState {
    return this.#state;
  }

  get ticksSinceHeard(): number {
    return this.#ticksSinceHeard;
  }

  /** Whether it was heard at all since this leader was elected. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  tick(): void {
    this.#ticksSinceHeard++;
  }

  heard(): void {
    this.#hasAnswered = true;
    this.#ticksSinceHeard = 0;
  }

  /** Whether an append is due, to a peer of a log that ends at `lastIndex`. */
  wantsAppend(lastIndex: number, commitIndex: number): boolean {
    switch (this.#state) {
      case "probe":
        return !this.#paused;
      case "replicate":
        return this.wantsEntries(lastIndex) || this.#asking ||
          this.#toldCommit < Math.min(commitIndex, this.#next - 1);
      case "snapshot":
        return false;
    }
  }

  /** Whether entries may leave. */
  wantsEntries(lastIndex: number): boolean {
    return this.#next <= lastIndex && this.#state !== "snapshot" && !this.#paused &&
      !this.inflight.isFull;
  }

  /** An append up to `lastIndex`, of `bytes` bytes, has left; 0 bytes when it had no entries. */
  sent(lastIndex: number, bytes: number, commitIndex: number): void {
    assert(this.#state !== "snapshot", "No append may go to a peer that needs a snapshot");
    this.#asking = false;
    this.#toldCommit = Math.max(this.#toldCommit, Math.min(commitIndex, lastIndex));
    if (this.#state === "probe") {
      this.#paused = true;
    } else if (bytes > 0) {
      this.inflight.add(lastIndex, bytes);
      this.#next = lastIndex + 1;
    }
  }

  /** It holds the log up to `index` on its disk. False when that is no news. */
  accepted(index: number): boolean {
    const isNews = index > this.#match;
    if (isNews) {
      this.#match = index;
      this.#next = Math.max(this.#next, index + 1);
    }
    switch (this.#state) {
      case "probe":
        // An answer from before the probe says nothing about the probe.
        if (index === this.#match) this.#becomeReplicate();
        break;
      case "replicate":
        this.inflight.free(index);
        break;
      case "snapshot":
        if (this.#match >= this.#snapshotIndex) this.#becomeReplicate();
        break;
    }
    return isNews;
  }

  /**
   * It refused the append after `index`; its log may agree at `hint`. False
   * when the answer is an old one: the append has been superseded since.
   */
  refused(index: number, hint: number): boolean {
    if (this.#state === "snapshot" || index <= this.#match) return false;
    if (this.#state === "replicate") {
      // What it acknowledged it still has: nothing can be nearer.
      this.becomeProbe();
      return true;
    }
    if (index !== this.#next - 1) return false;
    this.#next = Math.max(this.#match + 1, Math.min(index, hint + 1));
    this.#paused = false;
    return true;
  }

  /** It lives, but messages may be lost: what is unconfirmed must be asked for (paper §5.3). */
  resume(lastIndex: number): void {
    if (this.#state === "probe") this.#paused = false;
    else if (this.#match < lastIndex) this.#asking = true;
  }

  /** Whatever was under way may be lost. */
  becomeProbe(): void {
    this.#next = this.#match + 1;
    this.#become("probe");
  }

  /**
   * Another process answers under its id, perhaps on another disk: what the one before
   * acknowledged is no longer counted, and nobody is told to commit by it.
   */
  restarted(): void {
    // Most likely it has all of that.
    this.#next = this.#match + 1;
    this.#match = 0;
    this.#become("probe");
  }

  becomeSnapshot(index: number): void {
    this.#become("snapshot");
    this.#snapshotIndex = index;
  }

  /** The transfer of the snapshot ended; the next probe waits for a sign of life. */
  snapshotEnded(ok: boolean): void {
    if (this.#state !== "snapshot") return;
    const index = this.#snapshotIndex;
    this.becomeProbe();
    if (ok) this.#next = Math.max(this.#next, index + 1);
    this.#paused = true;
  }

  #becomeReplicate(): void {
    this.#next = this.#match + 1;
    this.#become("replicate");
  }

  #become(state: PeerState): void {
    this.#state = state;
    this.#paused = false;
    this.#asking = false;
    this.#snapshotIndex = 0;
    // What it was told beyond `match` may be lost.
    this.#toldCommit = Math.min(this.#toldCommit, this.#match);
    this.inflight.clear();
  }
}
