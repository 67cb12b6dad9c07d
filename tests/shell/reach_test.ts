/**
 * What a configuration says, and what a node makes of it: each of its settings is asked
 * for by a node that starts, and each flag of etcd that has an effect on clients has it.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { LIMITS } from "../../src/config.ts";
import { FrameType } from "../../src/http/h2/frame.ts";
import { memberLimits, ticks } from "../../src/member/limits.ts";
import { makeTokenScheme } from "../../src/member/token_scheme.ts";
import { Server } from "../../src/server.ts";
import type { AuthView } from "../../src/store/auth/auth.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";
import { until, within } from "../cluster/wait.ts";
import { block, frame, RawHttp2, requestFields } from "../http/h2/raw_client.ts";
import { askAt, configOf } from "./flag_node.ts";

const [CERT, KEY, CA] = [fixture("server.crt"), fixture("server.key.insecure"), fixture("ca.crt")];

/** A copy of `value` that tells of each leaf which somebody asks for, by its path. */
function overheard<T>(value: T, onRead: (path: string) => void, path = ""): T {
  if (typeof value !== "object" || value === null) return value;
  const copy = (Array.isArray(value) ? [] : {}) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(value)) {
    copy[key] = overheard(inner, onRead, path === "" ? key : `${path}.${key}`);
  }
  return new Proxy(copy, {
    get: (target, key, receiver) => {
      const found = Reflect.get(target, key, receiver);
      const isLeaf = typeof key === "string" && Object.hasOwn(target, key) && key !== "length" &&
        (typeof found !== "object" || found === null);
      if (isLeaf) onRead(path === "" ? key : `${path}.${key}`);
      return found;
    },
  }) as T;
}

function pathsIn(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    pathsIn(inner, path === "" ? key : `${path}.${key}`)
  );
}

/** What nobody asks a started node for, and who does. */
const ASKED_ELSEWHERE: readonly (readonly [path: RegExp, by: string])[] = [
  [/^log\./, "main.ts"],
  [/^nameGiven$/, "a node whose directory has a name already"],
  [/^(client|peer)\.(advertised|listen)\./, "who asks for `urls` and `listeners`"],
  [/^peer\.listeners\.\d\.secure$/, "who asks for `peer.tls`"],
  [/^client\.tls\.allowedNames\./, "a client with a certificate comes"],
];

/** Command lines that have, together, every setting. */
const LINES: readonly (readonly string[])[] = [
  [
    ...["-grpc", "PORT", "-metrics", "PORT", "-cors", "http://page.example", "-audit", "DIR/audit"],
    ...["--auto-compaction-retention=3h", "--host-whitelist=127.0.0.1"],
  ],
  [
    ...["--listen-client-urls=https://127.0.0.1:PORT", `--cert-file=${CERT}`, `--key-file=${KEY}`],
    ...["--advertise-client-urls=https://127.0.0.1:PORT", `--trusted-ca-file=${CA}`],
    ...["--listen-peer-urls=https://127.0.0.1:PORT", `--peer-cert-file=${CERT}`],
    ...["--initial-advertise-peer-urls=https://127.0.0.1:PORT", `--peer-key-file=${KEY}`],
    ...[`--peer-trusted-ca-file=${CA}`, "--client-cert-allowed-hostname=localhost"],
    ...["--auth-token=jwt,priv-key=DIR/jwt.key,sign-method=HS256"],
    ...["--auto-compaction-mode=revision", "--auto-compaction-retention=9"],
    ...["--max-concurrent-streams=9", "--listen-metrics-urls=http://127.0.0.1:PORT"],
  ],
];

/** The file of the audit stays open for the life of the process. */
const AUDITED: Omit<Deno.TestDefinition, "fn" | "name"> = { sanitizeResources: false };

for (const line of LINES) {
  Deno.test(`a node that starts with ${line[0]} asks for every setting`, AUDITED, async () => {
    const directory = await Deno.makeTempDir();
    await Deno.writeTextFile(`${directory}/jwt.key`, "a secret of thirty-two bytes or more");
    const ports = line.some((flag) => flag.startsWith("--listen-client"))
      ? [`--data-dir=${directory}/data`]
      : ["-d", `${directory}/data`, "-c", `${freePort()}`, "-s", `${freePort()}`];
    const given = line.map((word) =>
      word.replace("DIR", directory).replace("PORT", () => `${freePort()}`)
    );
    const config = configOf([...ports, ...given]);
    const asked = new Set<string>();
    const server = await Server.start(overheard(config, (path) => asked.add(path)), silentLogger);
    try {
      // What is looked at only when a client comes.
      await askAt(`${config.client.url}/version`, { headers: { origin: "http://a.example" } });
    } finally {
      await server.stop(0);
      await Deno.remove(directory, { recursive: true });
    }
    const unasked = pathsIn(config).filter((path) =>
      !asked.has(path) && !ASKED_ELSEWHERE.some(([pattern]) => pattern.test(path))
    );
    assertEquals(unasked, []);
  });
}

