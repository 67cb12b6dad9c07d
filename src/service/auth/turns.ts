/**
 * Who works next, where a few may at a time. Who waits stands in a line with the others of
 * the same place, and the lines take turns: whoever sends thousands waits behind
 * themselves, and nobody else waits for more than one of them.
 */

/** Calls back whether it is this one's turn, or too many wait. */
type Waiting = (isTurn: boolean) => void;

export class Turns {
  readonly #workingMax: number;
  readonly #waitingMax: number;
  /** None is empty; the first one is next. */
  readonly #lines = new Map<string, Waiting[]>();
  #working = 0;
  #waiting = 0;

  constructor(workingMax: number, waitingMax: number) {
    this.#workingMax = workingMax;
    this.#waitingMax = waitingMax;
  }

  /**
   * True when the turn has come, which `leave` must end. False when too many wait: the last
   * one of the longest line is turned away for who comes to a shorter one.
   */
  async enter(place: string): Promise<boolean> {
    if (this.#working < this.#workingMax) {
      this.#working++;
      return true;
    }
    return await new Promise<boolean>((resolve) => this.#wait(place, resolve));
  }

  /** Hands the turn on. */
  leave(): void {
    for (const [place, line] of this.#lines) {
      const next = line.shift()!;
      this.#waiting--;
      this.#lines.delete(place);
      if (line.length > 0) this.#lines.set(place, line);
      return next(true);
    }
    this.#working--;
  }

  #wait(place: string, waiting: Waiting): void {
    const line = this.#lines.get(place) ?? [];
    if (this.#waiting >= this.#waitingMax && !this.#makesRoomFor(line)) return waiting(false);
    line.push(waiting);
    this.#lines.set(place, line);
    this.#waiting++;
  }

  /** Turns the last one of the longest line away, if that is not `line` itself with one more. */
  #makesRoomFor(line: readonly Waiting[]): boolean {
    let longest: Waiting[] | undefined;
    let most = line.length + 1;
    for (const other of this.#lines.values()) {
      if (other.length <= most) continue;
      longest = other;
      most = other.length;
    }
    if (longest === undefined) return false;
    this.#waiting--;
    longest.pop()!(false);
    return true;
  }
}
