/**
 * Moves a snapshot file to a member whose log is too far behind (thesis §5.3),
 * in chunks with a small window, so that heartbeats never queue behind it for
 * long. The receiver acknowledges what it holds; the sender goes on from there,
 * whatever the network dropped, repeated or reordered.
 */
import { DamagedTransferError, DiskFullError } from "../../base/errors.ts";
import { DecodeError, decodeMessage, encodeMessage } from "../../raft/codec.ts";
import type { InstallSnapshot, MemberId, SnapshotMeta } from "../../raft/types.ts";
import type { SnapshotAck, SnapshotChunk } from "../calls/peer_message.ts";
import type { SnapshotReader, SnapshotWriter, Storage } from "../ports.ts";

export interface SenderOptions {
  readonly chunkBytes: number;
  readonly windowChunks: number;
  /** Ticks without progress after which the window is sent again. */
  readonly stallTicks: number;
  /** Times in a row that a window may be sent again before the transfer is given up. */
  readonly stallsMax: number;
  /** Times that the receiver may begin again before the file counts as no good to it. */
  readonly restartsMax: number;
  readonly send: (to: MemberId, chunk: SnapshotChunk) => void;
  /** The disk failed, and the node must stop. */
  readonly broken: (error: unknown) => void;
}

/** One transfer to one member. */
export class SnapshotSender {
  readonly to: MemberId;
  readonly #reader: SnapshotReader;
  readonly #message: Uint8Array;
  readonly #options: SenderOptions;
  #acknowledged = 0;
  #sent = 0;
  #stalls = 0;
  #restarts = 0;
  #progressTick: number;

  /** `message` is the core's; the file read may stand for a newer index than the core knew. */
  constructor(
    message: InstallSnapshot,
    reader: SnapshotReader,
    tick: number,
    options: SenderOptions,
  ) {
    this.to = message.to;
    this.#reader = reader;
    this.#message = encodeMessage({ ...message, snapshot: reader.meta });
    this.#options = options;
    this.#progressTick = tick;
    this.#pump();
  }

  get index(): number {
    return this.#reader.meta.index;
  }

  /** True once the receiver holds the whole file. */
  get done(): boolean {
    return this.#acknowledged === this.#reader.size;
  }

  /** True once the receiver has thrown away what it had again and again: it may be damaged here. */
  get isRefused(): boolean {
    return this.#restarts > this.#options.restartsMax;
  }

