/** A node of which a part does not end: it must not be waited for for ever. */
import { assertEquals, assertRejects } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { LIMITS } from "../../src/config.ts";
import { Server } from "../../src/server.ts";
import { freePort } from "../cluster/ports.ts";
import { until, within } from "../cluster/wait.ts";
import { configOf } from "./flag_node.ts";

/** No sync ends from here on until it is let go; the patience of a stop is over at once. */
class HungDisk implements Disposable {
  readonly #hanging = Promise.withResolvers<void>();
  readonly #syncData = Deno.FsFile.prototype.syncData;
  readonly #setTimeout = globalThis.setTimeout;
  /** Syncs that hang. */
  count = 0;

  constructor() {
    const [syncData, setTimeout] = [this.#syncData, this.#setTimeout];
    const hang = async () => {
      this.count++;
      await this.#hanging.promise;
    };
    Deno.FsFile.prototype.syncData = async function (this: Deno.FsFile) {
      await hang();
      await syncData.call(this);
    };
    const impatient = (callback: () => void, ms?: number) =>
      setTimeout(callback, ms === LIMITS.operations.gracefulStopMs ? 0 : ms);
    globalThis.setTimeout = impatient as typeof globalThis.setTimeout;
  }

  letGo(): void {
    Deno.FsFile.prototype.syncData = this.#syncData;
    globalThis.setTimeout = this.#setTimeout;
    this.#hanging.resolve();
  }

  [Symbol.dispose](): void {
    this.letGo();
  }
}

/** Its own patience is over at once, a busy machine's is not. */
const PATIENCE_MS = 20_000;

function config(directory: string) {
  return configOf(["-d", directory, "-c", `${freePort()}`, "-s", `${freePort()}`]);
}

Deno.test("a node whose disk hangs gives up its orderly stop in time, says so and ends with status 1", async () => {
  const directory = await Deno.makeTempDir();
  const lines: string[] = [];
  const error = (line: string) => void lines.push(line);
  const server = await Server.start(config(directory), { ...silentLogger, error });
  using disk = new HungDisk();
  const writing = fetch(`${server.clientUrl}/v1/keys/k`, {
    method: "POST",
    body: new URLSearchParams({ value: "v" }),
  }).then((response) => response.body?.cancel(), () => {});
  await until("a sync that hangs", () => disk.count > 0);
  const stopping = server.stop(0);
  assertEquals(await within("the end of the node", server.ended, PATIENCE_MS), 1);
  assertEquals(lines, ["Could not stop in order within 10000 ms"]);
  disk.letGo();
  await Promise.all([stopping, writing]);
  await removed(directory);
});

Deno.test("a node that is stopped while it starts ends although its disk hangs, and says so", async () => {
  const directory = await Deno.makeTempDir();
  const lines: string[] = [];
  const error = (line: string) => void lines.push(line);
  let disk: HungDisk | undefined;
  // From here on the log is written, and whoever closes it waits for that.
  const info = (line: string) => {
    if (line === "Founded a new cluster") disk = new HungDisk();
  };
  const stop = new AbortController();
  const logger = { ...silentLogger, info, error };
  const starting = Server.start(config(directory), logger, stop.signal);
  try {
    await until("a sync that hangs", () => (disk?.count ?? 0) > 0);
    stop.abort(new Error("stopped"));
    await assertRejects(
      () => within("the end of the start", starting, PATIENCE_MS),
      Error,
      "stopped",
    );
    assertEquals(lines, ["Could not stop in order within 10000 ms"]);
  } finally {
    disk?.letGo();
  }
  await removed(directory);
});

/** What was given up goes on behind, and lets go of the directory at the end. */
async function removed(directory: string): Promise<void> {
  await until("the lock to be free", () => {
    using file = Deno.openSync(`${directory}/etcd.lock`, { write: true });
    return file.tryLockSync(true);
  });
  await Deno.remove(directory, { recursive: true });
}
