/** `etcd watch` against real nodes that stop, start and fall silent. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ClosedPipeError } from "../../src/cli/terminal.ts";
import { Client } from "../../src/cli/client.ts";
import { Follower } from "../../src/cli/watch.ts";
import { until } from "../cluster/wait.ts";
import { etcd, inTime, LocalNode } from "./harness.ts";

/** Writes `value`; the index of its event. */
async function set(node: LocalNode, key: string, value: string): Promise<number> {
  const { out } = await node.etcd(["set", key, value, "-o", "json"]);
  return JSON.parse(out).index;
}

/** An `onWrite` that ends the command, as `head -n` does, at the given line. */
function head(lines: number): (text: string) => void {
  let seen = 0;
  return () => {
    if (++seen >= lines) throw new ClosedPipeError();
  };
}

function clientOf(urls: readonly string[], timeoutMs: number): Client {
  return new Client(urls, { timeoutMs, http: Deno.createHttpClient({}), showsCertificate: false });
}

Deno.test("etcd watch prints every event under a key, those between two requests included", async () => {
  await using node = await LocalNode.start();
  const watching = node.etcd(["watch", "a"], { onWrite: head(6) });
  await until("the watch to wait", () => node.waitingWatches === 1);
  await Promise.all([..."12345"].map((digit) => set(node, `a/${digit}`, "line\nend")));
  await set(node, "ab", "elsewhere");
  await node.etcd(["rm", "a/3"]);
  const { status, out, err } = await watching;
  assertEquals([status, err], [0, ""]);
  const events = out.trimEnd().split("\n").map((line) => line.split(" "));
  const indexes = events.map(([index]) => Number(index));
  assertEquals(indexes, indexes.toSorted((a, b) => a - b));
  assertEquals(events.map(([, ...rest]) => rest.join(" ")).toSorted(), [
    "DELETE /a/3",
    ...[..."12345"].map((digit) => `SET /a/${digit} "line\\nend"`),
  ]);
});

Deno.test("etcd watch -once -index takes one event, from the history too", async () => {
  await using node = await LocalNode.start();
  const first = await set(node, "k", "one");
  await set(node, "k", "two");
  const { status, out } = await node.etcd(["watch", "-once", "-index", `${first}`, "-o=json", "k"]);
  assertEquals([status, JSON.parse(out).value], [0, "one"]);
  const next = await node.etcd(["watch", "-once", "-index", `${first + 1}`, "k"]);
  assertEquals(next.out, `${first + 1} SET /k "two"\n`);
});

Deno.test("etcd watch goes on where it was when its server has been away", async () => {
  await using node = await LocalNode.start();
  const watching = node.etcd(["watch", "/", "-timeout", "60"], { onWrite: head(2) });
  await until("the watch to wait", () => node.waitingWatches === 1);
  const first = await set(node, "k", "before");
  await node.stop();
  await node.start();
  const second = await set(node, "k", "after");
  const { out, err } = await watching;
  assertEquals(out, `${first} SET /k "before"\n${second} SET /k "after"\n`);
  assertMatch(err, /going on from index \d+\n$/);
});

Deno.test("etcd watch ends with 3 when no server comes back, and at once when there never was one", async () => {
  await using node = await LocalNode.start();
  const watching = node.etcd(["watch", "k", "-timeout", "5"]);
  await until("the watch to wait", () => node.waitingWatches === 1);
  await node.stop();
  assertEquals((await watching).status, 3);
  assertEquals((await node.etcd(["watch", "k"])).status, 3);
});

Deno.test("etcd watch ends with 1 when events may have been missed", async () => {
  await using node = await LocalNode.start("-m", "3");
  const first = await set(node, "k", "1");
  for (const value of "23456") await set(node, "k", value);
  const { status, out, err } = await node.etcd(["watch", "-index", `${first}`, "k"]);
  assertEquals([status, out], [1, ""]);
  assert(err.includes("error 401") && err.includes("no events before index"), err);
});

Deno.test("Follower.next() leaves a server that falls silent without closing the connection", async () => {
  await using node = await LocalNode.start();
  const index = await set(node, "k", "v");
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of silent) accepted.push(connection);
  })();
  const lost: string[] = [];
  const urls = [`http://127.0.0.1:${silent.addr.port}`, `http://${node.address}`];
  using client = clientOf(urls, 1_000);
  const follower = new Follower(client, {
    path: "/v1/watch/k",
    patienceMs: 60_000,
    probeMs: 20,
    onLost: (reason) => lost.push(reason),
  });
  assertEquals(JSON.parse(await follower.next(index)).value, "v");
  assertEquals(lost.length, 1);
  assert(lost[0]!.includes("answers no more"), lost[0]);
  silent.close();
  await accepting;
  for (const connection of accepted) connection.close();
});

Deno.test("etcd watch refuses an index that is none", async () => {
  assertEquals((await etcd(["watch", "-index", "0", "k"])).status, 2);
});

