/** A key that is searched for, as bytes to compare with records, and as the byte string that it is. */
import { type ByteString, byteStringAt, writeByteString } from "../byte_string.ts";
import { keyEnd, keyStart } from "./record.ts";

const BYTES_MIN = 4096;

export class SearchKey {
  bytes: Uint8Array = new Uint8Array(BYTES_MIN);
  length = 0;
  key: ByteString = "";

  set(key: ByteString): this {
    if (key.length > this.bytes.length) this.bytes = new Uint8Array(2 * key.length);
    writeByteString(key, this.bytes, 0);
    this.length = key.length;
    this.key = key;
    return this;
  }
}

/** The key of the record at `at`. */
export function firstKeyAt(bytes: Uint8Array, at: number): ByteString {
  return byteStringAt(bytes, keyStart(at), keyEnd(bytes, at));
}
