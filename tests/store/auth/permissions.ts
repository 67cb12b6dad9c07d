/**
 * The rules of permissions a second time, slow and sharing nothing with the first: they
 * know no ranges, only a list of keys that has a witness for every gap between them, and
 * ask for each key in turn.
 */
import type { Permission } from "../../../src/store/command/auth_command.ts";
import type {
  Command,
  Operation,
  TreeDeleteCommand,
  TreePutCommand,
} from "../../../src/store/command/command.ts";
import type { View } from "../../../src/store/watch/view.ts";

/** What the rules have to know of the keys. */
export interface SlowKeys {
  hasKey(key: string): boolean;
  hasDirectory(path: string): boolean;
  keysOn(lease: bigint): readonly string[];
}

/** Keys that somebody needs, for one thing. */
interface Need {
  readonly access: "read" | "write";
  readonly isIn: (key: string) => boolean;
  /** Where what `isIn` says may change. */
  readonly words: readonly string[];
}

/** Whether somebody with these permissions may have `command` carried out. */
export function may(
  permissions: readonly Permission[],
  keys: SlowKeys,
  command: Command,
): boolean {
  const all = (...needs: Need[]) => needs.every((need) => mayAll(permissions, need));
  const { read, write } = NEEDS;
  switch (command.type) {
    case "put":
    case "deleteRange":
    case "range":
    case "txn":
      return all(...needsOf(keys, command));
    case "leaseGrant":
      return true;
    case "leaseRevoke":
      return all(write(among(keys.keysOn(command.id))));
    case "set": {
      const itself = exactly(command.key);
      return all(write(itself)) && (command.prevValue === undefined || all(read(itself)));
    }
    case "delete":
      return all(write(exactly(command.key)));
    case "treePut":
      return mayTreePut(permissions, keys, command);
    case "treeDelete":
      return mayTreeDelete(permissions, keys, command);
    default:
      return false;
  }
}

/** What the request says of files and directories counts less than what is there. */
function mayTreePut(
  permissions: readonly Permission[],
  keys: SlowKeys,
  command: TreePutCommand,
): boolean {
  const { key, inOrder, isDirectory, ttlSeconds, prevValue, prevIndex } = command;
  const all = (...needs: Need[]) => needs.every((need) => mayAll(permissions, need));
  const { read, write } = NEEDS;
  if (inOrder) return all(write(below(key)));
  const isFile = keys.hasKey(key) || !isDirectory && !keys.hasDirectory(key);
  const goesBelow = isDirectory || !isFile;
  if (goesBelow && ttlSeconds !== undefined && !all(write(below(key)))) return false;
  if (!isFile) return mayHaveDirectory(permissions, "write", key);
  const compares = prevValue !== undefined || prevIndex !== 0;
  return all(write(exactly(key)), ...compares ? [read(exactly(key))] : []);
}

function mayTreeDelete(
  permissions: readonly Permission[],
  keys: SlowKeys,
  { key, isDirectory, recursive, prevValue, prevIndex }: TreeDeleteCommand,
): boolean {
  const all = (...needs: Need[]) => needs.every((need) => mayAll(permissions, need));
  const { read, write } = NEEDS;
  if (keys.hasKey(key) || !isDirectory && !recursive) {
    const compares = prevValue !== undefined || prevIndex !== 0;
    return all(write(exactly(key)), ...compares ? [read(exactly(key))] : []);
  }
  return mayHaveDirectory(permissions, "write", key) && (!recursive || all(write(below(key))));
}

/** Whether what v1 or v2 has at `key`, or has not, may be seen. */
export function maySee(
  permissions: readonly Permission[],
  key: string,
  isDirectory: boolean,
): boolean {
  return isDirectory
    ? mayHaveDirectory(permissions, "read", key)
    : mayAll(permissions, NEEDS.read(exactly(key)));
}

/** Whether all that `view` sees may be read. */
export function mayWatch(permissions: readonly Permission[], view: View): boolean {
  if (view.kind === "range") {
    const { start, end } = view.range;
    return mayAll(permissions, NEEDS.read(inRange(start, end === undefined ? "\0" : end)));
  }
  const { path, api, recursive } = view;
  return maySee(permissions, path, api === "v2") &&
    (!recursive || mayAll(permissions, NEEDS.read(below(path))));
}

function mayHaveDirectory(
  permissions: readonly Permission[],
  access: Need["access"],
  path: string,
): boolean {
  return [path, path === "/" ? "/" : `${path}/`]
    .some((key) => mayAll(permissions, { access, ...exactly(key) }));
}

type Keys = Omit<Need, "access">;

const NEEDS = {
  read: (keys: Keys): Need => ({ access: "read", ...keys }),
  write: (keys: Keys): Need => ({ access: "write", ...keys }),
};

/** All that an operation of v3 needs. */
function needsOf(keys: SlowKeys, operation: Operation): Need[] {
  const { read, write } = NEEDS;
  if (operation.type === "txn") {
    return [
      ...operation.compares.map(({ key, rangeEnd }) => read(inRange(key, rangeEnd))),
      ...[...operation.success, ...operation.failure].flatMap((inner) => needsOf(keys, inner)),
    ];
  }
  const of = operation.type === "put"
    ? exactly(operation.key)
    : inRange(operation.key, operation.rangeEnd);
  if (operation.type === "range") return [read(of)];
  return [
    write(of),
    ...(operation.wantsPrevious ? [read(of)] : []),
    ...(operation.type === "put" && operation.lease !== 0n
      ? [write(among(keys.keysOn(operation.lease)))]
      : []),
  ];
}

function mayAll(permissions: readonly Permission[], { access, isIn, words }: Need): boolean {
  const witnesses = [...words, ...permissions.flatMap(({ key, rangeEnd }) => [key, rangeEnd])]
    .flatMap((word) => [word, `${word}\0`]);
  return witnesses.filter((key) => key !== "" && isIn(key)).every((key) =>
    permissions.some((permission) => grants(permission, access, key))
  );
}

function grants({ type, key, rangeEnd }: Permission, access: string, candidate: string): boolean {
  return (type === "readWrite" || type === access) && inRange(key, rangeEnd).isIn(candidate);
}

function inRange(key: string, rangeEnd: string): Keys {
  const words = [key, rangeEnd];
  if (rangeEnd === "\0") return { words, isIn: (candidate) => candidate >= key };
  if (rangeEnd <= key) return exactly(key);
  return { words, isIn: (candidate) => candidate >= key && candidate < rangeEnd };
}

function exactly(key: string): Keys {
  return among([key]);
}

function among(keys: readonly string[]): Keys {
  return { words: keys, isIn: (candidate) => keys.includes(candidate) };
}

function below(path: string): Keys {
  const start = path === "/" ? "/" : `${path}/`;
  return { words: [start], isIn: (candidate) => candidate.startsWith(start) };
}
