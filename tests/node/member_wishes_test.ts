/** Places that are reserved by id, taken by a newcomer, changed, given back; learners that are promoted. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type MemberRules, plannerOf } from "../../src/node/membership/id_plans.ts";
import {
  planAnnounce,
  planJoin,
  planPromote,
  planRemove,
} from "../../src/node/membership/plans.ts";
import { type IdentifiedWish, parseIdentifiedWish } from "../../src/node/membership/wishes.ts";
import { configurationFault } from "../../src/raft/configuration.ts";
import type { Configuration, Member } from "../../src/raft/types.ts";

const RULES: MemberRules = {
  membersMax: 9,
  learnersMax: 1,
  isStrict: true,
  isAlive: () => true,
  isPatient: () => false,
  keepsUp: () => true,
};

function member(id: number, voter = true): Member {
  return {
    id,
    name: `node${id}`,
    peerUrls: [`http://h:700${id}`],
    clientUrls: [`http://h:400${id}`],
    voter,
  };
}

function place(id: number, url = `http://h:700${id}`): Member {
  return { id, name: "", peerUrls: [url], clientUrls: [], voter: false };
}

function cluster(...members: Member[]): Configuration {
  return { members, removed: [] };
}

/** The configuration that is proposed, or in a word why there is none. */
function plan(
  wish: IdentifiedWish,
  current: Configuration,
  rules: Partial<MemberRules> = {},
  proposed = false,
): Configuration | string | undefined {
  const made = plannerOf(wish, { ...RULES, ...rules })(current, proposed);
  switch (made.kind) {
    case "propose":
      return made.next;
    case "refuse":
      return made.failure.refusal ?? made.failure.reason;
    case "done":
    case "wait":
      return made.kind;
  }
}

const THREE = cluster(member(1), member(2), member(3));

function adding(id: number, learner = false) {
  return { kind: "add", id, peerUrls: [`http://h:700${id}`], learner } as const;
}

Deno.test("plannerOf() an addition reserves a place without a name and without a vote", () => {
  assertEquals(plan(adding(4), THREE), cluster(...THREE.members, place(4)));
  const learner = { ...place(4), learner: true } as const;
  assertEquals(plan(adding(4, true), THREE), cluster(...THREE.members, learner));
  assertEquals(plan(adding(4), cluster(...THREE.members, place(4)), {}, true), "done");
});

Deno.test("plannerOf() refuses an addition under an id or an address that is taken", () => {
  const urls = { peerUrls: ["http://other:1"] };
  assertEquals(plan({ ...adding(3), ...urls }, THREE), "memberExists");
  assertEquals(plan(adding(4), { ...THREE, removed: [4] }), "memberExists");
  assertEquals(plan({ ...adding(4), peerUrls: ["http://h:7002"] }, THREE), "peerUrlExists");
  const reserved = cluster(...THREE.members, place(5, "http://h:7004"));
  assertEquals(plan(adding(4), reserved), "peerUrlExists");
});

Deno.test("plannerOf() refuses an addition when too few of those to vote have started", () => {
  const one = cluster(member(1));
  const two = cluster(member(1), place(2));
  assertEquals(plan(adding(2), one), two);
  assertEquals(plan(adding(3), two), "notEnoughStarted");
  assertEquals(typeof plan(adding(3), two, { isStrict: false }), "object");
  assertEquals(
    plan(adding(5), cluster(...THREE.members, place(4))),
    cluster(...THREE.members, place(4), place(5)),
  );
  assertEquals(plan(adding(6), cluster(...THREE.members, place(4), place(5))), "notEnoughStarted");
});

Deno.test("plannerOf() refuses an addition that would cost the quorum if nobody came, but waits for life first", () => {
  const isAlive = (id: number) => id !== 3;
  assertEquals(plan(adding(4), THREE, { isAlive }), "unhealthy");
  assertEquals(plan(adding(4), THREE, { isAlive, isPatient: () => true }), "wait");
  assertEquals(typeof plan(adding(4), THREE, { isAlive, isStrict: false }), "object");
  const five = cluster(...THREE.members, member(4), member(5));
  assertEquals(typeof plan(adding(6), five, { isAlive }), "object");
  // Nobody depends on a learner.
  assertEquals(typeof plan(adding(4, true), THREE, { isAlive }), "object");
});

Deno.test("plannerOf() lets no more learners and members in than there may be", () => {
  const learning = cluster(...THREE.members, { ...member(4, false), learner: true });
  assertEquals(plan(adding(5, true), learning), "tooManyLearners");
  assertEquals(typeof plan(adding(5, true), learning, { learnersMax: 2 }), "object");
  // A newcomer that votes by itself is none.
  assertEquals(typeof plan(adding(5, true), cluster(...THREE.members, member(4, false))), "object");
  assertEquals(plan(adding(4), THREE, { membersMax: 3 }), "full");
});

