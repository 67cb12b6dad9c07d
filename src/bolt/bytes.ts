/** Byte strings and little-endian integers as bbolt has them. */

const TWO_32 = 2 ** 32;

/** Below zero, zero or above it, as `a` sorts before, with or after `b`, byte by byte. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * Eight bytes as a number. From 2^53 on it is rounded, which is enough to tell
 * that an id is beyond the end of the file.
 */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
}

/** The reverse of `readU64`, for integers below 2^53. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

/** A view over the same memory. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A key or value for a message: as text where it is short printable ASCII, else in hexadecimal. */
export function shown(bytes: Uint8Array): string {
  const short = bytes.subarray(0, 40);
  const isText = short.every((byte) => byte >= 0x20 && byte < 0x7f);
  const text = isText ? `"${String.fromCharCode(...short)}"` : `0x${short.toHex()}`;
  return bytes.length > short.length ? `${text}… (${bytes.length} bytes)` : text;
}
