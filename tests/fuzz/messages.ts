/** What members say to each other: random messages, and mutations of their bytes. */
import type { Configuration, Entry, Member, Message } from "../../src/raft/types.ts";
import {
  decodeConfiguration,
  DecodeError,
  decodeMessage,
  encodeConfiguration,
  encodeMessage,
} from "../../src/raft/codec.ts";
import {
  decodeFrame,
  encodeFrame,
  FrameError,
  type PeerMessage,
} from "../../src/node/calls/peer_message.ts";
import {
  encodeFrames,
  FRAME_HEADER_BYTES,
  FrameLengthError,
  FrameSplitter,
} from "../../src/transport/frame.ts";
import type { SeededRandom } from "../sim/random.ts";
import { anyInteger, anyText, joined, mutated, randomBytes } from "./mutate.ts";
import { FuzzError, sameBytes, type Subject } from "./subject.ts";

function anyMember(random: SeededRandom): Member {
  return {
    id: anyInteger(random),
    name: anyText(random, 12),
    peerUrls: [`http://127.0.0.1:${random.integer(1, 65535)}`],
    clientUrls: [anyText(random, 20)],
    ...(random.chance(0.3) && { grpcUrls: [anyText(random, 20)] }),
    ...anyPart(random),
  };
}

function anyPart(
  random: SeededRandom,
): Pick<Member, "voter" | "learner" | "takenBy" | "assigned"> {
  if (random.chance(0.5)) return { voter: true, ...(random.chance(0.3) && { assigned: true }) };
  return {
    voter: false,
    ...(random.chance(0.3) && { learner: true }),
    ...(random.chance(0.3) && { takenBy: random.integer(1, 2 ** 40) }),
  };
}

export function anyConfiguration(random: SeededRandom): Configuration {
  const members = Array.from({ length: random.skewed(0, 5) }, () => anyMember(random));
  const removed = Array.from({ length: random.skewed(0, 4) }, () => anyInteger(random));
  return { members, removed };
}

function anyEntries(random: SeededRandom, prevIndex: number): Entry[] {
  return Array.from({ length: random.skewed(0, 8) }, (_, i): Entry => ({
    index: prevIndex + 1 + i,
    term: anyInteger(random),
    kind: random.pick(["noop", "command", "config"] as const),
    data: random.chance(0.2)
      ? encodeConfiguration(anyConfiguration(random))
      : randomBytes(random, random.skewed(0, 40)),
  }));
}

function anyMessage(random: SeededRandom): Message {
  const n = () => anyInteger(random);
  const yes = () => random.chance(0.5);
  const envelope = { from: n(), to: n(), term: n() };
  switch (random.integer(0, 8)) {
    case 0:
    case 1: {
      const prevIndex = Math.min(n(), 2 ** 52);
      const entries = anyEntries(random, prevIndex);
      return { type: "append", ...envelope, prevIndex, prevTerm: n(), commitIndex: n(), entries };
    }
    case 2: {
      const hint = { hintIndex: n(), hintTerm: n() };
      return { type: "appendReply", ...envelope, rejected: yes(), index: n(), ...hint };
    }
    case 3:
      return { type: "heartbeat", ...envelope, commitIndex: n(), readRound: n() };
    case 4:
      return { type: "heartbeatReply", ...envelope, readRound: n() };
    case 5:
      return {
        type: random.pick(["preVote", "vote"] as const),
        ...envelope,
        lastIndex: n(),
        lastTerm: n(),
        transfer: yes(),
      };
    case 6: {
      const type = random.pick(["preVoteReply", "voteReply"] as const);
      return { type, ...envelope, granted: yes() };
    }
    case 7: {
      const configuration = anyConfiguration(random);
      return { type: "snapshot", ...envelope, snapshot: { index: n(), term: n(), configuration } };
    }
    default:
      return { type: "timeoutNow", ...envelope };
  }
}

function anyPeerMessage(random: SeededRandom): PeerMessage {
  const n = () => anyInteger(random);
  const payload = randomBytes(random, random.skewed(0, 60));
  switch (random.integer(0, 8)) {
    case 0:
      return { type: "raft", message: anyMessage(random) };
    case 1: {
      const kind = random.pick(["request", "barrier", "join", "remove", "announce"] as const);
      return { type: "call", session: n(), id: n(), kind, payload };
    }
    case 2:
      return { type: "callReply", session: n(), id: n(), led: random.chance(0.5), payload };
    case 3: {
      const message = encodeMessage(anyMessage(random));
      return { type: "snapshotChunk", message, offset: n(), size: n(), data: payload };
    }
    case 4:
      return { type: "snapshotAck", index: n(), received: n() };
    case 5:
      return { type: "clusterTime", term: n(), timeMs: n() };
    case 6:
      return { type: "compare", index: n() };
    case 7:
      return { type: "digest", index: n(), digest: n().toString(16) };
    default:
      return { type: "removed", term: n() };
  }
}

