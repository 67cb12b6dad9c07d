/** Notices when this machine stood still (asleep, a paused guest, a stopped process group): no promise is measured by such time. */

const TICK_MS = 100;
/** A busy machine is late, too, but not by so much. */
const STILL_MS = 1_500;

export class Stillness implements Disposable {
  /** Of each time that it stood still: when it was noticed, and how long it was. */
  readonly #times: { readonly atMs: number; readonly tookMs: number }[] = [];
  readonly #now: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs: number;

  /** `now` in ms, of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lastMs = now();
    this.#timer = setInterval(() => this.look(), TICK_MS);
  }

  /** Notices what has happened by now, without waiting for a timer. */
  look(): void {
    const atMs = this.#now();
    const tookMs = atMs - this.#lastMs - TICK_MS;
    if (tookMs > STILL_MS) this.#times.push({ atMs, tookMs });
    this.#lastMs = atMs;
  }

  /** How long it stood still since `startMs` of the clock. */
  since(startMs: number): number {
    this.look();
    return this.#times.reduce(
      (sum, { atMs, tookMs }) => sum + Math.max(0, Math.min(tookMs, atMs - startMs)),
      0,
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
