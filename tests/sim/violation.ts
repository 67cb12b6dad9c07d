/**
 * What a checker says when a promise is broken. Checkers run inside of callbacks
 * of the code under test, which must not see their errors: so a violation is
 * noted there, and thrown by the loop of the simulator after the event.
 */

export class ViolationError extends Error {
  override readonly name = "ViolationError";
  /** The promise in a word or two, the same for every seed that breaks it. */
  readonly property: string;

  constructor(property: string, message: string) {
    super(message);
    this.property = property;
  }
}

/** Keeps the first violation; what follows it proves nothing. */
export class Violations {
  #first: ViolationError | undefined;

  /** Notes that `property` does not hold. */
  note(property: string, message: string): void {
    this.#first ??= new ViolationError(property, `${property}: ${message}`);
  }

  /** Notes it unless `holds`; `message` is made only then. */
  check(holds: boolean, property: string, message: () => string): void {
    if (!holds) this.note(property, message());
  }

  throwIfAny(): void {
    if (this.#first !== undefined) throw this.#first;
  }
}
