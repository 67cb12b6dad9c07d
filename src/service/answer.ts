/**
 * What a request comes to, and the bytes that tell it to the member that passed
 * the request on:
 *
 *     1 byte: 0 for a value, which follows; else the reason of the failure, whose
 *     cause follows in UTF-8
 *
 * The value of a write is the entry it became, by index and term of eight bytes each: the
 * member that asked applies it as well, and has its result from there.
 */
import { ByteReader, ByteWriter, type Fail } from "../base/bytes.ts";
import type { EntryId, Failure, FailureReason, Outcome } from "../node/ports.ts";

/** The client has to ask the leader itself, who serves it at `clientUrl`. */
export interface Redirect {
  readonly ok: false;
  readonly reason: "redirect";
  readonly clientUrl: string;
}

/** What an API gets for a client; a redirect only if it asked to be told of the leader. */
export type Answer<T, Redirects extends boolean = true> =
  | Outcome<T>
  | (Redirects extends true ? Redirect : never);

/** Takes it, once. Runs in the node's turn and must not throw. */
export type OnAnswer<T, Redirects extends boolean = true> = (
  answer: Answer<T, Redirects>,
) => void;

/** Bytes that no member of this version would answer. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

const VALUE = 0;

/** A reason's place, counted from 1, is its byte. */
const REASONS: readonly FailureReason[] = [
  "notLeader",
  "superseded",
  "unknown",
  "noLeader",
  "overloaded",
  "diskFull",
  "refused",
  "full",
  "diverged",
  "stopping",
];

/** Takes nothing away, not even a byte order mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of a success with `value`. */
export function encodeValue(value: Uint8Array): Uint8Array {
  return withHead(VALUE, value);
}

/** The bytes of a failure. */
export function encodeFailure({ reason, cause }: Failure): Uint8Array {
  return withHead(REASONS.indexOf(reason) + 1, new TextEncoder().encode(cause));
}

/** What `encodeValue` or `encodeFailure` made `bytes` of. Throws `AnswerError`. */
export function decodeOutcome(bytes: Uint8Array): Outcome<Uint8Array> {
  const [head] = bytes;
  if (head === undefined) throw new AnswerError("Expected an answer, found no bytes");
  if (head === VALUE) return { ok: true, value: bytes.subarray(1) };
  const reason = REASONS[head - 1];
  if (reason === undefined) {
    throw new AnswerError(`Expected a reason from 1 to ${REASONS.length}, found ${head}`);
  }
  return { ok: false, reason, cause: decoder.decode(bytes.subarray(1)) };
}

/** The value of a write. */
export function encodeEntryId({ index, term }: EntryId): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(16));
  writer.u53(index);
  writer.u53(term);
  return writer.finish();
}

/** What `encodeEntryId` was given. Throws `AnswerError`. */
export function decodeEntryId(bytes: Uint8Array): EntryId {
  const reader = new ByteReader(bytes, failAnswer);
  const id = { index: reader.u53(), term: reader.u53() };
  reader.end();
  return id;
}

const failAnswer: Fail = (expected, found) => {
  throw new AnswerError(`Expected ${expected} in an answer, found ${found}`);
};

/** `head` in front of `tail`. */
export function withHead(head: number, tail: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + tail.length);
  bytes[0] = head;
  bytes.set(tail, 1);
  return bytes;
}
