/**
 * Makes the directory of one survivor that of the first member of a new cluster, when a
 * quorum is lost for good: for `etcd recover`, and for `--force-new-cluster`. Everything in
 * its log is kept, because any of it may have been acknowledged.
 */
import { randomFraction, randomId } from "../base/ids.ts";
import { decodeConfiguration } from "../raft/codec.ts";
import type { Configuration, Member } from "../raft/types.ts";
import type { DirectoryContent } from "../storage/directory.ts";
import type { Disk } from "../storage/disk.ts";
import type { Identity } from "../storage/identity.ts";
import { snapshotName } from "../storage/names.ts";
import type { Recovery } from "../storage/rebuild.ts";
import { snapshotSlices } from "../storage/snapshot_file.ts";
import { Store } from "../store/store.ts";

/** There is nobody to recover; the message says what to do. */
class RecoveryError extends Error {
  override readonly name = "RecoveryError";
}

/** How a survivor is recovered. */
export interface RecoveryOptions {
  /** Where it is reached when its log does not say. */
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /** Read between two turns of the event loop. */
  readonly sliceBytes: number;
  /** Changes the state after the entry `last`; the index of the last change. */
  readonly amend?: (store: Store, last: number) => number;
}

/** The member that a directory belongs to. Throws `RecoveryError`. */
export function survivorOf({ identity }: DirectoryContent, path: string): Identity {
  if (identity !== undefined && identity.clusterId !== 0) return identity;
  throw new RecoveryError(
    `Expected the directory of a member in "${path}", found one that never joined a cluster: use another survivor's`,
  );
}

/** By the newest configuration in its log. */
export function membersOf({ identity, loaded }: DirectoryContent): readonly Member[] {
  const last = loaded.entries.findLast(({ kind }) => kind === "config");
  if (last !== undefined) return decodeConfiguration(last.data).members;
  const { members } = loaded.snapshot.configuration;
  return members.length > 0 ? members : identity?.initial?.members ?? [];
}

/** Rejects with `RecoveryError`, and with what the storage and the store reject with. */
export async function recoverSurvivor(
  recovery: Recovery,
  content: DirectoryContent,
  disk: Disk,
  options: RecoveryOptions,
): Promise<Identity> {
  const survivor = survivorOf(content, disk.path);
  const identity = newIdentity(survivor.name);
  const { store, index: last, term } = await replay(content, disk, options.sliceBytes);
  const index = options.amend?.(store, last) ?? last;
  const { peerUrls, clientUrls } = membersOf(content).find(({ id }) => id === survivor.memberId) ??
    options;
  const member = { id: identity.memberId, name: identity.name, peerUrls, clientUrls, voter: true };
  const meta = { index, term, configuration: { members: [member], removed: [] } };
  await recovery.commit({ identity, meta, slices: store.snapshot() });
  return identity;
}

/** Brings a recovery to its end that was cut short after its commit. */
export function finishRecovery(recovery: Recovery): Promise<Identity> {
  return recovery.finish(identityOf);
}

/** The identity of the one member that a recovered configuration has. */
function identityOf({ members }: Configuration): Identity {
  const [member] = members;
  return newIdentity(member!.name, member!.id);
}

function newIdentity(name: string, memberId = randomId(randomFraction)): Identity {
  return { memberId, clusterId: randomId(randomFraction), name, initial: undefined };
}

/** The state after all that the log holds. */
async function replay({ loaded }: DirectoryContent, disk: Disk, sliceBytes: number) {
  const { snapshot, entries } = loaded;
  const store = new Store();
  if (snapshot.index > 0) {
    const name = snapshotName(snapshot.index, snapshot.term);
    const file = disk.open(name);
    try {
      await store.restore(snapshotSlices(file, `${disk.path}/${name}`, sliceBytes));
    } finally {
      file.close();
    }
  }
  for (const { kind, index, data } of entries) {
    if (kind === "command") store.apply(index, data);
  }
  const { index, term } = entries.at(-1) ?? snapshot;
  if (index > 0) return { store, index, term };
  throw new RecoveryError(
    `Expected a member with data in "${disk.path}", found an empty log: use another survivor's`,
  );
}
