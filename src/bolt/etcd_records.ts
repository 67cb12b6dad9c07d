/**
 * The records in the buckets of etcd's database: keys of revisions, and the
 * messages of its `kv.proto`, `lease.proto`, `auth.proto`.
 */
import { Buffer } from "node:buffer";
import { viewOf } from "./bytes.ts";
import { BoltError } from "./errors.ts";
import type {
  EtcdLease,
  EtcdMember,
  EtcdPermission,
  EtcdPut,
  EtcdRevision,
  EtcdRole,
  EtcdUser,
} from "./etcd_content.ts";
import { bytesTag, FIELD_BYTES_MAX, integerTag, WireReader, WireWriter } from "./wire.ts";

const TWO_32 = 2 ** 32;
const NONE = new Uint8Array(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** A revision's key: main u64, "_", sub u64, big-endian; then "t" if it deleted the key. */
const REVISION_KEY_BYTES = 17;
const SEPARATOR = 0x5f;
const TOMBSTONE = 0x74;

/** The key of a revision in the bucket "key", and that of a compaction in "meta". */
export function encodeRevisionKey(main: number, sub: number, isTombstone: boolean): Uint8Array {
  const bytes = new Uint8Array(REVISION_KEY_BYTES + (isTombstone ? 1 : 0));
  const view = viewOf(bytes);
  bytes.set(encodeU64(main));
  bytes[8] = SEPARATOR;
  view.setUint32(9, Math.floor(sub / TWO_32));
  view.setUint32(13, sub % TWO_32);
  if (isTombstone) bytes[REVISION_KEY_BYTES] = TOMBSTONE;
  return bytes;
}

/** The reverse of `encodeRevisionKey`. Throws `BoltError`. */
export function decodeRevisionKey(
  place: string,
  bytes: Uint8Array,
): { readonly main: number; readonly sub: number; readonly isTombstone: boolean } {
  const isTombstone = bytes.length === REVISION_KEY_BYTES + 1;
  const isRevision = bytes[8] === SEPARATOR &&
    (isTombstone ? bytes[REVISION_KEY_BYTES] === TOMBSTONE : bytes.length === REVISION_KEY_BYTES);
  if (!isRevision) throw new BoltError(place, "a revision", `0x${bytes.subarray(0, 32).toHex()}`);
  return {
    main: decodeU64(place, bytes.subarray(0, 8)),
    sub: decodeU64(place, bytes.subarray(9, REVISION_KEY_BYTES)),
    isTombstone,
  };
}

/** An integer below 2^53 in eight bytes, big-endian. */
export function encodeU64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = viewOf(bytes);
  view.setUint32(0, Math.floor(value / TWO_32));
  view.setUint32(4, value % TWO_32);
  return bytes;
}

/** The reverse of `encodeU64`. Throws `BoltError`. */
export function decodeU64(place: string, bytes: Uint8Array): number {
  if (bytes.length !== 8) throw new BoltError(place, "8 bytes", `${bytes.length}`);
  const view = viewOf(bytes);
  const value = view.getUint32(0) * TWO_32 + view.getUint32(4);
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  throw new BoltError(place, "an integer below 2^53", `0x${bytes.toHex()}`);
}

/** Writes the values of the bucket "key", which may be millions. */
export class RevisionWriter {
  readonly #writer = new WireWriter();

  /** A `KeyValue`; of a deleted key it has the key alone. */
  encode({ main, key, put }: EtcdRevision): Uint8Array {
    const writer = this.#writer;
    writer.begin(6 * FIELD_BYTES_MAX + key.length + (put?.value.length ?? 0));
    writer.bytes(1, key);
    if (put !== undefined) {
      writer.integer(2, put.createRevision);
      writer.integer(3, main);
      writer.integer(4, put.version);
      if (put.value.length > 0) writer.bytes(5, put.value);
      writer.bits(6, put.lease);
    }
    return writer.end();
  }
}

