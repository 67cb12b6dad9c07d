/**
 * Writes a snapshot as etcd does: its database, and the SHA-256 of it behind.
 * `etcdctl snapshot status` and `restore` take it, and `etcdutl` from 3.5 on.
 */
import { createHash } from "node:crypto";
import { compareBytes } from "./bytes.ts";
import type { EtcdMember, EtcdRevision, EtcdSnapshotSource } from "./etcd_content.ts";
import {
  encodeLease,
  encodeLeaseKey,
  encodeMember,
  encodeMemberKey,
  encodeRevisionKey,
  encodeRole,
  encodeU64,
  encodeUser,
  RevisionWriter,
} from "./etcd_records.ts";
import {
  type BoltEntries,
  type BoltEntry,
  type BoltPlan,
  type BucketSource,
  type Pause,
  planBolt,
} from "./writer.ts";

const encoder = new TextEncoder();

/** Bytes of the SHA-256 behind the database. */
export const CHECKSUM_BYTES = 32;

/**
 * Reads `source` once and says how long the file will be; its `portions` read it
 * again. Throws `InvariantError` when the revisions do not ascend.
 */
export async function planEtcdSnapshot(
  source: EtcdSnapshotSource,
  pause: Pause,
): Promise<BoltPlan> {
  const plan = await planBolt(bucketsOf(source), pause);
  return {
    size: plan.size + CHECKSUM_BYTES,
    portions: () => withChecksum(plan),
  };
}

async function* withChecksum(plan: BoltPlan): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hash = createHash("sha256");
  for await (const portion of plan.portions()) {
    hash.update(portion);
    yield portion;
  }
  yield new Uint8Array(hash.digest());
}

function bucketsOf(source: EtcdSnapshotSource): readonly BucketSource[] {
  const { users, roles, members, leases } = source;
  return [
    small("alarm", []),
    small("auth", authEntries(source)),
    small("authUsers", users.map((user) => entry(user.name, encodeUser(user)))),
    small("authRoles", roles.map((role) => entry(role.name, encodeRole(role)))),
    small("cluster", clusterEntries(source)),
    small(
      "lease",
      leases.map((lease) => ({ key: encodeLeaseKey(lease.id), value: encodeLease(lease) })),
    ),
    small(
      "members",
      members.map((member) => ({ key: encodeMemberKey(member.id), value: encodeMember(member) })),
    ),
    small("members_removed", []),
    small("meta", metaEntries(source)),
    { name: encoder.encode("key"), entries: () => keyEntries(source.revisions()) },
  ];
}

/** A bucket whose entries are all there, in any order. */
function small(name: string, entries: readonly BoltEntry[]): BucketSource {
  const sorted = entries.toSorted((a, b) => compareBytes(a.key, b.key));
  return { name: encoder.encode(name), entries: () => sorted };
}

function entry(key: string, value: Uint8Array): BoltEntry {
  return { key: encoder.encode(key), value };
}

function metaEntries({ facts, members }: EtcdSnapshotSource): readonly BoltEntry[] {
  const { consistentIndex, term, compactRevision } = facts;
  const entries = [entry("consistent_index", encodeU64(consistentIndex))];
  if (term > 0) entries.push(entry("term", encodeU64(term)));
  if (members.length > 0) entries.push(entry("confState", encodeConfiguration(members)));
  if (compactRevision > 0) {
    // Both alike: no compaction is left to be done by whoever starts from here.
    const revision = encodeRevisionKey(compactRevision, 0, false);
    entries.push(entry("scheduledCompactRev", revision), entry("finishedCompactRev", revision));
  }
  return entries;
}

/** JSON as etcd 3.5 and later keep it. The ids are put in by hand: they would not survive as numbers. */
function encodeConfiguration(members: readonly EtcdMember[]): Uint8Array {
  const ids = (isLearner: boolean) =>
    members.filter((member) => member.isLearner === isLearner).map(({ id }) => `${id}`).join();
  return encoder.encode(
    `{"voters":[${ids(false)}],"learners":[${ids(true)}],"auto_leave":false}`,
  );
}

function authEntries({ facts }: EtcdSnapshotSource): readonly BoltEntry[] {
  return [
    entry("authEnabled", Uint8Array.of(facts.isAuthEnabled ? 1 : 0)),
    entry("authRevision", encodeU64(facts.authRevision)),
  ];
}

function clusterEntries({ facts }: EtcdSnapshotSource): readonly BoltEntry[] {
  const { clusterVersion } = facts;
  return clusterVersion === undefined
    ? []
    : [entry("clusterVersion", encoder.encode(clusterVersion))];
}

/** What comes without waiting is passed on without waiting. */
function keyEntries(revisions: ReturnType<EtcdSnapshotSource["revisions"]>): BoltEntries {
  const writer = new RevisionWriter();
  return Symbol.asyncIterator in revisions
    ? waitingEntries(revisions, writer)
    : revisionEntries(revisions, writer);
}

function* revisionEntries(
  revisions: Iterable<EtcdRevision>,
  writer: RevisionWriter,
): Generator<BoltEntry> {
  for (const revision of revisions) yield keyEntry(revision, writer);
}

async function* waitingEntries(
  revisions: AsyncIterable<EtcdRevision>,
  writer: RevisionWriter,
): AsyncGenerator<BoltEntry> {
  for await (const revision of revisions) yield keyEntry(revision, writer);
}

function keyEntry(revision: EtcdRevision, writer: RevisionWriter): BoltEntry {
  const { main, sub, put } = revision;
  return {
    key: encodeRevisionKey(main, sub, put === undefined),
    value: writer.encode(revision),
  };
}
