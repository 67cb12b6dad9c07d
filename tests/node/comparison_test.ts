/** Comparisons of states: who says what of whom, and when. */
import { assertEquals } from "@std/assert";
import { Comparison, type Divergence } from "../../src/node/divergence/comparison.ts";
import type { PeerMessage } from "../../src/node/calls/peer_message.ts";
import type { MemberId, Role } from "../../src/raft/types.ts";

/** One member's part in it; the others are what the test says for them. */
class Bench {
  readonly core = {
    id: 1,
    role: "follower" as Role,
    leader: 2,
    lastIndex: 10,
    appliedIndex: 10,
    isInstalling: false,
    configuration: { members: [1, 2, 3].map(memberOf), removed: [] },
  };
  digest = "good";
  awaited = 0;
  readonly sent: { readonly to: MemberId; readonly message: PeerMessage }[] = [];
  readonly said: Divergence[] = [];
  readonly agreed: number[] = [];
  readonly comparison = new Comparison({
    core: this.core,
    limits: { comparisonTicks: 100, firstComparisonTicks: 10, comparisonWaitTicks: 5 },
    digest: () => this.digest,
    send: (to, message) => this.sent.push({ to, message }),
    await: (index) => this.awaited = index,
    agreed: (index) => this.agreed.push(index),
    diverged: (divergence) => this.said.push(divergence),
  });
  #tick = 0;

  tick(count: number): void {
    for (let i = 0; i < count; i++) this.comparison.tick(++this.#tick);
  }

  hears(from: MemberId, digest: string, index = 10): void {
    this.comparison.heard(from, index, digest);
  }

  get kinds(): string[] {
    return this.said.map(({ kind }) => kind);
  }
}

function memberOf(id: number) {
  return { id, name: `node${id}`, peerUrls: [], clientUrls: [], voter: id !== 9 };
}

Deno.test("Comparison begins a round soon after an election and then at intervals, on the leader only", () => {
  const bench = new Bench();
  bench.core.leader = 0;
  bench.tick(500);
  assertEquals(bench.sent, []);
  bench.core.role = "leader";
  bench.core.leader = 1;
  bench.tick(10);
  assertEquals(bench.sent, []);
  bench.tick(1);
  const round = (index: number) =>
    [2, 3].map((to) => ({ to, message: { type: "compare", index } as PeerMessage }));
  const digests = [2, 3].map((to) => ({
    to,
    message: { type: "digest", index: 10, digest: "good" } as PeerMessage,
  }));
  assertEquals(bench.sent, [...round(10), ...digests]);
  bench.tick(99);
  assertEquals(bench.sent.length, 4);
  bench.tick(1);
  assertEquals(bench.sent.length, 8);
});

Deno.test("Comparison tells the digest right after the entry, when this member lags", () => {
  const bench = new Bench();
  bench.comparison.asked(2, 15);
  assertEquals([bench.sent.length, bench.awaited], [0, 15]);
  bench.comparison.reached(15);
  assertEquals(bench.sent.length, 2);
});

Deno.test("Comparison has nothing to tell past the index, during a snapshot, or to one that does not lead", () => {
  const bench = new Bench();
  bench.comparison.asked(2, 9);
  bench.comparison.asked(3, 10);
  bench.core.isInstalling = true;
  bench.comparison.asked(2, 10);
  assertEquals([bench.sent.length, bench.awaited], [0, 0]);
});

Deno.test("Comparison is asked for once by a member that has started, and then begins soon", () => {
  const started = new Bench();
  started.tick(500);
  assertEquals(started.sent, [{ to: 2, message: { type: "compare", index: 10 } }]);
  const leader = new Bench();
  leader.core.role = "leader";
  leader.core.leader = 1;
  leader.tick(12);
  const { length } = leader.sent;
  leader.comparison.asked(3, 10);
  leader.tick(9);
  assertEquals(leader.sent.length, length);
  leader.tick(1);
  assertEquals(leader.sent.length, 2 * length);
});

Deno.test("Comparison finds all alike", () => {
  const bench = new Bench();
  bench.hears(2, "good");
  bench.comparison.asked(2, 10);
  bench.hears(3, "good");
  bench.tick(6);
  assertEquals([bench.kinds, bench.agreed], [[], [10]]);
});

Deno.test("Comparison finds this member wrong when a quorum differs from it, and not before", () => {
  const bench = new Bench();
  bench.digest = "bad";
  bench.hears(2, "good");
  bench.comparison.asked(2, 10);
  assertEquals(bench.kinds, []);
  bench.hears(3, "good");
  assertEquals(bench.said, [{ kind: "self", index: 10, digest: "bad", of: "good" }]);
});

Deno.test("Comparison finds another wrong when it is not in the quorum of this one", () => {
  const bench = new Bench();
  bench.comparison.asked(2, 10);
  bench.hears(2, "good");
  bench.hears(3, "bad");
  bench.tick(6);
  assertEquals(bench.said, [{ kind: "others", index: 10, members: [3] }]);
  assertEquals(bench.agreed, []);
});

Deno.test("Comparison names nobody without a quorum, and says so when all have told or the wait is over", () => {
  const all = new Bench();
  all.comparison.asked(2, 10);
  all.hears(2, "bad");
  assertEquals(all.kinds, []);
  all.hears(3, "worse");
  assertEquals(all.kinds, ["undecided"]);
  const partial = new Bench();
  partial.comparison.asked(2, 10);
  partial.hears(2, "bad");
  partial.tick(6);
  assertEquals(partial.kinds, ["undecided"]);
});

Deno.test("Comparison takes two of four for no quorum", () => {
  const bench = new Bench();
  bench.core.configuration.members.push(memberOf(4));
  bench.comparison.asked(2, 10);
  bench.hears(2, "good");
  bench.hears(3, "bad");
  bench.hears(4, "bad");
  assertEquals(bench.kinds, ["undecided"]);
});

Deno.test("Comparison counts no learner and no stranger, but finds a learner wrong", () => {
  const bench = new Bench();
  bench.core.configuration.members.push(memberOf(9));
  bench.comparison.asked(2, 10);
  bench.hears(77, "bad");
  bench.hears(9, "bad");
  bench.tick(1);
  assertEquals(bench.kinds, []);
  bench.hears(2, "good");
  assertEquals(bench.said, [{ kind: "others", index: 10, members: [9] }]);
});

Deno.test("Comparison compares at equal indexes only", () => {
  const bench = new Bench();
  bench.comparison.asked(2, 10);
  bench.hears(2, "other", 9);
  bench.hears(3, "other", 11);
  bench.tick(6);
  assertEquals([bench.kinds, bench.agreed], [[], []]);
});
