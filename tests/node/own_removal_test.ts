/** A member that is asked to remove itself, which it has the leader do. */
import { assertEquals } from "@std/assert";
import { Company, ELECTION_TICKS } from "./company.ts";

Deno.test("a member that is asked to remove itself says what became of it before it leaves", async () => {
  const company = new Company(3);
  const leader = await company.leader();
  await company.ticks(ELECTION_TICKS);
  const { node } = company.fellows.find((fellow) => fellow !== leader)!;
  const told: string[] = [];
  const leave = async () => {
    await node.handOver();
    told.push("left");
    await node.stop();
  };
  let leaving: Promise<void> | undefined;
  company.all.get(node.self)!.onRemoved = () => void (leaving ??= leave());
  node.changeMembers({ kind: "remove", id: node.self }, (outcome) => {
    told.push(outcome.ok ? "removed" : outcome.cause);
  });
  await company.ticks(3 * ELECTION_TICKS);
  await leaving;
  assertEquals(told, ["removed", "left"]);
  await company.stop();
});
