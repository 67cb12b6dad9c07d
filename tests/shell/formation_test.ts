/** Who founds the cluster of --initial-cluster, who enters it, who waits and who gives up. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Forming, Resident } from "../../src/api/peer/join.ts";
import type { Member } from "../../src/raft/types.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { Turn } from "../../src/founding/turn.ts";
import { type FormedOptions, whenFormed } from "../../src/member/formed.ts";
import {
  awaitFormation,
  type Decision,
  FormationError,
  type FormationOptions,
  type Formed,
  judge,
  type Sighting,
} from "../../src/member/formation.ts";
import type { Identity } from "../../src/storage/storage.ts";

const NAMES = ["m1", "m2", "m3"];
const MEMBERS = NAMES.map((name) => ({ name, peerUrls: [`http://${name}:2380`] }));

function forming(name: string, changed: Partial<Forming> = {}): Forming {
  return { name, token: "t", members: MEMBERS, ...changed };
}

const blank = (name: string, changed?: Partial<Forming>): Sighting => ({
  kind: "blank",
  forming: forming(name, changed),
  memberId: 1,
});
const SILENT: Sighting = { kind: "silent", cause: "refused" };
const BUSY: Sighting = { kind: "busy" };
const cluster = (clusterId: number): Sighting => ({ kind: "cluster", clusterId });

const seen = (sightings: Record<string, Sighting>) => new Map(Object.entries(sightings));

Deno.test("judge() has it decided who founds once a majority is there and blank, and not before", () => {
  assertEquals(judge(forming("m1"), seen({ m2: blank("m2"), m3: SILENT })).kind, "decide");
  assertEquals(judge(forming("m2"), seen({ m1: SILENT, m3: blank("m3") })).kind, "decide");
  assertEquals(judge(forming("m1"), seen({ m2: SILENT, m3: SILENT })).kind, "wait");
  assertEquals(judge(forming("m1"), seen({ m2: SILENT, m3: BUSY })).kind, "wait");
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
  assertEquals(
    judge(forming("m1"), seen({ m2: blank("m2", reversed), m3: SILENT })).kind,
    "decide",
  );
});

const CHOICE = { clusterId: 9, founder: 1, name: "m1" };

/** Looks of a node named `own` at others who answer `whoIsAt`; the milliseconds go by with its sleeps. */
function looking(own: string, changed: Partial<FormationOptions>): Promise<Formed> {
  let nowMs = 0;
  return awaitFormation({
    own: forming(own),
    flag: "--initial-cluster",
    founder: { self: 1, mayBeChosen: false, propose: () => Promise.reject(new Error("not asked")) },
    turn: new Turn({ rank: NAMES.indexOf(own), graceMs: 100, random: () => 0.5 }),
    whoIsAt: (url) => Promise.resolve(blankAt(new URL(url).hostname)),
    logger: silentLogger,
    nowMs: () => nowMs,
    retryMs: 10,
    reportMs: 1_000,
    sleep: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
    ...changed,
  });
}

function blankAt(name: string, memberId = 1): Resident {
  return { ...NOBODY, memberId, forming: forming(name) };
}

const NOBODY = { clusterId: undefined, memberId: 5, session: 1, problem: undefined };
const STOPPED = () => Promise.reject(new Error("stopped"));

Deno.test("awaitFormation() proposes at once when it is the first by name, and founds when it is chosen", async () => {
  const founder = {
    self: 1,
    mayBeChosen: false,
    propose: () => Promise.resolve<Decision>({ kind: "chosen", choice: CHOICE }),
  };
  const formed = await looking("m1", { founder, sleep: STOPPED });
  assertEquals(formed, { kind: "found", choice: CHOICE });
});

Deno.test("awaitFormation() leaves the first by name its turn, and takes its own when nobody has founded", async () => {
  let [now, asked] = [0, 0];
  const choice = { ...CHOICE, name: "m2" };
  const decisions: readonly Decision[] = [
    { kind: "preempted" },
    { kind: "unanswered", cause: "nobody" },
    { kind: "chosen", choice },
  ];
  const times: number[] = [];
  const founder = {
    self: 1,
    mayBeChosen: false,
    propose: () => {
      times.push(now);
      return Promise.resolve(decisions[asked++]!);
    },
  };
  const formed = await looking("m2", {
    founder,
    nowMs: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  });
  assertEquals(formed, { kind: "found", choice });
  assertEquals(times, [100, 150, 200]);
});

Deno.test("awaitFormation() waits for who was chosen, says what to do when it can't be reached, and enters its cluster", async () => {
  const said: string[] = [];
  let looks = 0;
  const founder = {
    self: 2,
    mayBeChosen: true,
    propose: () => Promise.resolve<Decision>({ kind: "chosen", choice: CHOICE }),
  };
  const formed = await looking("m2", {
    founder,
    whoIsAt: (url) => {
      const name = new URL(url).hostname;
      if (name === "m3" || looks === 0) return Promise.resolve(blankAt(name));
      if (looks === 3) return Promise.resolve(blankAt(name, 77));
      if (looks < 3) return Promise.reject(new Error("refused"));
      return Promise.resolve({ ...NOBODY, clusterId: 9 });
    },
    logger: { ...silentLogger, info: (_, fields) => void said.push(String(fields?.cause)) },
    sleep: () => ++looks < 9 ? Promise.resolve() : STOPPED(),
  });
  assertEquals(formed, { kind: "enter", clusterId: 9, urls: ["http://m1:2380"] });
  assertEquals(said.length, 3);
  assertMatch(said[0]!, /"m1" was chosen to found it, and has not yet/);
  assertMatch(
    said[1]!,
    /can't be reached \(refused\): start it again; if its data directory is lost/,
  );
});

