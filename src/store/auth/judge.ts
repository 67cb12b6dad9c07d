/**
 * Whether somebody may have a command carried out. Judged twice: by the member that is
 * asked, so that a refused request costs no entry of the log, and when the command is
 * applied, by the users and roles at that place of the log. Both branches of a
 * transaction count, whichever will be taken, and transactions within it.
 */
import type { ByteString } from "../byte_string.ts";
import type {
  Command,
  Compare,
  Operation,
  PutOperation,
  Requester,
  TreeDeleteCommand,
  TreePutCommand,
  TxnOperation,
} from "../command/command.ts";
import { CLUSTER } from "../command/command.ts";
import { rangeOf } from "../kv/range.ts";
import type { Lease } from "../lease/leases.ts";
import type { AuthView } from "./auth.ts";
import type { View } from "../watch/view.ts";
import { type Access, coversBelow, hasDirectory, type Rights } from "./rights.ts";

/** What the rules ask of the keys. */
export interface JudgedKeys {
  /** Whether a key, and not a directory, is there. */
  hasKey(key: ByteString): boolean;
  hasDirectory(path: ByteString): boolean;
  lease(id: bigint): Pick<Lease, "keys"> | undefined;
}

/** Why a command is not carried out. */
export type Refusal = "permissionDenied" | "authIsOld";

/** Why `requester` may not have `command` applied while authentication is on; undefined when that is in order. */
export function refusalOf(
  auth: AuthView,
  keys: JudgedKeys,
  command: Command,
  requester: Requester,
): Refusal | undefined {
  if (requester.user === CLUSTER.user || isOfCluster(command)) return undefined;
  // Nobody is who was let in before authentication was on.
  if (requester.authRevision !== auth.revision) return "authIsOld";
  const rights = auth.rightsOf(requester.user);
  return rights !== undefined && mayApply(rights, keys, command) ? undefined : "permissionDenied";
}

/** Whether somebody with `rights` may have `command` carried out. */
export function mayApply(rights: Rights, keys: JudgedKeys, command: Command): boolean {
  if (rights.isRoot) return true;
  switch (command.type) {
    case "set":
      return rights.has("write", command.key) &&
        (command.prevValue === undefined || rights.has("read", command.key));
    case "delete":
      return rights.has("write", command.key);
    case "treePut":
      return mayTreePut(rights, keys, command);
    case "treeDelete":
      return mayTreeDelete(rights, keys, command);
    case "put":
    case "deleteRange":
    case "range":
    case "txn":
      return mayOperate(rights, keys, command);
    case "leaseGrant":
      return true;
    case "leaseRevoke":
      return mayEndLease(rights, keys.lease(command.id));
    case "expire":
    case "compact":
    case "alarm":
    case "auth":
      return false;
  }
}

/**
 * Whether all that `view` sees may be read. Of v2, that may be a directory alone: then it
 * is for the API to leave out what happens to a file in its place.
 */
export function mayWatch(rights: Rights, view: View): boolean {
  if (rights.isRoot) return true;
  if (view.kind === "range") return rights.covers("read", view.range);
  const { path, api, recursive } = view;
  const itself = api === "v1" ? rights.has("read", path) : hasDirectory(rights, "read", path);
  return itself && (!recursive || coversBelow(rights, "read", path));
}

/** Whether all keys of the lease may be written; one without keys is anybody's. */
export function mayEndLease(rights: Rights, lease: Pick<Lease, "keys"> | undefined): boolean {
  return hasAllKeys(rights, "write", lease);
}

/** Whether the names of the keys of the lease may be told. */
export function mayReadLease(rights: Rights, lease: Pick<Lease, "keys"> | undefined): boolean {
  return hasAllKeys(rights, "read", lease);
}

function hasAllKeys(
  rights: Rights,
  access: Access,
  lease: Pick<Lease, "keys"> | undefined,
): boolean {
  if (rights.isRoot || lease === undefined) return true;
  for (const key of lease.keys) if (!rights.has(access, key)) return false;
  return true;
}

/** What no client can ask for: it is the cluster's own doing, in whosever name. */
function isOfCluster(command: Command): boolean {
  switch (command.type) {
    case "expire":
      return true;
    case "compact":
      return command.changeIndex !== 0;
    case "leaseRevoke":
      return command.grantIndex !== 0;
    default:
      return false;
  }
}

function mayTreePut(rights: Rights, keys: JudgedKeys, command: TreePutCommand): boolean {
  const { key, inOrder, isDirectory, ttlSeconds, prevValue, prevIndex } = command;
  // The name is made when it is applied, so any below must be free to be written.
  if (inOrder) return coversBelow(rights, "write", key);
  // What is there decides: a directory is updated by a request that does not call it one, and a
  // file is replaced, or compared, by one that calls it a directory.
  const isOfDirectory = !keys.hasKey(key) && (isDirectory || keys.hasDirectory(key));
  // All that is below goes with a directory.
  const endsBelow = ttlSeconds !== undefined && (isDirectory || isOfDirectory);
  if (endsBelow && !coversBelow(rights, "write", key)) return false;
  if (isOfDirectory) return hasDirectory(rights, "write", key);
  const compares = prevValue !== undefined || prevIndex !== 0;
  return rights.has("write", key) && (!compares || rights.has("read", key));
}

function mayTreeDelete(rights: Rights, keys: JudgedKeys, command: TreeDeleteCommand): boolean {
  const { key, recursive, isDirectory, prevValue, prevIndex } = command;
  if (!recursive && !isDirectory || keys.hasKey(key)) {
    const compares = prevValue !== undefined || prevIndex !== 0;
    return rights.has("write", key) && (!compares || rights.has("read", key));
  }
  return hasDirectory(rights, "write", key) && (!recursive || coversBelow(rights, "write", key));
}

function mayOperate(rights: Rights, keys: JudgedKeys, operation: Operation): boolean {
  switch (operation.type) {
    case "put":
      return mayPut(rights, keys, operation);
    case "deleteRange": {
      const range = rangeOf(operation.key, operation.rangeEnd);
      return rights.covers("write", range) &&
        (!operation.wantsPrevious || rights.covers("read", range));
    }
    case "range":
      return rights.covers("read", rangeOf(operation.key, operation.rangeEnd));
    case "txn":
      return mayTransact(rights, keys, operation);
  }
}

function mayPut(rights: Rights, keys: JudgedKeys, put: PutOperation): boolean {
  const { key, lease, wantsPrevious } = put;
  return rights.has("write", key) && (!wantsPrevious || rights.has("read", key)) &&
    // Who hangs a key on a lease can keep its other keys alive, or end them.
    (lease === 0n || mayEndLease(rights, keys.lease(lease)));
}

function mayTransact(rights: Rights, keys: JudgedKeys, txn: TxnOperation): boolean {
  return txn.compares.every((compare) => mayCompare(rights, compare)) &&
    txn.success.every((inner) => mayOperate(rights, keys, inner)) &&
    txn.failure.every((inner) => mayOperate(rights, keys, inner));
}

function mayCompare(rights: Rights, { key, rangeEnd }: Compare): boolean {
  return rights.covers("read", rangeOf(key, rangeEnd));
}
