/** `etcd watch` against real nodes that stop, start and fall silent. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ClosedPipeError } from "../../src/cli/terminal.ts";
import { Client } from "../../src/cli/client.ts";
import { Follower } from "../../src/cli/watch.ts";
import { until } from "../cluster/wait.ts";
import { etcd, LocalNode } from "./harness.ts";

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
  const watching = node.etcd(["watch", "/"], { onWrite: head(2) });
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
  using client = new Client(urls, 1_000, Deno.createHttpClient({}), false);
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
