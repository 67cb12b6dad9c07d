/** What a node's readings and checks are made of: each figure of a part that counts it, each check of what it names. */
import { assert, assertEquals } from "@std/assert";
import type { Check } from "../../src/api/admin/health.ts";
import { formatId } from "../../src/base/ids.ts";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { LIMITS } from "../../src/config.ts";
import type { RealMember } from "../../src/member/real_member.ts";
import { Telemetry } from "../../src/operations/telemetry.ts";
import type { Presence } from "../../src/storage/presence.ts";
import { DiskTimes } from "../../src/storage/timed_disk.ts";
import { configOf } from "../shell/flag_node.ts";

/** A telemetry of parts that say what the test has them say. Its looks are the test's. */
class Setting implements AsyncDisposable {
  readonly counters = { proposalsFailed: 11, appendsSent: 12, appendsReceived: 13 };
  readonly peers = [{ id: 2, sentBytes: 21, receivedBytes: 22, queueBytes: 23 }];
  readonly disk = new DiskTimes(() => 31);
  readonly lines: string[] = [];
  readonly retired: string[] = [];
  isStuck = false;
  leader: object | undefined = {};
  outcome: object = { ok: true, value: undefined };
  missing: string | undefined;
  readonly telemetry: Telemetry;
  #look = () => {};

  constructor() {
    const node = {
      self: 1,
      configuration: () => ({ members: [{ id: 1, name: "one" }, { id: 2, name: "two" }] }),
      status: () => ({ diskIsFull: false, term: 41 }),
      counters: this.counters,
      leader: () => this.leader,
      barrier: (done: (outcome: object) => void) => this.isStuck || done(this.outcome),
      retire: ({ cause }: { cause: string }) => this.retired.push(cause),
      refusal: undefined,
    };
    const service = {
      stats: () => ({ keys: 51 }),
      operations: { puts: 52 },
      requests: { readsFailed: 53 },
      authenticator: { logins: { failed: 56 } },
      ...{ revision: 54, compactedRevision: 55 },
    };
    const transport = { stats: () => this.peers };
    const leadership = { changes: 61, sinceMs: 62 };
    const error: Logger["error"] = (message) => void this.lines.push(message);
    this.telemetry = withLooks(
      (look) => this.#look = look,
      () =>
        new Telemetry({
          config: configOf(["-d", "/d", "--quota-backend-bytes=71"]),
          logger: { ...silentLogger, error },
          member: { node, service, transport, leadership } as unknown as RealMember,
          disk: this.disk,
          presence: { look: () => Promise.resolve(this.missing) } as unknown as Presence,
        }),
    );
  }

