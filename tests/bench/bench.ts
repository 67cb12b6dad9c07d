/**
 * `deno task bench`: this system beside Debian's etcd, on the same machine, in
 * the same minutes, with the same promise. Runs are paired A B A B; what is
 * printed are medians and the ratio of the two.
 *
 *     deno task bench                       everything, about 20 minutes
 *     deno task bench -- --only put,get     parts
 *     deno task bench -- --pairs 5 --seconds 10 --json
 */
import { parseArgs } from "@std/cli/parse-args";
import { cpuSeconds, residentMiB } from "./process.ts";
import { fillKeys } from "./fill.ts";
import { blockedMs } from "./heartbeat.ts";
import { machineLine, missingTools, writeResults } from "./report.ts";
import type { Row } from "./report.ts";
import { debianEtcd, ours, startSubject } from "./subject.ts";
import type { Recipe, Subject } from "./subject.ts";
import { timeWatches } from "./watchers.ts";
import { runWrk } from "./wrk.ts";
import type { Load, Measured } from "./wrk.ts";

const VALUE = "v".repeat(128);
const BODY = `value=${VALUE}`;
const CONNECTIONS = 64;
const KEYS = 1_000;
const MANY_KEYS = 1_000_000;
const WATCHES = 10_000;
/** With ten digits behind it a key of 30 bytes, its slash included. */
const PREFIX = "bench/of/thirty/key";

interface Settings {
  readonly pairs: number;
  readonly seconds: number;
}

type Part = (settings: Settings, report: (row: Row) => void) => Promise<void>;

const PARTS: ReadonlyMap<string, Part> = new Map([
  ["put", forMembers(comparePut)],
  ["get", forMembers(compareGet)],
  ["watch", forMembers(compareWatch)],
  ["million", compareMillion],
  ["shape", measureShape],
  ["list", measureList],
  ["cost", measureFollowers],
]);

await main();

async function main(): Promise<void> {
  const flags = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
    string: ["only", "pairs", "seconds"],
    boolean: ["json"],
  });
  const missing = await missingTools();
  if (missing !== undefined) {
    console.error(missing);
    Deno.exit(1);
  }
  const { only = [...PARTS.keys()].join(","), pairs = "3", seconds = "8" } = flags;
  const settings = { pairs: Number(pairs), seconds: Number(seconds) };
  const rows: Row[] = [];
  console.log(machineLine());
  for (const name of only.split(",")) {
    const part = PARTS.get(name);
    if (part === undefined) {
      console.error(`Expected parts out of ${[...PARTS.keys()].join(", ")}, found "${name}"`);
      Deno.exit(2);
    }
    await part(settings, (row) => {
      rows.push(row);
      if (!flags.json) console.log(format(row));
    });
  }
  if (flags.json) console.log(JSON.stringify(rows, null, 1));
  await writeResults(rows, Deno.args);
}

function format({ what, ours, theirs, unit, bar }: Row): string {
  const ratio = theirs === undefined ? "" : ` ${(ours / theirs).toFixed(2)} x`;
  const peer = theirs === undefined ? "" : ` against ${round(theirs)}`;
  return `${what}: ${round(ours)}${peer} ${unit}${ratio}${
    bar === undefined ? "" : ` (bar ${bar})`
  }`;
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}

function recipe(): Recipe {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const flags = ["--no-prompt", "--allow-net", "--allow-read", "--allow-write", "--allow-env"];
  return ours(Deno.execPath(), ["run", ...flags, main]);
}

type Comparison = (
  a: Subject,
  b: Subject,
  label: string,
  settings: Settings,
  report: (row: Row) => void,
) => Promise<void>;

/** Runs `compare` on both systems, as single nodes and as clusters of three. */
function forMembers(compare: Comparison): Part {
  return async (settings, report) => {
    for (const members of [1, 3]) {
      const a = await startSubject(recipe(), members);
      const b = await startSubject(debianEtcd(), members);
      try {
        const label = members === 1 ? "single" : "three members";
        await compare(a, b, label, settings, report);
      } finally {
        await a.stop();
        await b.stop();
      }
    }
  };
}

async function comparePut(...[a, b, label, settings, report]: Parameters<Comparison>) {
  const [one, other] = await pairs(settings, (subject) => put(subject, settings), a, b);
  report({ ...throughput(one, other), what: `PUT, ${label}`, bar: ">= 2.5 x" });
  report({ ...p99(one, other), what: `PUT p99, ${label}`, bar: "<= 0.6 x" });
}

async function compareGet(...[a, b, label, settings, report]: Parameters<Comparison>) {
  for (const subject of [a, b]) await fill(subject, KEYS);
  const get = (query: (subject: Subject) => string) => (subject: Subject) =>
    load(subject, {
      method: "GET",
      path: subject.dialect.keyPath(PREFIX) + query(subject),
      keys: KEYS,
      connections: CONNECTIONS,
      seconds: settings.seconds,
    });
  const local = await pairs(settings, get(({ dialect }) => dialect.localQuery), a, b);
  report({ ...throughput(...local), what: `GET local, ${label}`, bar: ">= 1.8 x" });
  const quorum = await pairs(settings, get(({ dialect }) => dialect.linearizableQuery), a, b);
  report({ ...throughput(...quorum), what: `GET linearizable, ${label}`, bar: ">= 6 x" });
}

async function compareWatch(...[a, b, label, settings, report]: Parameters<Comparison>) {
  const [one, other] = await pairs(settings, (subject) => timeWatches(subject, WATCHES), a, b);
  report({
    what: `${WATCHES} watches answered, ${label}`,
    ours: median(one),
    theirs: median(other),
    unit: "ms",
    bar: "<= 0.7 x",
  });
}

