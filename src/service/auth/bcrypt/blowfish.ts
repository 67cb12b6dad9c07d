/**
 * The cipher Blowfish (Schneier, 1993) with the salted key schedule of bcrypt (Provos and
 * Mazières, 1999, §4). For checking old hashes: nothing is encrypted with it here.
 */
import { wordsOfPi } from "./pi.ts";

const ROUNDS = 16;
const P_WORDS = ROUNDS + 2;
const S_WORDS = 4 * 256;

/** 4 KiB that are the same for everybody, made when they are first needed. */
let initial: Uint32Array | undefined;

export class Blowfish {
  readonly #p: Uint32Array;
  readonly #s: Uint32Array;
  /** The left and the right half of the block in work. */
  readonly #block = new Int32Array(2);

  constructor() {
    initial ??= wordsOfPi(P_WORDS + S_WORDS);
    this.#p = initial.slice(0, P_WORDS);
    this.#s = initial.slice(P_WORDS);
  }

  /** Mixes the key in; each block goes through the salt, if there is one, on the way. */
  expand(key: Uint32Array, salt: Uint32Array = NO_SALT): void {
    for (let i = 0; i < P_WORDS; i++) this.#p[i]! ^= key[i % key.length]!;
    this.#block.fill(0);
    const next = this.#fill(this.#p, salt, 0);
    this.#fill(this.#s, salt, next);
  }

  /** Encrypts the two words at `at`, in their place. */
  encrypt(words: Uint32Array, at: number): void {
    const block = this.#block;
    block[0] = words[at]!;
    block[1] = words[at + 1]!;
    rounds(this.#p, this.#s, block);
    words[at] = block[0]!;
    words[at + 1] = block[1]!;
  }

  /** `from` is the next word of the salt; returns the one after. */
  #fill(words: Uint32Array, salt: Uint32Array, from: number): number {
    const [p, s, block] = [this.#p, this.#s, this.#block];
    let next = from;
    for (let i = 0; i < words.length; i += 2) {
      block[0]! ^= salt[next]!;
      block[1]! ^= salt[next + 1]!;
      next = (next + 2) % salt.length;
      rounds(p, s, block);
      words[i] = block[0]!;
      words[i + 1] = block[1]!;
    }
    return next;
  }
}

const NO_SALT = new Uint32Array(4);

/** A block's way through the cipher. */
function rounds(p: Uint32Array, s: Uint32Array, block: Int32Array): void {
  let left = block[0]! ^ p[0]!;
  let right = block[1]!;
  for (let i = 1; i <= ROUNDS; i += 2) {
    right ^= p[i]! ^ (((s[left >>> 24]! + s[256 + (left >>> 16 & 0xff)]! | 0) ^
          s[512 + (left >>> 8 & 0xff)]!) + s[768 + (left & 0xff)]! | 0);
    left ^= p[i + 1]! ^ (((s[right >>> 24]! + s[256 + (right >>> 16 & 0xff)]! | 0) ^
          s[512 + (right >>> 8 & 0xff)]!) + s[768 + (right & 0xff)]! | 0);
  }
  block[0] = right ^ p[ROUNDS + 1]!;
  block[1] = left;
}
