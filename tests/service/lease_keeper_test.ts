/** Who decides when leases end: the leader, by its own clock, and with full TTLs when it begins. */
import { assertEquals } from "@std/assert";
import { LeaseKeeper } from "../../src/service/lease_keeper.ts";
import { Service } from "../../src/service/service.ts";
import type { Barrier, Done } from "../../src/node/ports.ts";
import type { Result } from "../../src/store/result.ts";
import { NOBODY } from "../../src/store/command/command.ts";
import type { Command } from "../../src/store/command/command.ts";
import { Store } from "../../src/store/store.ts";
import { FakeNode, member } from "../api/fake_node.ts";
import { ManualClock, turns } from "../api/v3/harness.ts";

/** Keeps proposals back while a test wants it. */
class HoldingNode extends FakeNode {
  holds = false;
  /** What it keeps back is told to be late, and is committed at the release all the same. */
  isLate = false;
  #held: (() => void)[] = [];

  override propose(data: Uint8Array, done: Done<Result>): void {
    if (!this.holds) return super.propose(data, done);
    this.#held.push(() => super.propose(data, this.isLate ? () => {} : done));
    if (this.isLate) done({ ok: false, reason: "unknown", cause: "The test commits it later" });
  }

  /** Who waits for read rounds that take long; undefined when none does. */
  waitingReads: Done<Barrier>[] | undefined;

  override barrier(done: Done<Barrier>): void {
    if (this.waitingReads === undefined) super.barrier(done);
    else this.waitingReads.push(done);
  }

  confirmReads(): void {
    const waiting = this.waitingReads ?? [];
    this.waitingReads = undefined;
    for (const done of waiting) this.barrier(done);
  }

  release(): void {
    this.holds = false;
    for (const propose of this.#held.splice(0)) propose();
  }
}

class Keeping {
  readonly clock = new ManualClock();
  readonly store = new Store();
  readonly node = new HoldingNode(this.store);
  readonly service = new Service({ node: this.node, store: this.store });
  readonly keeper = new LeaseKeeper({
    service: this.service,
    store: this.store,
    clock: this.clock,
  });

  write(command: Command): Promise<unknown> {
    return new Promise((resolve) => this.service.write(command, false, resolve, NOBODY));
  }

  grant(id: bigint, ttlSeconds: number): Promise<unknown> {
    return this.write({ type: "leaseGrant", id, ttlSeconds });
  }

  renew(id: bigint): Promise<unknown> {
    return new Promise((resolve) =>
      this.keeper.renew(id, (outcome) => resolve(outcome.ok ? outcome.value : outcome.reason))
    );
  }

  remaining(id: bigint): Promise<unknown> {
    return new Promise((resolve) =>
      this.keeper.remaining(id, (outcome) => resolve(outcome.ok ? outcome.value : outcome.reason))
    );
  }

