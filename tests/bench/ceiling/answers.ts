/** What a bare server does with requests, whichever protocol they came by. */
import type { Batches } from "./batches.ts";

/**
 * What everybody is answered: as long as v2's answer to the benchmark's PUT, and enough
 * for who asks who leads, and for a watch.
 */
export const BODY = `{"state":"StateLeader","value":"go"}`.padEnd(160, " ");

/** The requests of a leader. */
export class Requests {
  readonly #batches: Batches;
  #watches: (() => void)[] = [];

  constructor(batches: Batches) {
    this.#batches = batches;
  }

  /** Calls back when its answer is due: a write's after its sync, a watch's after the next write. */
  begin(kind: "read" | "write" | "watch", answer: () => void): void {
    switch (kind) {
      case "read":
        return answer();
      case "watch":
        this.#watches.push(answer);
        return;
      case "write":
        return this.#batches.add(() => {
          answer();
          if (this.#watches.length > 0) this.#answerWatches();
        });
    }
  }

  #answerWatches(): void {
    const watches = this.#watches;
    this.#watches = [];
    for (const watch of watches) watch();
  }
}
