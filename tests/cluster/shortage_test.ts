/**
 * More connections than the process may have descriptors. The runtime's servers
 * stop accepting at the first one too many, and a sync takes a descriptor of its
 * own: both ended the node once.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { NodeProcess } from "./node_process.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

/** Enough to start with, some thirty of them. */
const DESCRIPTORS_MAX = 100;

/** Opens connections that say `head` until the port takes no more, or these are `max`. */
async function crowd(
  port: number,
  head: string,
  max = 2 * DESCRIPTORS_MAX,
): Promise<Deno.Conn[]> {
  const crowd: Deno.Conn[] = [];
  while (crowd.length < max) {
    try {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      crowd.push(connection);
      await connection.write(new TextEncoder().encode(head));
    } catch {
      break;
    }
  }
  return crowd;
}

/** The write's index. */
async function set(port: number, ttl = ""): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/keys/a`, {
    method: "POST",
    body: new URLSearchParams({ value: "1", ttl }),
    signal: AbortSignal.timeout(5_000),
  });
  return (await response.json()).index;
}

/** What comes first on `connection`; nothing when it was closed. */
async function answer(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  try {
    const count = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return "";
    throw error;
  }
}

async function withNode(
  story: (node: NodeProcess, client: number, peer: number) => Promise<void>,
  more: readonly string[] = [],
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const [client, peer] = [freePort(), freePort()];
  const flags = ["-d", directory, "-c", `${client}`, "-s", `${peer}`, "-snapCount", "1", ...more];
  const node = NodeProcess.spawn(flags, { descriptorsMax: DESCRIPTORS_MAX });
  try {
    await node.says(/ Serving /);
    await story(node, client, peer);
    node.signal("SIGTERM");
    assertEquals((await node.ended).code, 0, node.logTail);
  } finally {
    await node.kill();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("node() closes what is idle when clients open more connections than it may have", async () => {
  await withNode(async (node, client) => {
    for (const head of ["", "GET / HTTP/1.1\r\nHost: a\r\nX: "]) {
      const connections = await crowd(client, head);
      await until("a write among the crowd", async () => await set(client) > 0);
      for (const connection of connections) connection.close();
    }
    await node.says(/No more connections can be accepted/);
  });
});

Deno.test("node() answers what it has accepted when its last descriptor went in one burst", async () => {
  await withNode(async (node, client) => {
    node.signal("SIGSTOP");
    const head = "GET /v1/machines HTTP/1.1\r\nHost: a\r\n\r\n";
    const connections = await crowd(client, head, DESCRIPTORS_MAX);
    node.signal("SIGCONT");
    const answers = await Promise.all(connections.map(answer));
    await node.says(/No more connections can be accepted/);
    // Those that it never accepted are reset. The first of the others was dropped once.
    const firstLost = answers.findIndex((text) => !text.startsWith("HTTP/1.1 200"));
    assert(firstLost > DESCRIPTORS_MAX / 3, answers.map((text) => text.slice(0, 12)).join());
    for (const connection of connections) connection.close();
  });
});

Deno.test("node() goes on when those who wait have taken its last descriptor", async () => {
  await withNode(async (node, client, peer) => {
    // The expiry has the next index: whoever comes after it is answered, too.
    const body = `index=${await set(client, "2") + 1}`;
    const type = "Content-Type: application/x-www-form-urlencoded\r\n";
    const head = `POST /v1/watch/a HTTP/1.1\r\nHost: a\r\n${type}Content-Length: ${body.length}`;
    const connections = await crowd(client, `${head}\r\n\r\n${body}`);
    await node.says(/No more connections can be accepted/);
    // Here the peer port stops accepting, too, and says nothing of it.
    connections.push(...await crowd(peer, ""));
    // The key expires, which is a write.
    assertStringIncludes(await answer(connections[0]!), '"DELETE"');
    for (const connection of connections) connection.close();
    await until("a write on a new connection", async () => await set(client) > 0);
    await until("an answer of the peer port", async () => {
      const url = `http://127.0.0.1:${peer}/peer/join`;
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      await response.body?.cancel();
      return response.status === 200;
    });
  });
});

const CA_DIRECTORY = new URL("../../fixtures/ca/", import.meta.url);

Deno.test("node() goes on under TLS when clients open more connections than it may have", async () => {
  const fixture = (name: string) => fileURLToPath(new URL(name, CA_DIRECTORY));
  const pair = ["-clientCert", fixture("server.crt"), "-clientKey", fixture("server.key.insecure")];
  // A connection of its own for every request.
  using client = Deno.createHttpClient({
    caCerts: [await Deno.readTextFile(fixture("ca.crt"))],
    poolMaxIdlePerHost: 0,
  });
  await withNode(async (node, port, peer) => {
    const answers = async (what: string, url: string) => {
      await until(what, async () => {
        const response = await fetch(url, { client, signal: AbortSignal.timeout(5_000) });
        await response.body?.cancel();
        return response.status === 200;
      });
    };
    for (const isBurst of [false, true]) {
      if (isBurst) node.signal("SIGSTOP");
      const connections = await crowd(port, "", DESCRIPTORS_MAX);
      node.signal("SIGCONT");
      await answers("a read among the crowd", `https://localhost:${port}/v1/machines`);
      await answers("an answer of the peer port", `http://127.0.0.1:${peer}/peer/join`);
      for (const connection of connections) connection.close();
    }
    await node.says(/No more connections can be accepted/);
  }, pair);
});
