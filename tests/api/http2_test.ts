/** HTTP/2, which a client may begin on a plain port, has rules of its own for bodies. */
import { assertEquals } from "@std/assert";
import { startNode, type TestNode, until } from "./harness.ts";

/** A client that speaks nothing but HTTP/2. */
function http2Client(): Deno.HttpClient {
  return Deno.createHttpClient({ http1: false, http2: true });
}

async function ask(
  node: TestNode,
  client: Deno.HttpClient,
  method: string,
  path: string,
  body?: BodyInit,
): Promise<[number, string, string | null]> {
  const init = { method, client, ...(body !== undefined && { body }) };
  const response = await fetch(node.url + path, init);
  return [response.status, await response.text(), response.headers.get("content-length")];
}

/** `count` KiB whose length is not told beforehand. */
function untold(count: number): ReadableStream<Uint8Array> {
  const kib = new TextEncoder().encode("x".repeat(1024));
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(kib);
      else controller.close();
    },
  });
}

Deno.test("listenDeno() answers over HTTP/2 when a body is too large, told or untold", async () => {
  await using node = await startNode({ kind: "deno" });
  using client = http2Client();
  for (let i = 0; i < 3; i++) {
    const told = await ask(node, client, "PUT", "/v1/keys/a", "x".repeat(3 * 1024 * 1024));
    assertEquals([told[0], JSON.parse(told[1]).errorCode], [413, 413]);
    const [status, text] = await ask(node, client, "PUT", "/v1/keys/a", untold(3 * 1024));
    assertEquals([status, JSON.parse(text).errorCode], [413, 413]);
  }
  const [status] = await ask(node, client, "PUT", "/v1/keys/a?value=1", untold(10));
  assertEquals(status, 200);
});

Deno.test("listenDeno() answers over HTTP/2 when a HEAD or a body on a DELETE comes", async () => {
  await using node = await startNode({ kind: "deno" });
  using client = http2Client();
  for (let i = 0; i < 10; i++) {
    const put = await ask(node, client, "PUT", "/v1/keys/a/b", "value=1");
    assertEquals(put[0], 200);
    const [status, text] = await ask(node, client, "GET", "/v1/keys/a/b");
    const head = await ask(node, client, "HEAD", "/v1/keys/a/b");
    assertEquals(head, [status, "", `${text.length}`]);
    assertEquals((await ask(node, client, "DELETE", "/v1/keys/a/b", "ignored=1"))[0], 200);
  }
});

Deno.test("listenDeno() lets go of a watch over HTTP/2 when its request is cancelled", async () => {
  await using node = await startNode({ kind: "deno" });
  using client = http2Client();
  const controller = new AbortController();
  const watch = fetch(`${node.url}/v1/watch/a`, { client, signal: controller.signal });
  await until(() => node.store.watches.size === 1, "the watch");
  controller.abort();
  assertEquals(await watch.catch((error) => error.name), "AbortError");
  await until(() => node.store.watches.size === 0, "its end");
});
