import { assertEquals } from "@std/assert";
import { NO_LEADER, NOT_CONFIRMED, STOPPING } from "../../src/node/failures.ts";
import { FollowerReads } from "../../src/node/reads/follower_reads.ts";
import { encodeConfirmation } from "../../src/node/calls/peer_message.ts";
import type { Barrier, Done, Outcome } from "../../src/node/ports.ts";
import { Waiters } from "../../src/node/waiters.ts";

/** A follower at index 5; `calls` are those to its leader. */
function follower() {
  const calls: { deadlineTick: number; done: Done<Uint8Array> }[] = [];
  const heard: string[] = [];
  const node = { appliedIndex: 5 };
  const waiters = new Waiters<Barrier>({ max: 3, late: NOT_CONFIRMED });
  const reads = new FollowerReads({
    waiters,
    call: (deadlineTick, done) => calls.push({ deadlineTick, done }),
    appliedIndex: () => node.appliedIndex,
    schedule: () => reads.run(),
  });
  const add = (name: string, deadlineTick: number) => {
    const done = (outcome: Outcome<Barrier>) => {
      heard.push(`${name} ${outcome.ok ? `at ${outcome.value.nowMs}` : outcome.reason}`);
    };
    const id = waiters.add({ done, deadlineTick });
    if (id > 0) reads.add(id);
  };
  const confirm = (index: number, nowMs: number) =>
    calls.at(-1)!.done({ ok: true, value: encodeConfirmation(index, nowMs) });
  return { reads, waiters, node, calls, heard, add, confirm };
}

Deno.test("FollowerReads.add() shares the next call when one is under way", () => {
  const { calls, heard, add, confirm } = follower();
  add("a", 10);
  add("b", 11);
  add("c", 12);
  assertEquals(calls.length, 1);
  confirm(5, 70);
  assertEquals(heard, ["a at 70"]);
  assertEquals(calls.length, 2);
  confirm(5, 80);
  assertEquals(heard, ["a at 70", "b at 80", "c at 80"]);
  assertEquals(calls.length, 2);
});

Deno.test("FollowerReads.run() releases a read when its index has been applied", () => {
  const { reads, node, heard, add, confirm } = follower();
  add("a", 10);
  confirm(7, 70);
  assertEquals(heard, []);
  node.appliedIndex = 7;
  reads.run();
  assertEquals(heard, ["a at 70"]);
});

Deno.test("Waiters.expire() ends each read of a follower at its own deadline, wherever it waits", () => {
  const { waiters, calls, heard, add, confirm } = follower();
  add("applying", 10);
  confirm(7, 70);
  add("called", 20);
  add("next", 30);
  assertEquals(calls.map(({ deadlineTick }) => deadlineTick), [10, 20]);
  waiters.expire(9);
  assertEquals(heard, []);
  waiters.expire(10);
  assertEquals(heard, ["applying noLeader"]);
  calls.at(-1)!.done(NO_LEADER);
  assertEquals(heard.slice(1), ["called noLeader"]);
  assertEquals(calls.at(-1)?.deadlineTick, 30, "the next call inherits the deadline of its reads");
  waiters.expire(30);
  assertEquals(heard.slice(2), ["next noLeader"]);
});

Deno.test("FollowerReads.add() refuses what is too much, for whatever the others wait", () => {
  const { node, reads, heard, add, confirm } = follower();
  add("applying", 10);
  confirm(7, 70);
  for (const name of ["called", "next", "late"]) add(name, 10);
  assertEquals(heard, ["late overloaded"]);
  node.appliedIndex = 7;
  reads.run();
  add("after all", 10);
  assertEquals(heard.slice(1), ["applying at 70"]);
});

Deno.test("FollowerReads.add() ends a read when the leader's answer can't be read", () => {
  const { calls, heard, add, confirm } = follower();
  add("a", 10);
  add("b", 11);
  calls.at(-1)!.done({ ok: true, value: new Uint8Array(3) });
  assertEquals(heard, ["a noLeader"]);
  confirm(5, 80);
  assertEquals(heard.slice(1), ["b at 80"]);
  for (const name of ["c", "d", "e"]) add(name, 20);
  assertEquals(heard.slice(2), [], "its room is free again");
});

Deno.test("Waiters.close() ends all reads of a follower and starts nothing", () => {
  const { waiters, calls, heard, add, confirm } = follower();
  add("applying", 10);
  confirm(7, 70);
  add("called", 20);
  add("next", 30);
  waiters.close(STOPPING);
  calls.at(-1)!.done(STOPPING);
  assertEquals(heard.toSorted(), ["applying stopping", "called stopping", "next stopping"]);
  assertEquals(calls.length, 2);
});
