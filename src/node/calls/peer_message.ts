/**
 * What members say to each other beside the consensus messages, and the frame
 * that carries both. A frame's first byte tells the kind; the codec checks every
 * length, because whatever arrives is untrusted.
 */
import { decodeMessage, encodeMessage } from "../../raft/codec.ts";
import type { Message } from "../../raft/types.ts";

/** What a member asks of the leader. */
export type CallKind = "request" | "barrier" | "join" | "remove" | "announce";

/** A call to the leader. Ids of one session ascend, so that a repeated frame is not executed twice. */
export interface Call {
  readonly type: "call";
  readonly session: number;
  readonly id: number;
  readonly kind: CallKind;
  readonly payload: Uint8Array;
}

export interface CallReply {
  readonly type: "callReply";
  readonly session: number;
  readonly id: number;
  /** False: the receiver does not lead and did nothing. */
  readonly led: boolean;
  readonly payload: Uint8Array;
}

/** A piece of the leader's snapshot file. */
export interface SnapshotChunk {
  readonly type: "snapshotChunk";
  /** The `snapshot` message of the core, encoded; the same in every chunk of one transfer. */
  readonly message: Uint8Array;
  readonly offset: number;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly data: Uint8Array;
}

/** The receiver holds `received` bytes of the snapshot at `index`. */
export interface SnapshotAck {
  readonly type: "snapshotAck";
  readonly index: number;
  readonly received: number;
}

/** The leader's reckoning of the cluster's time, once a heartbeat interval. */
export interface ClusterTime {
  readonly type: "clusterTime";
  readonly term: number;
  readonly timeMs: number;
}

/**
 * The leader wants all to tell the digests of their states right after the entry
 * `index`. From another member: it has just started, and asks for that.
 */
export interface Compare {
  readonly type: "compare";
  readonly index: number;
}

/** The sender's state had this digest right after the entry `index`. */
export interface Digest {
  readonly type: "digest";
  readonly index: number;
  /** ASCII. */
  readonly digest: string;
}

/** The receiver is no member any more and must stop. */
export interface Removed {
  readonly type: "removed";
  readonly term: number;
}

export type PeerMessage =
  | { readonly type: "raft"; readonly message: Message }
  | Call
  | CallReply
  | SnapshotChunk
  | SnapshotAck
  | ClusterTime
  | Removed
  | Compare
  | Digest;

/** A frame that no member of this version would send. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

const RAFT = 1;
const CALL = 2;
const CALL_REPLY = 3;
const SNAPSHOT_CHUNK = 4;
const SNAPSHOT_ACK = 5;
const CLUSTER_TIME = 6;
const REMOVED = 7;
const COMPARE = 8;
const DIGEST = 9;

/** Characters of a digest at most. */
const DIGEST_LENGTH_MAX = 64;

const CALL_KINDS: readonly CallKind[] = [
  "request",
  "barrier",
  "join",
  "remove",
  "announce",
];

/** One allocation for the small kinds; consensus messages are copied once behind the kind byte. */
export function encodeFrame(message: PeerMessage): Uint8Array {
  switch (message.type) {
    case "raft":
      return concat([RAFT], encodeMessage(message.message));
    case "call":
      return concat([
        CALL,
        ...integer(message.session),
        ...integer(message.id),
        CALL_KINDS.indexOf(message.kind),
      ], message.payload);
    case "callReply":
      return concat([
        CALL_REPLY,
        ...integer(message.session),
        ...integer(message.id),
        message.led ? 1 : 0,
      ], message.payload);
    case "snapshotChunk":
      return concat(
        concat([
          SNAPSHOT_CHUNK,
          ...integer(message.offset),
          ...integer(message.size),
          ...integer(message.message.length),
        ], message.message),
        message.data,
      );
    case "snapshotAck":
      return Uint8Array.from([
        SNAPSHOT_ACK,
        ...integer(message.index),
        ...integer(message.received),
      ]);
    case "clusterTime":
      return Uint8Array.from([
        CLUSTER_TIME,
        ...integer(message.term),
        ...integer(message.timeMs),
      ]);
    case "removed":
      return Uint8Array.from([REMOVED, ...integer(message.term)]);
    case "compare":
      return Uint8Array.from([COMPARE, ...integer(message.index)]);
    case "digest":
      return concat(
        [DIGEST, ...integer(message.index)],
        new TextEncoder().encode(message.digest),
      );
  }
}

