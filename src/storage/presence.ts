/**
 * Whether a data directory is still where it was opened. A process goes on writing
 * to files that somebody has removed, or whose directory was moved or mounted over,
 * and all of it is gone, or elsewhere, when the process ends.
 */

/** What is looked at of a file or a directory. */
export interface FileIdentity {
  readonly dev: number;
  /** Null where the system has none. */
  readonly ino: number | null;
  readonly size: number;
}

/** A file that must be there. */
export interface NeededFile {
  readonly name: string;
  /** Bytes that it has at least. */
  readonly sizeMin: number;
}

export interface PresenceOptions {
  readonly path: string;
  /** Those of now. */
  readonly files: () => readonly NeededFile[];
  /** Rejects with `Deno.errors.NotFound` for what is not there. */
  readonly stat: (path: string) => Promise<FileIdentity>;
  /** From a look that finds something missing to the one that makes sure. */
  readonly recheckMs: number;
}

export class Presence {
  readonly #options: PresenceOptions;
  #directory: FileIdentity | undefined;
  #looking: Promise<string | undefined> | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /**
   * What is missing, as a sentence; undefined when nothing is, or when the file system
   * does not tell. The first look learns which directory it is. One look at a time.
   */
  look(): Promise<string | undefined> {
    this.#looking ??= this.#lookTwice().finally(() => this.#looking = undefined);
    return this.#looking;
  }

  /** Whoever moves a directory away and back in one go is forgiven. */
  async #lookTwice(): Promise<string | undefined> {
    if (await this.#findProblem() === undefined) return undefined;
    await new Promise((resolve) => setTimeout(resolve, this.#options.recheckMs));
    return await this.#findProblem();
  }

  async #findProblem(): Promise<string | undefined> {
    const { path } = this.#options;
    const directory = await this.#statOf(path);
    if (directory === "missing") return `The data directory "${path}" is no longer there`;
    if (directory === "unknown") return undefined;
    this.#directory ??= directory;
    const { dev, ino } = this.#directory;
    if (directory.ino !== ino || directory.dev !== dev) {
      return `Another directory is in the place of the data directory "${path}"`;
    }
    return await this.#findFileProblem();
  }

  async #findFileProblem(): Promise<string | undefined> {
    const { path, files } = this.#options;
    const looked = files();
    const stats = await Promise.all(looked.map(({ name }) => this.#statOf(`${path}/${name}`)));
    // What the node itself has given up or replaced meanwhile is no loss.
    const needed = new Map(files().map(({ name, sizeMin }) => [name, sizeMin]));
    for (const [i, { name, sizeMin }] of looked.entries()) {
      const found = stats[i]!;
      const sizeMinNow = needed.get(name);
      if (sizeMinNow === undefined || found === "unknown") continue;
      if (found === "missing") return `The file "${path}/${name}" is no longer there`;
      if (found.size < Math.min(sizeMin, sizeMinNow)) {
        return `The file "${path}/${name}" was cut short by somebody else`;
      }
    }
    return undefined;
  }

  async #statOf(path: string): Promise<FileIdentity | "missing" | "unknown"> {
    try {
      return await this.#options.stat(path);
    } catch (error) {
      return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory
        ? "missing"
        : "unknown";
    }
  }
}
