/**
 * Reloads certificates when their files change, and has it said when they end. Looks at the files instead of
 * having the system tell: that sees a renamed file, a link that turns elsewhere
 * (as Kubernetes does it) and network file systems, and costs next to nothing.
 *
 * A pair is replaced file by file, so a change counts when it has been the same
 * for two looks; what can't be used is said once, not at every look.
 */

export interface WatchedFiles {
  readonly paths: readonly string[];
  /** `fingerprintOf` the paths just before they were last read, whatever came of it. */
  readonly fingerprint: string;
  /** Never rejects. */
  reload(): Promise<void>;
  /** Called at every look. Never rejects. */
  lookAtExpiry(): Promise<void>;
}

export class CertificateWatch {
  /** With what was seen at the last look. */
  readonly #seen: Map<WatchedFiles, string>;
  readonly #timer: ReturnType<typeof setInterval>;
  #looking: Promise<void> | undefined;

  constructor(watched: readonly WatchedFiles[], everyMs: number) {
    this.#seen = new Map(watched.map((files) => [files, files.fingerprint]));
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** Resolves when no file is looked at any longer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  #look(): void {
    // A file system that hangs is asked once.
    this.#looking ??= this.#lookAtAll().finally(() => this.#looking = undefined);
  }

  async #lookAtAll(): Promise<void> {
    for (const [files, seen] of this.#seen) {
      const stats = await Promise.all(files.paths.map((path) => Deno.stat(path).catch(String)));
      const now = describe(stats);
      this.#seen.set(files, now);
      if (now === seen && now !== files.fingerprint) await files.reload();
      await files.lookAtExpiry();
    }
  }
}

/** What tells the files of now from those of another time. */
export function fingerprintOf(paths: readonly string[]): string {
  return describe(paths.map((path) => {
    try {
      return Deno.statSync(path);
    } catch (error) {
      return String(error);
    }
  }));
}

function describe(stats: readonly (Deno.FileInfo | string)[]): string {
  return stats.map((stat) =>
    typeof stat === "string" ? stat : `${stat.ino} ${stat.size} ${stat.mtime?.getTime()}`
  ).join(", ");
}
