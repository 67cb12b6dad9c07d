/** Compiles `preload.c` and steers it: one small file a node, which the library has mapped. */

const SOURCE = new URL("preload.c", import.meta.url).pathname;

/** As in the C source: errno, delay, clock. */
const CONTROL_BYTES = 16;
const EIO = 5;

/** What a node's processes are made to suffer, from now on and after a restart. */
export interface Spoiling {
  /** Syncs fail. */
  readonly syncFails?: boolean;
  /** Before each sync, ms. */
  readonly syncDelayMs?: number;
  /** Of the wall clock, s. */
  readonly clockOffsetS?: number;
}

export class Preload {
  readonly #library: string;
  readonly #directory: string;

  private constructor(library: string, directory: string) {
    this.#library = library;
    this.#directory = directory;
  }

  /** In `directory`. A string says why there is none: it takes Linux and a C compiler. */
  static async compile(directory: string): Promise<Preload | string> {
    if (Deno.build.os !== "linux") return `it takes Linux, this is "${Deno.build.os}"`;
    const library = `${directory}/preload.so`;
    const args = ["-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"];
    try {
      const { success, stderr } = await new Deno.Command("cc", { args }).output();
      if (!success) return `cc failed: ${new TextDecoder().decode(stderr)}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return "there is no C compiler, install one with: apt-get install -y gcc libc6-dev";
    }
    return new Preload(library, directory);
  }

  /** For the processes of the node `name`. */
  environmentOf(name: string): Record<string, string> {
    this.spoil(name, {});
    return { LD_PRELOAD: this.#library, CHAOS_CONTROL: this.#fileOf(name) };
  }

  /** Takes effect at once. */
  spoil(name: string, { syncFails = false, syncDelayMs = 0, clockOffsetS = 0 }: Spoiling): void {
    const bytes = new Uint8Array(CONTROL_BYTES);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, syncFails ? EIO : 0, true);
    view.setInt32(4, syncDelayMs, true);
    view.setBigInt64(8, BigInt(clockOffsetS), true);
    // In place: the node has mapped this very file.
    using file = Deno.openSync(this.#fileOf(name), { write: true, create: true });
    file.writeSync(bytes);
  }

  #fileOf(name: string): string {
    return `${this.#directory}/${name}.control`;
  }
}
