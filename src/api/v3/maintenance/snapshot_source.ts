/**
 * The store of one moment as the content of etcd's snapshot: each key as it is, so
 * everything before counts as compacted. Users have the hash that etcd can check their
 * password by; one who has none is there, and can't log in before root gives a new password.
 */
import { wideId } from "../../../base/ids.ts";
import type {
  EtcdMember,
  EtcdRevision,
  EtcdRole,
  EtcdSnapshotSource,
  EtcdUser,
} from "../../../bolt/etcd_content.ts";
import { bcryptOf } from "../../../service/auth/passwords.ts";
import { permissionsInOrder, type Role, type User } from "../../../store/auth/users.ts";
import { bytesOf, textOf } from "../../../store/byte_string.ts";
import type { PermissionType } from "../../../store/command/auth_command.ts";
import type { FrozenStore } from "../../../store/frozen.ts";
import type { Store } from "../../../store/store.ts";
import type { Pause } from "../../../bolt/writer.ts";
import { COMPATIBLE_CLUSTER_VERSION } from "../../../version.ts";
import type { V3Context } from "../context.ts";

/** What a snapshot of `store` as it is now is made of, however late it is read. */
export async function sourceOf(
  store: Store,
  { service }: V3Context,
  pause: Pause,
): Promise<EtcdSnapshotSource> {
  const frozen = store.frozen();
  const { auth } = store;
  const { revision, appliedIndex } = frozen.head;
  const source = {
    facts: {
      consistentIndex: appliedIndex,
      term: service.node.term(),
      compactRevision: revision,
      isAuthEnabled: auth.isEnabled,
      authRevision: auth.revision,
      clusterVersion: COMPATIBLE_CLUSTER_VERSION,
    },
    revisions: () => revisionsOf(frozen),
    leases: frozen.leases.map(({ id, ttlSeconds }) => ({ id, ttlSeconds, remainingSeconds: 0 })),
    users: auth.users().map(userOf),
    roles: auth.roles().map(roleOf),
    members: membersOf(service),
  };
  for (const _ of frozen.arrange()) await pause();
  return source;
}

/**
 * By revision; the keys of one revision in their order, which stands for the order of the
 * writes. `etcdctl snapshot status` tells the last one, also when it only deleted.
 */
function* revisionsOf(store: FrozenStore): Generator<EtcdRevision, void> {
  let main = 0;
  let sub = 0;
  for (const { key, version } of store.byRevision()) {
    sub = version.modRevision === main ? sub + 1 : 0;
    main = version.modRevision;
    const { createRevision, value, lease } = version;
    const isGone = version.version === 0;
    const put = isGone ? undefined : { createRevision, version: version.version, value, lease };
    yield { main, sub, key: bytesOf(key), put };
  }
}

function userOf({ name, passwordHash, noPassword, roles }: User): EtcdUser {
  return {
    name: textOf(name),
    passwordHash: bytesOf(bcryptOf(passwordHash) ?? ""),
    roles: roles.map(textOf),
    hasNoPassword: noPassword,
  };
}

const PERMISSIONS = {
  read: "read",
  write: "write",
  readWrite: "readwrite",
} as const satisfies Record<PermissionType, string>;

function roleOf(role: Role): EtcdRole {
  return {
    name: textOf(role.name),
    permissions: permissionsInOrder(role).map(({ type, key, rangeEnd }) => ({
      type: PERMISSIONS[type],
      key: bytesOf(key),
      rangeEnd: bytesOf(rangeEnd),
    })),
  };
}

function membersOf({ node }: V3Context["service"]): EtcdMember[] {
  return node.configuration().members.map(({ id, name, peerUrls, clientUrls, learner }) => ({
    id: wideId(id),
    name,
    peerUrls,
    clientUrls,
    isLearner: learner === true,
  }));
}
