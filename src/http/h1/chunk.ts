/** The chunked coding (RFC 9112 §7.1). */
import { Buffer } from "node:buffer";

/** What ends a body. */
export const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** A copy of `part`, which is not empty, as a chunk. */
export function chunkOf(part: string | Uint8Array): Buffer {
  const size = typeof part === "string" ? Buffer.byteLength(part) : part.length;
  const head = `${size.toString(16)}\r\n`;
  const bytes = Buffer.allocUnsafe(head.length + size + 2);
  bytes.write(head, "latin1");
  if (typeof part === "string") bytes.write(part, head.length);
  else bytes.set(part, head.length);
  bytes.write("\r\n", head.length + size, "latin1");
  return bytes;
}
