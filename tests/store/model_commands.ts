/** Random commands that are worth asking of a state: about what is there, and near it. */
import type {
  Command,
  Compare,
  Operation,
  RangeOperation,
  TxnOperation,
} from "../../src/store/command/command.ts";
import type { View } from "../../src/store/watch/view.ts";
import { rangeOf } from "../../src/store/kv/range.ts";
import { compare, put, range, setCommand, treePut } from "./commands.ts";
import type { Model } from "./model.ts";

/** Which keys are asked about: few, so that commands meet. */
export interface Names {
  /** In each other's way, hidden ones among them. */
  readonly paths: readonly string[];
  /** Those of them that are directories more often than files. */
  readonly directories: readonly string[];
  /** Where POST makes keys. */
  readonly orders: readonly string[];
  /** Only v3 sees them. */
  readonly others: readonly string[];
  readonly rangeEnds: readonly string[];
  /** What sorts before it belongs to others. */
  readonly from: string;
}

export const NAMES: Names = {
  paths: [
    ...["/a", "/a/b", "/a/b/c", "/a/d", "/a-", "/a0/x", "/b/c/d", "/b/c/e", "/f", "/g/h"],
    ...["/_h", "/_h/k", "/a/_h/z", "/b/_i", "/\xe2\x98\x83/x"],
  ],
  directories: ["/a", "/a/b", "/b", "/b/c"],
  orders: ["/", "/a"],
  others: ["foo", "fop", "/a/", "/a//b", "/a/b/.", "/a/b\0", "a", "\0", "\xff", "/\xff/x"],
  rangeEnds: ["", "\0", "/a/c", "/a0", "/b0", "0", "g", "\xff\xff"],
  from: "",
};

const LEASES = [1n, 7n, -5n, 2n ** 63n - 1n];

/** What a seed chooses from. */
export class Choices {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  /** From `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.#next() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }
}

/** How large values are: small ones meet, large ones fill pages and chunks. */
export type Sizes = readonly number[];

export class CommandMaker {
  readonly #choices: Choices;
  readonly #model: Model;
  readonly #sizes: Sizes;
  readonly #names: Names;

  constructor(choices: Choices, model: Model, sizes: Sizes, names = NAMES) {
    this.#names = names;
    this.#choices = choices;
    this.#model = model;
    this.#sizes = sizes;
  }

  command(): Command {
    const choices = this.#choices;
    const kind = choices.integer(0, 99);
    if (kind < 10) return this.#v1();
    if (kind < 40) return this.#treePut();
    if (kind < 52) return this.#treeDelete();
    if (kind < 56) return this.#expiry();
    if (kind < 72) return this.operation(0);
    if (kind < 85) return this.#txn(0);
    if (kind < 90) {
      return { type: "leaseGrant", id: choices.pick(LEASES), ttlSeconds: choices.integer(1, 99) };
    }
    if (kind < 94) return this.#revoke();
    const { alarms } = this.#model;
    if (kind < 97 && alarms.size === 0) return this.#compaction();
    if (alarms.size === 0 && choices.chance(0.8)) return this.operation(0);
    // While one is active nearly nothing can be done: it does not stay for long.
    return {
      type: "alarm",
      action: alarms.size === 0 || choices.chance(0.1) ? "activate" : "deactivate",
      alarm: choices.pick(["noSpace", "corrupt"]),
      member: choices.pick([1n, 2n ** 64n - 1n]),
    };
  }

  path(): string {
    return this.#choices.pick(this.#names.paths);
  }

