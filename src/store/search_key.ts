/**
 * A key in the two forms that a search needs: its bytes, to compare with records,
 * and its *ordinal*, a string with one code unit a byte, which `<` orders as the
 * bytes are ordered. An ASCII key is its own ordinal.
 */
import { assert } from "../base/assert.ts";
import { decodeText, encodeTextInto } from "./bytes.ts";
import { keyEnd, keyStart, RECORD_KEY_BYTES_MAX } from "./record.ts";

export class SearchKey {
  readonly bytes: Uint8Array = new Uint8Array(3 * RECORD_KEY_BYTES_MAX);
  length = 0;
  ordinal = "";

  /** `key` has at most RECORD_KEY_BYTES_MAX code units. */
  set(key: string): this {
    assert(key.length <= RECORD_KEY_BYTES_MAX, "A key must have at most 16383 bytes");
    this.length = encodeTextInto(key, this.bytes, 0);
    this.ordinal = this.length === key.length ? key : ordinalOf(this.bytes, 0, this.length);
    return this;
  }
}

/** The ordinal of the key of the record at `at`. */
export function ordinalAt(bytes: Uint8Array, at: number): string {
  const start = keyStart(at);
  const end = keyEnd(bytes, at);
  const key = decodeText(bytes, start, end);
  return key.length === end - start ? key : ordinalOf(bytes, start, end);
}

function ordinalOf(bytes: Uint8Array, start: number, end: number): string {
  let ordinal = "";
  for (let i = start; i < end; i++) ordinal += String.fromCharCode(bytes[i]!);
  return ordinal;
}
