/**
 * bcrypt, which etcd keeps its passwords by: `$2a$10$` and 53 characters for salt and hash.
 * The platform has none. The work is done on the event loop, in slices, so it is for
 * passwords that come from etcd or may go there, and scrypt is for all others.
 */
import { laterTurn } from "../../../base/turns.ts";
import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { Blowfish } from "./blowfish.ts";

/** What etcd takes unless it is told otherwise: 2^10 rounds, some 50 ms. */
const DEFAULT_COST = 10;
/** A hash that asks for more is not computed: a second and a half of the event loop. */
const COST_MAX = 15;
const COST_MIN = 4;

/** Of the password, with the zero behind it; what is longer does not count. */
const KEY_BYTES_MAX = 72;
const SALT_BYTES = 16;
/** The last byte of the last block is left out. */
const HASH_BYTES = 23;

/** Rounds from one turn of the event loop to the next: some 3 ms. */
const SLICE_ROUNDS = 64;

const PLAINTEXT = wordsOf(Buffer.from("OrpheanBeholderScryDoubt"));

const HASH = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/** bcrypt's digits, in the order of those of base64. */
const DIGITS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Whether `text` has the form of a hash whose cost can be borne. */
export function isBcrypt(text: string): boolean {
  const cost = Number(HASH.exec(text)?.[1]);
  return cost >= COST_MIN && cost <= COST_MAX;
}

/** The hash of `password`, or undefined for one that is longer than bcrypt can tell from others. */
export async function hashByBcrypt(
  password: string,
  cost: number = DEFAULT_COST,
): Promise<string | undefined> {
  const bytes = Buffer.from(password);
  if (bytes.length >= KEY_BYTES_MAX || bytes.includes(0)) return undefined;
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(bytes, salt, cost);
  return `$2a$${String(cost).padStart(2, "0")}$${textOf(salt)}${textOf(hash)}`;
}

/** Whether `password` is the one of `hash`, for which `isBcrypt` holds. */
export async function verifyByBcrypt(password: string, hash: string): Promise<boolean> {
  const [, cost, salt, expected] = HASH.exec(hash)!;
  const found = await derive(Buffer.from(password), bytesOf(salt!), Number(cost));
  return timingSafeEqual(found, bytesOf(expected!).subarray(0, HASH_BYTES));
}

async function derive(password: Buffer, saltBytes: Buffer, cost: number): Promise<Buffer> {
  const key = keyOf(password);
  const salt = wordsOf(saltBytes);
  const cipher = new Blowfish();
  cipher.expand(key, salt);
  for (let left = 2 ** cost; left > 0; left--) {
    cipher.expand(key);
    cipher.expand(salt);
    if (left % SLICE_ROUNDS === 0) await laterTurn();
  }
  const words = PLAINTEXT.slice();
  for (let at = 0; at < words.length; at += 2) {
    for (let i = 0; i < 64; i++) cipher.encrypt(words, at);
  }
  const bytes = Buffer.alloc(4 * words.length);
  words.forEach((word, i) => bytes.writeUInt32BE(word, 4 * i));
  return bytes.subarray(0, HASH_BYTES);
}

/** The password and a zero, again and again until it is as long as the cipher's key. */
function keyOf(password: Buffer): Uint32Array {
  return wordsOf(Buffer.alloc(KEY_BYTES_MAX, Buffer.concat([password, Buffer.of(0)])));
}

function wordsOf(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(4 * i));
}

function textOf(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll(/[^=]/g, (digit) => DIGITS[BASE64.indexOf(digit)]!)
    .replace(/=+$/, "");
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(/./g, (digit) => BASE64[DIGITS.indexOf(digit)]!), "base64");
}
