/** What is left after a crowd: every bound that was reached is free again when those who reached it are gone. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { startDashboard } from "../dashboard/harness.ts";
import { until } from "../cluster/wait.ts";
import { HTTP1_KINDS, startNode, type TestNode } from "./harness.ts";
import { connectRaw, type RawClient } from "./raw_client.ts";

const HOST = "Host: test\r\n";
const LARGE = 60_000;
/** One large body, and not another one beside it. */
const HTTP = { arrivingBytesMax: 100_000, bodyTimeoutMs: 300, bodyBytesMax: 90_000 };

async function takesALargeBody(node: TestNode): Promise<boolean> {
  const value = "y".repeat(LARGE);
  const { status } = await node.ask("POST", "/v1/keys/large", { value });
  return status === 200;
}

/** Ways in which a large upload comes to nothing. `leave` is for the client that sent `head` and a part. */
const UPLOADS: readonly {
  readonly name: string;
  readonly head: string;
  readonly body: string;
  readonly leave: (client: RawClient) => Promise<void>;
}[] = [
  {
    name: "is cut",
    head: `Content-Length: ${LARGE}\r\n`,
    body: `value=${"x".repeat(LARGE / 2)}`,
    leave: (client) => Promise.resolve(client.close()),
  },
  {
    name: "of untold length is cut",
    head: "Transfer-Encoding: chunked\r\n",
    body: `7530\r\nvalue=${"x".repeat(29_994)}\r\n`,
    leave: (client) => Promise.resolve(client.close()),
  },
  {
    name: "is late",
    head: `Content-Length: ${LARGE}\r\n`,
    body: `value=${"x".repeat(LARGE / 2)}`,
    leave: async (client) => assertStringIncludes(await client.until('"cause"'), " 408 "),
  },
  {
    name: "of untold length is too long",
    head: "Transfer-Encoding: chunked\r\n",
    body: `1D4C0\r\nvalue=${"x".repeat(119_994)}\r\n`,
    leave: async (client) => assertStringIncludes(await client.until('"cause"'), " 413 "),
  },
  {
    name: "is no form",
    head: `Content-Length: ${LARGE}\r\n`,
    body: "x".repeat(LARGE),
    leave: async (client) => assertStringIncludes(await client.until('"cause"'), " 400 "),
  },
  {
    name: "comes where none is wanted",
    head: `Content-Length: ${LARGE}\r\n`,
    body: "x".repeat(LARGE),
    leave: async (client) => void await client.until("\r\n\r\n"),
  },
];

for (const kind of HTTP1_KINDS) {
  for (const { name, head, body, leave } of UPLOADS) {
    Deno.test(`a large upload that ${name} gives its bytes back, on ${kind}`, async () => {
      await using node = await startNode({ kind, http: HTTP });
      const path = name === "comes where none is wanted" ? "/version" : "/v1/keys/a";
      // More of them than all the bytes that there are.
      for (let i = 0; i < 4; i++) {
        using client = await connectRaw(node);
        await client.send(`POST ${path} HTTP/1.1\r\n${HOST}${head}\r\n${body}`);
        await leave(client);
        await until(`room for a large body after ${i + 1}`, () => takesALargeBody(node));
      }
    });
  }

  Deno.test(`watches that leave make room for others, on ${kind}`, async () => {
    await using node = await startNode({ kind, api: { watchesMax: 3 } });
    for (let round = 0; round < 2; round++) {
      const crowd = await Promise.all([1, 2, 3].map(() => connectRaw(node)));
      for (const client of crowd) {
        await client.send(`GET /v1/watch/k HTTP/1.1\r\n${HOST}\r\n`);
      }
      await until("three watches", () => node.service.waitingWatches === 3);
      assertEquals((await node.ask("GET", "/v1/watch/k")).status, 503);
      for (const client of crowd) client.close();
      await until("the watches to leave", () => node.service.waitingWatches === 0);
    }
    const next = node.ask("GET", "/v1/watch/k");
    await until("another watch", () => node.service.waitingWatches === 1);
    await node.ask("POST", "/v1/keys/k", { value: "1" });
    assertEquals((await next).status, 200);
  });

  Deno.test(`dashboards that leave make room for others, on ${kind}`, async () => {
    await using node = await startDashboard({ kind, pollsMax: 2 });
    const poll = "/dashboard/api/events?path=/&since=100";
    for (let round = 0; round < 2; round++) {
      const crowd = await Promise.all([1, 2].map(() => connectRaw(node)));
      const host = `Host: 127.0.0.1:${node.listener.port}\r\n`;
      for (const client of crowd) await client.send(`GET ${poll} HTTP/1.1\r\n${host}\r\n`);
      await until("two dashboards", () => node.service.waitingWatches === 2);
      assertEquals((await node.ask("GET", poll)).status, 503);
      for (const client of crowd) client.close();
      await until("the dashboards to leave", () => node.service.waitingWatches === 0);
    }
  });
}
