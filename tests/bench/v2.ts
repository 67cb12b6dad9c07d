/** Loads of v2 in plain text, by `wrk`, against etcd's v2; and what this system does alone. */
import { fillKeys } from "./fill.ts";
import { blockedMs } from "./heartbeat.ts";
import { FORM, keyPath, KEYS, PREFIX } from "./keys.ts";
import { type Measured, median, p99s, rate, rates, withoutErrors } from "./measured.ts";
import { comparing, type Comparison, type Part } from "./part.ts";
import { pairs, type Settings, THIS_SYSTEM } from "./part.ts";
import { cpuSeconds, residentMiB } from "./process.ts";
import { type Recipe, startSubject, type Subject } from "./subject.ts";
import { timeWatches } from "./watchers.ts";
import { type Load, runWrk } from "./wrk.ts";

const CONNECTIONS = 64;
const MANY_KEYS = 1_000_000;
const WATCHES = 10_000;
const LISTED = 100_000;
const LISTINGS = 5;

export const BOTH = { members: [1, 3] };

/** By name. */
export const V2_PARTS: readonly (readonly [name: string, part: Part])[] = [
  ["put", comparing(comparePut, BOTH)],
  ["get", comparing(compareGet, BOTH)],
  ["watch", comparing(compareWatch, BOTH)],
  ["million", comparing(compareMillion)],
  ["shape", measureShape(THIS_SYSTEM)],
  ["list", measureList],
  ["cost", measureFollowers(THIS_SYSTEM)],
];

export async function comparePut(...[a, b, label, settings, report]: Parameters<Comparison>) {
  const isSingle = b.followers.length === 0;
  const found = await pairs(settings, (subject) => put(subject, settings), a, b);
  const bar = isSingle ? ">= 2.2 x" : ">= 2.3 x";
  report({ ...rates(...found), what: `PUT, ${label}`, bar });
  report({ ...p99s(...found), what: `PUT p99, ${label}`, bar: "<= 0.5 x" });
}

async function compareGet(...[a, b, label, settings, report]: Parameters<Comparison>) {
  for (const subject of [a, b]) await fillKeys(subject, KEYS);
  const get = (query: string) => (subject: Subject) =>
    load(subject, {
      method: "GET",
      path: keyPath("%010d") + query,
      keys: KEYS,
      connections: CONNECTIONS,
      seconds: settings.seconds,
    });
  const local = await pairs(settings, get(""), a, b);
  report({ ...rates(...local), what: `GET local, ${label}`, bar: ">= 1.8 x" });
  const quorum = await pairs(settings, get("?quorum=true"), a, b);
  report({ ...rates(...quorum), what: `GET linearizable, ${label}`, bar: ">= 2.2 x" });
}

export async function compareWatch(...[a, b, label, settings, report]: Parameters<Comparison>) {
  const [one, other] = await pairs(settings, (subject) => timeWatches(subject, WATCHES), a, b);
  report({
    what: `${WATCHES} watches answered, ${label}`,
    ours: median(one),
    theirs: median(other),
    unit: "ms",
    bar: "<= 0.6 x",
  });
}

/** Memory and start with a million keys, and how evenly our node runs meanwhile. */
async function compareMillion(...[a, b, , settings, report]: Parameters<Comparison>) {
  const few = await put(a, settings, 10);
  const blocked = blockedMs(a.leader.clientUrl);
  await fillKeys(a, MANY_KEYS);
  const many = await put(a, settings, MANY_KEYS);
  report({
    what: "Longest silence of the loop, a million keys filled and set",
    ours: await blocked.stop(),
    unit: "ms",
    bar: "<= 50",
  });
  report({
    ...rates([many], [few]),
    what: "PUT among a million keys, against among ten",
    bar: ">= 0.9 x",
  });
  report({
    ...p99s([many], [few]),
    what: "PUT p99 among a million keys, snapshots under way, against among ten",
    bar: "<= 2 x",
  });
  await fillKeys(b, MANY_KEYS);
  report({
    what: "Resident memory with a million keys",
    ours: residentMiB(a.leader.pid),
    theirs: residentMiB(b.leader.pid),
    unit: "MiB",
    bar: "<= 1.0 x",
  });
  const [one, other] = await pairs(settings, timeRestart, a, b);
  report({
    what: "Start with a million keys",
    ours: median(one),
    theirs: median(other),
    unit: "ms",
    bar: "<= 1.0 x",
  });
}

export function measureShape(recipe: Recipe): Part {
  return async (settings, report) => {
    const a = await startSubject(recipe, 1);
    try {
      const found: { readonly connections: number; readonly ours: number }[] = [];
      for (const connections of [1, 8, 64, 256, 1024]) {
        found.push({ connections, ours: rate(await put(a, settings, KEYS, connections)) });
      }
      const best = Math.max(...found.map(({ ours }) => ours));
      for (const { connections, ours } of found) {
        const what = `PUT by ${connections} connections, against the best`;
        const bar = connections >= 1024 ? { bar: ">= 0.9 x" } : {};
        report({ what, ours, theirs: best, unit: "/s", ...bar });
      }
    } finally {
      await a.stop();
    }
  };
}

async function measureList(...[, report]: Parameters<Part>): Promise<void> {
  const a = await startSubject(THIS_SYSTEM, 1);
  try {
    await fillKeys(a, LISTED);
    const directory = `/v1/keys/${PREFIX.slice(0, PREFIX.lastIndexOf("/"))}?stale=true`;
    const found: number[] = [];
    for (let run = 0; run < LISTINGS; run++) {
      const begun = performance.now();
      const response = await a.fetch(directory);
      await response.arrayBuffer();
      found.push(LISTED / ((performance.now() - begun) / 1000));
    }
    report({
      what: `Listing of ${LISTED} files`,
      ours: median(found),
      unit: "entries/s",
      bar: ">= 1000000",
    });
  } finally {
    await a.stop();
  }
}

/** Processor time of a follower for each write, as a share of the leader's. */
export function measureFollowers(recipe: Recipe): Part {
  return async (settings, report) => {
    const a = await startSubject(recipe, 3);
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
        bar: "<= 0.35 x",
      });
    } finally {
      await a.stop();
    }
  };
}

function put(
  subject: Subject,
  { seconds }: Settings,
  keys = KEYS,
  connections = CONNECTIONS,
): Promise<Measured> {
  const path = keyPath("%010d");
  return load(subject, { method: "PUT", path, keys, body: FORM, connections, seconds });
}

async function load(subject: Subject, load: Load): Promise<Measured> {
  return withoutErrors(await runWrk(subject.leader.clientUrl, load), subject.name);
}

async function timeRestart(subject: Subject): Promise<number> {
  const begun = performance.now();
  await subject.restart();
  return performance.now() - begun;
}
