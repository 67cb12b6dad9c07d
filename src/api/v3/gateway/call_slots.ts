/**
 * Calls of the gateway that may be under way at once. etcd's gateway is one client of its
 * own gRPC port, so `--max-concurrent-streams` bounds all its calls together, watches that
 * stay open included: who comes when there is no room waits until one has ended.
 */
export class CallSlots {
  #free: number;
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.#free = max;
  }

  /**
   * Resolves, when there is room, with what gives it back; with undefined when the client,
   * of whose end `onGone` tells, has left before.
   */
  enter(onGone: (callback: () => void) => void): Promise<(() => void) | undefined> {
    if (this.#free > 0) return Promise.resolve(this.#take());
    return new Promise((resolve) => {
      const begin = () => resolve(this.#take());
      this.#waiting.add(begin);
      onGone(() => {
        if (this.#waiting.delete(begin)) resolve(undefined);
      });
    });
  }

  #take(): () => void {
    this.#free--;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#free++;
      for (const begin of this.#waiting) {
        this.#waiting.delete(begin);
        return begin();
      }
    };
  }
}
