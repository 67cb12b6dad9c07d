/** `/admin/backup` on both kinds of listener: bytes as they are, and no end where there was none. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { backupRoutes } from "../../src/api/admin/backup.ts";
import type { BackupSource } from "../../src/api/admin/backup.ts";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Listener } from "../../src/http/endpoint.ts";
import { listen } from "../../src/http/listener.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import { makeRouter } from "../../src/http/router.ts";
import { HTTP_LIMITS } from "./harness.ts";

/** Every byte value, in portions of uneven size. */
const BYTES = new Uint8Array(600_000).map((_, i) => i % 251);

class FakeSource implements BackupSource {
  readonly asked: boolean[] = [];
  breaksOff = false;
  cancelled = 0;

  open(stale: boolean) {
    this.asked.push(stale);
    const value = {
      fileName: "x.backup",
      portions: this.#portions(),
      cancel: () => this.cancelled++,
    };
    return Promise.resolve({ ok: true, value } as const);
  }

  async *#portions(): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; at < BYTES.length; at += 70_001) {
      if (at > 0 && this.breaksOff) throw new Error("The test wants an end");
      yield BYTES.subarray(at, at + 70_001);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function withListener(
  kind: "deno" | "node",
  test: (url: string, source: FakeSource) => Promise<void>,
): Promise<void> {
  const source = new FakeSource();
  const handler = makeRouter(backupRoutes(source), "/admin/backup");
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = { ...address, limits: HTTP_LIMITS, logger: silentLogger, renderFault };
  const open = kind === "deno" ? listen : listenNode;
  const listener: Listener = await open(options, handler);
  try {
    await test(`http://127.0.0.1:${listener.port}/admin/backup`, source);
  } finally {
    await listener.shutdown();
  }
}

for (const kind of ["deno", "node"] as const) {
  Deno.test(`GET /admin/backup gives the bytes unchanged (${kind})`, async () => {
    await withListener(kind, async (url, source) => {
      const response = await fetch(url);
      assertEquals(response.status, 200);
      assertEquals(response.headers.get("content-type"), "application/octet-stream");
      assertEquals(new Uint8Array(await response.arrayBuffer()), BYTES);
      await (await fetch(`${url}?stale=true`)).body?.cancel();
      assertEquals(source.asked, [false, true]);
    });
  });

  Deno.test(`GET /admin/backup breaks the answer off when the backup is (${kind})`, async () => {
    await withListener(kind, async (url, source) => {
      source.breaksOff = true;
      const response = await fetch(url);
      assertEquals(response.status, 200);
      await assertRejects(() => response.arrayBuffer());
    });
  });

  Deno.test(`HEAD /admin/backup takes no backup, a bad query is refused (${kind})`, async () => {
    await withListener(kind, async (url, source) => {
      assertEquals((await fetch(url, { method: "HEAD" })).status, 200);
      const bad = await fetch(`${url}?stale=%zz`);
      assertEquals(bad.status, 400);
      assert((await bad.text()).includes("errorCode"));
      assertEquals(source.asked, []);
    });
  });
}
