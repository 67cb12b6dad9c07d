/**
 * Stands in for JSR's `@std/fs/ensure-dir`.
 *
 * @module
 */

/** Makes the directory and its parents; rejects when a file is in the way. */
export function ensureDir(dir: string | URL): Promise<void> {
  return Deno.mkdir(dir, { recursive: true });
}

export function ensureDirSync(dir: string | URL): void {
  Deno.mkdirSync(dir, { recursive: true });
}
