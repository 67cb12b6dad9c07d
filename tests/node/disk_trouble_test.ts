/**
 * What a cluster does when the disk of its leader is full or hangs: it goes on
 * elsewhere if the others can, and else stays readable as it is. A member whose disk fails ends.
 */
import { assert, assertEquals } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { encodeFrame } from "../../src/node/calls/peer_message.ts";
import { encodeMessage } from "../../src/raft/codec.ts";
import { Company, ELECTION_TICKS, type Fellow, setting } from "./company.ts";

const full = () => Promise.reject(new DiskFullError("No space"));
const hung = () => new Promise<void>(() => {});

/** A cluster that holds a value, whose leader is asked for another one while its disk does `save`. */
async function troubled(size: number, save: () => Promise<void>, others = 0) {
  const company = new Company(size);
  assert((await company.set("/a", "1")).ok);
  const leader = await company.leader();
  const rest = company.fellows.filter((each) => each !== leader);
  for (const fellow of [leader, ...rest.slice(0, others)]) fellow.save = save;
  leader.node.propose(setting("/a", "2"), () => {});
  await company.ticks(20 * ELECTION_TICKS);
  return { company, leader, rest };
}

/** What a linearizable read comes to, within a request's time. */
async function read({ node }: Fellow, company: Company): Promise<string> {
  let told = "nothing";
  node.barrier((outcome) => told = outcome.ok ? "ok" : outcome.reason);
  await company.ticks(60);
  return told;
}

for (const [trouble, save] of [["is full", full], ["hangs", hung]] as const) {
  Deno.test(`a leader whose disk ${trouble} lets another one lead`, async () => {
    const { company, leader, rest } = await troubled(3, save);
    assertEquals(leader.node.isLeader(), false);
    assert((await company.set("/b", "1")).ok);
    for (const fellow of rest) assertEquals(await read(fellow, company), "ok");
    for (const fellow of rest) await fellow.node.stop();
  });
}

Deno.test("a leader whose disk is full leads on, and reads go on, when the others are no quorum without it", async () => {
  for (const [size, others] of [[2, 0], [3, 1]] as const) {
    const { company, leader } = await troubled(size, full, others);
    assert(leader.node.isLeader());
    for (const fellow of company.fellows) assertEquals(await read(fellow, company), "ok");
    await company.stop();
  }
});

Deno.test("a leader whose disk hangs leads on when another one hangs, too", async () => {
  const { company, leader } = await troubled(3, hung, 1);
  assert(leader.node.isLeader());
  assertEquals(await read(leader, company), "ok");
});

for (
  const [trouble, save, reason] of [["is full", full, "diskFull"], [
    "hangs",
    hung,
    "overloaded",
  ]] as const
) {
  Deno.test(`a member whose disk ${trouble} says at once that it can't wait for an entry`, async () => {
    const { company, leader } = await troubled(3, save);
    const refusal = leader.node.awaitRefusal();
    assertEquals(refusal?.ok === false && refusal.reason, reason);
    leader.save = () => Promise.resolve();
    for (const fellow of company.fellows) {
      if (fellow !== leader) assertEquals(fellow.node.awaitRefusal(), undefined);
    }
  });
}

Deno.test("a member whose disk fails under a snapshot from the leader ends, and blames no stream for it", async () => {
  const company = new Company(3);
  assert((await company.set("/a", "1")).ok);
  const leader = await company.leader();
  const fellow = company.fellows.find((each) => each !== leader)!;
  const fatal: unknown[] = [];
  fellow.onFatal = (error) => fatal.push(error);
  const [from, to] = [leader.node.self, fellow.node.self];
  const { term, configuration } = leader.core;
  const snapshot = { index: 100, term, configuration };
  const message = encodeMessage({ type: "snapshot", from, to, term, snapshot });
  const data = new Uint8Array(10);
  const chunk = { type: "snapshotChunk", message, offset: 0, size: 100, data } as const;
  // Its directory takes no snapshot: what is not a full disk is a failed one.
  fellow.node.receive(from, encodeFrame(chunk));
  assertEquals(fatal.length, 1);
  assertEquals(await read(fellow, company), "stopping");
  await company.stop();
});

Deno.test("a leader whose disk fails while it hands over has handed over", async () => {
  const company = new Company(3);
  const leader = await company.leader();
  await company.ticks(ELECTION_TICKS);
  leader.save = () => Promise.reject(new Error("I/O error"));
  leader.onFatal = () => {};
  let isOver = false;
  leader.node.handOver().then(() => isOver = true);
  assertEquals(isOver, false);
  await company.ticks(4);
  assert(isOver);
  await company.stop();
});
