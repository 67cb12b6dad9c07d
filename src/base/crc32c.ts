/** CRC-32C (Castagnoli's polynomial, RFC 3720): what etcd compares key spaces by. */

const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256, so that eight bytes are taken at a time. */
const TABLES = makeTables();

/**
 * The checksum of `bytes` behind what `crc` is the checksum of; 0 for nothing.
 * Returns an unsigned integer of 32 bits.
 */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  let sum = ~crc;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    sum ^= bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    sum = TABLES[0x700 | sum & 0xff]! ^ TABLES[0x600 | sum >>> 8 & 0xff]! ^
      TABLES[0x500 | sum >>> 16 & 0xff]! ^ TABLES[0x400 | sum >>> 24]! ^
      TABLES[0x300 | bytes[at + 4]!]! ^ TABLES[0x200 | bytes[at + 5]!]! ^
      TABLES[0x100 | bytes[at + 6]!]! ^ TABLES[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) sum = TABLES[(sum ^ bytes[at]!) & 0xff]! ^ sum >>> 8;
  return ~sum >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum >>> 1 ^ ((sum & 1) === 1 ? POLYNOMIAL : 0);
    tables[byte] = sum;
  }
  for (let at = 256; at < tables.length; at++) {
    const sum = tables[at - 256]!;
    tables[at] = tables[sum & 0xff]! ^ sum >>> 8;
  }
  return tables;
}
