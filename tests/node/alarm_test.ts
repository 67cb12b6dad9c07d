/**
 * The divergence alarm in clusters of real nodes in this process. The test corrupts
 * a store as a fault of the memory would: behind the back of the log.
 */
import { assert, assertEquals } from "@std/assert";
import type { Failure, Outcome } from "../../src/node/ports.ts";
import { Company, COMPARISON_TICKS, ELECTION_TICKS, type Fellow } from "./company.ts";

/** What a linearizable read at `fellow` comes to. */
async function read({ node }: Fellow, company: Company): Promise<string> {
  const outcome = Promise.withResolvers<Outcome<unknown>>();
  node.barrier(outcome.resolve);
  await company.ticks(4);
  const { ok, ...rest } = await outcome.promise;
  return ok ? "ok" : (rest as Failure).reason;
}

Deno.test("a cluster whose states are alike raises no alarm", async () => {
  const company = new Company(3);
  for (let i = 0; i < 20; i++) {
    assert((await company.set(`/key${i}`, "x")).ok);
    await company.ticks(10);
  }
  assert(company.fellows.every(({ errors, diverged }) => errors.length + diverged.length === 0));
  assertEquals(new Set(company.fellows.map(({ store }) => store.digest())).size, 1);
  await company.stop();
});

for (const role of ["follower", "leader"] as const) {
  Deno.test(`a ${role} whose state differs from a majority serves nobody any longer, and the others go on`, async () => {
    const company = new Company(3);
    assert((await company.set("/a", "1")).ok);
    const leader = await company.leader();
    const odd = role === "leader" ? leader : company.fellows.find((each) => each !== leader)!;
    odd.turns = true;
    await company.set("/a", "2");
    odd.turns = false;
    await company.ticks(COMPARISON_TICKS + 4 * ELECTION_TICKS);
    const [failure] = odd.diverged;
    assert(failure?.cause.includes("that of a majority"));
    assertEquals(odd.diverged.length, 1);
    assertEquals(await read(odd, company), "diverged");
    const others = company.fellows.filter((each) => each !== odd);
    assert(others.every(({ diverged }) => diverged.length === 0));
    assert(others.some(({ errors }) => errors.some((text) => text.includes("not that of"))));
    assert((await company.set("/a", "3")).ok);
    for (const other of others) assertEquals(await read(other, company), "ok");
    await company.stop();
  });
}

Deno.test("members of which no majority agrees say so again and again, and all go on", async () => {
  const company = new Company(2);
  assert((await company.set("/a", "1")).ok);
  company.fellows[1]!.turns = true;
  assert((await company.set("/a", "2")).ok);
  company.fellows[1]!.turns = false;
  await company.ticks(3 * COMPARISON_TICKS);
  for (const fellow of company.fellows) {
    assert(fellow.errors.length >= 2, `${fellow.errors.length} errors`);
    assert(fellow.node.status().alarm?.includes("no majority agrees"));
    assertEquals(fellow.diverged, []);
    assertEquals(await read(fellow, company), "ok");
  }
  await company.stop();
});
