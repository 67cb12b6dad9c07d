/**
 * A data directory was copied, and two processes take turns as one member: what one
 * acknowledged is not on the disk of the other.
 */
import { assertEquals } from "@std/assert";
import { Company, type Fellow } from "./company.ts";

/** Has everybody hear that the process `session` answers as `id`. */
function announce(company: Company, id: number, session: number): void {
  for (const { node } of company.fellows) if (node.self !== id) node.called(id, session);
}

/** A company whose follower is replaced by a process with an older disk. */
async function replaced() {
  const company = new Company(3);
  for (const { node } of company.fellows) announce(company, node.self, node.self);
  for (let i = 0; i < 5; i++) await company.set("/x", `${i}`);
  const leader = await company.leader();
  const original = company.fellows.find((fellow) => fellow !== leader)!;
  const id = original.node.self;
  company.replace(id);
  return { company, leader, original, id, copy: company.all.get(id)! };
}

function isEven(one: Fellow, other: Fellow): boolean {
  return one.core.appliedIndex === other.core.appliedIndex &&
    one.store.digest() === other.store.digest();
}

Deno.test("called() has the leader ask another process of a member for all that it has", async () => {
  const { company, leader, id, copy } = await replaced();
  announce(company, id, 77);
  await company.ticks(20);
  assertEquals(await company.leader(), leader);
  assertEquals(isEven(copy, leader), true);
  await company.stop();
});

Deno.test("called() does not take a repeated greeting for another process", async () => {
  const { company, leader, id } = await replaced();
  const match = () => leader.core.progress().find((peer) => peer.id === id)!.match;
  const before = match();
  announce(company, id, id);
  assertEquals(match(), before);
  announce(company, id, 77);
  assertEquals(match(), 0);
  await company.stop();
});

Deno.test("called() takes the original back after its copy has acknowledged more", async () => {
  const { company, leader, original, id } = await replaced();
  announce(company, id, 77);
  await company.ticks(20);
  for (let i = 0; i < 5; i++) await company.set("/y", `${i}`);
  company.all.set(id, original);
  announce(company, id, id);
  await company.ticks(20);
  assertEquals(isEven(original, leader), true);
  await company.stop();
});
