/**
 * What the image of a whole state looks like; `writer.ts` makes one, `reader.ts` takes
 * it apart. It says itself where it ends, however it was cut into slices.
 *
 *     blocks         4 bytes length of the rest, little-endian; 1 byte kind; then
 *
 *     1 head         version byte, 2; timeMs, index, appliedIndex, revision,
 *                    changeIndex, compactedRevision; the place of the first entry of
 *                    the versions list, and logIndex, changeIndex and revision of the
 *                    last one that is gone
 *     2 leases       id (8 bytes), ttlSeconds, grantIndex
 *     3 alarms       type (1 byte), member (8 bytes)
 *     4 auth         users and roles as in `auth/content.ts`
 *     5 versions     entries as in `keyspace/versions.ts`
 *     6 directories  records as in `keyspace/record.ts`, sorted by key
 *     7 records      the same for keys, tombstones among them
 *     9 end          digest of the state; hash of all blocks before
 *
 * The first block is a head, the last one an end, and nothing follows it; kinds
 * ascend, and only those that may be long are repeated. Both hashes are worked out
 * again from what was read, so damage is found here even where the storage's checksums
 * did not cover it: the digest proves that the state was understood, the hash covers
 * what is in no digest, as the history and where it is. Version 1 is read by `reader_v1.ts`.
 */
import type { Alarms } from "../alarms.ts";
import type { Auth } from "../auth/auth.ts";
import { DecodeError } from "../../base/bytes.ts";
import type { Head } from "../head.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Versions } from "../keyspace/versions.ts";

/** Of the image, in its head block. */
export const IMAGE_VERSION = 2;

/** The kind of the first block, in every version. */
export const HEAD = 1;
/** Leases. */
export const LEASES = 2;
/** Alarms. */
export const ALARMS = 3;
/** Users and roles, if there ever were any. */
export const AUTH = 4;
/** Entries of the versions list. */
export const VERSIONS = 5;
/** Records of directories. */
export const DIRECTORIES = 6;
/** Records of keys. */
export const RECORDS = 7;
/** The last block. */
export const END = 9;

/** No larger block is read: a damaged length must not fill the memory. */
export const BLOCK_BYTES_MAX = 2 ** 30;

/** An image that is damaged, cut short or of another version. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** What an image is read into: a key space, or the part of one that proves the image. */
export interface ImageTarget extends
  Pick<
    Keyspace,
    | "hash"
    | "leases"
    | "startVersionsAt"
    | "appendRecords"
    | "appendDirectories"
    | "pointRecordTo"
    | "endRestoring"
  > {
  readonly versions: Pick<Versions, "take" | "append">;
}

export interface RestoredState<T extends ImageTarget> {
  readonly head: Head;
  readonly keys: T;
  readonly alarms: Alarms;
  readonly auth: Auth;
  /** As the image has it. */
  readonly digest: string;
}

/** Takes the blocks of one version, each with its kind, and proves the whole. */
export interface BlockReader<T extends ImageTarget> {
  /** Throws `DecodeError`. */
  read(block: Uint8Array): void;
  /** After the last block; undefined when some are missing. */
  finish(): RestoredState<T> | undefined;
}

/** Throws `DecodeError` when what was stored is not what was found. */
export function expectHash(what: string, stored: string, found: string): void {
  if (stored === found) return;
  throw new DecodeError(`Expected the hash "${stored}" of the ${what}, found "${found}"`);
}
