/** The steps of the decision who founds, one at a time. */
import { assert, assertEquals } from "@std/assert";
import { FoundingCore, type Step } from "../../src/founding/core.ts";
import { Turn } from "../../src/founding/turn.ts";
import type { Answer, Ballot, Pledge } from "../../src/founding/types.ts";

const own = { clusterId: 7, founder: 20, name: "m2" };
const foreign = { clusterId: 9, founder: 10, name: "m1" };
const ballot = (round: number, proposer = 20): Ballot => ({ round, proposer });

function core(pledge?: Pledge, others: readonly string[] = ["m1", "m3"]): FoundingCore {
  return new FoundingCore({ own, others, pledge });
}

/** Takes a step, and saves what it says. */
function done<T extends { readonly save: Pledge | undefined }>(core: FoundingCore, step: T): T {
  if (step.save !== undefined) core.saved(step.save);
  return step;
}

const promised = (round: number, from: number): Answer => ({
  ...{ kind: "promised", ballot: ballot(round), from, accepted: undefined },
});
const accepted = (round: number, from: number): Answer => ({
  ...{ kind: "accepted", ballot: ballot(round), from },
});

/** A proposal for which `m3` has promised. */
function proposed(subject: FoundingCore): Step {
  done(subject, subject.propose());
  return done(subject, subject.answered("m3", promised(1, 30)));
}

Deno.test("propose() asks all others under a ballot of its own, which it has promised itself", () => {
  const subject = core();
  const { save, asks } = done(subject, subject.propose());
  assertEquals(save, { promised: ballot(1), accepted: undefined });
  const ask = { kind: "prepare", ballot: ballot(1) } as const;
  assertEquals(asks, [{ name: "m1", ask }, { name: "m3", ask }]);
  assertEquals(done(subject, subject.propose()).save?.promised, ballot(2));
});

Deno.test("answered() proposes this node once a majority has promised, and is done once it has accepted", () => {
  const subject = core();
  const { save, asks } = proposed(subject);
  assertEquals(save?.accepted, { ballot: ballot(1), choice: own });
  assertEquals(asks, [
    { name: "m3", ask: { kind: "accept", ballot: ballot(1), choice: own, to: 30 } },
  ]);
  assert(subject.mayBeChosen);
  const { outcome } = subject.answered("m3", accepted(1, 30));
  assertEquals(outcome, { kind: "chosen", choice: own });
});

Deno.test("answered() counts a node once, however often it answers, and no earlier ballot", () => {
  const subject = core(undefined, ["m1", "m3", "m4", "m5"]);
  done(subject, subject.propose());
  assertEquals(subject.answered("m3", promised(1, 30)).asks, []);
  assertEquals(subject.answered("m3", promised(1, 30)).asks, []);
  done(subject, subject.propose());
  assertEquals(subject.answered("m3", promised(1, 30)).asks, []);
  assertEquals(subject.answered("m1", promised(1, 10)).asks, []);
  assertEquals(subject.answered("m3", promised(2, 30)).asks, []);
  assertEquals(done(subject, subject.answered("m1", promised(2, 10))).asks.length, 2);
  assertEquals(subject.answered("m1", accepted(2, 10)).outcome, undefined);
  assertEquals(subject.answered("m1", accepted(2, 10)).outcome, undefined);
});

Deno.test("answered() does not count a node that was wiped between promise and acceptance", () => {
  const subject = core();
  proposed(subject);
  assertEquals(subject.answered("m3", accepted(1, 31)).outcome, undefined);
  assertEquals(subject.answered("m1", accepted(1, 10)).outcome, undefined);
  assertEquals(subject.answered("m3", accepted(1, 30)).outcome?.kind, "chosen");
});

Deno.test("asked() refuses what a wiped incarnation has promised", () => {
  const subject = core();
  const to = (to: number) =>
    subject.asked({ kind: "accept", ballot: ballot(1, 10), choice: foreign, to });
  assertEquals(to(21).answer.kind, "refused");
  assertEquals(to(21).save, undefined);
  assertEquals(to(20).answer.kind, "accepted");
});

Deno.test("asked() keeps a promise, and says the same when it is asked again", () => {
  const subject = core();
  const prepare = (round: number, proposer: number) =>
    done(subject, subject.asked({ kind: "prepare", ballot: ballot(round, proposer) }));
  assert(prepare(3, 10).save !== undefined);
  assertEquals([prepare(3, 10).save, prepare(3, 10).answer.kind], [undefined, "promised"]);
  for (const [round, proposer] of [[2, 30], [3, 9]] as const) {
    const { answer } = prepare(round, proposer);
    assertEquals(answer, {
      ...{ kind: "refused", ballot: ballot(round, proposer), promised: ballot(3, 10) },
    });
  }
  assertEquals(prepare(3, 30).answer.kind, "promised");
});

Deno.test("answered() goes above what stood in the way of a proposal", () => {
  const subject = core();
  done(subject, subject.propose());
  const refused = { kind: "refused", ballot: ballot(1), promised: ballot(40, 10) } as const;
  assertEquals(subject.answered("m3", refused).outcome, { kind: "preempted" });
  assertEquals(subject.propose().save?.promised, ballot(41));
});

Deno.test("remainingMs() gives the first by name its turn at once, and the others one grace after the other", () => {
  const turn = (rank: number) => new Turn({ rank, graceMs: 100, random: () => 0.5 });
  assertEquals([0, 1, 2].map((rank) => turn(rank).remainingMs(5, false)), [0, 100, 200]);
  assertEquals(turn(2).remainingMs(5, true), 0, "who may be chosen is awaited by all");
  const second = turn(1);
  second.remainingMs(5, false);
  assertEquals(second.remainingMs(85, false), 20);
  second.interrupted();
  assertEquals(second.remainingMs(85, false), 100, "a majority has to be there all the time");
  const first = turn(0);
  first.failed(10);
  assertEquals(first.remainingMs(20, false), 40);
});
