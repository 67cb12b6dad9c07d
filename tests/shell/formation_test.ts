/** Who founds the cluster of --initial-cluster, who enters it, who waits and who gives up. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Forming, Resident } from "../../src/api/peer/join.ts";
import type { Member } from "../../src/raft/types.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { whenFormed } from "../../src/member/formed.ts";
import {
  awaitFormation,
  FormationError,
  judge,
  type Sighting,
} from "../../src/member/formation.ts";

const NAMES = ["m1", "m2", "m3"];
const MEMBERS = NAMES.map((name) => ({ name, peerUrls: [`http://${name}:2380`] }));

function forming(name: string, changed: Partial<Forming> = {}): Forming {
  return { name, token: "t", members: MEMBERS, ...changed };
}

const blank = (name: string, changed?: Partial<Forming>): Sighting => ({
  kind: "blank",
  forming: forming(name, changed),
});
const SILENT: Sighting = { kind: "silent", cause: "refused" };
const BUSY: Sighting = { kind: "busy" };
const cluster = (clusterId: number): Sighting => ({ kind: "cluster", clusterId });

const seen = (sightings: Record<string, Sighting>) => new Map(Object.entries(sightings));

Deno.test("judge() lets the smallest name found, once a majority is there and blank", () => {
  assertEquals(judge(forming("m1"), seen({ m2: blank("m2"), m3: SILENT })).kind, "found");
  assertEquals(judge(forming("m1"), seen({ m2: blank("m2"), m3: blank("m3") })).kind, "found");
  assertEquals(judge(forming("m1"), seen({ m2: SILENT, m3: SILENT })).kind, "wait");
  assertEquals(judge(forming("m1"), seen({ m2: SILENT, m3: BUSY })).kind, "wait");
});

Deno.test("judge() lets nobody found but the smallest name, whoever is there", () => {
  for (const own of ["m2", "m3"]) {
    const others = NAMES.filter((name) => name !== own);
    const all = Object.fromEntries(others.map((name) => [name, blank(name)]));
    assertEquals(judge(forming(own), seen(all)).kind, "wait");
    assertEquals(judge(forming(own), seen({ ...all, m1: SILENT })).kind, "wait");
  }
});

Deno.test("judge() enters a cluster that is alive, and never founds beside it", () => {
  for (const own of NAMES) {
    const [one, two] = NAMES.filter((name) => name !== own);
    const verdict = judge(forming(own), seen({ [one!]: blank(one!), [two!]: cluster(7) }));
    assertEquals(verdict, { kind: "enter", clusterId: 7, urls: [`http://${two}:2380`] });
  }
});

Deno.test("judge() refuses members of two clusters", () => {
  const verdict = judge(forming("m1"), seen({ m2: cluster(0xa), m3: cluster(0xb) }));
  assert(verdict.kind === "refuse");
  assertMatch(
    verdict.cause,
    /"m2" is of cluster 800000000000000a and "m3" of cluster 800000000000000b/,
  );
});

Deno.test("judge() refuses to form a cluster with a node that was told otherwise", () => {
  const cases: readonly (readonly [Partial<Forming>, RegExp])[] = [
    [{ token: "other" }, /--initial-cluster-token "other", and this node "t"/],
    [{ members: MEMBERS.slice(0, 2) }, /the same list/],
    [{ name: "m3" }, /at the address of "m2" is a node named "m3"/],
  ];
  for (const [changed, expected] of cases) {
    const verdict = judge(forming("m1"), seen({ m2: blank("m2", changed), m3: SILENT }));
    assert(verdict.kind === "refuse");
    assertMatch(verdict.cause, expected);
  }
  const reversed = { members: MEMBERS.toReversed() };
  assertEquals(judge(forming("m1"), seen({ m2: blank("m2", reversed), m3: SILENT })).kind, "found");
});

/** Nodes that look at each other at every moment, in the order of `starts`; who has founded, who has entered. */
async function formed(starts: readonly string[]): Promise<Record<string, string>> {
  const done = new Map<string, string>();
  const up = new Set<string>();
  const resident = (name: string): Resident => ({
    clusterId: done.has(name) ? 9 : undefined,
    memberId: done.has(name) ? 1 : undefined,
    session: 1,
    problem: undefined,
    ...(done.has(name) ? {} : { forming: forming(name) }),
  });
  const starting = starts.map(async (name, i) => {
    for (let turns = 0; turns < i * 7; turns++) await Promise.resolve();
    up.add(name);
    const { kind } = await awaitFormation({
      own: forming(name),
      whoIsAt: (url) => {
        const other = new URL(url).hostname;
        return up.has(other)
          ? Promise.resolve(resident(other))
          : Promise.reject(new Error("nobody"));
      },
      logger: silentLogger,
      retryMs: 1,
      reportMs: 10,
      sleep: () => new Promise((resolve) => setTimeout(resolve)),
    });
    done.set(name, kind);
  });
  await Promise.all(starting);
  return Object.fromEntries(done);
}

