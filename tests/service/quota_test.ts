/** What happens when the data comes up to its quota. */
import { assertEquals } from "@std/assert";
import { QuotaKeeper } from "../../src/service/quota.ts";
import { Service } from "../../src/service/service.ts";
import { Store } from "../../src/store/store.ts";
import { narrowId, wideId } from "../../src/base/ids.ts";
import { type Command, NOBODY, type Requester } from "../../src/store/command/command.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { rootChanges, SECRET, userWithRole } from "../store/auth/setting.ts";
import { FakeNode, START_MS } from "../api/fake_node.ts";

const KIB = 1024;

function putOf(key: string, bytes: number) {
  const flags = { wantsPrevious: false, ignoreValue: false, ignoreLease: false };
  return { type: "put", key, value: "v".repeat(bytes), lease: 0n, ...flags } as const;
}

class Kept {
  readonly store = new Store();
  readonly node = new FakeNode(this.store);
  /** Of the member whose quota it is. */
  service = new Service({ node: this.node, store: this.store });
  /** The same node as another member knows it, which passes requests on to it. */
  readonly follower = new FakeNode(this.store);
  readonly #keeper: QuotaKeeper;

  constructor(quotaBytes: number, of: "leader" | "follower" = "leader") {
    const { service: leader } = this;
    if (of === "follower") {
      this.follower.follow(this.node, (request, done) => leader.handleForwarded(request, done));
      this.service = new Service({ node: this.follower, store: this.store });
    }
    this.#keeper = new QuotaKeeper(this.service, { quotaBytes, eventsMin: 0, lookTicks: 2 });
  }

  /** What became of a put of so many bytes. */
  put(key: string, bytes: number): Promise<string> {
    return this.write(putOf(key, bytes));
  }

  /** What became of a command. */
  write(command: Command, requester: Requester = NOBODY): Promise<string> {
    return new Promise((resolve) =>
      this.service.write(command, false, (answer) => {
        if (!answer.ok) return resolve(answer.reason);
        resolve(answer.value.kind === "rejected" ? answer.value.reason : answer.value.kind);
      }, requester)
    );
  }

  /** As a member does that has more room. */
  fill(bytes: number): void {
    this.node.propose(encodeCommand(putOf("full", bytes), NOBODY, START_MS), () => {});
  }

  async delete(key: string): Promise<void> {
    const command = { type: "deleteRange", key, rangeEnd: "", wantsPrevious: false } as const;
    await new Promise((resolve) => this.service.write(command, false, resolve));
  }

