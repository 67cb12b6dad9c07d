/**
 * The rules of permissions against a second, slow implementation that shares nothing
 * with the first: it knows no ranges, only a list of keys that has a witness for every
 * gap between them, and asks for each key in turn.
 */
import { assertEquals } from "@std/assert";
import type { Permission } from "../../../src/store/command/auth_command.ts";
import type { Command, Operation, TxnOperation } from "../../../src/store/command/command.ts";
import type { Store } from "../../../src/store/store.ts";
import { compare, put, range, setCommand, treePut } from "../commands.ts";
import { random } from "../log.ts";
import { AuthLog } from "./setting.ts";

const WORDS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/a0", "/b", "a", "aa", "b", "ba", "c", "\xff"];

/** Any range of words begins and ends at one of these, or is open: so each gap begins at one, too. */
const UNIVERSE = [
  ...WORDS,
  ...WORDS.map((word) => `${word}\0`),
  ...WORDS.flatMap((word) => [`${word}/`, `${word}0`]),
  "\xff\xff",
];

type Need = readonly [access: "read" | "write", isIn: (key: string) => boolean];

function inRange(key: string, rangeEnd: string): (candidate: string) => boolean {
  if (rangeEnd === "") return (candidate) => candidate === key;
  if (rangeEnd === "\0") return (candidate) => candidate >= key;
  if (rangeEnd <= key) return (candidate) => candidate === key;
  return (candidate) => candidate >= key && candidate < rangeEnd;
}

function below(path: string): (candidate: string) => boolean {
  return (candidate) => candidate.startsWith(path === "/" ? "/" : `${path}/`);
}

function grants(permission: Permission, access: string, key: string): boolean {
  const { type, rangeEnd } = permission;
  if (type !== "readWrite" && type !== access) return false;
  return inRange(permission.key, rangeEnd)(key);
}

function mayAll(permissions: readonly Permission[], [access, isIn]: Need): boolean {
  return UNIVERSE.filter(isIn).every((key) =>
    permissions.some((permission) => grants(permission, access, key))
  );
}

function exactly(key: string): (candidate: string) => boolean {
  return (candidate) => candidate === key;
}

/** All that an operation of v3 needs. */
function needsOf(store: Store, operation: Operation): Need[] {
  const needs: Need[] = [];
  const visit = (one: Operation): void => {
    if (one.type === "txn") {
      for (const { key, rangeEnd } of one.compares) needs.push(["read", inRange(key, rangeEnd)]);
      [...one.success, ...one.failure].forEach(visit);
      return;
    }
    const isIn = one.type === "put" ? exactly(one.key) : inRange(one.key, one.rangeEnd);
    if (one.type === "range") return void needs.push(["read", isIn]);
    needs.push(["write", isIn]);
    if (one.wantsPrevious) needs.push(["read", isIn]);
    if (one.type === "put" && one.lease !== 0n) needs.push(["write", onLease(store, one.lease)]);
  };
  visit(operation);
  return needs;
}

function onLease(store: Store, id: bigint): (candidate: string) => boolean {
  const keys = [...store.lease(id)?.keys ?? []];
  return (candidate) => keys.includes(candidate);
}

/** Whether somebody with these permissions may do it, by the slow way. */
function may(store: Store, permissions: readonly Permission[], command: Command): boolean {
  const all = (...needs: Need[]) => needs.every((need) => mayAll(permissions, need));
  switch (command.type) {
    case "put":
    case "deleteRange":
    case "range":
    case "txn":
      return all(...needsOf(store, command));
    case "leaseGrant":
      return true;
    case "leaseRevoke":
      return all(["write", onLease(store, command.id)]);
    case "set": {
      const needs: Need[] = [["write", exactly(command.key)]];
      if (command.prevValue !== undefined) needs.push(["read", exactly(command.key)]);
      return all(...needs);
    }
    case "delete":
      return all(["write", exactly(command.key)]);
    case "treePut":
    case "treeDelete": {
      const { key } = command;
      const isFile = store.hasKey(key);
      const isOfDirectory = command.type === "treePut"
        ? command.isDirectory
        : (command.isDirectory || command.recursive) && !isFile;
      const compares = command.prevValue !== undefined || command.prevIndex !== 0;
      const endsBelow = command.type === "treePut"
        ? command.isDirectory && command.ttlSeconds !== undefined
        : command.recursive && !isFile;
      if (command.type === "treePut" && command.inOrder) return all(["write", below(key)]);
      if (!isOfDirectory) {
        return all(["write", exactly(key)]) && (!compares || all(["read", exactly(key)]));
      }
      const itself = all(["write", exactly(key)]) ||
        all(["write", exactly(key === "/" ? "/" : `${key}/`)]);
      return itself && (!endsBelow || all(["write", below(key)]));
    }
    default:
      return false;
  }
}

