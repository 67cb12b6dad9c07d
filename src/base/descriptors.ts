/** What a process finds out about its file descriptors by trying: asking takes permissions that a node has no use for. */

/** Whether the process or the machine has no descriptor left: then nothing was done. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}

/** How often `path` could be opened at once, up to `max`; undefined when that can't be told. */
export function openAtOnce(path: string, max: number): number | undefined {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < max) files.push(Deno.openSync(path));
  } catch (error) {
    if (!isOutOfDescriptors(error)) return undefined;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}
