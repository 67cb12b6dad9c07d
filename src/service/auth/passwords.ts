/**
 * Passwords: hashed by the platform's scrypt (RFC 7914), off the event loop and a few
 * at a time, because each takes 16 MiB and some 50 ms. A hash says by which
 * parameters it was made: `$scrypt$ln=14,r=8,p=1$SALT$HASH`, both in base64. Behind it
 * stands one of bcrypt, for the day when the users go back to etcd. One of bcrypt alone
 * is of a user who came from there.
 */
import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { hashByBcrypt, isBcrypt, verifyByBcrypt } from "./bcrypt/bcrypt.ts";
import { Turns } from "./turns.ts";

export interface ScryptCost {
  /** Binary logarithm of N: memory and time. */
  readonly logN: number;
  /** Block size; with N it makes the memory, 128·r·N bytes. */
  readonly r: number;
  /** Time alone. */
  readonly p: number;
}

export interface PasswordCost extends ScryptCost {
  /** Binary logarithm of bcrypt's rounds. */
  readonly bcrypt: number;
}

/**
 * The scrypt paper's for interactive logins, and etcd's own of bcrypt. Whoever has stolen a
 * hash attacks the weaker one, which is bcrypt's: a dearer scrypt would only keep users waiting.
 */
export const DEFAULT_COST: PasswordCost = { logN: 14, r: 8, p: 1, bcrypt: 10 };

/** A hash that asks for more is not computed: it might stand in an image from elsewhere. */
const COST_MAX: ScryptCost = { logN: 18, r: 16, p: 16 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** At once: what anybody can make this member do. */
const WORKING_MAX = 2;
/** More would wait for a minute, and no client does. Each keeps a few KiB at most. */
const WAITING_MAX = 2048;

/** Where new passwords wait: beside those who log in. */
const NEW_PASSWORDS = "new";

/** So many passwords wait already that another had to be turned away, or there is no memory to look at it. */
export class BusyError extends Error {
  override readonly name = "BusyError";
}

interface ParsedHash {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** What hashes passwords, and checks them. */
export type PasswordHashes = Pick<Passwords, "hash" | "verify">;

/** By scrypt, a few at a time. */
export class Passwords {
  readonly #cost: PasswordCost;
  readonly #turns: Turns;

  constructor(cost: PasswordCost = DEFAULT_COST, turns = new Turns(WORKING_MAX, WAITING_MAX)) {
    this.#cost = cost;
    this.#turns = turns;
  }

  /** What the log may know of `password`. Rejects with `BusyError`. */
  async hash(password: string): Promise<string> {
    const { logN, r, p, bcrypt } = this.#cost;
    return await this.#inTurn(NEW_PASSWORDS, async () => {
      const salt = randomBytes(SALT_BYTES);
      // Side by side: scrypt has threads of its own, bcrypt has the event loop.
      const [hash, byBcrypt] = await Promise.all([
        derive(password, salt, HASH_BYTES, this.#cost),
        hashByBcrypt(password, bcrypt),
      ]);
      const ours = `$scrypt$ln=${logN},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
      return ours + (byBcrypt ?? "");
    });
  }

  /**
   * Whether `password` is the one of `hash`. Without a hash, or with one that is none,
   * it is not, and to find that out takes as long as scrypt. Who asks from one place waits
   * in one line (see `Turns`). Rejects with `BusyError`.
   */
  async verify(password: string, hash: string | undefined, place = ""): Promise<boolean> {
    return await this.#inTurn(place, async () => {
      if (hash !== undefined && isBcrypt(hash)) return await verifyByBcrypt(password, hash);
      const parsed = hash === undefined ? undefined : parseHash(hash);
      const { cost, salt, hash: expected } = parsed ?? this.#nobody();
      const found = await derive(password, salt, expected.length, cost);
      return timingSafeEqual(found, expected) && parsed !== undefined;
    });
  }

  #nobody(): ParsedHash {
    const bytes = new Uint8Array(HASH_BYTES);
    return { cost: this.#cost, salt: bytes.subarray(0, SALT_BYTES), hash: bytes };
  }

  async #inTurn<T>(place: string, work: () => Promise<T>): Promise<T> {
    if (!await this.#turns.enter(place)) {
      throw new BusyError("Too many passwords are being checked, try again later");
    }
    try {
      return await work();
    } finally {
      this.#turns.leave();
    }
  }
}

const HASH =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{1,128})\$([\w+/]{22,128})(\$2a\$.*)?$/;

/** What etcd can check the same password by; undefined when there is nothing. */
export function bcryptOf(hash: string): string | undefined {
  if (isBcrypt(hash)) return hash;
  const found = HASH.exec(hash)?.[6];
  return found !== undefined && isBcrypt(found) ? found : undefined;
}

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

function derive(
  password: string,
  salt: Uint8Array,
  length: number,
  { logN, r, p }: ScryptCost,
): Promise<Uint8Array> {
  const N = 2 ** logN;
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise<Uint8Array>((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  }).catch((cause) => {
    throw new BusyError("The password can't be looked at, try again later", { cause });
  });
}

/** Without padding. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
