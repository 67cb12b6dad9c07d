import { assertEquals } from "@std/assert";
import { NodeCounters } from "../../src/node/counters.ts";
import type { Outcome } from "../../src/node/ports.ts";
import { Proposals } from "../../src/node/calls/proposals.ts";

/** A waiter that remembers what it was told. */
function listener(): { heard: Outcome<string>[]; done: (outcome: Outcome<string>) => void } {
  const heard: Outcome<string>[] = [];
  return { heard, done: (outcome) => heard.push(outcome) };
}

function reasons(heard: readonly Outcome<string>[]): string[] {
  return heard.map((outcome) => outcome.ok ? outcome.value : outcome.reason);
}

Deno.test("Proposals.applied() answers the proposer when its own entry is applied", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const { heard, done } = listener();
  proposals.add(7, 2, 100, done);
  proposals.applied(7, 2, "result");
  proposals.applied(7, 2, "again");
  assertEquals(reasons(heard), ["result"]);
  assertEquals(proposals.size, 0);
});

Deno.test("Proposals.applied() says superseded when another term's entry took the index", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const { heard, done } = listener();
  proposals.add(7, 2, 100, done);
  proposals.applied(7, 3, "somebody else's");
  assertEquals(reasons(heard), ["superseded"]);
});

Deno.test("Proposals.appliedOther() says superseded when a no-op took the index", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const { heard, done } = listener();
  proposals.add(7, 2, 100, done);
  proposals.appliedOther(7);
  assertEquals(reasons(heard), ["superseded"]);
});

Deno.test("Proposals.add() does not know what becomes of the one before when a later term reuses its index", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const [first, second] = [listener(), listener()];
  proposals.add(7, 2, 100, first.done);
  proposals.add(7, 4, 200, second.done);
  // Of five members one may have the first entry, lead in term 5, and commit it.
  assertEquals(reasons(first.heard), ["unknown"]);
  proposals.expire(150);
  proposals.applied(7, 4, "second");
  assertEquals(reasons(second.heard), ["second"]);
});

Deno.test("Proposals.add() leaves the waiter of a later term alone when the word of an earlier one comes late", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const [first, second] = [listener(), listener()];
  proposals.add(7, 4, 200, second.done);
  proposals.add(7, 2, 100, first.done);
  assertEquals(reasons(first.heard), ["unknown"]);
  proposals.applied(7, 4, "second");
  assertEquals(reasons(second.heard), ["second"]);
  assertEquals(proposals.size, 0);
});

Deno.test("Proposals.hasThrough() tells whether entries of a term, or of one before, are awaited", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  proposals.add(7, 2, 100, () => {});
  proposals.add(8, 4, 100, () => {});
  assertEquals([1, 2, 3].map((term) => proposals.hasThrough(term)), [false, true, true]);
  proposals.applied(7, 2, "result");
  assertEquals([3, 4].map((term) => proposals.hasThrough(term)), [false, true]);
});

Deno.test("Proposals.expire() says unknown only to those whose time is over", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const [first, second] = [listener(), listener()];
  proposals.add(7, 2, 100, first.done);
  proposals.add(8, 2, 101, second.done);
  proposals.expire(100);
  assertEquals([reasons(first.heard), reasons(second.heard)], [["unknown"], []]);
});

Deno.test("Proposals.skippedTo() says unknown when a snapshot jumped over the entry", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const [first, second] = [listener(), listener()];
  proposals.add(7, 2, 100, first.done);
  proposals.add(9, 2, 101, second.done);
  proposals.skippedTo(8);
  assertEquals([reasons(first.heard), reasons(second.heard)], [["unknown"], []]);
});

Deno.test("Proposals.add() keeps apart indexes that are far from each other", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const indexes = [2 ** 40, 2 ** 40 + 256, 2 ** 40 + 512, 2 ** 40 + 1024];
  const heard = indexes.map((index) => {
    const { heard, done } = listener();
    proposals.add(index, 2, 100, done);
    return heard;
  });
  for (const index of indexes) proposals.applied(index, 2, `entry ${index}`);
  assertEquals(heard.map(reasons), indexes.map((index) => [`entry ${index}`]));
});

Deno.test("Proposals.add() puts the waiter in its place when the callback of the one before adds another one", () => {
  const proposals = new Proposals<string>(new NodeCounters());
  const [last, next] = [listener(), listener()];
  proposals.add(8, 2, 100, () => {});
  // A ring apart from the first, which makes it grow.
  proposals.add(263, 2, 100, () => proposals.add(264, 4, 100, next.done));
  proposals.add(263, 4, 100, last.done);
  proposals.applied(263, 4, "last");
  proposals.applied(264, 4, "next");
  assertEquals([last, next].map(({ heard }) => reasons(heard)), [["last"], ["next"]]);
});
