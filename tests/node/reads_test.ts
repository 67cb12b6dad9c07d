/** Reads on the leader, over a core whose rounds are confirmed when a test says so. */
import { assertEquals } from "@std/assert";
import { STOPPING } from "../../src/node/failures.ts";
import { Reads } from "../../src/node/reads/reads.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { ConfirmedRead } from "../../src/raft/types.ts";

/** A leader at index 5, with reads that were asked in a turn each. */
function leader() {
  const core = {
    appliedIndex: 5,
    confirmed: [] as ConfirmedRead[],
    readIndex: () => true,
    takeReads: () => core.confirmed.splice(0),
    takeDroppedReads: () => [],
  };
  const expiry = { judge: (nowMs: number) => nowMs, judgeNow: () => undefined };
  const heard: string[] = [];
  const reads = new Reads({
    core: core as Partial<RaftCore> as RaftCore,
    waitingMax: 2,
    nowMs: () => 70,
    expiry,
    reroute: () => {},
  });
  /** One that does `then` when it has ended. */
  const add = (name: string, then = () => {}) => {
    reads.add((outcome) => {
      heard.push(`${name} ${outcome.ok ? `at ${outcome.value.nowMs}` : outcome.reason}`);
      then();
    }, 10);
    reads.start();
  };
  /** The first `count` rounds, at `index`. */
  const confirm = (count: number, index: number) => {
    for (let token = 1; token <= count; token++) core.confirmed.push({ token, index });
    reads.release();
  };
  return { reads, core, heard, add, confirm };
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
  const { reads, heard, add, confirm } = leader();
  add("a", () => reads.close(STOPPING));
  add("b");
  confirm(2, 5);
  reads.close(STOPPING);
  assertEquals(heard, ["a at 70", "b stopping"]);
});

Deno.test("Reads.expire() ends each read once when the callback of one ends the node", () => {
  const { reads, heard, add, confirm } = leader();
  add("a", () => reads.close(STOPPING));
  add("b");
  confirm(2, 6);
  reads.expire(10);
  reads.close(STOPPING);
  assertEquals(heard, ["a noLeader", "b stopping"]);
});
