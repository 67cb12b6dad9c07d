/** `etcd migrate`: one cluster becomes the copy of another that is written to meanwhile. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/cli.ts";
import { RangeReader } from "../../src/cli/migrate/range.ts";
import { SourceWatch, WatchLostError } from "../../src/cli/migrate/source_watch.ts";
import { LongAnswerError } from "../../src/cli/body.ts";
import { Client } from "../../src/cli/client.ts";
import { CommandError } from "../../src/cli/command.ts";
import { type Fields, Gateway, type GatewayPort } from "../../src/cli/gateway.ts";
import { until } from "../cluster/wait.ts";
import { FlagNode } from "../shell/flag_node.ts";
import { answer, BrokenServer } from "./broken_server.ts";
import { LocalNode, silentTerminal } from "./harness.ts";

type Answer = Record<string, unknown>;

interface Asks {
  readonly clientPort: number;
}

async function ask({ clientPort }: Asks, path: string, message: object): Promise<Answer> {
  const url = `http://127.0.0.1:${clientPort}/v3/${path}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(message) });
  const answer = await response.json();
  assertEquals(response.status, 200, `${path}: ${JSON.stringify(answer)}`);
  return answer;
}

async function put(node: Asks, key: string, value: string, lease = "0"): Promise<void> {
  await ask(node, "kv/put", { key: btoa(key), value: btoa(value), lease });
}

async function remove(node: Asks, key: string): Promise<void> {
  await ask(node, "kv/deleterange", { key: btoa(key) });
}

/** Every key with its value and lease. */
async function content(node: Asks): Promise<Record<string, string>> {
  const all = { key: btoa("\0"), range_end: btoa("\0") };
  const kvs = (await ask(node, "kv/range", all)).kvs as Record<string, string>[] | undefined;
  return Object.fromEntries(
    (kvs ?? []).map(({ key, value, lease }) => [
      atob(key!),
      `${atob(value ?? "")} ${lease ?? "0"}`,
    ]),
  );
}

/** A migration that runs until `enter` is called. */
class Running {
  readonly #entered = Promise.withResolvers<string | undefined>();
  out = "";
  err = "";
  readonly status: Promise<number>;

  constructor(from: Asks, to: Asks, ...flags: string[]) {
    const terminal = silentTerminal({
      write: (text) => void (this.out += text),
      say: (text) => void (this.err += text),
      readLine: () => this.#entered.promise,
    });
    const addresses = [
      "-from",
      `127.0.0.1:${from.clientPort}`,
      "-peers",
      `127.0.0.1:${to.clientPort}`,
    ];
    this.status = runCli(["migrate", ...addresses, ...flags], terminal);
  }

  enter(): void {
    this.#entered.resolve("");
  }

  async following(): Promise<void> {
    await until("it follows", () => this.err.includes("Following"));
  }
}

Deno.test("etcd migrate copies keys, leases, users and roles, and compares them", async () => {
  await using from = await FlagNode.start();
  await using to = await FlagNode.start();
  for (let page = 0; page < 3; page++) {
    const success = Array.from({ length: 100 }, (_, i) => ({
      request_put: { key: btoa(`key/${page}/${i}`), value: btoa(`value ${i}`) },
    }));
    await ask(from, "kv/txn", { success });
  }
  await put(from, "\xff\x00\xfe", "");
  await put(from, "large", "x".repeat(900_000));
  await put(from, "larger", "y".repeat(900_000));
  await ask(from, "lease/grant", { ID: "7587870000000000001", TTL: "1000" });
  await put(from, "leased", "v", "7587870000000000001");
  await ask(from, "auth/role/add", { name: "reader" });
  const perm = { permType: "READ", key: btoa("a"), range_end: btoa("b") };
  await ask(from, "auth/role/grant", { name: "reader", perm });
  await ask(from, "auth/user/add", { name: "ann", password: "pw" });
  await ask(from, "auth/user/grant", { user: "ann", role: "reader" });

  const running = new Running(from, to);
  running.enter();
  assertEquals(await running.status, 0, running.err);
  assertStringIncludes(running.out, "Compared 304 keys");
  assertStringIncludes(running.out, "all are equal");
  assertStringIncludes(running.out, "1 role and 1 user");
  assertStringIncludes(running.out, "etcd user passwd NAME");
  assertEquals(await content(to), await content(from));
  const lease = await ask(to, "lease/timetolive", { ID: "7587870000000000001" });
  assertEquals(lease.grantedTTL, "1000");
  assertEquals((await ask(to, "auth/role/get", { role: "reader" })).perm, [
    { key: perm.key, range_end: perm.range_end },
  ]);
  assertEquals((await ask(to, "auth/user/get", { name: "ann" })).roles, ["reader"]);
});

