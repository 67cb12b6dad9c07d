/** The rules of permissions against the slow ones of `permissions.ts`. */
import { assertEquals } from "@std/assert";
import type { Permission } from "../../../src/store/command/auth_command.ts";
import type { Command, Operation, TxnOperation } from "../../../src/store/command/command.ts";
import type { Store } from "../../../src/store/store.ts";
import { compare, put, range, setCommand, treePut } from "../commands.ts";
import { random } from "../log.ts";
import { may, type SlowKeys } from "./permissions.ts";
import { AuthLog } from "./setting.ts";

const WORDS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/a0", "/b", "a", "aa", "b", "ba", "c", "\xff"];

/** What the rules ask of a store's keys. */
function keysOf(store: Store): SlowKeys {
  return {
    hasKey: (key) => store.hasKey(key),
    hasDirectory: (path) => store.hasDirectory(path),
    keysOn: (lease) => [...store.lease(lease)?.keys ?? []],
  };
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
        const expected = may(held, keysOf(log.store), command);
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