Deno.test("etcd watch of a quiet key outlives the restart of its server, whatever else was written", async () => {
  await using node = await LocalNode.start("-m", "3");
  const watching = node.etcd(["watch", "quiet", "-timeout", "60"], { onWrite: head(1) });
  await until("the watch to wait", () => node.waitingWatches === 1);
  for (let i = 0; i < 20; i++) await set(node, "busy", `${i}`);
  await node.stop();
  await node.start();
  const index = await set(node, "quiet", "at last");
  const { status, out, err } = await watching;
  assertEquals([status, out], [0, `${index} SET /quiet "at last"\n`], err);
});

/** A server on which a watch waits for ever; polls are answered by `poll`. `from` holds the index of each watch. */
class PatientServer implements AsyncDisposable {
  readonly from: number[] = [];
  readonly #ended = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(poll: () => Response) {
    const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
    this.#server = Deno.serve({ ...options, signal: this.#ended.signal }, (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/livez") return new Response("ok");
      if (searchParams.get("wait") === "false") return poll();
      this.from.push(Number(searchParams.get("index")));
      return new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) }));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Cuts all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#server.finished;
  }
}

function followerOf(client: Client): Follower {
  const quiet = { patienceMs: 60_000, probeMs: 20, onLost: () => {} };
  return new Follower(client, { path: "/v1/watch/k", ...quiet });
}

const EVENT = '{"action":"SET","key":"/k","value":"v","index":2000}';

Deno.test("Follower.next() goes on after the index up to which its lost server had nothing", async () => {
  let polls = 0;
  const lost = new PatientServer(() => {
    polls++;
    return new Response(null, { status: 204, headers: { "x-raft-index": "1000" } });
  });
  await using other = new PatientServer(() => new Response(EVENT));
  using client = clientOf([lost.url, other.url], 5_000);
  const next = followerOf(client).next(7);
  await until("a look after the answer to the first", () => polls > 1);
  await lost[Symbol.asyncDispose]();
  assertEquals(JSON.parse(await next).index, 2000);
  assertEquals([lost.from, other.from], [[7], [1001]]);
});

Deno.test("Follower.next() goes on after the index that a server names when it stops", async () => {
  const asked: string[] = [];
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  await using server = Deno.serve(options, (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/livez") return new Response("ok");
    asked.push(search);
    if (asked.length > 1) return new Response(EVENT);
    const body = '{"errorCode":300,"message":"Raft Internal Error","cause":"Stopping"}';
    return new Response(body, { status: 503, headers: { "x-raft-index": "1000" } });
  });
  using client = clientOf([`http://127.0.0.1:${server.addr.port}`], 5_000);
  const follower = new Follower(client, {
    path: "/v1/watch/k",
    patienceMs: 60_000,
    probeMs: 60_000,
    onLost: () => {},
  });
  assertEquals(await follower.next(7), EVENT);
  assertEquals(asked, ["?index=7", "?index=1001"]);
});

Deno.test("Follower.next() waits for the last word of a server whose probe has failed", async () => {
  const asked: string[] = [];
  const parting = Promise.withResolvers<Response>();
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  await using server = Deno.serve(options, (request) => {
    const { pathname, searchParams, search } = new URL(request.url);
    if (pathname === "/livez") {
      const body = '{"errorCode":300,"message":"Raft Internal Error","cause":"Stopping"}';
      const headers = { "x-raft-index": "1000" };
      // Long after the probe has failed, and long before a server is given up.
      setTimeout(() => parting.resolve(new Response(body, { status: 503, headers })), 200);
      return new Response(new ReadableStream({ start: (it) => it.error(new Error("cut off")) }));
    }
    if (searchParams.get("wait") === "false") return new Response(null, { status: 204 });
    asked.push(search);
    return asked.length > 1 ? new Response(EVENT) : parting.promise;
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  using client = clientOf([url], 5_000);
  assertEquals(await inTime("the event", followerOf(client).next(7)), EVENT);
  assertEquals(asked, ["?index=7", "?index=1001"]);
});

Deno.test("Follower.next() takes the event that its own connection has lost without a word", async () => {
  await using server = new PatientServer(() => new Response(EVENT));
  using client = clientOf([server.url], 5_000);
  assertEquals(await inTime("the event", followerOf(client).next(7)), EVENT);
});

Deno.test("Follower.next() believes no index of a server that has not said that nothing happened", async () => {
  const answers = [
    new Response(null, { status: 204 }),
    new Response(null, { status: 204, headers: { "x-raft-index": "many" } }),
    new Response("{}", { status: 400, headers: { "x-raft-index": "1000" } }),
  ];
  const done = Promise.withResolvers<void>();
  const server = new PatientServer(() => {
    const answer = answers.shift();
    if (answer === undefined) done.resolve();
    return answer ?? new Response("{}", { status: 500 });
  });
  await using other = new PatientServer(() => new Response(EVENT));
  using client = clientOf([server.url, other.url], 5_000);
  const next = followerOf(client).next(7);
  await done.promise;
  await server[Symbol.asyncDispose]();
  await next;
  assertEquals([server.from, other.from], [[7], [7]]);
});
