/** What arrives from peers is not trusted: it may be late, foreign, impossible or made up. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { encodeConfiguration } from "../../src/raft/codec.ts";
import type { Configuration, Entry, EntryKind, Message } from "../../src/raft/types.ts";
import { accepted, append, entries, Lone, vote } from "./lone.ts";
import { SeededRandom } from "./random.ts";
import { configurationOf, member } from "./server.ts";

function ignored(lone: Lone): string[] {
  return lone.events.flatMap((event) => event.type === "ignored" ? [event.reason] : []);
}

/** A follower of server 2 in term 3 with entries 1 to 3, of which 2 are committed. */
function follower(): Lone {
  const lone = new Lone();
  lone.step(append(3, [0, 0], entries(1, 1, 2, 3), 2));
  lone.take();
  return lone;
}

function configEntry(configuration: Configuration): Entry {
  return { index: 4, term: 3, kind: "config", data: encodeConfiguration(configuration) };
}

const NO_VOTER = { members: [member(1, false)], removed: [] };
const TWINS = { members: [member(1), member(1)], removed: [] };

const IMPOSSIBLE: readonly (readonly [string, Message])[] = [
  ["for another server", { ...append(3, [3, 3], []), to: 2 }],
  ["from itself", { ...append(3, [3, 3], []), from: 1 }],
  ["from nobody", { ...append(3, [3, 3], []), from: 0 }],
  ["a broken sender", { ...append(3, [3, 3], []), from: 1.5 }],
  ["a negative term", append(-1, [3, 3], [])],
  ["a term that is no number", append(NaN, [3, 3], [])],
  ["a term without end", append(Infinity, [3, 3], [])],
  ["a second leader of the term", { ...append(3, [3, 3], entries(4, 3)), from: 3 }],
  ["a heartbeat of a second leader", {
    type: "heartbeat",
    from: 3,
    to: 1,
    term: 3,
    commitIndex: 3,
    readRound: 0,
  }],
  ["a command of a second leader", { type: "timeoutNow", from: 3, to: 1, term: 3 }],
  ["entries with a gap", append(3, [3, 3], entries(5, 3))],
  ["entries with terms that go down", append(5, [3, 3], entries(4, 5, 4))],
  ["an entry older than the one before it", append(3, [3, 3], entries(4, 2))],
  ["an entry of a term to come", append(3, [3, 3], entries(4, 4))],
  ["a term before the first entry", append(3, [0, 1], entries(1, 1))],
  ["a broken index", append(3, [0.5, 0], [])],
  [
    "a configuration that is none",
    append(3, [3, 3], [
      { index: 4, term: 3, kind: "config", data: Uint8Array.of(9) },
    ]),
  ],
  ["a configuration without voters", append(3, [3, 3], [configEntry(NO_VOTER)])],
  ["a configuration with twins", append(3, [3, 3], [configEntry(TWINS)])],
  ["a snapshot of a term to come", {
    type: "snapshot",
    from: 2,
    to: 1,
    term: 3,
    snapshot: { index: 9, term: 4, configuration: configurationOf([1]) },
  }],
  ["a snapshot without voters", {
    type: "snapshot",
    from: 2,
    to: 1,
    term: 3,
    snapshot: { index: 9, term: 3, configuration: NO_VOTER },
  }],
  ["a candidate ahead of its own term", vote(3, 4, [9, 4], true)],
  ["the answer of a stranger", accepted(9, 1, 12)],
];

for (const [what, message] of IMPOSSIBLE) {
  Deno.test(`step() ignores ${what}`, () => {
    const lone = follower();
    lone.step(message);
    assertEquals(ignored(lone).length, 1);
    assertEquals(lone.take(), []);
    assertEquals([lone.core.term, lone.core.leader, lone.log], [3, 2, "1@1a 2@2b 3@3c"]);
  });
}

