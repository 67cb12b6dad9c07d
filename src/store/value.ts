/** Values of commands: bytes, or a text that stands for its UTF-8. */
import { Buffer } from "node:buffer";
import type { ValueBytes } from "./command/command.ts";

/** The bytes of a value of a command. */
export function asBytes(value: ValueBytes): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "utf8") : value;
}

const toText = Buffer.prototype.toString;

/** The text whose UTF-8 is `value`; bytes that are no UTF-8 become U+FFFD. */
export function textOfBytes(value: Uint8Array): string {
  // Takes half the time of a `TextDecoder`, and keeps a byte order mark, which is content.
  return toText.call(value as Buffer, "utf8", 0, value.length);
}