  /** As once a second; afterwards all of it is known. */
  async look(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 2));
    this.#look();
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** What fails, by name. */
  async failing(kind: "live" | "ready"): Promise<Record<string, string>> {
    const ask = async ({ name, problem }: Check) => [name, await problem()] as const;
    const all = await Promise.all(this.telemetry.checks[kind].map(ask));
    return Object.fromEntries(all.flatMap(([name, found]) => found ? [[name, found]] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.telemetry.stop();
  }
}

/** Makes something whose interval is given to `take`, and never runs by itself. */
function withLooks<T>(take: (look: () => void) => void, make: () => T): T {
  const { setInterval } = globalThis;
  globalThis.setInterval = ((look: () => void, ms: number) => {
    assertEquals(ms, LIMITS.operations.lookMs);
    take(look);
    return 0;
  }) as unknown as typeof globalThis.setInterval;
  try {
    return make();
  } finally {
    globalThis.setInterval = setInterval;
  }
}

Deno.test("Telemetry.read() has each figure of the part that counts it", async () => {
  await using setting = new Setting();
  setting.telemetry.counts(() => []);
  const reading = setting.telemetry.read();
  const { process: _, peers, ...rest } = reading;
  assertEquals<unknown>(rest, {
    name: "one",
    id: formatId(1),
    version: reading.version,
    status: { diskIsFull: false, term: 41 },
    leadership: { changes: 61, sinceMs: 62 },
    counters: setting.counters,
    sending: { perSecond: 0, bytesPerSecond: 0 },
    receiving: { perSecond: 0, bytesPerSecond: 0 },
    store: { keys: 51 },
    operations: { puts: 52 },
    requests: { readsFailed: 53 },
    logins: { failed: 56 },
    calls: [],
    numbers: { revision: 54, compactedRevision: 55 },
    quotaBytes: 71,
    disk: setting.disk,
  });
  assertEquals<unknown>(peers, [{ ...setting.peers[0], id: formatId(2), name: "two" }]);
});

Deno.test("Telemetry.read() tells of the process what the system does", async () => {
  await using setting = new Setting();
  const { process } = setting.telemetry.read();
  const { rss, heapUsed, heapTotal } = Deno.memoryUsage();
  const isNear = (one: number, other: number) => Math.abs(one - other) < 0.2 * other;
  assert(isNear(process.residentBytes, rss), `${process.residentBytes} of ${rss}`);
  assert(isNear(process.heapUsedBytes, heapUsed), `${process.heapUsedBytes} of ${heapUsed}`);
  assert(isNear(process.heapBytes, heapTotal), `${process.heapBytes} of ${heapTotal}`);
  // They differ by less: what is in use is nearer to itself.
  const usedBy = (bytes: number) => Math.abs(bytes - heapUsed) < Math.abs(bytes - heapTotal);
  assertEquals([process.heapUsedBytes, process.heapBytes].map(usedBy), [true, false]);
  // user and system of proc(5), in ticks of a hundredth of a second.
  const stat = await Deno.readTextFile("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const seconds = (Number(fields[11]) + Number(fields[12])) / 100;
  assert(isNear(process.cpuSeconds, seconds), `${process.cpuSeconds} of ${seconds}`);
});

Deno.test("rates are what was added since the look before, each of its own direction", async () => {
  await using setting = new Setting();
  await setting.look();
  const first = setting.telemetry.read();
  setting.counters.appendsSent += 1_000;
  setting.peers[0]!.receivedBytes += 3_000;
  await setting.look();
  const { sending, receiving } = setting.telemetry.read();
  // By the same seconds: what is left is the proportion.
  assert(sending.perSecond > 0 && first.sending.perSecond > 0);
  assertEquals(sending.bytesPerSecond, 0);
  assertEquals(receiving.perSecond, 0);
  assert(Math.abs(receiving.bytesPerSecond / sending.perSecond - 3) < 0.01);
  await setting.look();
  assertEquals(setting.telemetry.read().sending, { perSecond: 0, bytesPerSecond: 0 });
});

Deno.test("each check fails for what it names, and for nothing else", async () => {
  await using setting = new Setting();
  await setting.look();
  assertEquals([await setting.failing("live"), await setting.failing("ready")], [{}, {}]);
  setting.leader = undefined;
  assertEquals(await setting.failing("ready"), { leader: "No leader is known" });
  setting.leader = {};
  setting.outcome = { ok: false, reason: "noLeader", cause: "Nobody" };
  assertEquals(await setting.failing("ready"), { linearizable_read: "Nobody" });
  setting.outcome = { ok: true, value: undefined };
  setting.disk.logSyncSinceMs = performance.now() - 60_000;
  const { disk, ...others } = await setting.failing("ready");
  assertEquals([disk, others], ["A sync of the log has been under way for 60 s", {}]);
  setting.disk.logSyncSinceMs = undefined;
  assertEquals(await setting.failing("ready"), {});
});

Deno.test("a node whose timers stand still is not alive", async () => {
  await using setting = new Setting();
  const { now } = performance;
  performance.now = () => now.call(performance) + 60_000;
  try {
    assertEquals(await setting.failing("live"), { timers: "The process did nothing for 60 s" });
  } finally {
    performance.now = now;
  }
});

Deno.test("a node whose directory is gone says so once, is not ready, and serves nobody", async () => {
  await using setting = new Setting();
  setting.missing = 'The data directory "/d" is no longer there';
  await setting.look();
  await setting.look();
  assertEquals(await setting.failing("ready"), { directory: setting.missing });
  assertEquals(setting.lines, ["The data is gone, nothing is acknowledged from here on"]);
  assertEquals(setting.retired.length, 1);
  assert(setting.retired[0]!.startsWith(setting.missing));
});
