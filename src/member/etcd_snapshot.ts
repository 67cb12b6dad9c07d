/**
 * Reads a snapshot of etcd 3.x, or the database file of a member that was stopped, as
 * the state that a new cluster begins with.
 */
import { createHash } from "node:crypto";
import { BoltError } from "../bolt/errors.ts";
import type {
  EtcdFacts,
  EtcdPermission,
  EtcdRevision,
  EtcdRole,
  EtcdUser,
} from "../bolt/etcd_content.ts";
import { type EtcdSnapshot, openEtcdSnapshot } from "../bolt/etcd_reader.ts";
import { type BoltFile, isBolt } from "../bolt/page_file.ts";
import type { DiskFile } from "../storage/disk.ts";
import type { AuthContent } from "../store/auth/content.ts";
import { makeSecret } from "../service/auth/tokens.ts";
import type { Role, User } from "../store/auth/users.ts";
import { type ByteString, byteStringAt, byteStringOf } from "../store/byte_string.ts";
import type { Permission } from "../store/command/auth_command.ts";
import { ForeignState } from "../store/image/foreign.ts";
import { RECORD_KEY_BYTES_MAX, RECORD_VERSION_MAX } from "../store/keyspace/record.ts";
import { LEASE_TTL_MAX } from "../store/lease/leases.ts";

/** What a snapshot has become. */
export interface EtcdState {
  /** Its place in the log of the new cluster. */
  readonly index: number;
  readonly term: number;
  /** The image. */
  readonly slices: Iterable<Uint8Array>;
  /** Of all that it was made of; undefined unless it is shared. */
  readonly digest: Uint8Array | undefined;
  readonly keys: number;
  readonly revision: number;
  readonly compactedRevision: number;
  readonly leases: number;
  readonly users: number;
  readonly roles: number;
  readonly isAuthEnabled: boolean;
  /** False for a member's database: nothing proves that it is whole. */
  readonly hasChecksum: boolean;
}

/** Larger numbers are damage: records, or those of later writes, have no room for them. */
const NUMBER_MAX = 2 ** 47 - 1;

const PERMISSIONS = { read: "read", write: "write", readwrite: "readWrite" } as const;

/** Whether `file` is one that `readEtcdSnapshot` is for. */
export async function isEtcdSnapshot(file: DiskFile): Promise<boolean> {
  return await isBolt(boltFileOf(file));
}

/**
 * Rejects with `BoltError`. `onChange` is told after each batch how many changes were read.
 * A state that `isShared` is the same wherever it is made of the same snapshot: no clock
 * and no chance is in it.
 */
export async function readEtcdSnapshot(
  file: DiskFile,
  onChange: (count: number) => void,
  isShared = false,
): Promise<EtcdState> {
  const pause = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const snapshot = await openEtcdSnapshot(boltFileOf(file), pause);
  checkFacts(snapshot.facts);
  const state = new ForeignState(isShared ? 0 : Date.now());
  let leases = 0;
  for await (const { id, ttlSeconds } of snapshot.leases()) {
    // With a TTL of 0 it would end at once, and take its keys along.
    if (ttlSeconds < 1) throw new BoltError('bucket "lease"', "a TTL above 0", `${ttlSeconds}`);
    expectAtMost(LEASE_TTL_MAX, 'a TTL in bucket "lease"', ttlSeconds);
    state.grant(BigInt.asIntN(64, id), ttlSeconds);
    leases++;
  }
  await takeChanges(snapshot, state, onChange);
  const { consistentIndex, term, compactRevision, isAuthEnabled } = snapshot.facts;
  const { revision } = snapshot;
  const auth = await authOf(snapshot);
  const index = Math.max(consistentIndex, revision);
  const imageWith = (secret: Uint8Array) =>
    state.finish({
      ...{ revision, auth: { ...auth, secret } },
      compactedRevision: compactRevision,
      appliedIndex: index,
    });
  const digest = isShared ? digestOf(imageWith(new Uint8Array(0))) : undefined;
  return {
    ...{ index, revision, leases, isAuthEnabled },
    term: Math.max(term, 1),
    keys: state.count,
    compactedRevision: compactRevision,
    users: auth.users.length,
    roles: auth.roles.length,
    hasChecksum: snapshot.hasChecksum,
    digest,
    slices: imageWith(isAuthEnabled ? secretOf(digest) : new Uint8Array(0)),
  };
}

