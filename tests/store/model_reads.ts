/** What is read of a store against the model: items, listings, ranges, counts, the list of events. */
import { assertEquals } from "@std/assert";
import { textOf } from "../../src/store/byte_string.ts";
import { PLAIN_RANGE, type RangeOperation } from "../../src/store/command/command.ts";
import { rangeOf as partsOf } from "../../src/store/kv/range.ts";
import type { Store } from "../../src/store/store.ts";
import type { Item } from "../../src/store/tree/listing.ts";
import { isFile, type Model } from "./model.ts";
import type { Choices, CommandMaker } from "./model_commands.ts";
import { rangeOf } from "./model_kv.ts";
import { plainKeyValue, type PlainRange, type PlainVersion } from "./plain.ts";

/** Something read of what v1 and v2 see, and a range of now or of the past. */
export function compareReads(
  store: Store,
  model: Model,
  choices: Choices,
  maker: CommandMaker,
  nowMs: number,
): void {
  compareItem(store, model, maker.path(), nowMs);
  const operation = maker.rangeOperation();
  const found = store.range(operation);
  const expected = expectedRange(model, operation);
  if (typeof found === "string") return assertEquals(found, expected);
  const { kvs, count, more } = found;
  const plain = { type: "range", kvs: kvs.map(plainKeyValue), count, more } as const;
  assertEquals(plain, expected, JSON.stringify(operation));
  compareSlice(store, model, operation);
  if (choices.chance(0.1)) compareFirstMissing(store, model, maker.path());
}

/** A part of the same range is the beginning of what a whole, plain one gives. */
function compareSlice(store: Store, model: Model, operation: RangeOperation): void {
  const { key, rangeEnd, revision } = operation;
  const found = store.slice(partsOf(key, rangeEnd), revision, 3);
  const expected = expectedRange(model, { ...PLAIN_RANGE, key, rangeEnd, revision, limit: 3 });
  if (typeof found === "string" || typeof expected === "string") {
    return assertEquals<unknown>(found, expected);
  }
  assertEquals(found.map(plainKeyValue), expected.kvs, JSON.stringify(operation));
}

function expectedRange(
  model: Model,
  operation: RangeOperation,
): PlainRange | string {
  const { revision } = operation;
  if (revision > model.revision) return "futureRevision";
  if (revision > 0 && revision < model.compactedRevision) return "compacted";
  return rangeOf(revision > 0 ? model.past.get(revision)! : model.keys, operation);
}

function compareFirstMissing(store: Store, model: Model, path: string): void {
  assertEquals(store.fileAbove(path), model.fileAbove(path));
}

/** Everything that is there, all numbers and counts. */
export function compareState(store: Store, model: Model, nowMs: number): void {
  const { timeMs, index, appliedIndex, revision, changeIndex, compactedRevision } = store;
  assertEquals(
    { timeMs, index, appliedIndex, revision, changeIndex, compactedRevision },
    {
      timeMs: model.timeMs,
      index: model.index,
      appliedIndex: model.appliedIndex,
      revision: model.revision,
      changeIndex: model.changeIndex,
      compactedRevision: model.compactedRevision,
    },
  );
  compareCounts(store, model);
  const { logIndex: lastGone = 0 } = model.events[model.gone - 1] ?? {};
  assertEquals(store.watches.clearedOf("range").logIndex, lastGone);
  for (const path of ["/", ...model.directories.keys()]) compareItem(store, model, path, nowMs);
  for (const key of model.keys.keys()) compareItem(store, model, key, nowMs);
  for (const [id, { ttlSeconds, grantIndex }] of model.leases) {
    const lease = store.lease(id)!;
    const keys = [...model.keys].filter(([, version]) => version.lease === id);
    assertEquals([lease.ttlSeconds, lease.grantIndex], [ttlSeconds, grantIndex]);
    assertEquals([...lease.keys].sort(), keys.map(([key]) => key).sort());
  }
  const alarms = store.alarms.values().map(({ alarm, member }) => `${alarm} ${member}`);
  assertEquals(alarms.sort(), [...model.alarms].sort());
}

function compareCounts(store: Store, model: Model): void {
  const { keys, files, directories, expiring, leases } = store.stats();
  const deadlines = [...model.keys.values(), ...model.directories.values()]
    .map(({ deadlineMs }) => deadlineMs).filter((deadlineMs) => deadlineMs !== 0);
  assertEquals({ keys, files, directories, expiring, leases }, {
    keys: model.keys.size,
    files: [...model.keys.keys()].filter(isFile).length,
    directories: model.directories.size,
    expiring: deadlines.length,
    leases: model.leases.size,
  });
  assertEquals(store.nextDeadlineMs(), Math.min(...deadlines));
}

function compareItem(store: Store, model: Model, path: string, nowMs: number): void {
  const expected = itemAt(model, path, nowMs);
  const found = store.read(path, nowMs);
  assertEquals(found, expected);
  if (found?.isDirectory !== true) return;
  const children = childrenOf(model, path, nowMs);
  assertEquals([...store.list(path, nowMs)], children);
  const names = children.map(({ key }) => key.slice(key.lastIndexOf("/") + 1));
  for (const after of ["", ...names]) {
    const start = names.indexOf(after) + 1;
    assertEquals(store.page(path, nowMs, after, 2, Infinity), children.slice(start, start + 2));
  }
}

/** What a reader sees at `path`: nothing that is past its deadline, or below what is. */
function itemAt(model: Model, path: string, nowMs: number): Item | undefined {
  if (path === "/") return itemOf("/", { ...NOWHERE, isDirectory: true });
  const found = recordAt(model, path);
  const isPast = ({ deadlineMs }: Pick<Item, "deadlineMs">) =>
    deadlineMs > 0 && deadlineMs <= nowMs;
  const directories = [...model.directories].filter(([key]) => path.startsWith(`${key}/`));
  const isBelowPast = directories.some(([, directory]) => isPast(directory));
  return found === undefined || isPast(found) || isBelowPast ? undefined : itemOf(path, found);
}

function childrenOf(model: Model, path: string, nowMs: number): Item[] {
  const prefix = path === "/" ? "/" : `${path}/`;
  const { files, directories } = model.below(path);
  const names = new Set([...files, ...directories]);
  return [...names].filter((key) => !key.slice(prefix.length).includes("/")).sort()
    .map((key) => itemOf(key, recordAt(model, key)!))
    .filter(({ deadlineMs }) => deadlineMs === 0 || deadlineMs > nowMs);
}

type Found = Omit<Item, "key">;

const NOWHERE: Found = {
  isDirectory: false,
  value: "",
  setIndex: 0,
  createdIndex: 0,
  modifiedIndex: 0,
  deadlineMs: 0,
};

/** A file hides a directory of the same path. */
function recordAt(model: Model, path: string): Found | undefined {
  const file = model.file(path);
  const version: PlainVersion | undefined = file ?? model.directories.get(path);
  return version && { ...version, isDirectory: file === undefined };
}

function itemOf(key: string, found: Found): Item {
  const { isDirectory, value, setIndex, createdIndex, modifiedIndex, deadlineMs } = found;
  const text = textOf(value);
  return { key, isDirectory, value: text, setIndex, createdIndex, modifiedIndex, deadlineMs };
}
