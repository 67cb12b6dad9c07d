import { assertEquals } from "@std/assert";
import {
  planAnnounce,
  planJoin,
  planPromote,
  planRemove,
} from "../../src/node/membership/plans.ts";
import type { Configuration, Member } from "../../src/raft/types.ts";

function member(id: number, voter = true, name = `node${id}`): Member {
  return { id, name, peerUrls: [`http://h:700${id}`], clientUrls: [`http://h:400${id}`], voter };
}

function cluster(...members: Member[]): Configuration {
  return { members, removed: [] };
}

const everybody = () => true;
const nobody = () => false;
const never = () => false;

Deno.test("planJoin() adds a newcomer as a learner", () => {
  const plan = planJoin(member(2), 9, everybody)(cluster(member(1)), false);
  assertEquals(plan, { kind: "propose", next: cluster(member(1), member(2, false)) });
});

Deno.test("planJoin() is done when the member is there already", () => {
  const plan = planJoin(member(2), 9, everybody)(cluster(member(1), member(2)), false);
  assertEquals(plan, { kind: "done" });
});

Deno.test("planJoin() puts a new incarnation in the place of a dead member of its name", () => {
  const reborn = { ...member(5, true, "node2"), peerUrls: ["http://h:7002"] };
  const plan = planJoin(reborn, 9, nobody)(cluster(member(1), member(2), member(3)), false);
  assertEquals(plan, {
    kind: "propose",
    next: { members: [member(1), member(3), { ...reborn, voter: false }], removed: [2] },
  });
});

Deno.test("planJoin() records a learner that asks again where it is now", () => {
  const moved = { ...member(2, false), peerUrls: ["http://other:7001"] };
  const plan = (known: Member, asking: Member) =>
    planJoin(asking, 9, everybody)(cluster(member(1), known), false);
  assertEquals(plan(member(2, false), moved), {
    kind: "propose",
    next: cluster(member(1), moved),
  });
  assertEquals(plan(member(2, false), { ...moved, peerUrls: ["http://h:7001"] }).kind, "refuse");
  // One that votes has the log and announces its addresses itself.
  assertEquals(plan(member(2), moved).kind, "done");
});

Deno.test("planJoin() refuses who was removed", () => {
  const current = { members: [member(1)], removed: [2] };
  assertEquals(planJoin(member(2, false), 9, everybody)(current, false).kind, "refuse");
});

Deno.test("planJoin() refuses a name that a living member has", () => {
  const plan = planJoin(member(5, true, "node2"), 9, everybody)(
    cluster(member(1), member(2)),
    false,
  );
  assertEquals(plan.kind, "refuse");
});

Deno.test("planJoin() refuses an address that another member has", () => {
  const twin = { ...member(5), peerUrls: ["http://h:7002"] };
  assertEquals(planJoin(twin, 9, nobody)(cluster(member(1), member(2)), false).kind, "refuse");
});

Deno.test("planJoin() refuses one member too many with its own reason", () => {
  const plan = planJoin(member(3), 2, everybody)(cluster(member(1), member(2)), false);
  assertEquals(plan.kind === "refuse" && plan.failure.reason, "full");
});

Deno.test("planRemove() remembers who was removed", () => {
  const before = cluster(member(1), member(2), member(3));
  assertEquals(planRemove("node2", everybody, never)(before, false), {
    kind: "propose",
    next: { members: [member(1), member(3)], removed: [2] },
  });
});

Deno.test("planRemove() refuses the last member and a member that the quorum needs", () => {
  assertEquals(planRemove("node1", everybody, never)(cluster(member(1)), false).kind, "refuse");
  const oneDead = (id: number) => id !== 3;
  const three = cluster(member(1), member(2), member(3));
  assertEquals(planRemove("node2", oneDead, never)(three, false).kind, "refuse");
  assertEquals(planRemove("node3", oneDead, never)(three, false).kind, "propose");
});

Deno.test("planRemove() waits for members to show that they live, while it is patient and they can suffice", () => {
  const alive = new Set([1]);
  let isPatient = true;
  const plan = planRemove("node3", (id) => alive.has(id), () => isPatient);
  const three = cluster(member(1), member(2), member(3));
  assertEquals(plan(three, false).kind, "wait");
  assertEquals(plan(cluster(member(3)), false).kind, "refuse");
  isPatient = false;
  assertEquals(plan(three, false).kind, "refuse");
  alive.add(2);
  assertEquals(plan(three, false).kind, "propose");
});

Deno.test("planRemove() refuses an unknown name, and is done once its entry was applied", () => {
  const plan = planRemove("node9", everybody, never);
  assertEquals(plan(cluster(member(1)), false).kind, "refuse");
  assertEquals(plan(cluster(member(1)), true).kind, "done");
});

Deno.test("planPromote() makes a learner a voter", () => {
  const plan = planPromote(2)(cluster(member(1), member(2, false)), false);
  assertEquals(plan, { kind: "propose", next: cluster(member(1), member(2)) });
});

Deno.test("planAnnounce() records new addresses and keeps identity and vote", () => {
  const moved = { ...member(2), clientUrls: ["http://h:5002"] };
  const plan = planAnnounce(moved, () => true);
  const next = cluster(member(1), moved);
  assertEquals(plan(cluster(member(1), member(2)), false), { kind: "propose", next });
  assertEquals(plan(next, false), { kind: "done" });
});

Deno.test("planAnnounce() records where gRPC is served, and that it no longer is elsewhere", () => {
  const served = { ...member(2), grpcUrls: ["http://h:2379"] };
  const [without, next] = [cluster(member(1), member(2)), cluster(member(1), served)];
  assertEquals(planAnnounce(served, () => true)(without, false), { kind: "propose", next });
  assertEquals(planAnnounce(served, () => true)(next, false), { kind: "done" });
  const back = planAnnounce(member(2), () => true)(next, false);
  assertEquals(back, { kind: "propose", next: without });
});

Deno.test("planAnnounce() leaves where gRPC is served when others tell where a member is", () => {
  const served = { ...member(2), grpcUrls: ["http://h:2379"] };
  const told = { ...member(2), peerUrls: ["http://new:7001"], clientUrls: [] };
  const next = cluster(member(1), { ...served, peerUrls: ["http://new:7001"] });
  const plan = planAnnounce(told, () => true)(cluster(member(1), served), false);
  assertEquals(plan, { kind: "propose", next });
});

Deno.test("planAnnounce() makes an entry of a founder's first configuration, changed or not", () => {
  const founder = cluster(member(1));
  assertEquals(planAnnounce(member(1), () => false)(founder, false).kind, "propose");
});
