/** All snapshots on their way from and to this node. */
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { RaftCore } from "../../raft/core.ts";
import type { InstallSnapshot, MemberId } from "../../raft/types.ts";
import type { PeerMessage, SnapshotAck, SnapshotChunk } from "../calls/peer_message.ts";
import type { Storage } from "../ports.ts";
import { SnapshotReceiver, SnapshotSender } from "./transfer.ts";

export interface TransferLimits {
  readonly snapshotChunkBytes: number;
  readonly snapshotWindowChunks: number;
  readonly snapshotStallTicks: number;
  readonly snapshotStallsMax: number;
  readonly snapshotBytesMax: number;
}

export interface TransfersOptions {
  readonly core: RaftCore;
  readonly storage: Storage;
  readonly limits: TransferLimits;
  readonly logger: Logger;
  readonly send: (to: MemberId, message: PeerMessage) => void;
  readonly complete: (message: InstallSnapshot) => void;
  /** The newest snapshot is no good to others: another one has to be made. */
  readonly renew: () => void;
  /** The disk failed: the node must stop. */
  readonly broken: (error: unknown) => void;
}

/** A receiver that restarts begins again, too. */
const RESTARTS_MAX = 3;

export class SnapshotTransfers {
  readonly #options: TransfersOptions;
  readonly #senders = new Map<MemberId, SnapshotSender>();
  readonly #receiver: SnapshotReceiver;

  constructor(options: TransfersOptions) {
    this.#options = options;
    this.#receiver = new SnapshotReceiver({
      storage: options.storage,
      snapshotBytesMax: options.limits.snapshotBytesMax,
      acknowledge: (to, ack) => options.send(to, ack),
      complete: (message) => {
        options.complete(message);
        // If the core had no use for it, the next transfer may replace the file.
        if (!options.core.isInstalling) this.#receiver.release();
      },
      failed: (from, error) =>
        options.logger.warn("A snapshot from a peer is unusable", {
          from,
          cause: messageOf(error),
        }),
      broken: options.broken,
    });
  }

  /** The core wants `message.to` to get a snapshot. */
  start(message: InstallSnapshot, tick: number): void {
    this.#end(message.to);
    const { core, storage, limits, send, broken } = this.#options;
    const reader = storage.openSnapshot();
    if (reader === undefined || reader.meta.index < message.snapshot.index) {
      reader?.close();
      core.reportSnapshot(message.to, false);
      return;
    }
    this.#options.logger.debug("Sending a snapshot", {
      to: message.to,
      index: reader.meta.index,
      bytes: reader.size,
    });
    this.#senders.set(
      message.to,
      new SnapshotSender(message, reader, tick, {
        chunkBytes: limits.snapshotChunkBytes,
        windowChunks: limits.snapshotWindowChunks,
        stallTicks: limits.snapshotStallTicks,
        stallsMax: limits.snapshotStallsMax,
        restartsMax: RESTARTS_MAX,
        send,
        broken,
      }),
    );
  }

  /** Who sends a snapshot to this member; undefined when nobody does. */
  get comesFrom(): MemberId | undefined {
    return this.#receiver.from;
  }

  received(from: MemberId, chunk: SnapshotChunk): void {
    this.#receiver.receive(from, chunk, this.#options.core.commitIndex);
  }

  acknowledged(from: MemberId, ack: SnapshotAck, tick: number): void {
    this.#senders.get(from)?.acknowledged(ack, tick);
  }

  /** The received snapshot is in use. */
  installed(): void {
    this.#receiver.release();
  }

  tick(tick: number): void {
    if (this.#senders.size === 0) return;
    const { core } = this.#options;
    const wanting = new Set(
      core.progress().filter(({ state }) => state === "snapshot").map(({ id }) => id),
    );
    for (const [id, sender] of [...this.#senders]) {
      if (!wanting.has(id)) {
        this.#end(id);
      } else if (!sender.tick(tick)) {
        if (sender.isRefused) this.#refused(sender);
        this.#end(id);
        core.reportSnapshot(id, false);
      }
    }
  }

  close(): void {
    for (const id of [...this.#senders.keys()]) this.#end(id);
    this.#receiver.close();
  }

  #refused({ to, index }: SnapshotSender): void {
    this.#options.logger.warn("A member can't use this node's snapshot, making another one", {
      to,
      index,
    });
    this.#options.renew();
  }

  #end(id: MemberId): void {
    this.#senders.get(id)?.close();
    this.#senders.delete(id);
  }
}