Deno.test("plannerOf() a removal by id is remembered, and tells a removed id from an unknown one", () => {
  const wish = { kind: "remove", id: 3 } as const;
  const without = { members: [member(1), member(2)], removed: [3] };
  assertEquals(plan(wish, THREE), without);
  assertEquals(plan(wish, without, {}, true), "done");
  assertEquals(plan(wish, without), "memberRemoved");
  assertEquals(plan(wish, cluster(member(1))), "memberNotFound");
});

Deno.test("plannerOf() takes out no voter that the others need, and any place or learner", () => {
  const isAlive = (id: number) => id === 1;
  const two = cluster(member(1), member(2), place(3), { ...member(4, false), learner: true });
  assertEquals(plan({ kind: "remove", id: 1 }, two, { isAlive }), "unhealthy");
  assertEquals(
    plan({ kind: "remove", id: 1 }, cluster(member(1)), { isAlive }),
    "notEnoughStarted",
  );
  for (const id of [3, 4]) {
    const nobodyLives = { isAlive: () => false };
    assertEquals(typeof plan({ kind: "remove", id }, two, nobodyLives), "object");
  }
});

Deno.test("plannerOf() an update changes the addresses and nothing else", () => {
  const peerUrls = ["http://new:1", "http://new:2"];
  const learning = cluster(member(1), { ...member(2, false), learner: true, takenBy: 9 });
  assertEquals(plan({ kind: "update", id: 2, peerUrls }, learning), {
    members: [
      member(1),
      { ...member(2, false), learner: true, takenBy: 9, peerUrls, assigned: true },
    ],
    removed: [],
  });
  assertEquals(
    plan({ kind: "update", id: 2, peerUrls }, cluster(member(1), place(2))),
    cluster(member(1), { ...place(2), peerUrls }),
  );
  assertEquals(plan({ kind: "update", id: 2, peerUrls: ["http://h:7002"] }, THREE), "done");
  const [one, two] = ["http://h:1", "http://h:2"];
  const twice = cluster(member(1), { ...member(2), peerUrls: [one, one] }, member(3));
  const changed = plan({ kind: "update", id: 2, peerUrls: [one, two] }, twice);
  assert(typeof changed === "object", "an address that was told twice hides no new one");
  assertEquals(changed.members[1]?.peerUrls, [one, two]);
  assertEquals(
    plan({ kind: "update", id: 2, peerUrls: ["http://h:7001"] }, THREE),
    "peerUrlExists",
  );
  assertEquals(plan({ kind: "update", id: 9, peerUrls }, THREE), "memberNotFound");
  assertEquals(
    plan({ kind: "update", id: 9, peerUrls }, { ...THREE, removed: [9] }),
    "memberRemoved",
  );
});

Deno.test("plannerOf() promotes a learner that has caught up, and nobody else", () => {
  const promoting = (id: number) => ({ kind: "promote", id }) as const;
  const learner = { ...member(4, false), learner: true, takenBy: 9 } as const;
  const current = cluster(...THREE.members, learner, member(5, false));
  assertEquals(plan(promoting(4), current), cluster(...THREE.members, member(4), member(5, false)));
  assertEquals(plan(promoting(4), current, { keepsUp: () => false }), "learnerNotReady");
  assertEquals(plan(promoting(3), current), "notALearner");
  assertEquals(plan(promoting(5), current), "notALearner");
  assertEquals(plan(promoting(9), current), "memberNotFound");
  // By itself only who was not told to wait.
  assertEquals(planPromote(4)(current, false), { kind: "done" });
});

Deno.test("planAnnounce() takes a member's own word over what was assigned to it, and nobody else's", () => {
  const elsewhere = { ...member(2), peerUrls: ["http://new:1"], assigned: true } as const;
  const current = cluster(member(1), elsewhere);
  const announce = (announced: Member) => planAnnounce(announced, () => true)(current, false);
  const next = cluster(member(1), member(2));
  assertEquals(announce(member(2)), { kind: "propose", next });
  const confirmed = cluster(member(1), { ...member(2), peerUrls: ["http://new:1"] });
  assertEquals(announce({ ...member(2), peerUrls: ["http://new:1"] }), {
    kind: "propose",
    next: confirmed,
  });
  assertEquals(announce({ ...member(2), name: "", clientUrls: [] }), { kind: "done" });
});