/** Memory and start with a million keys, and how evenly our node runs meanwhile. */
async function compareMillion(settings: Settings, report: (row: Row) => void): Promise<void> {
  const a = await startSubject(recipe(), 1);
  const b = await startSubject(debianEtcd(), 1);
  try {
    const few = await put(a, settings, 10);
    const blocked = blockedMs(a.leader.clientUrl);
    await fill(a, MANY_KEYS);
    const many = await put(a, settings, MANY_KEYS);
    report({
      what: "Longest silence of the loop, a million keys filled and set",
      ours: await blocked.stop(),
      unit: "ms",
      bar: "<= 50",
    });
    report({
      what: "PUT among a million keys, against among ten",
      ours: rate(many),
      theirs: rate(few),
      unit: "/s",
      bar: "0.85 to 1.15 x",
    });
    report({
      what: "PUT p99 among a million keys, snapshots under way, against among ten",
      ours: many.p99Ms,
      theirs: few.p99Ms,
      unit: "ms",
      bar: "<= 2 x",
    });
    await fill(b, MANY_KEYS);
    report({
      what: "Resident memory with a million keys",
      ours: residentMiB(a.leader.pid),
      theirs: residentMiB(b.leader.pid),
      unit: "MiB",
      bar: "<= 1.0 x",
    });
    const starts = await pairs(settings, timeRestart, a, b);
    report({
      what: "Start with a million keys",
      ours: median(starts[0]),
      theirs: median(starts[1]),
      unit: "ms",
      bar: "<= 1.0 x",
    });
  } finally {
    await a.stop();
    await b.stop();
  }
}

async function measureShape(settings: Settings, report: (row: Row) => void): Promise<void> {
  const a = await startSubject(recipe(), 1);
  try {
    let best = 0;
    for (const connections of [1, 8, 64, 256, 1024]) {
      const found = rate(await put(a, settings, KEYS, connections));
      best = Math.max(best, found);
      report({
        what: `PUT by ${connections} connections`,
        ours: found,
        unit: "/s",
        bar: `>= ${Math.round(0.8 * best)} once reached`,
      });
    }
  } finally {
    await a.stop();
  }
}

async function measureList(_: Settings, report: (row: Row) => void): Promise<void> {
  const entries = 100_000;
  const a = await startSubject(recipe(), 1);
  try {
    await fill(a, entries);
    const directory = `/v1/keys/${PREFIX.slice(0, PREFIX.lastIndexOf("/"))}?stale=true`;
    const rates: number[] = [];
    for (let run = 0; run < 5; run++) {
      const begun = performance.now();
      const response = await fetch(a.leader.clientUrl + directory);
      await response.arrayBuffer();
      rates.push(entries / ((performance.now() - begun) / 1000));
    }
    report({
      what: `Listing of ${entries} files`,
      ours: median(rates),
      unit: "entries/s",
      bar: ">= 1000000",
    });
  } finally {
    await a.stop();
  }
}

/** Processor time of a follower for each write, as a share of the leader's. */
async function measureFollowers(settings: Settings, report: (row: Row) => void): Promise<void> {
  const a = await startSubject(recipe(), 3);
  try {
    const before = [a.leader, ...a.followers].map(({ pid }) => cpuSeconds(pid));
    const { requests } = await put(a, settings);
    const [leader = 0, ...followers] = [a.leader, ...a.followers]
      .map(({ pid }, i) => 1e6 * (cpuSeconds(pid) - before[i]!) / requests);
    report({ what: "Processor time of the leader", ours: leader, unit: "us a write" });
    report({
      what: "Processor time of a follower, against the leader's",
      ours: Math.max(...followers),
      theirs: leader,
      unit: "us a write",
      bar: "<= 0.4 x",
    });
  } finally {
    await a.stop();
  }
}

/** Runs `measure` on both in turn: A B A B. */
async function pairs<T>(
  { pairs }: Settings,
  measure: (subject: Subject) => Promise<T>,
  a: Subject,
  b: Subject,
): Promise<[T[], T[]]> {
  const one: T[] = [];
  const other: T[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    one.push(await measure(a));
    other.push(await measure(b));
  }
  return [one, other];
}

function put(
  subject: Subject,
  { seconds }: Settings,
  keys = KEYS,
  connections = CONNECTIONS,
): Promise<Measured> {
  const { putMethod, keyPath } = subject.dialect;
  return load(subject, {
    method: putMethod,
    path: keyPath(PREFIX),
    keys,
    body: BODY,
    connections,
    seconds,
  });
}

/** Writes every key once. */
async function fill(subject: Subject, keys: number): Promise<void> {
  const path = (key: number) =>
    subject.dialect.keyPath(PREFIX).replace("%010d", String(key).padStart(10, "0"));
  await fillKeys(subject, keys, path, BODY);
}

async function load(subject: Subject, load: Load): Promise<Measured> {
  const measured = await runWrk(subject.leader.clientUrl, load);
  if (measured.errors === 0) return measured;
  throw new Error(`Expected no errors under load of ${subject.name}, found ${measured.errors}`);
}

async function timeRestart(subject: Subject): Promise<number> {
  const begun = performance.now();
  await subject.restart();
  return performance.now() - begun;
}

function throughput(one: readonly Measured[], other: readonly Measured[]) {
  return { ours: median(one.map(rate)), theirs: median(other.map(rate)), unit: "/s" };
}

function p99(one: readonly Measured[], other: readonly Measured[]) {
  const of = (runs: readonly Measured[]) => median(runs.map(({ p99Ms }) => p99Ms));
  return { ours: of(one), theirs: of(other), unit: "ms" };
}

function rate({ requests, seconds }: Measured): number {
  return requests / seconds;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