function digestOf(image: Iterable<Uint8Array>): Uint8Array {
  const hash = createHash("sha256");
  for (const slice of image) hash.update(slice);
  return new Uint8Array(hash.digest());
}

/** Whoever knows all that is in `digest`, hashes of passwords among it, needs no secret. */
function secretOf(digest: Uint8Array | undefined): Uint8Array {
  if (digest === undefined) return makeSecret();
  return new Uint8Array(createHash("sha256").update("secret ").update(digest).digest());
}

function checkFacts({ consistentIndex, term, compactRevision, authRevision }: EtcdFacts): void {
  expectAtMost(NUMBER_MAX, '"consistent_index"', consistentIndex);
  expectAtMost(NUMBER_MAX, '"term"', term);
  expectAtMost(NUMBER_MAX, '"finishedCompactRev"', compactRevision);
  expectAtMost(NUMBER_MAX, '"authRevision"', authRevision);
}

function expectAtMost(limit: number, place: string, found: number): void {
  if (found > limit) throw new BoltError(place, `at most ${limit}`, `${found}`);
}

async function takeChanges(
  snapshot: EtcdSnapshot,
  state: ForeignState,
  onChange: (count: number) => void,
): Promise<void> {
  let count = 0;
  for await (const batch of snapshot.batches()) {
    for (const change of batch) takeChange(change, state);
    onChange(count += batch.length);
  }
}

function takeChange({ main, key, put }: EtcdRevision, state: ForeignState): void {
  expectAtMost(NUMBER_MAX, 'a revision in bucket "key"', main);
  expectAtMost(RECORD_VERSION_MAX, 'a version in bucket "key"', put?.version ?? 0);
  expectAtMost(RECORD_KEY_BYTES_MAX, 'the length of a key in bucket "key"', key.length);
  const lease = BigInt.asIntN(64, put?.lease ?? 0n);
  // A key of an ended lease would have gone with it: etcd lets such a key stay, too.
  const known = state.hasLease(lease) ? lease : 0n;
  state.add(main, byteStringAt(key, 0, key.length), put && { ...put, lease: known });
}

async function authOf(snapshot: EtcdSnapshot): Promise<Omit<AuthContent, "secret">> {
  const { isAuthEnabled: isEnabled, authRevision } = snapshot.facts;
  const revision = Math.max(authRevision, 1);
  const users: User[] = [];
  for await (const user of snapshot.users()) users.push(userOf(user, revision));
  const roles: Role[] = [];
  for await (const role of snapshot.roles()) roles.push(roleOf(role));
  return { isEnabled, revision, users, roles };
}

function userOf({ name, passwordHash, roles, hasNoPassword }: EtcdUser, revision: number): User {
  return {
    name: byteStringOf(name),
    passwordHash: byteStringAt(passwordHash, 0, passwordHash.length),
    noPassword: hasNoPassword,
    roles: roles.map(byteStringOf).sort(),
    revision,
  };
}

function roleOf({ name, permissions }: EtcdRole): Role {
  return { name: byteStringOf(name), permissions: permissions.map(permissionOf) };
}

function permissionOf({ type, key, rangeEnd }: EtcdPermission): Permission {
  const text = (bytes: Uint8Array): ByteString => byteStringAt(bytes, 0, bytes.length);
  return { type: PERMISSIONS[type], key: text(key), rangeEnd: text(rangeEnd) };
}

/** `file` as the readers of etcd's files take it. */
export function boltFileOf(file: DiskFile): BoltFile {
  return {
    size: file.size(),
    read: (offset, length) => {
      const bytes = new Uint8Array(length);
      // Fewer when somebody cuts the file short meanwhile: zeros would pass for a value.
      return bytes.subarray(0, file.read(bytes, offset));
    },
  };
}