Deno.test("planAnnounce() leaves what was assigned to a member that yields to it", () => {
  const elsewhere = { ...member(2), peerUrls: ["http://new:1"], assigned: true } as const;
  const current = cluster(member(1), elsewhere);
  const announce = (announced: Member, of = current) =>
    planAnnounce({ ...announced, yields: true }, () => true)(of, false);
  assertEquals(announce(member(2)), { kind: "done" });
  const clientUrls = ["http://new:2"];
  assertEquals(announce({ ...member(2), clientUrls }), {
    kind: "propose",
    next: cluster(member(1), { ...elsewhere, clientUrls }),
  });
  // It is there: from here on it may say where it is by itself.
  const { assigned: _, ...confirmed } = elsewhere;
  assertEquals(announce({ ...member(2), peerUrls: ["http://new:1"] }), {
    kind: "propose",
    next: cluster(member(1), confirmed),
  });
  assertEquals(announce(member(2), cluster(member(1), confirmed)), {
    kind: "propose",
    next: cluster(member(1), member(2)),
  });
});

const NEWCOMER: Member = {
  ...{ id: 77, name: "node4", peerUrls: ["http://h:7004"], clientUrls: ["http://h:4004"] },
  voter: false,
};

function joined(current: Configuration, newcomer = NEWCOMER) {
  const made = planJoin(newcomer, 9, () => false)(current, false);
  return made.kind === "propose" ? made.next : made.kind;
}

Deno.test("planJoin() gives a newcomer the place that is reserved for its address, once", () => {
  const taken = { ...NEWCOMER, id: 4, takenBy: 77 };
  const current = cluster(...THREE.members, { ...place(4), learner: true });
  const next = cluster(...THREE.members, { ...taken, learner: true });
  assertEquals(joined(current), next);
  // It asks again, because the answer was lost; then somebody else does.
  assertEquals(joined(next), "done");
  assertEquals(joined(next, { ...NEWCOMER, id: 78, name: "node5" }), "refuse");
});

Deno.test("planJoin() knows the address of a place by any of its forms", () => {
  const forms = [["http://Host-4:7004", "http://host-4:7004"], [
    "http://[2001:DB8:0:0::4]:7004",
    "http://[2001:db8::4]:7004",
  ]] as const;
  for (const [reserved, own] of forms) {
    const current = cluster(...THREE.members, { ...place(4), peerUrls: [reserved] });
    const taken = { ...NEWCOMER, id: 4, takenBy: 77, peerUrls: [own] };
    assertEquals(
      joined(current, { ...NEWCOMER, peerUrls: [own] }),
      cluster(...THREE.members, taken),
    );
  }
});

Deno.test("planJoin() lets nobody in under the id of a place but from its address", () => {
  const elsewhere = { ...NEWCOMER, id: 4, peerUrls: ["http://other:1"] };
  const next = joined(cluster(...THREE.members, place(4)), elsewhere);
  assert(typeof next !== "string");
  // The core refuses it.
  assertStringIncludes(configurationFault(next)!, 'id "4" must be there once');
});

Deno.test("planJoin() puts a newcomer into its place and out goes the dead one of its name", () => {
  const current = cluster(member(1), member(2), { ...member(3), name: "node4" }, place(4));
  assertEquals(joined(current), {
    members: [member(1), member(2), { ...NEWCOMER, id: 4, takenBy: 77 }],
    removed: [3],
  });
});

Deno.test("planJoin() lets a learner that lost its disk be a learner again", () => {
  const current = cluster(...THREE.members, { ...member(4, false), learner: true });
  const next = joined(current, { ...NEWCOMER, peerUrls: ["http://h:7004"] });
  assertEquals(next, {
    members: [...THREE.members, { ...NEWCOMER, learner: true }],
    removed: [4],
  });
});

Deno.test("planJoin() and planRemove() take a place for nobody's name", () => {
  const current = cluster(member(1), place(2));
  assertEquals(joined(current, { ...NEWCOMER, name: "" }), "refuse");
  assertEquals(planRemove("", () => true, () => false)(current, false).kind, "refuse");
});

Deno.test("parseIdentifiedWish() takes wishes and nothing else", () => {
  const parse = (value: unknown) =>
    parseIdentifiedWish(new TextEncoder().encode(JSON.stringify(value)));
  const wishes: readonly IdentifiedWish[] = [
    adding(4),
    { kind: "remove", id: 1 },
    { kind: "update", id: 2 ** 53 - 1, peerUrls: ["http://h:1"] },
    { kind: "promote", id: 3 },
  ];
  for (const wish of wishes) assertEquals(parse({ ...wish, extra: 1 }), wish);
  const wrong = [
    ...[null, 1, "x", [], {}, { kind: "remove" }, { kind: "constructor", id: 1 }],
    ...[0, -1, 1.5, 2 ** 53, "1", null].map((id) => ({ kind: "promote", id })),
    ...[undefined, [], "http://h:1", [1], [""], Array(17).fill("http://h:1")].flatMap((
      peerUrls,
    ) => [
      { ...adding(4), peerUrls },
      { kind: "update", id: 1, peerUrls },
    ]),
    { ...adding(4), learner: 1 },
  ];
  for (const value of wrong) assertEquals(parse(value), undefined, JSON.stringify(value));
  assertEquals(parseIdentifiedWish(Uint8Array.of(0xff)), undefined);
});