/** Reads an entry of the bucket "key". Throws `BoltError`. */
export function decodeRevision(place: string, name: Uint8Array, bytes: Uint8Array): EtcdRevision {
  const { main, sub, isTombstone } = decodeRevisionKey(place, name);
  const refuse = refuseIn(`revision ${main}.${sub} in ${place}`);
  let [key, value] = [NONE as Uint8Array, NONE as Uint8Array];
  let [createRevision, modRevision, version] = [0, 0, 0];
  let lease = 0n;
  const reader = new WireReader(bytes, refuse);
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag === bytesTag(1)) key = reader.bytes();
    else if (tag === integerTag(2)) createRevision = reader.integer();
    else if (tag === integerTag(3)) modRevision = reader.integer();
    else if (tag === integerTag(4)) version = reader.integer();
    else if (tag === bytesTag(5)) value = reader.bytes();
    else if (tag === integerTag(6)) lease = reader.bits();
    else reader.skip(tag);
  }
  if (main === 0) refuse("a revision above 0", "0");
  if (key.length === 0) refuse("a key", "none");
  if (isTombstone) return { main, sub, key, put: undefined };
  if (modRevision !== main) refuse("its own revision", `${modRevision}`);
  if (createRevision < 1 || createRevision > main) {
    refuse(`a create revision from 1 to ${main}`, `${createRevision}`);
  }
  if (version === 0) refuse("a version above 0", "0");
  return { main, sub, key, put: { createRevision, version, value, lease } satisfies EtcdPut };
}

/** A lease's key in the bucket "lease". */
export function encodeLeaseKey(id: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt.asUintN(64, id));
  return bytes;
}

/** A `Lease`. */
export function encodeLease({ id, ttlSeconds, remainingSeconds }: EtcdLease): Uint8Array {
  const writer = new WireWriter();
  writer.begin(3 * FIELD_BYTES_MAX);
  writer.bits(1, id);
  writer.integer(2, ttlSeconds);
  writer.integer(3, remainingSeconds);
  return writer.end();
}

/** Reads an entry of the bucket "lease". Throws `BoltError`. */
export function decodeLease(place: string, key: Uint8Array, bytes: Uint8Array): EtcdLease {
  const refuse = refuseIn(place);
  let id = 0n;
  let [ttlSeconds, remainingSeconds] = [0, 0];
  const reader = new WireReader(bytes, refuse);
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag === integerTag(1)) id = reader.bits();
    else if (tag === integerTag(2)) ttlSeconds = reader.integer();
    else if (tag === integerTag(3)) remainingSeconds = reader.integer();
    else reader.skip(tag);
  }
  const found = key.length === 8 ? viewOf(key).getBigUint64(0) : undefined;
  if (id === 0n || id !== found) refuse(`the lease 0x${key.subarray(0, 16).toHex()}`, `${id}`);
  return { id, ttlSeconds, remainingSeconds };
}

/** A `User`. */
export function encodeUser({ name, passwordHash, roles, hasNoPassword }: EtcdUser): Uint8Array {
  const names = roles.map((role) => encoder.encode(role));
  const texts = [encoder.encode(name), passwordHash, ...names];
  const writer = new WireWriter();
  writer.begin(boundOf(texts) + 2 * FIELD_BYTES_MAX);
  writer.bytes(1, texts[0]!);
  if (passwordHash.length > 0) writer.bytes(2, passwordHash);
  for (const role of names) writer.bytes(3, role);
  // An option that does not hold is written as an empty message, as etcd does.
  writer.bytes(4, hasNoPassword ? Uint8Array.of(integerTag(1), 1) : NONE);
  return writer.end();
}

/** Reads an entry of the bucket "authUsers". Throws `BoltError`. */
export function decodeUser(place: string, key: Uint8Array, bytes: Uint8Array): EtcdUser {
  const refuse = refuseIn(place);
  let [name, passwordHash] = ["", NONE as Uint8Array];
  let hasNoPassword = false;
  const roles: string[] = [];
  const reader = new WireReader(bytes, refuse);
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag === bytesTag(1)) name = textOf(place, reader.bytes());
    else if (tag === bytesTag(2)) passwordHash = reader.bytes();
    else if (tag === bytesTag(3)) roles.push(textOf(place, reader.bytes()));
    else if (tag === bytesTag(4)) hasNoPassword = isFirstFieldSet(place, reader.bytes());
    else reader.skip(tag);
  }
  if (name !== textOf(place, key)) refuse(`the user "${textOf(place, key)}"`, `"${name}"`);
  return { name, passwordHash, roles, hasNoPassword };
}

function isFirstFieldSet(place: string, bytes: Uint8Array): boolean {
  const reader = new WireReader(bytes, refuseIn(place));
  let isSet = false;
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag === integerTag(1)) isSet = reader.bits() !== 0n;
    else reader.skip(tag);
  }
  return isSet;
}

/** By their numbers in etcd's `Permission.Type`. */
const PERMISSION_TYPES = ["read", "write", "readwrite"] as const;

/** A `Role`. */
export function encodeRole({ name, permissions }: EtcdRole): Uint8Array {
  const parts = permissions.map(encodePermission);
  const text = encoder.encode(name);
  const writer = new WireWriter();
  writer.begin(boundOf([text, ...parts]));
  writer.bytes(1, text);
  for (const part of parts) writer.bytes(2, part);
  return writer.end();
}

