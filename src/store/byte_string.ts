/**
 * Byte strings: JavaScript strings with one UTF-16 unit, 0 to 255, for each byte.
 * Keys are kept in this form everywhere below the APIs, because `<` orders byte
 * strings as their bytes are ordered, a `Map` finds them, and an ASCII text is its
 * own byte string. Values stay `Uint8Array`.
 */
import { Buffer } from "node:buffer";

/** One unit for each byte; a plain string to the compiler, because it orders and hashes as one. */
export type ByteString = string;

const BEYOND_ASCII = /[\u0080-\uffff]/;

const toLatin1 = Buffer.prototype.toString;

/** Whether every unit of `text` is ASCII: such a text is its own byte string. */
function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}

/** The UTF-8 of `text`; a lone surrogate becomes U+FFFD. */
export function byteStringOf(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** `bytes` from `start` to `end`, one unit each. */
export function byteStringAt(bytes: Uint8Array, start: number, end: number): ByteString {
  return toLatin1.call(bytes as Buffer, "latin1", start, end);
}

/** The text whose UTF-8 is `key`; bytes that are no UTF-8 become U+FFFD. */
export function textOf(key: ByteString): string {
  return isAscii(key) ? key : Buffer.from(key, "latin1").toString("utf8");
}

/** The bytes of `key`, in memory of their own. */
export function bytesOf(key: ByteString): Uint8Array {
  // The runtime encodes UTF-8 several times faster.
  return Buffer.from(key, isAscii(key) ? "utf8" : "latin1");
}

/** `key` as the value of a command, which needs no memory where a text says the same. */
export function valueOf(key: ByteString): Uint8Array | string {
  return isAscii(key) ? key : bytesOf(key);
}

/** Writes `key` at `at`, where there is room for it. */
export function writeByteString(key: ByteString, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < key.length; i++) bytes[at + i] = key.charCodeAt(i);
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether `key` is valid UTF-8. */
export function isUtf8(key: ByteString): boolean {
  if (isAscii(key)) return true;
  try {
    strict.decode(Buffer.from(key, "latin1"));
    return true;
  } catch {
    return false;
  }
}

/** The first key beyond all that begin with `prefix`; "\0", which means none, when nothing is beyond. */
export function endOfPrefix(prefix: ByteString): ByteString {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xff) return prefix.slice(0, at) + String.fromCharCode(unit + 1);
  }
  return "\0";
}
