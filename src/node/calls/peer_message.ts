/**
 * What members say to each other beside the consensus messages, and the frame
 * that carries both. A frame's first byte tells the kind; the codec checks every
 * length, because whatever arrives is untrusted.
 */
import { ByteReader, ByteWriter, type Fail } from "../../base/bytes.ts";
import { decodeMessage, encodeMessage } from "../../raft/codec.ts";
import type { Message } from "../../raft/types.ts";

/** What a member asks of the leader. */
export type CallKind = "request" | "barrier" | "join" | "remove" | "announce" | "change";

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

/** The receiver is no longer a member and must stop. */
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
  "change",
];

/** One allocation a frame; consensus messages are copied once behind the kind byte. */
export function encodeFrame(message: PeerMessage): Uint8Array {
  switch (message.type) {
    case "raft":
      return frameOf(RAFT, [], encodeMessage(message.message));
    case "call": {
      const { session, id, kind, payload } = message;
      return frameOf(CALL, [session, id], payload, CALL_KINDS.indexOf(kind));
    }
    case "callReply": {
      const { session, id, led, payload } = message;
      return frameOf(CALL_REPLY, [session, id], payload, led ? 1 : 0);
    }
    case "snapshotChunk":
      return encodeChunk(message);
    case "snapshotAck":
      return frameOf(SNAPSHOT_ACK, [message.index, message.received], EMPTY);
    case "clusterTime":
      return frameOf(CLUSTER_TIME, [message.term, message.timeMs], EMPTY);
    case "removed":
      return frameOf(REMOVED, [message.term], EMPTY);
    case "compare":
      return frameOf(COMPARE, [message.index], EMPTY);
    case "digest":
      return frameOf(DIGEST, [message.index], new TextEncoder().encode(message.digest));
  }
}

const EMPTY = new Uint8Array(0);

/** The kind, integers in eight bytes each, a byte if there is one, and the rest. */
function frameOf(
  kind: number,
  integers: readonly number[],
  rest: Uint8Array,
  flag?: number,
): Uint8Array {
  const flagBytes = flag === undefined ? 0 : 1;
  const size = 1 + 8 * integers.length + flagBytes + rest.length;
  const writer = new ByteWriter(new Uint8Array(size));
  writer.byte(kind);
  for (const integer of integers) writer.u53(integer);
  if (flag !== undefined) writer.byte(flag);
  writer.copy(rest);
  return writer.finish();
}

function encodeChunk({ offset, size, message, data }: SnapshotChunk): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(25 + message.length + data.length));
  writer.byte(SNAPSHOT_CHUNK);
  writer.u53(offset);
  writer.u53(size);
  writer.u53(message.length);
  writer.copy(message);
  writer.copy(data);
  return writer.finish();
}

/** Throws `FrameError`, or the core codec's error for a damaged consensus message. */
export function decodeFrame(frame: Uint8Array): PeerMessage {
  const reader = new ByteReader(frame, failFrame);
  const kind = reader.byte();
  switch (kind) {
    case RAFT:
      return { type: "raft", message: decodeMessage(reader.rest()) };
    case CALL: {
      const session = reader.u53();
      const id = reader.u53();
      const callKind = CALL_KINDS[reader.byte()];
      if (callKind === undefined) throw new FrameError("Unknown kind of call");
      return { type: "call", session, id, kind: callKind, payload: reader.rest() };
    }
    case CALL_REPLY:
      return {
        type: "callReply",
        session: reader.u53(),
        id: reader.u53(),
        led: reader.bool(),
        payload: reader.rest(),
      };
    case SNAPSHOT_CHUNK: {
      const offset = reader.u53();
      const size = reader.u53();
      const message = reader.take(reader.u53());
      return { type: "snapshotChunk", offset, size, message, data: reader.rest() };
    }
    case SNAPSHOT_ACK:
      return last(reader, {
        type: "snapshotAck",
        index: reader.u53(),
        received: reader.u53(),
      });
    case CLUSTER_TIME:
      return last(reader, {
        type: "clusterTime",
        term: reader.u53(),
        timeMs: reader.u53(),
      });
    case REMOVED:
      return last(reader, { type: "removed", term: reader.u53() });
    case COMPARE:
      return last(reader, { type: "compare", index: reader.u53() });
    case DIGEST:
      return { type: "digest", index: reader.u53(), digest: digestOf(reader.rest()) };
    default:
      throw new FrameError(`Expected a kind of frame from 1 to 9, found ${kind}`);
  }
}

const failFrame: Fail = (expected, found) => {
  throw new FrameError(`Expected ${expected} in a frame, found ${found}`);
};

/** `message`, which the frame ends with. */
function last<T>(reader: ByteReader, message: T): T {
  reader.end();
  return message;
}

/** An index and a time, by which the leader confirms a follower's reads. */
export function encodeConfirmation(index: number, timeMs: number): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(16));
  writer.u53(index);
  writer.u53(timeMs);
  return writer.finish();
}

/** What `encodeConfirmation` was given. Throws `FrameError`. */
export function decodeConfirmation(bytes: Uint8Array): {
  readonly index: number;
  readonly timeMs: number;
} {
  const reader = new ByteReader(bytes, failFrame);
  return last(reader, { index: reader.u53(), timeMs: reader.u53() });
}

function digestOf(bytes: Uint8Array): string {
  if (bytes.length > DIGEST_LENGTH_MAX || bytes.some((byte) => byte > 127)) {
    throw new FrameError(`Expected a digest of up to ${DIGEST_LENGTH_MAX} characters of ASCII`);
  }
  return String.fromCharCode(...bytes);
}
