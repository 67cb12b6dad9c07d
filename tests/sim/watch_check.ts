/**
 * What watchers are told against the committed events: each the first one at its
 * path from its index on, or an explicit word that the history no longer
 * reaches back so far. So a chain of watches sees every event once, in order.
 */
import type { V1Event } from "../store/v1_words.ts";
import type { ModelStore } from "./model_store.ts";
import type { Violations } from "./violation.ts";

/** A watch that waits on a member. */
export interface PendingWatch {
  readonly watcher: string;
  readonly member: string;
  readonly path: string;
  /** The lowest index that answers it: given by the client, or the next one on this member. */
  readonly since: number;
  over: boolean;
  /** Up to this index nothing has happened that it waits for. */
  quietTo: number;
}

export class WatchCheck {
  readonly #violations: Violations;
  readonly #model: ModelStore;
  #delivered = 0;

  constructor(violations: Violations, model: ModelStore) {
    this.#violations = violations;
    this.#model = model;
  }

  /** Events that watchers were told of. */
  get delivered(): number {
    return this.#delivered;
  }

  /** A stream has delivered an event; who reads it has checked it. */
  streamed(): void {
    this.#delivered++;
  }

  /** The member says that `event` is what `watch` waited for. */
  told(watch: PendingWatch, event: V1Event): void {
    const { watcher, member, path, since } = watch;
    this.#violations.check(!watch.over, "watch", () => `${watcher} is told twice of "${path}"`);
    watch.over = true;
    this.#delivered++;
    const expected = this.#model.firstEvent(path, since);
    const isRight = expected !== undefined && expected.index === event.index &&
      expected.key === event.key && expected.action === event.action &&
      expected.value === event.value && expected.prevValue === event.prevValue;
    this.#violations.check(
      isRight,
      "watch",
      () =>
        `${member} tells ${watcher} at "${path}" from ${since} on of ${JSON.stringify(event)}, ` +
        `expected ${JSON.stringify(expected)}`,
    );
  }

  /** The member says that its history begins at `clearedBefore`. */
  cleared(watch: PendingWatch, clearedBefore: number, appliedIndex: number): void {
    const { watcher, member, since } = watch;
    watch.over = true;
    const isNeeded = clearedBefore > since && clearedBefore <= appliedIndex + 1;
    this.#violations.check(
      isNeeded,
      "watch",
      () =>
        `${member} refuses ${watcher} to watch from ${since} on, its history begins at ` +
        `${clearedBefore} and it stands at ${appliedIndex}`,
    );
  }

  /** `watch` still waits although its member has applied everything up to `appliedIndex`. */
  waits(watch: PendingWatch, appliedIndex: number): void {
    if (appliedIndex <= watch.quietTo) return;
    const { watcher, member, path, since, quietTo } = watch;
    const missed = this.#model.firstEvent(path, Math.max(since, quietTo + 1));
    watch.quietTo = appliedIndex;
    this.#violations.check(
      missed === undefined || missed.index > appliedIndex,
      "watch",
      () =>
        `${member} keeps ${watcher} waiting at "${path}" from ${since} on, at ${missed?.index} was ` +
        `${JSON.stringify(missed)}`,
    );
  }
}