  rangeOperation(): RangeOperation {
    const { pick, integer, chance } = bound(this.#choices);
    const { revision } = this.#model;
    const past = integer(Math.max(1, revision - 40), revision + 1);
    return range({
      key: this.#key(),
      rangeEnd: pick(this.#names.rangeEnds),
      limit: chance(0.3) ? integer(1, 4) : 0,
      revision: pick([0, 0, past, past, revision]),
      sortOrder: pick(["none", "ascend", "descend"]),
      sortTarget: pick(["key", "key", "version", "create", "mod", "value"]),
      keysOnly: chance(0.2),
      countOnly: chance(0.1),
      ...(chance(0.2) && { minModRevision: past, maxModRevision: past + integer(0, 9) }),
      ...(chance(0.2) && { minCreateRevision: Math.max(0, past - 20), maxCreateRevision: past }),
    });
  }

  view(): View {
    const { pick, chance } = bound(this.#choices);
    if (chance(0.3)) {
      return { kind: "range", range: rangeOf(this.#key(), pick(this.#names.rangeEnds)) };
    }
    const { directories, paths } = this.#names;
    const path = pick(["/", ...directories, "/a/_h", ...paths]);
    const api = pick(["v1", "v2", "v2"] as const);
    // v1 knows nothing else than all that is under a path.
    return { kind: "path", api, path, recursive: api === "v1" || chance(0.6) };
  }

  #key(): string {
    const { pick, chance } = bound(this.#choices);
    const { paths, others, from } = this.#names;
    const there = [...this.#model.keys.keys()].filter((key) => key >= from);
    return chance(0.3) && there.length > 0 ? pick(there) : pick([...paths, ...others]);
  }

  #value(): Uint8Array {
    const { pick, chance, integer } = bound(this.#choices);
    if (chance(0.5)) return Uint8Array.of(integer(0x30, 0x32));
    const bytes = new Uint8Array(pick(this.#sizes));
    return bytes.fill(integer(0, 255)).fill(integer(0, 255), 1);
  }

  /** The value that is there, or another. */
  #expected(key: string): Uint8Array {
    const found = this.#model.keys.get(key);
    if (found === undefined || this.#choices.chance(0.3)) return this.#value();
    return Uint8Array.from(found.value, (unit) => unit.charCodeAt(0));
  }

  #v1(): Command {
    const { pick, chance } = bound(this.#choices);
    const key = this.path();
    if (chance(0.2)) return { type: "delete", key };
    return setCommand({
      key,
      value: this.#value(),
      prevValue: chance(0.3) ? this.#expected(key) : undefined,
      ttlSeconds: pick([undefined, undefined, undefined, 1, 5, 0, -1]),
    });
  }

  #treePut(): Command {
    const { pick, chance, integer } = bound(this.#choices);
    const { directories, orders, others } = this.#names;
    const key = chance(0.03)
      ? "/"
      : pick([this.path(), this.path(), directories[0]!, directories[1]!]);
    const inOrder = chance(0.1);
    const isDirectory = chance(0.25);
    return treePut({
      key: inOrder ? pick([key, ...orders]) : key,
      value: isDirectory ? new Uint8Array(0) : this.#value(),
      isDirectory,
      inOrder,
      prevExist: pick([undefined, undefined, undefined, true, false]),
      prevValue: chance(0.15) ? this.#expected(key) : undefined,
      prevIndex: chance(0.15) ? this.#modifiedIndex(key) : 0,
      ttlSeconds: pick([undefined, undefined, undefined, 0, 1, 3, 600]),
      refresh: chance(0.1),
      ...(chance(0.05) && { key: pick(others), value: Uint8Array.of(integer(0, 9)) }),
    });
  }

  #treeDelete(): Command {
    const { chance, pick } = bound(this.#choices);
    const key = chance(0.03) ? "/" : pick([this.path(), ...this.#names.directories]);
    return {
      type: "treeDelete",
      key,
      isDirectory: chance(0.4),
      recursive: chance(0.4),
      prevValue: chance(0.1) ? this.#expected(key) : undefined,
      prevIndex: chance(0.1) ? this.#modifiedIndex(key) : 0,
    };
  }

  #modifiedIndex(key: string): number {
    const { chance, integer } = bound(this.#choices);
    const found = this.#model.keys.get(key)?.modifiedIndex;
    return chance(0.3) ? integer(1, 50) : found ?? 1;
  }

  /** Of something with a deadline or without one, by the entry that made it or another. */
  #expiry(): Command {
    const { pick, chance } = bound(this.#choices);
    const isDirectory = chance(0.3);
    const { keys, directories } = this.#model;
    const there: ReadonlyMap<string, { readonly setIndex: number }> = isDirectory
      ? directories
      : keys;
    const [key, found] = there.size > 0 ? pick([...there]) : ["/a", { setIndex: 1 }];
    const setIndex = found.setIndex - (chance(0.3) ? 1 : 0);
    return { type: "expire", key, setIndex: Math.max(0, setIndex), isDirectory };
  }

  operation(depth: number): Operation {
    const { pick, chance } = bound(this.#choices);
    const key = this.#key();
    switch (pick(["put", "put", "put", "delete", "range", "txn"] as const)) {
      case "put":
        return put({
          key,
          value: this.#value(),
          lease: chance(0.3) ? pick(LEASES) : 0n,
          wantsPrevious: chance(0.5),
          ignoreValue: chance(0.1),
          ignoreLease: chance(0.1),
        });
      case "delete": {
        const rangeEnd = chance(0.6) ? "" : pick(this.#names.rangeEnds);
        return { type: "deleteRange", key, rangeEnd, wantsPrevious: chance(0.5) };
      }
      case "range":
        return this.rangeOperation();
      case "txn":
        return depth < 3 ? this.#txn(depth) : put({ key });
    }
  }

  #txn(depth: number): TxnOperation {
    const { integer } = bound(this.#choices);
    const some = <T>(make: () => T): T[] => Array.from({ length: integer(0, 3) }, make);
    const branch = () => withoutDuplicates(some(() => this.operation(depth + 1)));
    const compares = some(() => this.#compare());
    return { type: "txn", compares, success: branch(), failure: branch() };
  }

  #compare(): Compare {
    const { pick, chance } = bound(this.#choices);
    const key = this.#key();
    const found = this.#model.keys.get(key);
    const target = pick(["version", "create", "mod", "value", "lease"] as const);
    const near = (number = 0) => number + pick([-1, 0, 0, 0, 1]);
    const numbers = {
      version: found?.version,
      create: found?.createRevision,
      mod: found?.modRevision,
      value: 0,
      lease: 0,
    };
    return compare({
      key,
      rangeEnd: chance(0.3) ? pick(this.#names.rangeEnds) : "",
      operator: pick(["equal", "equal", "greater", "less", "notEqual"]),
      target,
      ...(target === "value" && { value: this.#expected(key) }),
      ...(target === "lease" && { lease: chance(0.5) ? found?.lease ?? 0n : pick(LEASES) }),
      ...(target !== "value" && target !== "lease" && { number: near(numbers[target]) }),
    });
  }

  #revoke(): Command {
    const { pick, integer } = bound(this.#choices);
    const id = pick(LEASES);
    const granted = this.#model.leases.get(id)?.grantIndex ?? 1;
    return { type: "leaseRevoke", id, grantIndex: pick([0, granted, granted, integer(1, 9)]) };
  }

  #compaction(): Command {
    const { pick, chance, integer } = bound(this.#choices);
    const { revision, events } = this.#model;
    if (chance(0.7) || events.length === 0) {
      const some = integer(Math.max(0, revision - 60), revision + 1);
      return { type: "compact", revision: some, changeIndex: 0, keepEvents: pick([0, 30]) };
    }
    // As the leader does it by itself: up to an event.
    const last = pick(events.slice(-200));
    return {
      type: "compact",
      revision: Math.min(last.revision + 1, revision),
      changeIndex: last.changeIndex + 1,
      keepEvents: pick([0, 5, 100]),
    };
  }
}

/** As the API sees to it: nothing is put twice, or put and deleted, in one branch at any depth. */
function withoutDuplicates(operations: readonly Operation[]): Operation[] {
  const kept: Operation[] = [];
  for (const operation of operations) {
    const [touched, others] = [touchedBy([operation]), touchedBy(kept)];
    const clashes = touched.some((a) => others.some((b) => (a.isPut || b.isPut) && overlaps(a, b)));
    if (!clashes) kept.push(operation);
  }
  return kept;
}

interface Touched {
  readonly isPut: boolean;
  readonly start: string;
  readonly end: string | undefined;
}

function touchedBy(operations: readonly Operation[]): Touched[] {
  return operations.flatMap((operation): Touched[] => {
    switch (operation.type) {
      case "put":
        return [{ isPut: true, ...rangeOf(operation.key, "") }];
      case "deleteRange":
        return [{ isPut: false, ...rangeOf(operation.key, operation.rangeEnd) }];
      case "range":
        return [];
      case "txn":
        return [...touchedBy(operation.success), ...touchedBy(operation.failure)];
    }
  });
}

function overlaps(a: Touched, b: Touched): boolean {
  return (a.end === undefined || b.start < a.end) && (b.end === undefined || a.start < b.end);
}

/** Methods that can be taken out of their object. */
function bound(choices: Choices): Pick<Choices, "pick" | "chance" | "integer"> {
  return {
    pick: (items) => choices.pick(items),
    chance: (share) => choices.chance(share),
    integer: (min, max) => choices.integer(min, max),
  };
}
