/**
 * Stands in for JSR's `@std/fs/empty-dir`.
 *
 * @module
 */

/** Makes the directory if need be and removes whatever is in it. */
export async function emptyDir(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  for await (const entry of Deno.readDir(dir)) {
    await Deno.remove(`${dir}/${entry.name}`, { recursive: true });
  }
}