Deno.test("step() ignores a heartbeat's commit index beyond the log, but answers", () => {
  const lone = follower();
  lone.step({ type: "heartbeat", from: 2, to: 1, term: 3, commitIndex: 4, readRound: 7 });
  assertEquals(lone.core.commitIndex, 2);
  assertEquals(lone.sent("heartbeatReply").map(({ readRound }) => readRound), [7]);
});

Deno.test("step() ignores an acknowledgement beyond the leader's log", () => {
  const lone = Lone.elected();
  lone.step(accepted(2, 2), accepted(3, 9));
  assertEquals([lone.core.commitIndex, lone.core.progress().map(({ match }) => match)], [0, [
    0,
    0,
  ]]);
});

Deno.test("step() takes a snapshot of a time before the members were known", () => {
  const lone = follower();
  const snapshot = { index: 9, term: 3, configuration: { members: [], removed: [] } };
  lone.step({ type: "snapshot", from: 2, to: 1, term: 3, snapshot });
  assertEquals([lone.core.lastIndex, lone.core.configuration.members], [9, []]);
});

Deno.test("step() stops the server when a leader contradicts what is committed", () => {
  const contradictions = [
    append(4, [1, 1], entries(2, 3)),
    append(4, [0, 0], entries(1, 2)),
    append(4, [2, 1], []),
  ];
  for (const message of contradictions) {
    assertThrows(() => follower().core.step(message), InvariantError, "committed");
  }
});

Deno.test("step() breaks no invariant, whatever comes, while nothing is committed", () => {
  const random = new SeededRandom(8);
  for (let round = 0; round < 300; round++) {
    const lone = new Lone([1, 2, 3]);
    for (let count = 0; count < 100; count++) {
      lone.step(randomMessage(random));
      if (random.chance(0.1)) lone.tick(1 + random.below(20));
      if (random.chance(0.1)) lone.do((core) => core.propose(random.bytes(3)));
    }
    assert(lone.core.commitIndex === 0);
  }
});

function randomMessage(random: SeededRandom): Message {
  const number = () => random.below(random.chance(0.9) ? 6 : 2 ** 53);
  const envelope = { from: random.below(5), to: random.chance(0.95) ? 1 : 2, term: number() };
  switch (random.below(9)) {
    case 0:
    case 1:
      return {
        ...envelope,
        type: "append",
        prevIndex: number(),
        prevTerm: number(),
        entries: randomEntries(random),
        commitIndex: 0,
      };
    case 2: {
      // Only refusals: an accepted append could be counted.
      const hints = { hintIndex: number(), hintTerm: number() };
      return { ...envelope, type: "appendReply", rejected: true, index: number(), ...hints };
    }
    case 3:
      return { ...envelope, type: "heartbeat", commitIndex: 0, readRound: number() };
    case 4:
      return { ...envelope, type: "heartbeatReply", readRound: number() };
    case 5: {
      const type = random.chance(0.5) ? "preVote" : "vote";
      const log = { lastIndex: number(), lastTerm: number() };
      return { ...envelope, type, ...log, transfer: random.chance(0.5) };
    }
    case 6:
    case 7: {
      const type = random.chance(0.5) ? "preVoteReply" : "voteReply";
      return { ...envelope, type, granted: random.chance(0.8) };
    }
    default:
      return { ...envelope, type: "timeoutNow" };
  }
}

function randomEntries(random: SeededRandom): Entry[] {
  const first = 1 + random.below(6);
  const kinds: readonly EntryKind[] = ["noop", "command", "config"];
  return Array.from({ length: random.below(4) }, (_, at): Entry => {
    const kind = random.pick(kinds)!;
    // Two at least: a group of one commits without anybody's answer.
    const voters = Array.from({ length: 2 + random.below(3) }, (_, at) => at + 1);
    const data = kind === "config" ? encodeConfiguration(configurationOf(voters)) : random.bytes(2);
    const isContiguous = random.chance(0.9);
    return { index: first + at + (isContiguous ? 0 : 1), term: random.below(5), kind, data };
  });
}
