/**
 * `/_etcd`: the membership as keys that can be read. A view of the newest applied
 * configuration, not a part of the store, so no client can write there.
 */
import type { Configuration, Member } from "../raft/types.ts";
import type { Service } from "./service.ts";
import type { Listed } from "../store/tree.ts";

/** The directory that clients may only read. */
export const RESERVED_ROOT = "/_etcd";
const MACHINES = "/_etcd/machines";

/** Whether clients may not write `key`, which is clean. */
export function isReserved(key: string): boolean {
  return key.startsWith(RESERVED_ROOT) &&
    (key.length === RESERVED_ROOT.length || key.charAt(RESERVED_ROOT.length) === "/");
}

/**
 * Of the last change, of a key or of the membership: in the original both were
 * commands, and what it listed was never older than the members in it.
 */
export function membershipIndex({ node, index }: Service): number {
  return Math.max(index, node.configurationIndex());
}

/** The key of a member. */
export function memberKey(name: string): string {
  return `${MACHINES}/${name}`;
}

/** The value of a member, in the original's form. */
export function memberValue({ peerUrl, clientUrl }: Member): string {
  return `raft=${peerUrl}&etcd=${clientUrl}`;
}

/** The reserved `key` as a file's value, as the children of a directory, or undefined when there is neither. */
export function viewMembership(
  key: string,
  { members }: Configuration,
): string | readonly Listed[] | undefined {
  if (key === RESERVED_ROOT) return [{ key: MACHINES, item: "directory" }];
  if (key === MACHINES) {
    return members.map((member) => ({ key: memberKey(member.name), item: fileOf(member) }))
      .sort((a, b) => a.key < b.key ? -1 : 1);
  }
  const member = members.find(({ name }) => memberKey(name) === key);
  return member === undefined ? undefined : memberValue(member);
}

/** The root's children with `/_etcd` in its place among them. */
export function* withReservedRoot(children: Iterable<Listed>): Generator<Listed, void> {
  let placed = false;
  for (const child of children) {
    if (!placed && child.key > RESERVED_ROOT) {
      placed = true;
      yield { key: RESERVED_ROOT, item: "directory" };
    }
    yield child;
  }
  if (!placed) yield { key: RESERVED_ROOT, item: "directory" };
}

function fileOf(member: Member) {
  return { value: memberValue(member), setIndex: 0, deadlineMs: 0 };
}
