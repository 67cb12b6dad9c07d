/**
 * The Huffman code of HPACK (RFC 7541 §5.2 and Appendix B). The code is canonical:
 * the length of each symbol's code says all, because codes of one length follow each
 * other in the order of symbols, and longer ones follow shorter ones.
 */

/** The length in bits of the code of each octet, as a digit to the base 36. */
const LENGTH_DIGITS = "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";

/** Ends no string: it is only padded with the first bits of its code. */
const EOS = 256;
const LONGEST = 30;
/** Most of what comes in a head has codes of at most so many bits. */
const SHORT = 8;

const LENGTHS = Uint8Array.from([...LENGTH_DIGITS, "u"], (digit) => Number.parseInt(digit, 36));
const CODES = new Uint32Array(LENGTHS.length);
/** The symbols in the order of their codes. */
const SYMBOLS = new Uint16Array(LENGTHS.length);
/** By length: the first code, the code behind the last one, and where its symbol stands. */
const FIRST = new Uint32Array(LONGEST + 1);
const BEHIND = new Uint32Array(LONGEST + 1);
const PLACE = new Uint16Array(LONGEST + 1);
/** By the next `SHORT` bits: a symbol and its length, or 0 when its code is longer. */
const BY_BITS = new Uint16Array(1 << SHORT);

let code = 0;
let place = 0;
for (let length = 1; length <= LONGEST; length++) {
  code *= 2;
  FIRST[length] = code;
  PLACE[length] = place;
  for (let symbol = 0; symbol < LENGTHS.length; symbol++) {
    if (LENGTHS[symbol] !== length) continue;
    if (length <= SHORT) {
      const from = code << (SHORT - length);
      BY_BITS.fill(symbol << 4 | length, from, from + (1 << (SHORT - length)));
    }
    CODES[symbol] = code++;
    SYMBOLS[place++] = symbol;
  }
  BEHIND[length] = code;
}

/** How many bytes `text`, of which only the low eight bits of each unit count, takes when encoded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes `text` encoded at `at`; returns the end. There has to be room. */
export function writeHuffman(text: string, target: Uint8Array, at: number): number {
  // At most 7 bits wait for the rest of their byte, and 30 come: more than 32 in all.
  let waiting = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    const value = CODES[symbol]!;
    let left = LENGTHS[symbol]!;
    while (count + left >= 8) {
      const taken = 8 - count;
      left -= taken;
      target[at++] = waiting << taken | (value >>> left & ((1 << taken) - 1));
      waiting = count = 0;
    }
    waiting = waiting << left | (value & ((1 << left) - 1));
    count += left;
  }
  if (count > 0) target[at++] = waiting << (8 - count) | (0xff >> count);
  return at;
}

/**
 * Decodes the bytes from `start` to `end` into `target`; returns how many octets they
 * stand for, or -1 when they are no such string: the padding is longer than 7 bits or
 * no prefix of EOS, or EOS is in it. There has to be room for 8 octets in 5 bytes.
 */
export function readHuffman(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
): number {
  let count = 0;
  let bit = start * 8;
  const endBit = end * 8;
  while (bit < endBit) {
    const at = bit >> 3;
    const shift = bit & 7;
    const next = (bytes[at]! << 8 | (at + 1 < end ? bytes[at + 1]! : 0xff)) << shift;
    const short = BY_BITS[next >> 8 & 0xff]!;
    if (short !== 0) {
      const length = short & 15;
      if (bit + length > endBit) break;
      target[count++] = short >> 4;
      bit += length;
      continue;
    }
    const symbol = longSymbol(peek(bytes, at, end, shift));
    const length = LENGTHS[symbol]!;
    if (bit + length > endBit) break;
    if (symbol === EOS) return -1;
    target[count++] = symbol;
    bit += length;
  }
  const padding = endBit - bit;
  if (padding === 0) return count;
  const ones = (1 << padding) - 1;
  return padding < 8 && (bytes[end - 1]! & ones) === ones ? count : -1;
}

/** The next `LONGEST` bits, with ones behind the end. */
function peek(bytes: Uint8Array, at: number, end: number, shift: number): number {
  const byte = (i: number) => at + i < end ? bytes[at + i]! : 0xff;
  const word = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  return (word << shift | byte(4) >> (8 - shift)) >>> (32 - LONGEST);
}

/** Whose code the bits begin with. Some code always fits: the code is complete. */
function longSymbol(bits: number): number {
  let length = SHORT + 1;
  while (bits >>> (LONGEST - length) >= BEHIND[length]!) length++;
  return SYMBOLS[PLACE[length]! + (bits >>> (LONGEST - length)) - FIRST[length]!]!;
}
