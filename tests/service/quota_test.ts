/** What happens when the data comes up to its quota. */
import { assertEquals } from "@std/assert";
import { QuotaKeeper } from "../../src/service/quota.ts";
import { Service } from "../../src/service/service.ts";
import { Store } from "../../src/store/store.ts";
import { FakeNode, member } from "../api/fake_node.ts";

const KIB = 1024;

class Kept {
  readonly store = new Store();
  readonly node = new FakeNode(this.store);
  readonly service = new Service({ node: this.node, store: this.store });
  readonly #keeper: QuotaKeeper;

  constructor(quotaBytes: number) {
    this.#keeper = new QuotaKeeper(this.service, { quotaBytes, eventsMin: 0, lookTicks: 2 });
  }

  /** What became of a put of so many bytes. */
  put(key: string, bytes: number): Promise<string> {
    const flags = { wantsPrevious: false, ignoreValue: false, ignoreLease: false };
    const put = { type: "put", key, value: "v".repeat(bytes), lease: 0n, ...flags } as const;
    return new Promise((resolve) =>
      this.service.write(put, false, (answer) => {
        if (!answer.ok) return resolve(answer.reason);
        resolve(answer.value.kind === "rejected" ? answer.value.reason : answer.value.kind);
      })
    );
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
    return this.service.alarms.map(({ alarm, member }) => `${alarm} ${member}`);
  }
}

Deno.test("live data above the quota raises NOSPACE, which refuses what takes space", async () => {
  const kept = new Kept(64 * KIB);
  for (const key of ["a", "b"]) await kept.put(key, 40 * KIB);
  assertEquals(await kept.pass(1), [], "it looks at every second tick");
  assertEquals(await kept.pass(1), ["noSpace 1"]);
  assertEquals(await kept.put("c", 1), "noSpace");
  assertEquals(await kept.pass(10), ["noSpace 1"]);
});

Deno.test("the alarm is taken back by itself, as soon as there is room again", async () => {
  const kept = new Kept(64 * KIB);
  for (const key of ["a", "b"]) await kept.put(key, 40 * KIB);
  assertEquals(await kept.pass(2), ["noSpace 1"]);
  await kept.delete("a");
  assertEquals(await kept.pass(2), []);
  assertEquals(await kept.put("c", 1), "applied");
});

Deno.test("an alarm stays while the data is only just below the quota", async () => {
  const kept = new Kept(64 * KIB);
  await kept.put("a", 63 * KIB);
  await kept.put("b", 2 * KIB);
  assertEquals(await kept.pass(2), ["noSpace 1"]);
  await kept.delete("b");
  assertEquals(await kept.pass(2), ["noSpace 1"]);
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

Deno.test("only the leader looks after the quota", async () => {
  const kept = new Kept(64 * KIB);
  for (const key of ["a", "b"]) await kept.put(key, 40 * KIB);
  kept.node.leading = member(2);
  assertEquals(await kept.pass(10), []);
});