/** Draws commands and permissions by a seed. */
class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  word(): string {
    return this.of(WORDS);
  }

  path(): string {
    return this.of(WORDS.filter((word) => word === "/" || /^\/.*[^/]$/.test(word)));
  }

  rangeEnd(): string {
    return this.of(["", "\0", ...WORDS]);
  }

  permissions(): Permission[] {
    const all = Array.from({ length: this.below(7) }, (): Permission => ({
      type: this.of(["read", "write", "readWrite", "readWrite"]),
      key: this.of(["\0", ...WORDS]),
      rangeEnd: this.of(["", "", "\0", ...WORDS]),
    }));
    // Others are refused as permissions.
    return all.filter(({ key, rangeEnd }) =>
      rangeEnd === "" || rangeEnd === "\0" || rangeEnd > key
    );
  }

  operation(depth: number): Operation {
    const key = this.word();
    const rangeEnd = this.rangeEnd();
    const wantsPrevious = this.below(3) === 0;
    switch (this.below(depth > 2 ? 3 : 4)) {
      case 0:
        return put({ key, wantsPrevious, lease: BigInt(this.of([0, 0, 1, 2])) });
      case 1:
        return { type: "deleteRange", key, rangeEnd, wantsPrevious };
      case 2:
        return range({ key, rangeEnd });
      default:
        return this.txn(depth);
    }
  }

  txn(depth: number): TxnOperation {
    const some = () => Array.from({ length: this.below(3) }, () => this.operation(depth + 1));
    return {
      type: "txn",
      compares: Array.from(
        { length: this.below(2) },
        () => compare({ key: this.word(), rangeEnd: this.rangeEnd() }),
      ),
      success: some(),
      failure: some(),
    };
  }

  command(): Command {
    const key = this.path();
    const prevValue = this.of([undefined, undefined, "x"]);
    const prevIndex = this.of([0, 0, 1]);
    switch (this.below(9)) {
      case 0:
        return setCommand({ key, value: "v", prevValue });
      case 1:
        return { type: "delete", key };
      case 2:
        return treePut({
          key,
          prevValue,
          prevIndex,
          isDirectory: this.below(2) === 0,
          inOrder: this.below(4) === 0,
          ttlSeconds: this.of([undefined, 5]),
        });
      case 3:
        return {
          type: "treeDelete",
          key,
          prevValue,
          prevIndex,
          isDirectory: this.below(2) === 0,
          recursive: this.below(2) === 0,
        };
      case 4:
        return { type: "leaseGrant", id: BigInt(this.of([1, 2])), ttlSeconds: 60 };
      case 5:
        return { type: "leaseRevoke", id: BigInt(this.of([1, 2])), grantIndex: 0 };
      default:
        return this.operation(0);
    }
  }
}

/** Users of a log, and commands of each. */
const USERS = 60;
const COMMANDS = 250;

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`permissions agree with the slow model, seed ${seed}`, () => {
    const dice = new Dice(seed);
    const log = new AuthLog();
    log.enable();
    let [allowed, denied] = [0, 0];
    for (let user = 0; user < USERS; user++) {
      const permissions = dice.permissions();
      const roles = [`r${user}`, `s${user}`];
      log.change([
        ...roles.map((role) => ({ type: "roleAdd", role } as const)),
        { type: "userAdd", user: `u${user}`, passwordHash: "", noPassword: true },
        ...roles.map((role) => ({ type: "userGrantRole", user: `u${user}`, role } as const)),
        ...permissions.map((permission, at) =>
          ({ type: "roleGrantPermission", role: roles[at % 2]!, permission }) as const
        ),
      ], "root");
      // The same range granted again to the same role replaces what was there.
      const held = roles.flatMap((role) => log.store.auth.role(role)!.permissions);
      for (let i = 0; i < COMMANDS; i++) {
        const command = dice.command();
        const expected = may(log.store, held, command);
        assertEquals(
          log.allows(`u${user}`, command),
          expected,
          `seed ${seed}, ${JSON.stringify([held, command], withoutBigints)}`,
        );
        expected ? allowed++ : denied++;
      }
    }
    // Else nothing is shown.
    assertEquals(allowed > 1000 && denied > 1000, true, `${allowed} allowed, ${denied} denied`);
  });
}

function withoutBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
