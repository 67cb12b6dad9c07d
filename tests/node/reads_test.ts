/** Reads on the leader, most over a core whose rounds are confirmed when a test says so. */
import { assertEquals } from "@std/assert";
import { NOT_CONFIRMED, STOPPING } from "../../src/node/failures.ts";
import type { Barrier, Outcome } from "../../src/node/ports.ts";
import { Reads } from "../../src/node/reads/reads.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { ConfirmedRead } from "../../src/raft/types.ts";
import { Waiters } from "../../src/node/waiters.ts";
import { Company } from "./company.ts";

/** A leader at index 5, with reads that were asked in a turn each. */
function leader() {
  const core = {
    appliedIndex: 5,
    confirmed: [] as ConfirmedRead[],
    readIndex: () => true,
    takeReads: () => core.confirmed.splice(0),
    dropped: [] as number[],
    takeDroppedReads: () => core.dropped.splice(0),
  };
  const expiry = { judge: (nowMs: number) => nowMs, judgeNow: () => undefined };
  const heard: string[] = [];
  const rerouted: number[] = [];
  const waiters = new Waiters<Barrier>({ max: 3, late: NOT_CONFIRMED });
  const reads = new Reads({
    core: core as Partial<RaftCore> as RaftCore,
    waiters,
    nowMs: () => 70,
    expiry,
    reroute: (id) => rerouted.push(id),
  });
  /** One that does `then` when it has ended. */
  const add = (name: string, then = () => {}) => {
    const done = (outcome: Outcome<Barrier>) => {
      heard.push(`${name} ${outcome.ok ? `at ${outcome.value.nowMs}` : outcome.reason}`);
      then();
    };
    reads.add(waiters.add({ done, deadlineTick: 10 }));
    reads.start();
  };
  /** The first `count` rounds, at `index`. */
  const confirm = (count: number, index: number) => {
    for (let token = 1; token <= count; token++) core.confirmed.push({ token, index });
    reads.release();
  };
  return { reads, waiters, rerouted, core, heard, add, confirm };
}

Deno.test("Reads.release() answers what has been applied", () => {
  const { core, reads, heard, add, confirm } = leader();
  add("a");
  confirm(1, 6);
  assertEquals(heard, []);
  core.appliedIndex = 6;
  reads.release();
  assertEquals(heard, ["a at 70"]);
});

Deno.test("Reads.release() ends each read once when the callback of one ends the node", () => {
  const { waiters, heard, add, confirm } = leader();
  add("a", () => waiters.close(STOPPING));
  add("b");
  confirm(2, 5);
  waiters.close(STOPPING);
  assertEquals(heard, ["a at 70", "b stopping"]);
});

Deno.test("Waiters.expire() ends each read once when the callback of one ends the node", () => {
  const { waiters, heard, add, confirm } = leader();
  add("a", () => waiters.close(STOPPING));
  add("b");
  confirm(2, 6);
  waiters.expire(10);
  waiters.close(STOPPING);
  assertEquals(heard, ["a noLeader", "b stopping"]);
});

Deno.test("Reads.release() hands on reads whose round was lost, which wait as long as before", () => {
  const { reads, waiters, core, heard, rerouted, add } = leader();
  add("a");
  core.dropped = [1];
  reads.release();
  assertEquals(rerouted.map((id) => waiters.get(id)?.deadlineTick), [10]);
  waiters.expire(10);
  assertEquals(heard, ["a noLeader"]);
});

Deno.test("Node.barrier() ends in time when its leader loses the lead meanwhile", async () => {
  const company = new Company(3);
  const { node } = await company.leader();
  company.reaches = (from, to) => from !== node.self && to !== node.self;
  const heard: string[] = [];
  node.barrier((outcome) => heard.push(outcome.ok ? "ok" : outcome.reason));
  await company.ticks(49);
  assertEquals([node.isLeader(), heard], [false, []]);
  await company.ticks(2);
  assertEquals(heard, ["noLeader"]);
  await company.stop();
});
