/**
 * What one entry of the log does to the key space: its numbers, and the events that
 * it has made so far. Made for each command that is applied.
 */
import type { Event } from "../event.ts";
import { NO_VERSION, type Version } from "./record.ts";

export class Change {
  /** The revision of what this entry changes of keys: one for all of it. */
  readonly revision: number;
  readonly events: Event[] = [];
  /** Whether it has changed a key; directories alone make no revision. */
  hasRevision = false;
  /** The newest change index. */
  #changeIndex: number;

  /**
   * `revision` and `changeIndex` are those before the entry. An entry of format 1
   * makes both its own index, so that members that restored a snapshot of version 1.0
   * at different indexes agree.
   */
  constructor(
    readonly logIndex: number,
    readonly timeMs: number,
    revision: number,
    changeIndex: number,
    readonly format: 1 | 2,
  ) {
    this.revision = format === 1 ? logIndex : revision + 1;
    this.#changeIndex = changeIndex;
  }

  get changeIndex(): number {
    return this.#changeIndex;
  }

  /** The change index of the next change. */
  nextChangeIndex(): number {
    this.#changeIndex = this.format === 1 ? this.logIndex : this.#changeIndex + 1;
    return this.#changeIndex;
  }
}

/** Of a directory that the change makes. */
export function directoryVersion(
  change: Change,
  changeIndex: number,
  deadlineMs: number,
): Version {
  return {
    ...NO_VERSION,
    setIndex: change.logIndex,
    createdIndex: changeIndex,
    modifiedIndex: changeIndex,
    deadlineMs,
  };
}