  /** Lets time pass as a node does, tick by tick. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100);
      this.keeper.tick();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  get ids(): readonly bigint[] {
    return [...this.store.leases()].map(({ id }) => id);
  }
}

Deno.test("a lease that nobody renews ends after its TTL, with its keys", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  const put = { type: "put", key: "a", value: "1", lease: 7n } as const;
  await keeping.write({ ...put, wantsPrevious: false, ignoreValue: false, ignoreLease: false });
  await keeping.pass(2_000);
  assertEquals([keeping.ids, keeping.store.stats().keys], [[7n], 1]);
  await keeping.pass(1_100);
  assertEquals([keeping.ids, keeping.store.stats().keys], [[], 0]);
});

Deno.test("renew() gives the whole TTL again, and 0 for a lease that is not there", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  for (let i = 0; i < 5; i++) {
    await keeping.pass(1_500);
    assertEquals(await keeping.renew(7n), 2);
    assertEquals(await keeping.remaining(7n), 2_000);
  }
  await keeping.pass(3_100);
  assertEquals(await keeping.renew(7n), 0);
  assertEquals(await keeping.remaining(7n), -1);
});

Deno.test("whoever begins to lead gives every lease its full TTL", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 10);
  await keeping.pass(9_000);
  keeping.node.leading = member(2);
  await keeping.pass(60_000);
  assertEquals(keeping.ids, [7n], "another member counts now");
  keeping.node.leading = member(1);
  keeping.node.currentTerm = 2;
  await keeping.pass(100);
  await keeping.pass(9_000);
  assertEquals(keeping.ids, [7n]);
  await keeping.pass(2_000);
  assertEquals(keeping.ids, []);
});

Deno.test("a lease whose end is under way is not renewed", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  await keeping.pass(2_000);
  keeping.node.holds = true;
  await keeping.pass(1_000);
  const renewed = keeping.renew(7n);
  await keeping.pass(1_000);
  keeping.node.release();
  assertEquals(await renewed, 0);
});

Deno.test("an end that could not be written is tried again, at the next look or renewal", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  await keeping.grant(8n, 2);
  await keeping.pass(1_900);
  keeping.node.failure = "diskFull";
  await keeping.pass(3_000);
  assertEquals(keeping.ids, [7n, 8n]);
  keeping.node.failure = undefined;
  assertEquals(await keeping.renew(7n), 0);
  assertEquals(keeping.ids, [8n]);
  await keeping.pass(600);
  assertEquals(keeping.ids, []);
});

Deno.test("a renewal that comes too late ends the lease, though nobody has looked since", async () => {
  for (const [afterMs, told] of [[1_999, 2], [2_000, 0], [2_050, 0]] as const) {
    const keeping = new Keeping();
    keeping.keeper.tick();
    await keeping.grant(7n, 2);
    keeping.clock.advance(afterMs);
    assertEquals(await keeping.renew(7n), told, `${afterMs} ms after the grant`);
    assertEquals(keeping.ids.length, told === 0 ? 0 : 1);
  }
});

Deno.test("a renewal that comes too late is told what hinders the end of its lease", async () => {
  const cases = [
    { late: true, told: "unknown" },
    { late: false, told: 0 },
  ];
  for (const { late, told } of cases) {
    const keeping = new Keeping();
    await keeping.grant(7n, 2);
    keeping.clock.advance(2_050);
    keeping.node.holds = true;
    keeping.node.isLate = late;
    const [first, second] = [keeping.renew(7n), keeping.renew(7n)];
    await turns();
    assertEquals(keeping.ids, [7n]);
    keeping.node.release();
    assertEquals([await first, await second], [told, told]);
    assertEquals(keeping.ids, []);
  }
});

/** A renewal 50 ms before its lease has run out, whose read round takes long. */
async function renewalUnderWay() {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  keeping.clock.advance(1_950);
  keeping.node.waitingReads = [];
  const renewed = keeping.renew(7n);
  await turns();
  return { keeping, renewed };
}

Deno.test("a renewal that came in time is not late because its read round took long", async () => {
  const { keeping, renewed } = await renewalUnderWay();
  keeping.clock.advance(200);
  keeping.node.confirmReads();
  assertEquals(await renewed, 2);
  assertEquals(await keeping.remaining(7n), 2_000);
});

Deno.test("a renewal that came in time gives no life to a lease whose end may be committed meanwhile", async () => {
  const { keeping, renewed } = await renewalUnderWay();
  keeping.node.holds = keeping.node.isLate = true;
  await keeping.pass(1_000);
  keeping.node.confirmReads();
  assertEquals(await renewed, "unknown");
  keeping.node.release();
  await keeping.pass(100);
  assertEquals(keeping.ids, []);
});

Deno.test("a renewal that comes too late for this leader is judged by the next one", async () => {
  const leader = new Keeping();
  await leader.grant(7n, 5);
  const former = new Keeping();
  await former.grant(7n, 2);
  former.clock.advance(2_050);
  former.node.holds = true;
  const renewed = former.renew(7n);
  await turns();
  former.node.follow(leader.node, (request, done) => leader.service.handleForwarded(request, done));
  former.node.release();
  assertEquals(await renewed, 5);
});

Deno.test("a lease whose end may still be committed is not renewed in this term", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  await keeping.pass(2_000);
  keeping.node.holds = keeping.node.isLate = true;
  await keeping.pass(1_000);
  assertEquals(await keeping.renew(7n), "unknown");
  keeping.node.release();
  await keeping.pass(100);
  assertEquals(keeping.ids, []);
  assertEquals(await keeping.renew(7n), 0);
});

Deno.test("a lease whose end was not committed in an earlier term is renewed, and ends again", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  await keeping.pass(2_000);
  keeping.node.holds = keeping.node.isLate = true;
  await keeping.pass(1_000);
  keeping.node.holds = false;
  keeping.node.currentTerm = 2;
  assertEquals(await keeping.renew(7n), 2);
  await keeping.pass(3_000);
  assertEquals(keeping.ids, []);
});

Deno.test("an id that was granted again has the new grant's time", async () => {
  const keeping = new Keeping();
  await keeping.grant(7n, 2);
  await keeping.pass(1_500);
  await keeping.write({ type: "leaseRevoke", id: 7n, grantIndex: 0 });
  await keeping.grant(7n, 5);
  assertEquals(await keeping.remaining(7n), 5_000);
  await keeping.pass(4_500);
  assertEquals(keeping.ids, [7n]);
});

Deno.test("another member asks the leader", async () => {
  const leader = new Keeping();
  await leader.grant(7n, 5);
  const follower = new Keeping();
  follower.node.follow(
    leader.node,
    (request, done) => leader.service.handleForwarded(request, done),
  );
  assertEquals(await follower.renew(7n), 5);
  await leader.pass(1_000);
  assertEquals(await follower.remaining(7n), 4_000);
  assertEquals(await follower.renew(-8n), 0);
  assertEquals(await follower.remaining(-8n), -1);
  follower.node.leading = undefined;
  assertEquals(await follower.renew(7n), "noLeader");
});

Deno.test("a renewal under way when another begins to lead is the other's", async () => {
  const leader = new Keeping();
  await leader.grant(7n, 5);
  const former = new Keeping();
  await former.grant(7n, 9);
  const renewed = former.renew(7n);
  former.node.follow(leader.node, (request, done) => leader.service.handleForwarded(request, done));
  assertEquals(await renewed, 5);
});

Deno.test("list() begins with the lease that ends first", async () => {
  const keeping = new Keeping();
  await keeping.grant(1n, 30);
  await keeping.grant(2n, 10);
  await keeping.grant(3n, 20);
  assertEquals(keeping.keeper.list().map(({ id }) => id), [2n, 3n, 1n]);
  await keeping.pass(5_000);
  await keeping.renew(2n);
  await keeping.renew(3n);
  assertEquals(keeping.keeper.list().map(({ id }) => id), [2n, 3n, 1n]);
  await keeping.pass(9_000);
  await keeping.renew(2n);
  assertEquals(keeping.keeper.list().map(({ id }) => id), [2n, 3n, 1n]);
  await keeping.pass(3_000);
  await keeping.renew(2n);
  assertEquals(keeping.keeper.list().map(({ id }) => id), [3n, 2n, 1n]);
});