function encodePermission({ type, key, rangeEnd }: EtcdPermission): Uint8Array {
  const writer = new WireWriter();
  writer.begin(boundOf([key, rangeEnd]) + FIELD_BYTES_MAX);
  writer.integer(1, PERMISSION_TYPES.indexOf(type));
  if (key.length > 0) writer.bytes(2, key);
  if (rangeEnd.length > 0) writer.bytes(3, rangeEnd);
  return writer.end();
}

/** Reads an entry of the bucket "authRoles". Throws `BoltError`. */
export function decodeRole(place: string, key: Uint8Array, bytes: Uint8Array): EtcdRole {
  const refuse = refuseIn(place);
  let name = "";
  const permissions: EtcdPermission[] = [];
  const reader = new WireReader(bytes, refuse);
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag === bytesTag(1)) name = textOf(place, reader.bytes());
    else if (tag === bytesTag(2)) permissions.push(decodePermission(place, reader.bytes()));
    else reader.skip(tag);
  }
  if (name !== textOf(place, key)) refuse(`the role "${textOf(place, key)}"`, `"${name}"`);
  return { name, permissions };
}

function decodePermission(place: string, bytes: Uint8Array): EtcdPermission {
  const refuse = refuseIn(place);
  let number = 0;
  let [key, rangeEnd] = [NONE as Uint8Array, NONE as Uint8Array];
  const reader = new WireReader(bytes, refuse);
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag === integerTag(1)) number = reader.integer();
    else if (tag === bytesTag(2)) key = reader.bytes();
    else if (tag === bytesTag(3)) rangeEnd = reader.bytes();
    else reader.skip(tag);
  }
  const type = PERMISSION_TYPES[number] ?? refuse("a permission from 0 to 2", `${number}`);
  return { type, key, rangeEnd };
}

/** A member's key in the bucket "members": its id in hexadecimal, without zeros in front. */
export function encodeMemberKey(id: bigint): Uint8Array {
  return encoder.encode(id.toString(16));
}

/** JSON, as Go writes it. The id is put in by hand: it would not survive a JavaScript number. */
export function encodeMember(member: EtcdMember): Uint8Array {
  const { id, name, peerUrls, clientUrls, isLearner } = member;
  const fields = JSON.stringify({
    peerURLs: peerUrls,
    isLearner: isLearner ? true : undefined,
    name: name === "" ? undefined : name,
    clientURLs: clientUrls.length === 0 ? undefined : clientUrls,
  });
  return encoder.encode(`{"id":${id},${fields.slice(1)}`);
}

/** Reads an entry of the bucket "members". Throws `BoltError`. */
export function decodeMember(place: string, key: Uint8Array, bytes: Uint8Array): EtcdMember {
  const refuse = refuseIn(place);
  const id = textOf(place, key);
  if (!/^[0-9a-f]{1,16}$/.test(id)) refuse("a member's id", JSON.stringify(id));
  const fields = new Map(Object.entries(jsonObject(place, bytes)));
  const texts = (name: string) => {
    const found = fields.get(name) ?? [];
    return Array.isArray(found) && found.every((item) => typeof item === "string")
      ? found
      : refuse(`a list of texts as ${name}`, JSON.stringify(found).slice(0, 40));
  };
  const name = fields.get("name") ?? "";
  if (typeof name !== "string") return refuse("a text as name", JSON.stringify(name).slice(0, 40));
  return {
    id: BigInt(`0x${id}`),
    name,
    peerUrls: texts("peerURLs"),
    clientUrls: texts("clientURLs"),
    isLearner: fields.get("isLearner") === true,
  };
}

function jsonObject(place: string, bytes: Uint8Array): object {
  const text = textOf(place, bytes);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new BoltError(place, "a JSON object", JSON.stringify(text.slice(0, 40)));
}

/** UTF-8 as text. Throws `BoltError`. */
export function textOf(place: string, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new BoltError(place, "UTF-8", `0x${bytes.subarray(0, 32).toHex()}`);
  }
}

/** A string that stands for any bytes, as the key of a `Map`. */
export function mapKeyOf(bytes: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(bytes as Buffer, 0, bytes.length);
}

function boundOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + FIELD_BYTES_MAX + part.length, 0);
}

function refuseIn(place: string): (expected: string, found: string) => never {
  return (expected, found) => {
    throw new BoltError(place, expected, found);
  };
}
