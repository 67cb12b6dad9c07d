/**
 * Stands in for JSR's `@std/fs/walk` over `node:fs`, for the options that are
 * used: `exts` and `includeDirs`.
 *
 * @module
 */
import { readdirSync } from "node:fs";

export interface WalkOptions {
  /** Default true. */
  includeDirs?: boolean;
  /** Only files whose name ends with one of these. */
  exts?: string[];
}

export interface WalkEntry extends Deno.DirEntry {
  path: string;
}

/** Yields what is under `root`, in no particular order. */
export function* walkSync(
  root: string,
  options: WalkOptions = {},
): Generator<WalkEntry> {
  for (
    const entry of readdirSync(root, { recursive: true, withFileTypes: true })
  ) {
    if (entry.isDirectory() && options.includeDirs === false) continue;
    if (options.exts && !options.exts.some((ext) => entry.name.endsWith(ext))) {
      continue;
    }
    yield {
      path: `${entry.parentPath}/${entry.name}`,
      name: entry.name,
      isFile: entry.isFile(),
      isDirectory: entry.isDirectory(),
      isSymlink: entry.isSymbolicLink(),
    };
  }
}

export async function* walk(
  root: string,
  options?: WalkOptions,
): AsyncGenerator<WalkEntry> {
  yield* walkSync(root, options);
}
