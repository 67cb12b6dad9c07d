/**
 * `/_etcd`: the membership as keys that can be read. A view of the newest applied
 * configuration, not a part of the store, so no client can write there.
 */
import type { Configuration, Member } from "../raft/types.ts";
import { byteStringOf } from "../store/byte_string.ts";
import type { Item } from "../store/tree/listing.ts";
import type { Service } from "./service.ts";

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

/** Whether a member is there at all: a place that is reserved for one has no name. */
export function hasStarted({ name }: Member): boolean {
  return name !== "";
}

/** The key of a member. */
export function memberKey(name: string): string {
  return `${MACHINES}/${name}`;
}

/** The value of a member, in the original's form. */
export function memberValue({ peerUrls: [peer = ""], clientUrls: [client = ""] }: Member): string {
  return `raft=${peer}&etcd=${client}`;
}

/** Whether `key` is where the members are, whatever else there is below `RESERVED_ROOT`. */
export function isMachinesKey(key: string): boolean {
  return key === MACHINES || key.startsWith(`${MACHINES}/`);
}

/** The reserved `key` as a file, as the children of a directory, or undefined when there is neither. */
export function viewMembership(
  key: string,
  { members }: Configuration,
): Item | readonly Item[] | undefined {
  if (key === RESERVED_ROOT) return [directoryItem(MACHINES)];
  if (key === MACHINES) {
    return members.filter(hasStarted).map((member) => itemOf(memberKey(member.name), member))
      .sort((a, b) => a.key < b.key ? -1 : 1);
  }
  const member = members.find((one) => hasStarted(one) && memberKey(one.name) === key);
  return member === undefined ? undefined : itemOf(key, member);
}

/** The root's children with `/_etcd` in its place among them, whatever v2 keeps there. */
export function* withReservedRoot(children: Iterable<Item>): Generator<Item, void> {
  let placed = false;
  for (const child of children) {
    if (child.key === RESERVED_ROOT) continue;
    if (!placed && child.key > RESERVED_ROOT) {
      placed = true;
      yield directoryItem(RESERVED_ROOT);
    }
    yield child;
  }
  if (!placed) yield directoryItem(RESERVED_ROOT);
}

/** A member as a file. */
function itemOf(key: string, member: Member): Item {
  return { ...directoryItem(key), isDirectory: false, value: memberValue(member) };
}

/** A directory without a record. */
export function directoryItem(key: string): Item {
  return {
    key: byteStringOf(key),
    isDirectory: true,
    value: "",
    setIndex: 0,
    createdIndex: 0,
    modifiedIndex: 0,
    deadlineMs: 0,
  };
}