/** What `decode` makes of `bytes`; undefined when it refuses them as it may. */
function decoded<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): T | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof FrameError) return undefined;
    throw error;
  }
}

/** First byte of an input of `codec`: which decoder is meant, and whether it must take it. */
const VALID = 2;

/** Of 1.0: read for ever, and written as version 2. */
const CONFIGURATION_VERSION_1 = 1;

/** Whether the encoded `message` ends with a configuration of 1.0, which its body has behind 16 bytes. */
function isOfVersion1(message: Message | undefined, encoded: Uint8Array): boolean {
  if (message?.type !== "snapshot") return false;
  const { configuration } = message.snapshot;
  const start = encodeMessage(message).length - encodeConfiguration(configuration).length;
  return encoded[start] === CONFIGURATION_VERSION_1;
}

/** Each encoding has one meaning and each meaning one encoding: what is taken encodes to the same bytes. */
export const codec: Subject = {
  name: "raft codec",
  promise: "refused, or the same bytes again",
  make(random) {
    const isMessage = random.chance(0.8);
    const bytes = isMessage
      ? encodeMessage(anyMessage(random))
      : encodeConfiguration(anyConfiguration(random));
    const isValid = random.chance(0.3);
    const flags = (isMessage ? 1 : 0) | (isValid ? VALID : 0);
    return joined(Uint8Array.of(flags), isValid ? bytes : mutated(bytes, random));
  },
  check([input]) {
    const bytes = input!.subarray(1);
    const isMessage = (input![0]! & 1) !== 0;
    const message = isMessage ? decoded(decodeMessage, bytes) : undefined;
    const again = isMessage
      ? mapped(message, encodeMessage)
      : mapped(decoded(decodeConfiguration, bytes), encodeConfiguration);
    if (again === undefined && (input![0]! & VALID) !== 0) throw new FuzzError("Refused");
    const isOld = isMessage ? isOfVersion1(message, bytes) : bytes[0] === CONFIGURATION_VERSION_1;
    if (again !== undefined && !isOld && !sameBytes(again, bytes)) {
      throw new FuzzError("Expected the same bytes again, found others");
    }
  },
};

function mapped<T, U>(value: T | undefined, map: (value: T) => U): U | undefined {
  return value === undefined ? undefined : map(value);
}

const FRAME_BYTES_MAX = 4096;

/** A stream of frames, cut at random: first byte of the input seeds the cuts. */
export const frames: Subject = {
  name: "peer frames",
  promise: "the frames that were sent, each refused or the same bytes again",
  make(random) {
    const sent = Array.from(
      { length: random.skewed(1, 6) },
      () => random.chance(0.1) ? new Uint8Array(0) : encodeFrame(anyPeerMessage(random)),
    );
    const byteLength = sent.reduce((sum, frame) => sum + FRAME_HEADER_BYTES + frame.length, 0);
    const stream = encodeFrames(sent, sent.length, byteLength);
    const step = Uint8Array.of(random.skewed(1, 255));
    return joined(step, random.chance(0.6) ? mutated(stream, random) : stream);
  },
  check([input]) {
    const step = Math.max(1, input![0] ?? 1);
    const stream = input!.subarray(1);
    const found: Uint8Array[] = [];
    const splitter = new FrameSplitter(FRAME_BYTES_MAX, (frame) => {
      found.push(frame);
      return true;
    });
    let refused = false;
    try {
      for (let at = 0; at < stream.length; at += step) {
        // A copy: a chunk of a socket is no view of the next one.
        splitter.push(stream.slice(at, at + step));
      }
    } catch (error) {
      if (!(error instanceof FrameLengthError)) throw error;
      refused = true;
    }
    const expected = framesOf(stream);
    if (refused !== expected.refused) throw new FuzzError(`Refused: ${refused}`);
    if (found.length !== expected.frames.length) {
      throw new FuzzError(`Expected ${expected.frames.length} frames, found ${found.length}`);
    }
    for (const [i, frame] of found.entries()) {
      if (!sameBytes(frame, expected.frames[i]!)) throw new FuzzError(`Frame ${i} is another`);
      checkFrame(frame);
    }
  },
};

function checkFrame(frame: Uint8Array): void {
  if (frame.length === 0) return;
  const message = decoded(decodeFrame, frame);
  // The message follows the frame's type.
  if (message?.type === "raft" && isOfVersion1(message.message, frame.subarray(1))) return;
  if (message !== undefined && !sameBytes(encodeFrame(message), frame)) {
    throw new FuzzError(`Expected the same bytes again for a ${message.type}, found others`);
  }
}

/** The same without chunks. */
function framesOf(stream: Uint8Array): { frames: Uint8Array[]; refused: boolean } {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at + 4 <= stream.length;) {
    const length = view.getUint32(at);
    if (length > FRAME_BYTES_MAX) return { frames, refused: true };
    if (at + 4 + length > stream.length) break;
    frames.push(stream.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { frames, refused: false };
}