  acknowledged(ack: SnapshotAck, tick: number): void {
    if (ack.index !== this.index || ack.received > this.#reader.size) return;
    // Zero is said only by a receiver that restarted and lost its part, or found the whole damaged.
    if (ack.received === 0) {
      const isAtOnce = this.#reader.size <= this.#options.chunkBytes;
      if (this.#acknowledged > 0 || isAtOnce) this.#restarts++;
      this.#acknowledged = this.#sent = 0;
    }
    if (this.isRefused) return;
    if (ack.received > this.#acknowledged) {
      this.#acknowledged = ack.received;
      this.#progressTick = tick;
      this.#stalls = 0;
    }
    this.#sent = Math.max(this.#sent, this.#acknowledged);
    this.#pump();
  }

  /**
   * False when the transfer has stalled or begun again too often and must be given
   * up; also when the receiver had it all and yet never came to use it.
   */
  tick(tick: number): boolean {
    if (this.isRefused) return false;
    if (tick - this.#progressTick < this.#options.stallTicks) return true;
    if (++this.#stalls > this.#options.stallsMax) return false;
    this.#progressTick = tick;
    // The end of the file again, if the other has had it all: it may have had to drop it.
    const { chunkBytes } = this.#options;
    this.#sent = this.done ? Math.max(0, this.#reader.size - chunkBytes) : this.#acknowledged;
    this.#pump();
    return true;
  }

  close(): void {
    this.#reader.close();
  }

  #pump(): void {
    try {
      this.#sendNext();
    } catch (error) {
      // Neither the acknowledgement nor the stream that it came on is at fault.
      this.#options.broken(error);
    }
  }

  #sendNext(): void {
    const { chunkBytes, windowChunks, send } = this.#options;
    const end = Math.min(
      this.#reader.size,
      this.#acknowledged + chunkBytes * windowChunks,
    );
    while (this.#sent < end) {
      const data = this.#reader.read(this.#sent, Math.min(chunkBytes, end - this.#sent));
      send(this.to, {
        type: "snapshotChunk",
        message: this.#message,
        offset: this.#sent,
        size: this.#reader.size,
        data,
      });
      this.#sent += data.length;
    }
  }
}

interface Incoming {
  readonly from: MemberId;
  /** The core takes it in the term that it was sent in: the newest. */
  message: InstallSnapshot;
  readonly size: number;
  readonly writer: SnapshotWriter;
}

export interface ReceiverOptions {
  readonly storage: Storage;
  readonly snapshotBytesMax: number;
  readonly acknowledge: (to: MemberId, ack: SnapshotAck) => void;
  /** The file is complete, durable and proven, or the node has all that it stands for. */
  readonly complete: (message: InstallSnapshot) => void;
  readonly failed: (from: MemberId, error: unknown) => void;
  /** As for a sender: the stream that a chunk came on is not at fault. */
  readonly broken: (error: unknown) => void;
}

/** Takes one transfer at a time; a newer one replaces an unfinished one. */
export class SnapshotReceiver {
  readonly #options: ReceiverOptions;
  #incoming: Incoming | undefined;
  /** Complete, and being proven. */
  #finishing: Incoming | undefined;
  /** From the last byte until the node has adopted or refused the file: nothing may touch it. */
  #held = false;
  /** There was no room for it: the rest is left unanswered, until its sender gives up and begins again. */
  #unwanted: SnapshotMeta | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** `committedIndex` is this node's: an older snapshot is no use to it. */
  receive(from: MemberId, chunk: SnapshotChunk, committedIndex: number): void {
    if (this.#held) return;
    const message = decodeInstall(chunk.message);
    // Nobody speaks for another.
    if (message.from !== from) return;
    if (this.#finishing !== undefined) {
      if (isOf(this.#finishing, chunk, message)) renew(this.#finishing, message);
      return;
    }
    // The leader does not know, or its acknowledgement was lost: the core tells it what is here.
    if (message.snapshot.index <= committedIndex) return this.#options.complete(message);
    if (chunk.offset > 0 && this.#unwanted?.index === message.snapshot.index) return;
    const incoming = this.#stored(from, chunk, message);
    if (incoming === "ended") return;
    if (incoming === undefined) return this.#acknowledge(from, message, 0);
    const received = incoming.writer.size;
    if (received > incoming.size) return this.#abort(from, "is longer than announced");
    if (received < incoming.size) {
      return this.#acknowledge(from, message, received);
    }
    this.#finish(incoming);
  }

  /** Whose file is on its way here; undefined when none is. */
  get from(): MemberId | undefined {
    return (this.#finishing ?? this.#incoming)?.from;
  }

  /** The node has adopted the file, or does not want it. */
  release(): void {
    this.#held = false;
  }

  close(): void {
    // The writer of a complete file is at work by itself.
    this.#incoming?.writer.abort();
    this.#incoming = undefined;
  }

  /** The transfer that `chunk` belongs to, with it in its file. */
  #stored(
    from: MemberId,
    chunk: SnapshotChunk,
    message: InstallSnapshot,
  ): Incoming | "ended" | undefined {
    this.#unwanted = undefined;
    try {
      const incoming = this.#continue(from, chunk, message);
      if (chunk.offset === incoming?.writer.size) incoming.writer.write(chunk.data);
      return incoming;
    } catch (error) {
      if (error instanceof DiskFullError) {
        // Gives back the space, which the log needs more.
        this.close();
        this.#unwanted = message.snapshot;
        this.#options.failed(from, error);
      } else {
        this.#options.broken(error);
      }
      return "ended";
    }
  }

  /** The transfer that `chunk` belongs to, begun again if its first chunk is here. */
  #continue(
    from: MemberId,
    chunk: SnapshotChunk,
    message: InstallSnapshot,
  ): Incoming | undefined {
    const current = this.#incoming;
    if (current !== undefined && isOf(current, chunk, message)) {
      renew(current, message);
      return current;
    }
    if (chunk.offset !== 0 || chunk.size > this.#options.snapshotBytesMax) {
      return undefined;
    }
    current?.writer.abort();
    const writer = this.#options.storage.receiveSnapshot(message.snapshot);
    this.#incoming = { from, message, size: chunk.size, writer };
    return this.#incoming;
  }

  #finish(incoming: Incoming): void {
    this.#finishing = incoming;
    this.#incoming = undefined;
    incoming.writer.finish().then(() => {
      this.#finishing = undefined;
      this.#held = true;
      this.#acknowledge(incoming.from, incoming.message, incoming.size);
      this.#options.complete(incoming.message);
    }, (error) => {
      this.#finishing = undefined;
      if (!(error instanceof DamagedTransferError)) return this.#options.broken(error);
      this.#acknowledge(incoming.from, incoming.message, 0);
      this.#options.failed(incoming.from, error);
    });
  }

  #acknowledge(to: MemberId, message: InstallSnapshot, received: number): void {
    const { index } = message.snapshot;
    this.#options.acknowledge(to, { type: "snapshotAck", index, received });
  }

  #abort(from: MemberId, why: string): void {
    this.#incoming?.writer.abort();
    this.#incoming = undefined;
    this.#options.failed(from, new Error(`Snapshot ${why}`));
  }
}

/** Whether `chunk`, which comes with `message`, is a part of that file. */
function isOf(
  { from, size, message: { snapshot } }: Incoming,
  chunk: SnapshotChunk,
  message: InstallSnapshot,
): boolean {
  return from === message.from && size === chunk.size &&
    snapshot.index === message.snapshot.index && snapshot.term === message.snapshot.term;
}

/** The same leader, elected again meanwhile, goes on with the same file. */
function renew(incoming: Incoming, message: InstallSnapshot): void {
  if (message.term > incoming.message.term) incoming.message = message;
}

function decodeInstall(bytes: Uint8Array): InstallSnapshot {
  const message = decodeMessage(bytes);
  if (message.type !== "snapshot") {
    throw new DecodeError(`Expected a snapshot message, found "${message.type}"`);
  }
  return message;
}
