/**
 * What became of a command, as bytes: for a member that passed the command on to
 * the leader and waits for the answer.
 *
 *     kind      1 byte: 1 event, 2 nothing, 3 keyNotFound, 4 testFailed, 5 notAFile
 *     event:    as in `image_format.ts`
 *     rejected: key string; testFailed: expected string, found string
 */
import { ByteReader, ByteWriter, DecodeError, textBytesMax } from "./bytes.ts";
import type { ApplyResult, Rejection } from "./event.ts";
import { NOTHING } from "./event.ts";
import { eventBytesMax, readEvent, writeEvent } from "./image_format.ts";

const EVENT = 1;
const NOTHING_CHANGED = 2;
const KEY_NOT_FOUND = 3;
const TEST_FAILED = 4;
const NOT_A_FILE = 5;

/** Bytes that are no result. */
export class ResultError extends Error {
  override readonly name = "ResultError";
}

/** The bytes of `result`, its own. */
export function encodeResult(result: ApplyResult): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(1 + contentBytesMax(result)));
  if ("action" in result) {
    writer.byte(EVENT);
    writeEvent(writer, result);
  } else if ("reason" in result) {
    writeRejection(writer, result);
  } else {
    writer.byte(NOTHING_CHANGED);
  }
  return writer.bytes.subarray(0, writer.offset);
}

/** The result that `encodeResult` made `bytes` of. Throws `ResultError` when they are damaged. */
export function decodeResult(bytes: Uint8Array): ApplyResult {
  try {
    const reader = new ByteReader(bytes);
    const result = readResult(reader);
    reader.end();
    return result;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ResultError(`Damaged result of ${bytes.length} bytes: ${error.message}`, {
      cause: error,
    });
  }
}

function contentBytesMax(result: ApplyResult): number {
  if ("action" in result) return eventBytesMax(result);
  if (!("reason" in result)) return 0;
  const compared = result.reason === "testFailed"
    ? textBytesMax(result.expected) + textBytesMax(result.found)
    : 0;
  return textBytesMax(result.key) + compared;
}

function writeRejection(writer: ByteWriter, rejection: Rejection): void {
  switch (rejection.reason) {
    case "keyNotFound":
      writer.byte(KEY_NOT_FOUND);
      return writer.text(rejection.key);
    case "testFailed":
      writer.byte(TEST_FAILED);
      writer.text(rejection.key);
      writer.text(rejection.expected);
      return writer.text(rejection.found);
    case "notAFile":
      writer.byte(NOT_A_FILE);
      return writer.text(rejection.key);
  }
}

function readResult(reader: ByteReader): ApplyResult {
  const kind = reader.byte();
  switch (kind) {
    case EVENT:
      return readEvent(reader);
    case NOTHING_CHANGED:
      return NOTHING;
    case KEY_NOT_FOUND:
      return { kind: "rejected", reason: "keyNotFound", key: reader.text() };
    case TEST_FAILED:
      return {
        kind: "rejected",
        reason: "testFailed",
        key: reader.text(),
        expected: reader.text(),
        found: reader.text(),
      };
    case NOT_A_FILE:
      return { kind: "rejected", reason: "notAFile", key: reader.text() };
    default:
      throw new DecodeError(`Expected a kind of result from 1 to 5, found ${kind}`);
  }
}