Deno.test("flags of membership, quota and history reach the member's limits", () => {
  const limitsOf = (...flags: string[]) => memberLimits(configOf(["-d", "/d", ...flags]));
  const { node } = limitsOf("--strict-reconfig-check=false", "--max-learners=3");
  assertEquals([node.isMembershipStrict, node.learnersMax], [false, 3]);
  assertEquals(limitsOf("--quota-backend-bytes=77", "-m", "5").quota, {
    quotaBytes: 77,
    eventsMin: 5,
    lookTicks: ticks(LIMITS.store.quotaLookMs),
  });
  assertEquals(limitsOf("--quota-backend-bytes=-1").quota, undefined);
  const kept = (...flags: string[]) => limitsOf(...flags).compaction.retention;
  assertEquals(kept("--auto-compaction-retention=0"), { kind: "all" });
  assertEquals(kept("--auto-compaction-retention=1"), {
    kind: "periodic",
    ageTicks: 3_600_000 / LIMITS.cluster.tickMs,
  });
  assertEquals(kept("--auto-compaction-mode=revision", "--auto-compaction-retention=9"), {
    kind: "revision",
    count: 9,
    everyTicks: 300_000 / LIMITS.cluster.tickMs,
  });
});

Deno.test("a JWT lives as long as --auth-token says", async () => {
  const privateKeyFile = await Deno.makeTempFile();
  await Deno.writeTextFile(privateKeyFile, "a secret of thirty-two bytes or more");
  const { token } = configOf([
    ...["-d", "/d", `--auth-token=jwt,priv-key=${privateKeyFile},sign-method=HS256,ttl=7s`],
  ]).auth;
  const scheme = makeTokenScheme(token, 1);
  // It has keys of its own, and asks for nothing of the cluster's.
  const auth = {} as AuthView;
  const jwt = scheme.issue({ user: "ann", revision: 1, passwordHash: "" }, auth, 0)!;
  const claims = [6_000, 8_000].map((nowMs) => scheme.check(jwt, auth, nowMs)?.user);
  assertEquals(claims, ["ann", undefined]);
  await Deno.remove(privateKeyFile);
});

/** A node of etcd's flags in this process. */
class EtcdNode implements AsyncDisposable {
  readonly port = freePort();
  readonly directory = Deno.makeTempDirSync();
  #server: Server | undefined;

  static async start(...flags: readonly string[]): Promise<EtcdNode> {
    const node = new EtcdNode();
    const url = `http://127.0.0.1:${node.port}`;
    node.#server = await Server.start(
      configOf([
        ...["--data-dir", `${node.directory}/data`, "--listen-client-urls", url],
        ...["--advertise-client-urls", url],
        ...["--listen-peer-urls", `http://127.0.0.1:${freePort()}`],
        ...flags.map((flag) => flag.replace("DIR", node.directory)),
      ]),
      silentLogger,
    );
    return node;
  }

  /** By the JSON gateway. */
  async call(path: string, message: object): Promise<{ status: number; text: string }> {
    const init = { method: "POST", body: JSON.stringify(message) };
    return await askAt(`http://127.0.0.1:${this.port}/v3/${path}`, init);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop(0);
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Reads until a watch that was made has been told twice that nothing has happened. */
async function newsOf({ port }: EtcdNode, watch: object): Promise<void> {
  const init = { method: "POST", body: JSON.stringify(watch) };
  const { body } = await fetch(`http://127.0.0.1:${port}/v3/watch`, init);
  let text = "";
  for await (const part of body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.split("\n").length > 3) break;
  }
  assertMatch(text, /"created":true/);
}

const put = (bytes: number) => ({ key: "aw==", value: new Uint8Array(bytes).toBase64() });

Deno.test("requests, transactions, members, news of watches and history are as etcd's flags say", async () => {
  await using node = await EtcdNode.start(
    ...["--max-txn-ops=2", "--max-request-bytes=4000000", "--max-learners=2"],
    ...["--watch-progress-notify-interval=20ms", "--auto-compaction-retention=100ms"],
  );
  const request_put = put(1);
  const three = [1, 2, 3].map(() => ({ request_range: { key: "aw==" } }));
  assertEquals((await node.call("kv/txn", { success: three.slice(1) })).status, 200);
  const many = await node.call("kv/txn", { success: three });
  assertStringIncludes(many.text, "too many operations in txn request");
  // More than the default of a request, and in base64 more than the default of a body.
  assertEquals((await node.call("kv/put", put(3_950_000))).status, 200);
  assertStringIncludes((await node.call("kv/put", put(4_100_000))).text, "request is too large");
  assertEquals((await node.call("kv/put", request_put)).status, 200);
  await until("the history to go", async () => {
    const { text } = await askAt(`http://127.0.0.1:${node.port}/metrics`);
    return /^etcd_debugging_mvcc_compact_revision [1-9]/m.test(text);
  });
  for (const [at, status] of [200, 200, 412].entries()) {
    const wish = { peerURLs: [`http://127.0.0.1:${at + 1}`], isLearner: true };
    assertEquals((await node.call("cluster/member/add", wish)).status, status, `learner ${at}`);
  }
  const watch = { create_request: { key: "aw==", progress_notify: true } };
  await within("news of a watch of which there are none", newsOf(node, watch));
});

