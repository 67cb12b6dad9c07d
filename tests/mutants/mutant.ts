/**
 * A planted bug: one place of the program changed so that it breaks one promise.
 * None is part of the program: each is text, put into a copy of the sources.
 */

export interface Mutant {
  readonly name: string;
  /** What the mended program promises. */
  readonly promise: string;
  /** From the root. */
  readonly file: string;
  /** Stands in the file exactly once … */
  readonly find: string;
  /** … and is replaced by this. */
  readonly replace: string;
  /** Who is expected to find it: "sim", or a file or folder of tests. */
  readonly expected: string;
}

/** One row of a list: name, promise, text to find, its replacement, and who finds it if not the list's default. */
export type Row = readonly [
  name: string,
  promise: string,
  find: string,
  replace: string,
  expected?: string,
];

/** The mutants of one file. */
export function mutantsOf(file: string, expected: string, rows: readonly Row[]): Mutant[] {
  return rows.map(([name, promise, find, replace, other]) => ({
    name,
    promise,
    file,
    find,
    replace,
    expected: other ?? expected,
  }));
}

/** The text of `mutant.file` with the bug in it. Throws when the place is not there, or not once. */
export function plant(mutant: Mutant, text: string): string {
  const [before, after, ...others] = text.split(mutant.find);
  if (before !== undefined && after !== undefined && others.length === 0) {
    return before + mutant.replace + after;
  }
  const count = text.split(mutant.find).length - 1;
  throw new Error(
    `Expected the place of mutant "${mutant.name}" once in "${mutant.file}", ` +
      `found it ${count} times: "${mutant.find}"`,
  );
}
