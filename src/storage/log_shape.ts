/**
 * What the log on disk holds, without the entries: where it begins, where it
 * ends, and which term each index has. Terms never fall along a log (Raft
 * §5.3), so one item for each term is enough.
 */
import { assert } from "../base/assert.ts";

/** An entry's place; index 0 with term 0 is the place before the first one. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** Whether both are the same place: equal index and term mean the same entry (Raft §5.3). */
export function isSamePosition(a: LogPosition, b: LogPosition): boolean {
  return a.index === b.index && a.term === b.term;
}

export class LogShape {
  #base: LogPosition;
  #lastIndex: number;
  /** Where each term begins, ascending, all above the base. */
  #runs: LogPosition[] = [];

  constructor(base: LogPosition) {
    this.#base = base;
    this.#lastIndex = base.index;
  }

  /** The place after which the log begins. */
  get base(): LogPosition {
    return this.#base;
  }

  get last(): LogPosition {
    return { index: this.#lastIndex, term: this.#runs.at(-1)?.term ?? this.#base.term };
  }

  /** The term of the entry at `index`, undefined outside of the log; the base counts as inside. */
  termAt(index: number): number | undefined {
    if (index > this.#lastIndex || index < this.#base.index) return undefined;
    return this.#runs.findLast((run) => run.index <= index)?.term ?? this.#base.term;
  }

  /**
   * Prepares for entries after `previous`; false when none may follow there. If
   * it lies before the base, the log begins there again: what it held in between
   * was replaced, and the files of that are gone.
   */
  follow(previous: LogPosition): boolean {
    if (previous.index < this.#base.index) this.reset(previous);
    return this.termAt(previous.index) === previous.term;
  }

  /** Whether an entry may be stored at `index` with `term`: no gap, no falling term. */
  accepts(index: number, term: number): boolean {
    if (index <= this.#base.index || index > this.#lastIndex + 1) return false;
    const before = this.termAt(index - 1);
    return before !== undefined && before <= term;
  }

  /** Appends an entry; one that is there already, and all after it, are replaced. */
  append(index: number, term: number): void {
    assert(this.accepts(index, term), "The log has no gap and its terms never fall");
    while (this.#runs.length > 0 && this.#runs.at(-1)!.index >= index) this.#runs.pop();
    if (this.last.term !== term) this.#runs.push({ index, term });
    this.#lastIndex = index;
  }

  /** Drops everything: the log begins again after `base`. */
  reset(base: LogPosition): void {
    this.#base = base;
    this.#lastIndex = base.index;
    this.#runs = [];
  }

  /** The entries up to `upTo` are gone from the disk, as far as there are any. */
  forget(upTo: number): void {
    const index = Math.min(upTo, this.#lastIndex);
    if (index <= this.#base.index) return;
    const term = this.termAt(index);
    assert(term !== undefined, "Only entries of the log are forgotten");
    this.#base = { index, term };
    this.#runs = this.#runs.filter((run) => run.index > index);
  }
}