Deno.test("awaitFormation() has one founder in all six orders of start, and the others enter", async () => {
  for (const first of NAMES) {
    for (const second of NAMES.filter((name) => name !== first)) {
      const third = NAMES.find((name) => name !== first && name !== second)!;
      assertEquals(await formed([first, second, third]), {
        m1: "found",
        m2: "enter",
        m3: "enter",
      }, `${first} ${second} ${third}`);
    }
  }
});

Deno.test("awaitFormation() founds nothing with nodes that start with data, and waits for them", async () => {
  let looks = 0;
  const starting = { clusterId: undefined, memberId: 5, session: 1, problem: undefined };
  const waiting = awaitFormation({
    own: forming("m1"),
    whoIsAt: () => Promise.resolve(starting),
    logger: silentLogger,
    retryMs: 1,
    reportMs: 10,
    sleep: () => ++looks < 3 ? Promise.resolve() : Promise.reject(new Error("stopped")),
  });
  await assertRejects(() => waiting, Error, "stopped");
});

Deno.test("awaitFormation() ends with the reason, or as soon as the node is to end", async () => {
  const options = {
    own: forming("m1"),
    logger: silentLogger,
    retryMs: 1,
    reportMs: 1,
    sleep: () => Promise.reject(new Error("stopped")),
  };
  const other = { ...forming("m2"), token: "x" };
  const answer = { clusterId: undefined, memberId: undefined, session: 1, problem: undefined };
  await assertRejects(
    () =>
      awaitFormation({
        ...options,
        whoIsAt: () => Promise.resolve({ ...answer, forming: other }),
      }),
    FormationError,
    "can't be formed",
  );
  const silent = () => Promise.reject(new Error("nobody"));
  await assertRejects(() => awaitFormation({ ...options, whoIsAt: silent }), Error, "stopped");
});

Deno.test("whenFormed() lets a founder serve when a majority of those named votes, and not before", async () => {
  const named = (id: number, name: string, voter: boolean) => ({
    ...{ id, name, voter },
    peerUrls: [`http://m${id}:2380`],
    clientUrls: [],
  });
  const initial = {
    members: [named(1, "m1", true), named(2, "", false), named(3, "", false)],
    removed: [],
  };
  const identity = { memberId: 1, clusterId: 1, name: "m1", initial };
  const config = { initialCluster: { state: "new", token: "t", members: MEMBERS } } as const;
  let members = initial.members;
  const node = { configuration: () => ({ members, removed: [] }) };
  let served = false;
  const serving = whenFormed({ node }, identity, config, true, () => false).then(() =>
    served = true
  );
  const look = () => new Promise((resolve) => setTimeout(resolve, 60));
  await look();
  assertEquals(served, false, "alone");
  members = [named(1, "m1", true), named(2, "m2", false), named(3, "", false)];
  await look();
  assertEquals(served, false, "while the second learns");
  members = [named(1, "m1", true), named(2, "m2", true), named(3, "", false)];
  await serving;

  members = initial.members;
  await whenFormed({ node }, identity, config, true, () => true);
  await whenFormed({ node }, { ...identity, initial: undefined }, config, true, () => false);
  await whenFormed({ node }, identity, { initialCluster: undefined }, true, () => false);
  members = [named(1, "m1", true)];
  await whenFormed({ node }, identity, config, true, () => false);
});

Deno.test("whenFormed() lets a newcomer serve when it votes, and one that was there before at once", async () => {
  const identity = { memberId: 2, clusterId: 1, name: "m2", initial: undefined };
  const own = { id: 2, name: "m2", peerUrls: ["http://m2:2380"], clientUrls: [] };
  for (const state of ["new", "existing"] as const) {
    const config = { initialCluster: { state, token: "t", members: MEMBERS } };
    let members: Member[] = [{ ...own, voter: false }];
    const node = { configuration: () => ({ members, removed: [] }) };
    let served = false;
    const serving = whenFormed({ node }, identity, config, true, () => false)
      .then(() => served = true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assertEquals(served, false);
    members = [{ ...own, voter: true }];
    await serving;
    members = [{ ...own, voter: false, learner: true }];
    await whenFormed({ node }, identity, config, true, () => false);
    members = [{ ...own, voter: false }];
    await whenFormed({ node }, identity, config, false, () => false);
  }
});
