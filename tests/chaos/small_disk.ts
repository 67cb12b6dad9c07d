/** A data directory on a file system of its own that can be filled to the last byte. */

/**
 * Half an hour's state is 70 MB: twice as a snapshot, once on its way from the leader,
 * and the log. With 128 MiB a member was left behind for want of space that nobody took.
 */
const MEBIBYTES = 384;
const CHUNK_BYTES = 1024 * 1024;

export class SmallDisk {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Mounted at `directory`. A string says why it can't be: it takes Linux and root. */
  static async mount(directory: string): Promise<SmallDisk | string> {
    if (Deno.build.os !== "linux") return `it takes Linux, this is "${Deno.build.os}"`;
    if (Deno.uid() !== 0) return "mounting a tmpfs takes root";
    await Deno.mkdir(directory, { recursive: true });
    const size = `size=${MEBIBYTES}m,mode=0700`;
    const problem = await run("mount", ["-t", "tmpfs", "-o", size, "tmpfs", directory]);
    return problem ?? new SmallDisk(directory);
  }

  /** Leaves no space at all. */
  async fill(): Promise<void> {
    using ballast = await Deno.open(this.#ballast, { write: true, create: true });
    for (let bytes = CHUNK_BYTES; bytes >= 1; bytes = Math.floor(bytes / 2)) {
      try {
        for (;;) if (await ballast.write(new Uint8Array(bytes)) < bytes) break;
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    }
  }

  /** Makes room again. */
  async clear(): Promise<void> {
    try {
      await Deno.remove(this.#ballast);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async unmount(): Promise<void> {
    const problem = await run("umount", ["-l", this.directory]);
    if (problem !== undefined) throw new Error(problem);
  }

  get #ballast(): string {
    return `${this.directory}/ballast`;
  }
}

/** Undefined, or what went wrong. */
async function run(command: string, args: readonly string[]): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  return success ? undefined : `"${command}" failed: ${new TextDecoder().decode(stderr).trim()}`;
}