Deno.test("etcd migrate follows until Enter, and makes a copy that was cut short equal with -again", async () => {
  await using from = await FlagNode.start();
  await using to = await FlagNode.start();
  for (const key of ["a", "b", "c"]) await put(from, key, "1");
  await put(to, "b", "other");
  await put(to, "bb", "too much");
  const refused = new Running(from, to);
  assertEquals(await refused.status, 1);
  assertStringIncludes(refused.err, 'give "-again"');

  const running = new Running(from, to, "-again");
  await running.following();
  assertEquals(await content(to), await content(from));
  await put(from, "a", "2");
  await remove(from, "c");
  await put(from, "d", "1");
  await put(from, "d", "2");
  running.enter();
  assertEquals(await running.status, 0, running.err);
  assertEquals(await content(to), { a: "2 0", b: "1 0", d: "2 0" });
});

Deno.test("etcd migrate ends the leases that have ended at the source, and keeps the others", async () => {
  await using from = await FlagNode.start();
  await using to = await FlagNode.start();
  for (const ID of ["1", "2"]) await ask(from, "lease/grant", { ID, TTL: "600" });
  await put(from, "a", "v", "1");
  await put(from, "b", "v", "2");
  const running = new Running(from, to);
  await running.following();
  await ask(from, "lease/revoke", { ID: "1" });
  await ask(from, "lease/grant", { ID: "3", TTL: "600" });
  await put(from, "c", "v", "3");
  running.enter();
  assertEquals(await running.status, 0, running.err);
  assertEquals(await content(to), { b: "v 2", c: "v 3" });
  const { leases } = await ask(to, "lease/leases", {});
  assertEquals((leases as { ID: string }[]).map(({ ID }) => ID).sort(), ["2", "3"]);
});

Deno.test("etcd migrate renews the leases of keys that are equal already", async () => {
  await using from = await FlagNode.start();
  await using to = await FlagNode.start();
  await ask(from, "lease/grant", { ID: "1", TTL: "600" });
  await ask(to, "lease/grant", { ID: "1", TTL: "3" });
  for (const node of [from, to]) await put(node, "a", "v", "1");
  const left = async () => Number((await ask(to, "lease/timetolive", { ID: "1" })).TTL ?? 0);
  await until("little is left", async () => await left() === 1);
  const running = new Running(from, to, "-again");
  await until("it is renewed, or has ended", async () => ![0, 1].includes(await left()));
  running.enter();
  assertEquals(await running.status, 0, running.out);
  assertEquals(await content(to), { a: "v 1" });
});

Deno.test("etcd migrate fails when something else has written to the copy, and names it", async () => {
  await using from = await FlagNode.start();
  await using to = await FlagNode.start();
  await put(from, "a", "1");
  const running = new Running(from, to);
  await running.following();
  await put(to, "a", "2");
  await put(to, "stray\n", "1");
  running.enter();
  assertEquals(await running.status, 1);
  assertStringIncludes(running.out, '2 differ: a, "stray\\n"');
});

Deno.test("etcd migrate goes through the keys again when the source was away", async () => {
  await using from = await LocalNode.start();
  await using to = await FlagNode.start();
  await put(from, "a", "1");
  const running = new Running(from, to);
  await running.following();
  await from.stop();
  await from.start();
  await put(from, "b", "1");
  await until("it tries again", () => running.err.split("Following").length > 2);
  running.enter();
  assertEquals(await running.status, 0, running.err);
  assertStringIncludes(running.err, "going through the keys again");
  assertEquals(await content(to), { a: "1 0", b: "1 0" });
});

Deno.test("etcd migrate says that it may not read users, and copies what it may", async () => {
  await using from = await FlagNode.start();
  await using to = await FlagNode.start();
  await ask(from, "auth/user/add", { name: "root", password: "rpw" });
  await ask(from, "auth/user/grant", { user: "root", role: "root" });
  await ask(from, "auth/role/add", { name: "all" });
  const perm = { permType: "READWRITE", key: btoa("\0"), range_end: btoa("\0") };
  await ask(from, "auth/role/grant", { name: "all", perm });
  await ask(from, "auth/user/add", { name: "ann", password: "apw" });
  await ask(from, "auth/user/grant", { user: "ann", role: "all" });
  await put(from, "a", "1");
  await ask(from, "auth/enable", {});
  const guest = new Running(from, to);
  assertEquals(await guest.status, 1);
  assertStringIncludes(guest.err, 'say who you are with "-from-user"');
  const running = new Running(from, to, "-from-user", "ann:apw");
  running.enter();
  assertEquals(await running.status, 0, running.err);
  assertStringIncludes(running.out, "Users and roles were not copied");
  assertEquals(await content(to), { a: "1 0" });
});

