/**
 * Passwords: hashed by the platform's scrypt (RFC 7914), off the event loop and a few
 * at a time, because each takes 16 MiB and a fifth of a second. A hash says by which
 * parameters it was made: `$scrypt$ln=14,r=8,p=5$SALT$HASH`, both in base64.
 */
import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

export interface ScryptCost {
  /** Binary logarithm of N: memory and time. */
  readonly logN: number;
  /** Block size; with N it makes the memory, 128·r·N bytes. */
  readonly r: number;
  /** Time alone. */
  readonly p: number;
}

/** What OWASP's password storage cheat sheet names for 16 MiB. */
const DEFAULT_COST: ScryptCost = { logN: 14, r: 8, p: 5 };

/** A hash that asks for more is not computed: it might stand in an image from elsewhere. */
const COST_MAX: ScryptCost = { logN: 18, r: 16, p: 16 };

/** Longer ones are nobody's. */
const PASSWORD_LENGTH_MAX = 4096;

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** At once; the others wait. */
const WORKING_MAX = 2;
const WAITING_MAX = 64;

/** So many passwords wait already that another had to be turned away. */
export class BusyError extends Error {
  override readonly name = "BusyError";
}

interface ParsedHash {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Hashes passwords, and checks them. */
export class Passwords {
  readonly #cost: ScryptCost;
  #working = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(cost: ScryptCost = DEFAULT_COST) {
    this.#cost = cost;
  }

  /** What the log may know of `password`. Rejects with `BusyError`. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const { logN, r, p } = this.#cost;
    const hash = await this.#derive(password, salt, HASH_BYTES, this.#cost);
    return `$scrypt$ln=${logN},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
  }

  /**
   * Whether `password` is the one of `hash`. Without a hash, or with one that is none,
   * it is not, and to find that out takes as long. Rejects with `BusyError`.
   */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const parsed = hash === undefined ? undefined : parseHash(hash);
    const { cost, salt, hash: expected } = parsed ?? this.#nobody();
    const isLong = password.length > PASSWORD_LENGTH_MAX;
    const found = await this.#derive(isLong ? "" : password, salt, expected.length, cost);
    return timingSafeEqual(found, expected) && parsed !== undefined && !isLong;
  }

  #nobody(): ParsedHash {
    const bytes = new Uint8Array(HASH_BYTES);
    return { cost: this.#cost, salt: bytes.subarray(0, SALT_BYTES), hash: bytes };
  }

  async #derive(
    password: string,
    salt: Uint8Array,
    length: number,
    { logN, r, p }: ScryptCost,
  ): Promise<Uint8Array> {
    await this.#enter();
    try {
      const N = 2 ** logN;
      const options = { N, r, p, maxmem: 256 * N * r };
      return await new Promise((resolve, reject) => {
        scrypt(password, salt, length, options, (error, key) => {
          if (error === null) resolve(key);
          else reject(error);
        });
      });
    } finally {
      this.#working--;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#working >= WORKING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw new BusyError("Too many passwords are being checked, try again later");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#working++;
  }
}

const HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{1,128})\$([\w+/]{22,128})$/;

function parseHash(text: string): ParsedHash | undefined {
  const found = HASH.exec(text);
  if (found === null) return undefined;
  const [logN, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (logN < 1 || r < 1 || p < 1) return undefined;
  if (logN > COST_MAX.logN || r > COST_MAX.r || p > COST_MAX.p) return undefined;
  return {
    cost: { logN, r, p },
    salt: Buffer.from(found[4]!, "base64"),
    hash: Buffer.from(found[5]!, "base64"),
  };
}

/** Without padding. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
