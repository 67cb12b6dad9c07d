/**
 * Whether a transaction would change a key twice, which etcd refuses: two puts, or a
 * put of what is deleted, in one branch at any depth. The two branches of a nested
 * transaction exclude each other; deletions may overlap.
 */
import type { ByteString } from "../../../store/byte_string.ts";
import type { DeleteRangeOperation, Operation } from "../../../store/command/command.ts";
import { isWithin, type Range } from "../../../store/kv/range.ts";

interface Changes {
  readonly puts: Set<ByteString>;
  readonly deletes: Range[];
}

/** Of the operations of one branch. */
export function duplicateKey(operations: readonly Operation[]): boolean {
  // Most branches have one operation, which can't be in another's way.
  if (operations.length === 0 || operations.length === 1 && operations[0]!.type !== "txn") {
    return false;
  }
  return changesOf(operations) === undefined;
}

/** What a branch changes; undefined when it changes a key twice. */
function changesOf(operations: readonly Operation[]): Changes | undefined {
  const all: Changes = { puts: new Set(), deletes: deletesOf(operations) };
  for (const operation of operations) {
    if (operation.type !== "txn") continue;
    const success = changesOf(operation.success);
    const failure = changesOf(operation.failure);
    if (success === undefined || failure === undefined) return undefined;
    const isTwice = (key: ByteString) => all.puts.has(key) || isDeleted(all, key);
    if (some(success.puts, isTwice) || some(failure.puts, isTwice)) return undefined;
    for (const { puts, deletes } of [success, failure]) {
      puts.forEach((key) => all.puts.add(key));
      all.deletes.push(...deletes);
    }
  }
  for (const operation of operations) {
    if (operation.type !== "put") continue;
    const { key } = operation;
    if (all.puts.has(key) || isDeleted(all, key)) return undefined;
    all.puts.add(key);
  }
  return all;
}

function deletesOf(operations: readonly Operation[]): Range[] {
  return operations
    .filter((operation): operation is DeleteRangeOperation => operation.type === "deleteRange")
    // A deletion without an end, "\0", is in nobody's way: etcd takes that for an end, too.
    .map(({ key, rangeEnd }) => ({ start: key, end: rangeEnd === "" ? `${key}\0` : rangeEnd }));
}

function isDeleted({ deletes }: Changes, key: ByteString): boolean {
  return deletes.some((range) => isWithin(range, key));
}

function some(keys: ReadonlySet<ByteString>, test: (key: ByteString) => boolean): boolean {
  for (const key of keys) {
    if (test(key)) return true;
  }
  return false;
}