/** A cluster that answers ranges of keys `0`, `1`, … with values of so many characters. */
function fakeRange(sizes: readonly number[], asked: number[]): GatewayPort {
  return {
    ask: (_, message, bytesMax) => {
      const { key, limit } = message as Record<string, string>;
      const from = atob(key!) === "\0" ? 0 : Number.parseInt(atob(key!)) + 1;
      asked.push(Number(limit));
      const kvs = sizes.slice(from, from + Number(limit)).map((size, i) => ({
        key: btoa(`${from + i}`),
        value: "A".repeat(size),
      }));
      const answer: Fields = { kvs, more: from + kvs.length < sizes.length };
      return JSON.stringify(answer).length > bytesMax!
        ? Promise.reject(new LongAnswerError("too long"))
        : Promise.resolve(answer);
    },
    open: () => Promise.reject(new Error("no streams")),
  };
}

Deno.test("RangeReader asks for fewer keys when they are large, and for all of them", async () => {
  const sizes = [...Array(150).fill(10), ...Array(30).fill(12_000)];
  const asked: number[] = [];
  const reader = new RangeReader(fakeRange(sizes, asked), 64_000);
  const found: string[] = [];
  for (let from: string | undefined = "\0"; from !== undefined;) {
    const page = await reader.page(from);
    found.push(...page.items.map(({ key }) => key));
    from = page.next;
  }
  assertEquals(found, sizes.map((_, i) => `${i}`));
  assert(asked.includes(200) && asked.includes(25) && asked.includes(1), `${asked}`);
});

/** A source whose watch says `lines`, and then nothing until it is closed. */
function fakeWatch(...lines: readonly object[]): GatewayPort {
  return {
    ask: () => Promise.reject(new Error("no questions")),
    open: (_path, _message, signal) =>
      Promise.resolve((async function* () {
        for (const line of lines) {
          const text = `${JSON.stringify(line)}\n`;
          yield new TextEncoder().encode(text.slice(0, 7));
          yield new TextEncoder().encode(text.slice(7));
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      })()),
  };
}

const event = (key: string, revision: string) => ({
  kv: { key: btoa(key), mod_revision: revision },
});

Deno.test("SourceWatch counts a revision when all of it has come", async () => {
  const watch = new SourceWatch(
    fakeWatch(
      { result: { created: true } },
      { result: { events: [event("a", "5"), event("b", "6")], fragment: true } },
    ),
    5,
  );
  await until("it has come", () => watch.arrival(10).then(() => watch.isWaiting));
  assertEquals(watch.take()?.upTo, undefined);
  assertEquals(watch.take(), undefined);
  await watch.close();
  const whole = new SourceWatch(
    fakeWatch({ result: { events: [{ type: "DELETE", ...event("a", "7") }] } }),
    5,
  );
  await until("it has come", () => whole.arrival(10).then(() => whole.isWaiting));
  const batch = whole.take();
  assertEquals([batch?.upTo, batch?.changes[0]?.isDeletion], [7, true]);
  await whole.close();
});

Deno.test("SourceWatch tells that the source was compacted before it", async () => {
  const watch = new SourceWatch(
    fakeWatch({ result: { canceled: true, compact_revision: "9" } }),
    5,
  );
  let found: unknown;
  await until("it fails", async () => {
    await watch.arrival(10);
    try {
      watch.take();
      return false;
    } catch (error) {
      found = error;
      return true;
    }
  });
  assert(found instanceof WatchLostError);
  assertStringIncludes(found.message, "compacted at 9");
  await watch.close();
});

Deno.test("Gateway logs in without a credential, which etcd would refuse, and again when it is forgotten", async () => {
  const seen: string[] = [];
  let logins = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const path = new URL(request.url).pathname;
    const token = request.headers.get("authorization");
    seen.push(`${path} ${token}`);
    if (path === "/v3/auth/authenticate") return Response.json({ token: `t${++logins}` });
    if (token === "t2") return Response.json({ count: "1" });
    return Response.json({ message: "etcdserver: invalid auth token", code: 16 }, { status: 401 });
  });
  const http = Deno.createHttpClient({});
  {
    const url = `http://127.0.0.1:${server.addr.port}`;
    using client = new Client([url], {
      timeoutMs: 10_000,
      http,
      showsCertificate: false,
      login: { user: "root", password: "rpw" },
    });
    assertEquals(await new Gateway(client).ask("kv/range"), { count: "1" });
  }
  assertEquals(seen, [
    "/v3/auth/authenticate null",
    "/v3/kv/range t1",
    "/v3/auth/authenticate null",
    "/v3/kv/range t2",
  ]);
  await server.shutdown();
});

Deno.test("Gateway says what to do where etcd takes no certificate with a name", async () => {
  const text = "CommonName of client sending a request against gateway will be ignored";
  await using broken = new BrokenServer(() => answer(400, text));
  const http = Deno.createHttpClient({});
  using client = new Client([`http://${broken.address}`], {
    timeoutMs: 10_000,
    http,
    showsCertificate: true,
  });
  await assertRejects(
    () => new Gateway(client).ask("kv/range"),
    CommandError,
    "show one without a name",
  );
});