Deno.test("HTTP/2 of a node goes by --max-concurrent-streams and --grpc-keepalive", async () => {
  await using node = await EtcdNode.start(
    ...["--max-concurrent-streams=3", "--grpc-keepalive-min-time=0"],
    ...["--grpc-keepalive-interval=200ms", "--grpc-keepalive-timeout=200ms"],
  );
  using client = await RawHttp2.connect(node.port);
  const { payload } = await client.until(FrameType.settings);
  const settings = Array.from({ length: payload.length / 6 }, (_, i) => [
    payload.readUInt16BE(i * 6),
    payload.readUInt32BE(i * 6 + 2),
  ]);
  assertEquals(settings.find(([id]) => id === 3), [3, 3], "MAX_CONCURRENT_STREAMS");
  // A stream that stays open: without one nobody may ping so often.
  const watch = requestFields("/etcdserverpb.Watch/Watch", "POST", [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ]);
  await client.send(frame(FrameType.headers, 4, 1, block(watch)));
  for (let i = 0; i < 6; i++) {
    await client.send(frame(FrameType.ping, 0, 0, `${i}`.padStart(16, "0")));
    assertEquals((await client.until(FrameType.ping)).flags, 1, "an answer, and no goodbye");
  }
  // Now the node asks, and nobody answers.
  const asked = await client.until(FrameType.ping);
  assertEquals(asked.flags, 0);
  await within("the end of a client that answers no ping", client.goAway(), 10_000);
});

Deno.test("--max-concurrent-streams bounds the calls of the gateway together", async () => {
  await using node = await EtcdNode.start("--max-concurrent-streams=1");
  const leaving = new AbortController();
  const watch = await fetch(`http://127.0.0.1:${node.port}/v3/watch`, {
    method: "POST",
    body: JSON.stringify({ create_request: { key: "aw==" } }),
    signal: leaving.signal,
  });
  const body = watch.body!.getReader();
  await body.read();
  let isAnswered = false;
  const waiting = node.call("kv/put", put(1)).then(({ status }) => {
    isAnswered = true;
    return status;
  });
  // v1 has no such bound, and a call that did not wait would be carried out before.
  for (const value of ["1", "2", "3"]) {
    const init = { method: "POST", body: new URLSearchParams({ value }) };
    assertEquals((await askAt(`http://127.0.0.1:${node.port}/v1/keys/k`, init)).status, 200);
  }
  assertEquals(isAnswered, false);
  leaving.abort();
  await body.cancel().catch(() => {});
  assertEquals(await waiting, 200);
});

Deno.test("quota, gateway, hosts and the audit are as the flags say", AUDITED, async () => {
  await using node = await EtcdNode.start(
    ...["--enable-grpc-gateway=false", "--quota-backend-bytes=20000", "-audit", "DIR/audit"],
    ...["--host-whitelist=node.example,127.0.0.1", "--bcrypt-cost=4"],
  );
  const at = `http://127.0.0.1:${node.port}`;
  assertEquals((await node.call("kv/put", put(1))).status, 404);
  const set = (length: number) =>
    askAt(`${at}/v1/keys/k`, {
      method: "POST",
      body: new URLSearchParams({ value: "x".repeat(length) }),
    });
  assertEquals((await set(100)).status, 200);
  const full = await set(30_000);
  assertEquals([full.status, /noSpace|space/.test(full.text)], [500, true], full.text);
  // Whoever refuses raises the alarm once there is hardly any room.
  assertEquals((await set(19_300)).status, 200);
  assertEquals((await set(30_000)).status, 500);
  await until("the alarm", async () => (await askAt(`${at}/health`)).text.includes("NOSPACE"));
  const deleted = await askAt(`${at}/v1/keys/k`, { method: "DELETE" });
  assertEquals(deleted.status, 200);
  await until("its end", async () => (await askAt(`${at}/health`)).status === 200);
  const metrics = await askAt(`${at}/metrics`);
  assertMatch(metrics.text, /^etcd_server_quota_backend_bytes 20000$/m);
  for (const [host, status] of [["NODE.example:1", 200], ["evil.example", 421]] as const) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: node.port });
    const request = `GET /version HTTP/1.0\r\nHost: ${host}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    assertStringIncludes(answer.split("\r\n")[0]!, ` ${status} `, host);
  }
  const user = { method: "PUT", body: JSON.stringify({ user: "root", password: "p" }) };
  assertEquals((await askAt(`${at}/v2/auth/users/root`, user)).status, 201);
  assertEquals((await askAt(`${at}/v2/auth/enable`, { method: "PUT" })).status, 200);
  assertEquals((await set(10)).status, 200, "guests may, until their role says otherwise");
  const audit = await until("a line of the audit", async () => {
    const text = await Deno.readTextFile(`${node.directory}/audit`);
    return text.includes("\n") ? text : undefined;
  });
  assert(audit.split("\n").filter((line) => line !== "").every((line) => JSON.parse(line).action));
});
