/**
 * Stands in for JSR's `@std/assert` where JSR cannot be reached: the same names
 * and signatures over `node:assert/strict`, for the part that the tests use.
 * Where the two differ this one is the stricter (`0` and `-0`, errors, symbols,
 * null prototypes), so what passes here passes with the real package.
 *
 * @module
 */
import strict from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

type Falsy = false | 0 | 0n | "" | null | undefined;
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;
// deno-lint-ignore no-explicit-any
type AnyConstructor = new (...args: any[]) => any;

/** Deep equality. */
export const equal: (a: unknown, b: unknown) => boolean = isDeepStrictEqual;

export const assert: (expr: unknown, msg?: string) => asserts expr = strict.ok;

export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void =
  strict.deepStrictEqual;

export const assertNotEquals: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = strict.notDeepStrictEqual;

export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is T = strict.strictEqual;

export const assertNotStrictEquals: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = strict.notStrictEqual;

export const assertMatch: (
  actual: string,
  expected: RegExp,
  msg?: string,
) => void = strict.match;

export const assertNotMatch: (
  actual: string,
  expected: RegExp,
  msg?: string,
) => void = strict.doesNotMatch;

export const fail: (msg?: string) => never = strict.fail;

export function unreachable(reason = "unreachable"): never {
  strict.fail(reason);
}

export function assertFalse(
  expr: unknown,
  msg?: string,
): asserts expr is Falsy {
  strict.ok(!expr, msg);
}

export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  strict.ok(
    actual !== undefined && actual !== null,
    msg ?? `Expected a value, got ${actual}`,
  );
}

export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  strict.ok(
    actual instanceof expectedType,
    msg ?? `Expected an instance of ${expectedType.name}, got ${actual}`,
  );
}

export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  strict.ok(
    actual.includes(expected),
    msg ??
      `Expected ${JSON.stringify(actual)} to include ${JSON.stringify(expected)}`,
  );
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  strict.ok(actual > expected, msg ?? `Expected ${actual} > ${expected}`);
}

export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  strict.ok(actual >= expected, msg ?? `Expected ${actual} >= ${expected}`);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  strict.ok(actual < expected, msg ?? `Expected ${actual} < ${expected}`);
}

export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  strict.ok(actual <= expected, msg ?? `Expected ${actual} <= ${expected}`);
}

function checkError<E extends Error>(
  error: unknown,
  expected: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): true {
  if (typeof expected !== "function") return true;
  assertInstanceOf(error, expected, msg);
  if (msgIncludes !== undefined) {
    assertStringIncludes(error.message, msgIncludes, msg);
  }
  return true;
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  expected?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  let thrown: unknown;
  strict.throws(
    fn,
    (error: unknown) => checkError(thrown = error, expected, msgIncludes, msg),
    typeof expected === "string" ? expected : msg,
  );
  return thrown;
}

export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  expected?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  let rejected: unknown;
  await strict.rejects(
    () => Promise.resolve(fn()),
    (error: unknown) => checkError(rejected = error, expected, msgIncludes, msg),
    typeof expected === "string" ? expected : msg,
  );
  return rejected;
}