  async pass(ticks: number): Promise<readonly string[]> {
    for (let i = 0; i < ticks; i++) {
      this.#keeper.tick();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return this.service.alarms.map(({ alarm, member }) => `${alarm} ${narrowId(member)}`);
  }
}

Deno.test("what has no room is refused, and what has is not", async () => {
  const kept = new Kept(64 * KIB);
  assertEquals(await kept.put("a", 40 * KIB), "applied");
  assertEquals(await kept.put("b", 40 * KIB), "noSpace");
  assertEquals(await kept.pass(2), [], "there is room for others");
  assertEquals(await kept.put("b", 20 * KIB), "applied");
});

Deno.test("a transaction counts as the larger of its branches", async () => {
  const kept = new Kept(64 * KIB);
  const put = (bytes: number) => putOf("a", bytes);
  const txn = (success: number[], failure: number[]) =>
    kept.write({
      type: "txn",
      compares: [],
      success: success.map((bytes) => put(bytes)),
      failure: failure.map((bytes) => put(bytes)),
    });
  assertEquals(await txn([40 * KIB], [40 * KIB]), "applied");
  assertEquals(await txn([1], [20 * KIB, 20 * KIB]), "noSpace");
});

Deno.test("a member that is full raises NOSPACE, which refuses what takes space", async () => {
  const kept = new Kept(64 * KIB);
  await kept.put("a", 63 * KIB);
  assertEquals(await kept.put("b", 40 * KIB), "noSpace");
  assertEquals(await kept.pass(1), [], "it looks at every second tick");
  assertEquals(await kept.pass(1), ["noSpace 1"]);
  assertEquals(await kept.put("c", 1), "noSpace");
  assertEquals(await kept.pass(10), ["noSpace 1"]);
});

Deno.test("the alarm is taken back by itself, as soon as there is room again", async () => {
  const kept = new Kept(64 * KIB);
  for (const key of ["a", "b"]) await kept.put(key, 31 * KIB);
  assertEquals(await kept.put("c", 3 * KIB), "noSpace");
  assertEquals(await kept.pass(2), ["noSpace 1"]);
  await kept.delete("a");
  assertEquals(await kept.pass(2), []);
  assertEquals(await kept.put("c", 1), "applied");
});

Deno.test("an alarm stays while the data is only just below the quota", async () => {
  const kept = new Kept(64 * KIB);
  await kept.put("a", 62 * KIB);
  await kept.put("b", 1 * KIB);
  await kept.put("c", 2 * KIB);
  assertEquals(await kept.pass(2), ["noSpace 1"]);
  await kept.delete("b");
  assertEquals(await kept.pass(2), ["noSpace 1"]);
});

Deno.test("a refusal counts until the next look: what fits later raises no alarm", async () => {
  const kept = new Kept(200 * KIB);
  assertEquals(await kept.put("a", 150 * KIB), "applied");
  assertEquals(await kept.put("b", 150 * KIB), "noSpace");
  assertEquals(await kept.pass(2), [], "there is room for less");
  assertEquals(await kept.put("b", 43 * KIB), "applied");
  assertEquals(await kept.pass(4), []);
});

Deno.test("history goes before anybody is refused anything", async () => {
  const kept = new Kept(1024 * KIB);
  for (let i = 0; i < 100; i++) await kept.put("a", 40 * KIB);
  const before = kept.store.stats();
  assertEquals(before.liveBytes + before.historyBytes > 1024 * KIB, true);
  assertEquals(await kept.pass(2), []);
  const { liveBytes, historyBytes } = kept.store.stats();
  assertEquals(liveBytes + historyBytes <= 1024 * KIB, true, `${liveBytes} ${historyBytes}`);
  assertEquals(await kept.put("a", 40 * KIB), "applied");
});

Deno.test("a follower leaves it to the leader, which has the same quota, as a rule", async () => {
  const kept = new Kept(64 * KIB, "follower");
  kept.fill(80 * KIB);
  assertEquals(await kept.pass(2), [], "the leader has its chance");
  assertEquals(await kept.pass(2), ["noSpace 1"]);
});

Deno.test("a follower refuses by its own quota, and raises the alarm by it", async () => {
  const kept = new Kept(64 * KIB, "follower");
  assertEquals(await kept.put("a", 63 * KIB), "applied");
  assertEquals(await kept.put("b", 2 * KIB), "noSpace");
  assertEquals(await kept.pass(2), ["noSpace 1"]);
  await kept.delete("a");
  assertEquals(await kept.pass(2), []);
});

Deno.test("the leader leaves alone what another member raised, unless that one is gone", async () => {
  const kept = new Kept(64 * KIB);
  const heard = { id: 2, matchIndex: 0, state: "replicate", silentTicks: 0 } as const;
  kept.node.followers = [{ ...heard, alive: true }];
  await kept.write({ type: "alarm", action: "activate", alarm: "noSpace", member: wideId(2) });
  assertEquals(await kept.pass(4), ["noSpace 2"], "it takes it back by itself");
  kept.node.followers = [{ ...heard, alive: false }];
  assertEquals(await kept.pass(4), []);
  await kept.write({ type: "alarm", action: "activate", alarm: "noSpace", member: wideId(7) });
  assertEquals(await kept.pass(4), ["noSpace 7"], "somebody raised it by hand");
  kept.node.removedIds = [7];
  assertEquals(await kept.pass(4), []);
});

Deno.test("who may not write hears that, and nothing of the quota", async () => {
  const kept = new Kept(64 * KIB);
  await kept.put("a", 63 * KIB);
  const changes = [...rootChanges(), ...userWithRole("reader", [])];
  for (const change of [...changes, { type: "authEnable", secret: SECRET } as const]) {
    await kept.write({ type: "auth", changes: [change], ifRevision: 0 });
  }
  const { revision: authRevision } = kept.store.auth;
  const as = (user: string) => kept.write(putOf("b", 40 * KIB), { user, authRevision });
  assertEquals(await as("reader"), "permissionDenied");
  assertEquals(await as("root"), "noSpace");
});
