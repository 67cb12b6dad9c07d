/**
 * Backups of a running member, one at a time. The image is made while it is
 * sent, from pages that stay as they were: a page that changes meanwhile is kept
 * twice. So a client that stops reading is not waited for, or it would hold the
 * memory of the node; and a slice a turn, so that nobody waits for a backup.
 */
import type { BackupSource, OpenBackup } from "../api/admin/backup.ts";
import { LIMITS } from "../config.ts";
import type { Capture } from "../node/snapshots/capture.ts";
import type { Node } from "../node/node.ts";
import type { Failure, Outcome, Scheduler } from "../node/ports.ts";
import { backupBytes } from "../storage/backup_file.ts";
import type { BackupDescription } from "../storage/backup_file.ts";
import { formatId } from "../base/ids.ts";
import { VERSION } from "../version.ts";
import type { RealMember } from "../member/real_member.ts";

export interface BackupsOptions {
  readonly node: Pick<Node<unknown>, "barrier" | "capture" | "nowMs" | "clusterId">;
  /** Of this member. */
  readonly name: string;
  /** Of this program. */
  readonly version: string;
  readonly scheduler: Scheduler;
  /** How long a client may leave the next portion waiting. */
  readonly stallMs: number;
}

const BUSY: Failure = {
  ok: false,
  reason: "overloaded",
  cause: "Another backup is being taken of this member, try again when it has ended",
};

/** The backups of a running member, by the limits of a real node. */
export function backupsOf(member: RealMember, scheduler: Scheduler): Backups {
  const { node, name } = member;
  return new Backups({
    node,
    name,
    version: VERSION,
    scheduler,
    stallMs: LIMITS.operations.backupStallMs,
  });
}

/** The client was too slow, or the node has stopped. */
export class BackupAbandonedError extends Error {
  override readonly name = "BackupAbandonedError";
}

/** See `BackupSource`. */
export class Backups implements BackupSource {
  readonly #options: BackupsOptions;
  #current: BackupStream | undefined;
  #opening = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  open(stale: boolean): Promise<Outcome<OpenBackup>> {
    if (this.#opening || this.#current !== undefined) return Promise.resolve(BUSY);
    if (stale) return Promise.resolve(this.#open());
    this.#opening = true;
    return new Promise((resolve, reject) => {
      this.#options.node.barrier((outcome) => {
        this.#opening = false;
        try {
          resolve(outcome.ok ? this.#open() : outcome);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Breaks off what is under way. */
  stop(): void {
    this.#current?.cancel();
  }

  #open(): Outcome<OpenBackup> {
    const { node, scheduler, stallMs } = this.#options;
    const captured = node.capture();
    if (!captured.ok) return captured;
    const { meta, image } = captured.value;
    const bytes = backupBytes(this.#describe(captured.value), meta, image);
    const stream = new BackupStream(bytes, scheduler, stallMs, () => this.#current = undefined);
    this.#current = stream;
    const value: OpenBackup = {
      fileName: `etcd-${meta.index}.backup`,
      portions: stream.portions(),
      cancel: () => stream.cancel(),
    };
    return { ok: true, value };
  }

  #describe({ meta, digest }: Capture): BackupDescription {
    const { node, name, version } = this.#options;
    return {
      cluster: formatId(node.clusterId),
      member: name,
      version,
      index: meta.index,
      term: meta.term,
      time: new Date(node.nowMs()).toISOString(),
      digest,
    };
  }
}

/** One backup on its way. */
class BackupStream {
  readonly #scheduler: Scheduler;
  readonly #stallMs: number;
  readonly #ended: () => void;
  /** Undefined when it has ended: nothing of the image is kept. */
  #bytes: Iterator<Uint8Array> | undefined;
  #patience: ReturnType<typeof setTimeout>;

  constructor(
    bytes: Iterator<Uint8Array>,
    scheduler: Scheduler,
    stallMs: number,
    ended: () => void,
  ) {
    this.#bytes = bytes;
    this.#scheduler = scheduler;
    this.#stallMs = stallMs;
    this.#ended = ended;
    this.#patience = this.#wait();
  }

  async *portions(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        if (this.#bytes === undefined) {
          throw new BackupAbandonedError("The backup was broken off, take it again");
        }
        clearTimeout(this.#patience);
        const next = this.#bytes.next();
        if (next.done) return;
        this.#patience = this.#wait();
        yield next.value;
        await new Promise<void>((resolve) => this.#scheduler.defer(resolve));
      }
    } finally {
      this.cancel();
    }
  }

  cancel(): void {
    if (this.#bytes === undefined) return;
    clearTimeout(this.#patience);
    this.#bytes = undefined;
    this.#ended();
  }

  #wait(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.cancel(), this.#stallMs);
  }
}