Deno.test("awaitFormation() founds nothing with nodes that start with data, and waits for them", async () => {
  let looks = 0;
  const waiting = looking("m1", {
    whoIsAt: () => Promise.resolve(NOBODY),
    sleep: () => ++looks < 3 ? Promise.resolve() : STOPPED(),
  });
  await assertRejects(() => waiting, Error, "stopped");
});

Deno.test("awaitFormation() ends with the reason, or as soon as the node is to end", async () => {
  const other = { ...forming("m2"), token: "x" };
  const answer = { ...NOBODY, forming: other };
  await assertRejects(
    () => looking("m1", { whoIsAt: () => Promise.resolve(answer), sleep: STOPPED }),
    FormationError,
    "can't be formed",
  );
  const silent = () => Promise.reject(new Error("nobody"));
  await assertRejects(() => looking("m1", { whoIsAt: silent, sleep: STOPPED }), Error, "stopped");
});

/** Whether a member may serve, by what it is told of its cluster. */
class Serving {
  members: Member[] = [];
  written: Identity | undefined;
  served = false;
  isOver = false;
  readonly end: Promise<void>;

  constructor(identity: Identity, members: Member[], changed: Partial<FormedOptions> = {}) {
    this.members = members;
    this.end = whenFormed({
      member: { node: { configuration: () => ({ members: this.members, removed: [] }) } },
      storage: {
        writeIdentity: (identity) => {
          this.written = identity;
          return Promise.resolve();
        },
      },
      identity,
      isNamed: true,
      isNew: true,
      isOver: () => this.isOver,
      logger: silentLogger,
      ...changed,
    }).then(() => {
      this.served = true;
    });
  }

  /** After some looks. */
  async looked(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return this.served;
  }
}

const named = (id: number, voter: boolean, name = `m${id}`): Member => ({
  ...{ id, name, voter },
  peerUrls: [`http://m${id}:2380`],
  clientUrls: [],
});

const INITIAL = [named(1, true), named(2, false, ""), named(3, false, "")];
const SERVED: Identity = {
  ...{ memberId: 1, clusterId: 1, name: "m1" },
  initial: { members: INITIAL, removed: [] },
};
const FOUNDER = { ...SERVED, votersAwaited: 2 };
const NEWCOMER: Identity = { memberId: 2, clusterId: 1, name: "m2", initial: undefined };

Deno.test("whenFormed() lets a founder serve when a majority of those named votes, and not before", async () => {
  const serving = new Serving(FOUNDER, INITIAL);
  assertEquals(await serving.looked(), false, "alone");
  serving.members = [named(1, true), named(2, false), named(3, false, "")];
  assertEquals(await serving.looked(), false, "while the second learns");
  serving.members = [named(1, true), named(2, true), named(3, false, "")];
  await serving.end;
  assertEquals(serving.written, SERVED, "and asks no more");

  const again = new Serving(FOUNDER, INITIAL, { isNamed: false, isNew: false });
  assertEquals(await again.looked(), false, "nor when it starts again without flags");
  again.isOver = true;
  await again.end;
  await new Serving(FOUNDER, [named(1, true)]).end;
  // The second was taken out, and the third has never come.
  await new Serving(SERVED, [named(1, true), named(3, false, "")], { isNew: false }).end;
});

Deno.test("whenFormed() lets a newcomer serve when a majority of those named votes, also after a restart", async () => {
  const identity = { ...NEWCOMER, votersAwaited: 3 };
  const places = [named(3, false, ""), named(4, false, ""), named(5, false, "")];
  for (const isNew of [true, false]) {
    const serving = new Serving(identity, [named(1, true), named(2, true), ...places], { isNew });
    assertEquals([await serving.looked(), serving.written], [false, undefined], "two of five");
    serving.members = [named(1, true), named(2, true), named(3, true), ...places.slice(1)];
    await serving.end;
    assertEquals(serving.written, NEWCOMER, "and asks no more");
  }
  const others = [named(1, true), named(3, true), named(4, true)];
  const serving = new Serving(identity, [...others, named(2, false)]);
  assertEquals(await serving.looked(), false, "while it learns itself");
  serving.members = [named(1, true), named(2, true)];
  await serving.end;
  await new Serving(NEWCOMER, [named(1, true), named(2, true), ...places], { isNew: false }).end;
});

Deno.test("whenFormed() lets a newcomer to a place serve when it votes, and one that was there before at once", async () => {
  const serving = new Serving(NEWCOMER, [named(2, false)]);
  assertEquals(await serving.looked(), false);
  serving.members = [named(2, true)];
  await serving.end;
  await new Serving(NEWCOMER, [{ ...named(2, false), learner: true }]).end;
  await new Serving(NEWCOMER, [named(2, false)], { isNew: false }).end;
  await new Serving(NEWCOMER, [named(2, false)], { isNamed: false }).end;
});
