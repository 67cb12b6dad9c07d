/** What the leader lets go of by itself, by each way of saying it. */
import { assertEquals } from "@std/assert";
import { Compactor, type Retention } from "../../src/service/compactor.ts";
import { Service } from "../../src/service/service.ts";
import { Store } from "../../src/store/store.ts";
import { FakeNode, member } from "../api/fake_node.ts";
import { rootChanges, SECRET } from "../store/auth/setting.ts";

class Compacting {
  readonly store = new Store();
  readonly node = new FakeNode(this.store);
  readonly service = new Service({ node: this.node, store: this.store });
  readonly #compactor: Compactor;

  constructor(retention: Retention, eventsMin = 0) {
    this.#compactor = new Compactor(this.service, { retention, eventsMin, lookTicks: 10 });
  }

  /** Puts so many revisions. */
  async put(count: number): Promise<void> {
    const flags = { wantsPrevious: false, ignoreValue: false, ignoreLease: false };
    for (let i = 0; i < count; i++) {
      const put = { type: "put", key: "a", value: "1", lease: 0n, ...flags } as const;
      await new Promise((resolve) => this.service.write(put, false, resolve));
    }
  }

  /** Lets ticks pass; the lowest revision that can be read then. */
  async pass(ticks: number): Promise<number> {
    for (let i = 0; i < ticks; i++) this.#compactor.tick();
    await new Promise((resolve) => setTimeout(resolve, 0));
    return this.store.compactedRevision;
  }
}

Deno.test("periodic: what was there for as long as that goes, and nothing younger", async () => {
  const compacting = new Compacting({ kind: "periodic", ageTicks: 100 });
  await compacting.put(5);
  assertEquals(await compacting.pass(10), 0);
  await compacting.put(5);
  assertEquals(await compacting.pass(90), 0);
  assertEquals(await compacting.pass(10), 6);
  assertEquals(await compacting.pass(10), 11);
  await compacting.put(1);
  assertEquals(await compacting.pass(90), 11);
});

Deno.test("revision: the newest so many stay", async () => {
  const compacting = new Compacting({ kind: "revision", count: 3, everyTicks: 50 });
  await compacting.put(9);
  assertEquals(await compacting.pass(49), 0);
  assertEquals(await compacting.pass(1), 7);
  assertEquals(await compacting.pass(50), 7);
  await compacting.put(1);
  assertEquals(await compacting.pass(50), 8);
});

Deno.test("periodic and revision compact while authentication is on, too", async () => {
  for (
    const retention of [
      { kind: "periodic", ageTicks: 10 },
      { kind: "revision", count: 3, everyTicks: 10 },
    ] as const
  ) {
    const compacting = new Compacting(retention);
    await compacting.put(9);
    for (const change of [...rootChanges(), { type: "authEnable", secret: SECRET } as const]) {
      const command = { type: "auth", changes: [change], ifRevision: 0 } as const;
      await new Promise((resolve) => compacting.service.write(command, false, resolve));
    }
    assertEquals(compacting.service.auth.isOn, true);
    assertEquals(await compacting.pass(30), retention.kind === "periodic" ? 10 : 7);
  }
});

Deno.test("all: nothing goes", async () => {
  const compacting = new Compacting({ kind: "all" });
  await compacting.put(50);
  assertEquals(await compacting.pass(1_000), 0);
});

Deno.test("only the leader compacts", async () => {
  const compacting = new Compacting({ kind: "revision", count: 3, everyTicks: 1 });
  await compacting.put(9);
  compacting.node.leading = member(2);
  assertEquals(await compacting.pass(10), 0);
  compacting.node.leading = member(1);
  assertEquals(await compacting.pass(1), 7);
});

Deno.test("the newest events stay for v1 and v2, whatever is compacted", async () => {
  const compacting = new Compacting({ kind: "revision", count: 0, everyTicks: 1 }, 4);
  await compacting.put(9);
  assertEquals(await compacting.pass(1), 10);
  assertEquals(compacting.store.stats().historyEvents, 4);
});

Deno.test("a compaction that failed is tried again", async () => {
  const compacting = new Compacting({ kind: "revision", count: 3, everyTicks: 1 });
  await compacting.put(9);
  compacting.node.failure = "diskFull";
  assertEquals(await compacting.pass(3), 0);
  compacting.node.failure = undefined;
  assertEquals(await compacting.pass(1), 7);
});
