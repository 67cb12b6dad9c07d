/**
 * The store of one moment as the content of etcd's snapshot: each key as it is, so
 * everything before counts as compacted.
 */
import type { EtcdMember, EtcdRevision, EtcdSnapshotSource } from "../../../bolt/etcd_content.ts";
import { bytesOf } from "../../../store/byte_string.ts";
import type { FrozenStore } from "../../../store/frozen.ts";
import { COMPATIBLE_CLUSTER_VERSION } from "../../../version.ts";
import type { V3Context } from "../context.ts";

/** What a snapshot of `store` is made of; both sequences read what is frozen. */
export function sourceOf(store: FrozenStore, { service }: V3Context): EtcdSnapshotSource {
  const { revision, appliedIndex } = store.head;
  return {
    facts: {
      consistentIndex: appliedIndex,
      term: service.node.term(),
      compactRevision: revision,
      isAuthEnabled: false,
      authRevision: 0,
      clusterVersion: COMPATIBLE_CLUSTER_VERSION,
    },
    revisions: () => revisionsOf(store),
    leases: store.leases.map(({ id, ttlSeconds }) => ({ id, ttlSeconds, remainingSeconds: 0 })),
    users: [],
    roles: [],
    members: membersOf(service),
  };
}

/** By revision; the keys of one revision in their order, which stands for the order of the writes. */
function* revisionsOf(store: FrozenStore): Generator<EtcdRevision, void> {
  let main = 0;
  let sub = 0;
  for (const { key, version } of store.byRevision()) {
    sub = version.modRevision === main ? sub + 1 : 0;
    main = version.modRevision;
    const { createRevision, value, lease } = version;
    const put = { createRevision, version: version.version, value, lease };
    yield { main, sub, key: bytesOf(key), put };
  }
}

function membersOf({ node }: V3Context["service"]): EtcdMember[] {
  return node.configuration().members.map(({ id, name, peerUrls, clientUrls, learner }) => ({
    id: BigInt(id),
    name,
    peerUrls,
    clientUrls,
    isLearner: learner === true,
  }));
}