/** Throws `FrameError`, or the core codec's error for a damaged consensus message. */
export function decodeFrame(frame: Uint8Array): PeerMessage {
  const reader = new FrameReader(frame);
  const kind = reader.byte();
  switch (kind) {
    case RAFT:
      return { type: "raft", message: decodeMessage(reader.rest()) };
    case CALL: {
      const session = reader.integer();
      const id = reader.integer();
      const callKind = CALL_KINDS[reader.byte()];
      if (callKind === undefined) throw new FrameError("Unknown kind of call");
      return { type: "call", session, id, kind: callKind, payload: reader.rest() };
    }
    case CALL_REPLY:
      return {
        type: "callReply",
        session: reader.integer(),
        id: reader.integer(),
        led: reader.boolean(),
        payload: reader.rest(),
      };
    case SNAPSHOT_CHUNK: {
      const offset = reader.integer();
      const size = reader.integer();
      const message = reader.bytes(reader.integer());
      return { type: "snapshotChunk", offset, size, message, data: reader.rest() };
    }
    case SNAPSHOT_ACK:
      return reader.last({
        type: "snapshotAck",
        index: reader.integer(),
        received: reader.integer(),
      });
    case CLUSTER_TIME:
      return reader.last({
        type: "clusterTime",
        term: reader.integer(),
        timeMs: reader.integer(),
      });
    case REMOVED:
      return reader.last({ type: "removed", term: reader.integer() });
    case COMPARE:
      return reader.last({ type: "compare", index: reader.integer() });
    case DIGEST:
      return { type: "digest", index: reader.integer(), digest: digestOf(reader.rest()) };
    default:
      throw new FrameError(`Expected a kind of frame from 1 to 9, found ${kind}`);
  }
}

/** A non-negative integer below 2^53 as eight bytes, big-endian. */
export function integer(value: number): number[] {
  const high = Math.floor(value / 2 ** 32);
  const low = value >>> 0;
  return [
    high >>> 24,
    (high >>> 16) & 255,
    (high >>> 8) & 255,
    high & 255,
    low >>> 24,
    (low >>> 16) & 255,
    (low >>> 8) & 255,
    low & 255,
  ];
}

/** Reads a frame front to back; never past its end. */
export class FrameReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new FrameError("Frame ends too early");
    return value;
  }

  /** A non-negative integer below 2^53. */
  integer(): number {
    const bytes = this.bytes(8);
    let value = 0;
    for (const byte of bytes) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw new FrameError("Number is too large");
    return value;
  }

  bytes(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) {
      throw new FrameError("Frame ends too early");
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw new FrameError(`Expected 0 or 1, found ${value}`);
    return value === 1;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /** `message`, which the frame ends with. */
  last<T>(message: T): T {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new FrameError(`Expected the end of the frame, found ${left} bytes`);
    return message;
  }
}

function digestOf(bytes: Uint8Array): string {
  if (bytes.length > DIGEST_LENGTH_MAX || bytes.some((byte) => byte > 127)) {
    throw new FrameError(`Expected a digest of up to ${DIGEST_LENGTH_MAX} characters of ASCII`);
  }
  return String.fromCharCode(...bytes);
}

function concat(head: readonly number[] | Uint8Array, tail: Uint8Array): Uint8Array {
  const frame = new Uint8Array(head.length + tail.length);
  frame.set(head);
  frame.set(tail, head.length);
  return frame;
}
