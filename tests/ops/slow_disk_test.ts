import { assertEquals } from "@std/assert";
import { Histogram } from "../../src/base/histogram.ts";
import { type Fields, silentLogger } from "../../src/base/logger.ts";
import { SlowDisk } from "../../src/operations/slow_disk.ts";

class World {
  nowMs = 0;
  readonly said: { message: string; fields: Fields }[] = [];
  readonly times = {
    logSyncs: new Histogram(0.000125, 17),
    logSyncSinceMs: undefined as number | undefined,
  };
  readonly disk = new SlowDisk({
    times: this.times,
    clock: { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs },
    logger: {
      ...silentLogger,
      warn: (message, fields = {}) => this.said.push({ message, fields }),
    },
    slowSyncMs: 64,
    stuckSyncMs: 2_000,
    reportMs: 60_000,
    electionMs: 1_000,
  });

  /** Seconds of syncs that take so long, ten a second. */
  run(seconds: number, syncSeconds: number): void {
    for (let second = 0; second < seconds; second++) {
      for (let sync = 0; sync < 10; sync++) this.times.logSyncs.observe(syncSeconds);
      this.nowMs += 1_000;
      this.disk.look();
    }
  }
}

Deno.test("SlowDisk says nothing of a disk that is fast enough", () => {
  const world = new World();
  world.run(300, 0.06);
  assertEquals(world.said, []);
});

Deno.test("SlowDisk says one line a minute with the 99th percentile and the effect", () => {
  const world = new World();
  world.run(180, 0.3);
  const line = {
    message: "The disk is slow",
    fields: { p99: "up to 512 ms", syncs: 600, effect: "every write waits that long" },
  };
  assertEquals(world.said, [line, line, line]);
  world.run(60, 0.001);
  assertEquals(world.said.length, 3);
});

Deno.test("SlowDisk warns of elections when a sync takes as long as their time-out", () => {
  const world = new World();
  world.run(60, 20);
  assertEquals(world.said.map(({ fields }) => [fields.p99, fields.effect]), [
    ["over 8192 ms", "every write waits that long, and elections may fail"],
  ]);
  world.run(60, 0.6);
  assertEquals(world.said.at(-1)!.fields.p99, "up to 1024 ms");
  assertEquals(
    world.said.at(-1)!.fields.effect,
    "every write waits that long, and elections may fail",
  );
});

Deno.test("SlowDisk says once a minute that a sync does not end", () => {
  const world = new World();
  world.times.logSyncSinceMs = 0;
  world.run(2, 0.001);
  assertEquals(world.disk.stuckForMs, undefined);
  world.run(63, 0.001);
  assertEquals(world.said.map(({ fields }) => fields.since), ["3 s", "63 s"]);
  assertEquals(world.disk.stuckForMs, 65_000);
  world.times.logSyncSinceMs = undefined;
  assertEquals(world.disk.stuckForMs, undefined);
});
