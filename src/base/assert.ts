/**
 * Assertions that stay on in production. A broken invariant must stop the
 * process before it can damage acknowledged data, so nothing catches
 * `InvariantError` except the composition root, which logs it and exits.
 */

/** A programming error or a damaged state: never handled, always fatal. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Throws `InvariantError` unless `condition` holds. On hot paths pass a plain
 * string: a template would be built on every call.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks the branch that an exhaustive `switch` can never reach. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unreachable value ${JSON.stringify(value)}`);
}
