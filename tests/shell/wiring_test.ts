/**
 * Every flag and every variable of a node, flipped on a real one: that it reaches the
 * part that it is for. The table has a row for each; who adds a flag adds a row.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Config, LIMITS } from "../../src/config.ts";
import { FLAGS } from "../../src/config/flags.ts";
import { memberLimits, ticks, transportLimits } from "../../src/member/limits.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { httpLimits } from "../../src/server/http_limits.ts";
import { settleGrpcPort } from "../../src/server/v3.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../tools/node_flags.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";
import { until } from "../cluster/wait.ts";
import { askAt, configOf, FlagNode, listenersAt } from "./flag_node.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const SERVER = [fixture("server.crt"), fixture("server.key.insecure"), fixture("ca.crt")] as const;
const [CERT, KEY, CA] = SERVER;

/** Files that can't be told from the fixtures by what they are for, but by their name. */
interface Sample {
  /** Another value than the default one. */
  readonly value: string;
  /** Flags that it can't do without. */
  readonly beside?: readonly string[];
  /** What of the configuration is another one. */
  readonly changes: readonly (keyof Config)[];
}

const CLIENT_TLS = ["-clientCert", CERT, "-clientKey", KEY];
const PEER_TLS = ["-serverCert", CERT, "-serverKey", KEY, "-serverCAFile", CA];

/** By the flag's name. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  n: { value: "other", changes: ["name", "nameGiven"] },
  c: { value: "127.0.0.2:4444", changes: ["client", "grpc"] },
  grpc: { value: "127.0.0.2:2222", changes: ["grpc"] },
  s: { value: "127.0.0.2:7777", changes: ["peer"] },
  cl: { value: "127.0.0.3", changes: ["client"] },
  sl: { value: "127.0.0.3", changes: ["peer"] },
  metrics: { value: "9100", changes: ["metrics"] },
  d: { value: "/tmp/other", changes: ["dataDirectory", "name"] },
  f: { value: "true", changes: ["fresh"] },
  C: { value: "127.0.0.1:7009", changes: ["join"] },
  CF: { value: fixture("../peers.txt"), changes: ["join"] },
  r: { value: "7", changes: ["joinAttempts"] },
  maxsize: { value: "5", changes: ["membersMax"] },
  redirect: { value: "true", changes: ["redirect"] },
  audit: { value: "/tmp/audit.log", changes: ["auth"] },
  cors: { value: "http://page.example", changes: ["cors"] },
  clientCert: { value: CERT, beside: ["-clientKey", KEY], changes: ["client", "grpc"] },
  clientKey: { value: KEY, beside: ["-clientCert", CERT], changes: ["client", "grpc"] },
  clientCAFile: { value: CA, beside: CLIENT_TLS, changes: ["client"] },
  serverCert: { value: CERT, beside: PEER_TLS.slice(2), changes: ["peer"] },
  serverKey: {
    value: KEY,
    beside: [...PEER_TLS.slice(0, 2), "-serverCAFile", CA],
    changes: ["peer"],
  },
  serverCAFile: { value: CA, beside: PEER_TLS.slice(0, 4), changes: ["peer"] },
  snapshot: { value: "false", changes: ["snapshotEntries"] },
  snapCount: { value: "7", changes: ["snapshotEntries"] },
  m: { value: "7", changes: ["historyMax"] },
  heartbeat: { value: "50", changes: ["heartbeatMs"] },
  election: { value: "2000", changes: ["electionMs"] },
  dashboard: { value: "off", changes: ["dashboard"] },
  v: { value: "true", changes: ["log"] },
  vv: { value: "true", changes: ["log"] },
  logFormat: { value: "json", changes: ["log"] },
  w: { value: "127.0.0.1:1", changes: ["idle"] },
  cpuprofile: { value: "profile", changes: ["idle"] },
};

/** These print something and end: see `cli/streams_test.ts`. */
const PRINTED = ["h", "version"];

Deno.test("every flag has its row in the table of samples", () => {
  const names = FLAGS.map(({ name }) => name as string);
  assertEquals(names.toSorted(), [...Object.keys(SAMPLES), ...PRINTED].toSorted());
});

/** The fields in which two configurations differ. */
function differences(one: Config, other: Config): string[] {
  const text = (value: unknown) => JSON.stringify(value) ?? "undefined";
  return Object.keys(one).filter((key) =>
    text(one[key as keyof Config]) !== text(other[key as keyof Config])
  );
}

for (const [name, { value, beside = [], changes }] of Object.entries(SAMPLES)) {
  Deno.test(`-${name} and its variable change what they name in the configuration, and nothing else`, () => {
    const env = (FLAGS as readonly { name: string; env?: string }[]).find((flag) =>
      flag.name === name
    )?.env;
    const flagged = configOf([...beside, `-${name}=${value}`]);
    // Beside others of its kind it may add only a part of a field.
    const isOptional = name.endsWith("CAFile") && name !== "serverCAFile";
    const plain = configOf(isOptional ? beside : []);
    assertEquals(
      differences(plain, flagged),
      Object.keys(plain).filter((key) => (changes as readonly string[]).includes(key)),
    );
    if (env === undefined) return;
    // A flag of 2013 is called by the name under which it was given.
    const given = configOf(beside, { [env]: value });
    assertEquals({ ...given, idle: [] }, { ...flagged, idle: [] });
    assertNotEquals(differences(plain, given), []);
  });
}

type TicksOfNode =
  | "requestTicks"
  | "diskRetryTicks"
  | "quietTicks"
  | "snapshotStallTicks"
  | "comparisonTicks"
  | "firstComparisonTicks"
  | "comparisonWaitTicks";

Deno.test("a part takes its group of limits whole, beside what flags say", () => {
  assertEquals(httpLimits(5), { ...LIMITS.http, spareDescriptors: 5 });
  assertEquals(httpLimits().spareDescriptors, LIMITS.descriptors.clientSpare);
  const config = configOf([
    ...["-heartbeat", "120", "-election", "2400", "-maxsize", "5", "-snapCount", "4000", "-m", "9"],
  ]);
  const { core, node, strangersMax, compaction } = memberLimits(config);
  assertEquals(core, { ...LIMITS.core, electionTicks: 240, heartbeatTicks: 12 });
  assertEquals(strangersMax, LIMITS.cluster.membersMax);
  assertEquals(compaction, {
    eventsMin: 9,
    retention: {
      kind: "recent",
      ageMaxMs: LIMITS.store.historyAgeMs,
      bytesMax: LIMITS.store.historyBytesMax,
    },
    lookTicks: ticks(LIMITS.store.compactionLookMs),
  });
  const times = Object.entries(LIMITS.nodeTimes).map(([name, ms]) =>
    [name.replace(/Ms$/, "Ticks"), ticks(ms)] as const
  );
  assertEquals(node, {
    ...LIMITS.node,
    ...Object.fromEntries(times) as Record<TicksOfNode, number>,
    isMembershipStrict: true,
    heartbeatTicks: 12,
    electionTicks: 240,
    membersMax: 5,
    learnersMax: LIMITS.cluster.learnersMax,
    snapshotEntries: 4000,
    trailingEntries: 2000,
  });
  assertEquals(transportLimits(config), {
    ...LIMITS.transport,
    pingIntervalMs: 1_200,
    silenceMsMax: 4_800,
  });
  assertEquals(memberLimits(configOf(["-snapshot=false"])).node.snapshotEntries, 0);
});

Deno.test("-n names the node", async () => {
  await using node = await FlagNode.start("-n", "someone");
  assertEquals(JSON.parse((await node.ask("/v1/stats/self")).text).name, "someone");
  assertEquals((await node.ask("/v1/keys/_etcd/machines/someone")).status, 200);
});

Deno.test("-c and -s name where the ports are, -cl and -sl where they listen instead", async () => {
  const [client, peer] = [freePort(), freePort()];
  {
    await using _ = await FlagNode.start("-c", `127.0.0.2:${client}`, "-s", `127.0.0.3:${peer}`);
    assertEquals([listenersAt(client), listenersAt(peer)], [["127.0.0.2"], ["127.0.0.3"]]);
  }
  await using _ = await FlagNode.start(
    ...["-c", `127.0.0.1:${client}`, "-s", `127.0.0.1:${peer}`],
    ...["-cl", "127.0.0.4", "-sl", "127.0.0.5"],
  );
  assertEquals([listenersAt(client), listenersAt(peer)], [["127.0.0.4"], ["127.0.0.5"]]);
  const machines = await askAt(`http://127.0.0.4:${client}/machines`);
  assertEquals(machines.text, `http://127.0.0.1:${client}`);
  assertEquals((await askAt(`http://127.0.0.5:${peer}/v1/join`)).status, 200);
});

Deno.test("-metrics opens one more port, which serves nothing of the data", async () => {
  const port = freePort();
  await using node = await FlagNode.start("-metrics", `${port}`);
  await node.set("secret");
  const at = (path: string) => askAt(`http://127.0.0.1:${port}${path}`);
  for (const path of ["/metrics", "/health", "/livez", "/readyz"]) {
    assertEquals((await at(path)).status, 200, path);
  }
  for (const path of ["/v1/keys/secret", "/v1/backup", "/machines", "/dashboard/"]) {
    assertEquals((await at(path)).status, 404, path);
  }
  assertEquals(listenersAt(port), ["127.0.0.1"]);
});

Deno.test("-grpc opens one more port for clients, which there is none of with -c alone", async () => {
  const port = freePort();
  {
    await using node = await FlagNode.start("-grpc", `127.0.0.2:${port}`);
    await node.set("k");
    assertEquals(listenersAt(port), ["127.0.0.2"]);
    assertEquals((await askAt(`http://127.0.0.2:${port}/v1/keys/k`)).status, 200);
  }
  await using _ = await FlagNode.start();
  assertEquals(listenersAt(port), []);
});

Deno.test("members are listed to clients of gRPC where they serve it, to others at -c", async () => {
  const address = `127.0.0.2:${freePort()}`;
  await using node = await FlagNode.start("-grpc", address);
  const body = JSON.stringify({});
  const listed = await node.ask("/v3/cluster/member/list", { method: "POST", body });
  assertEquals(JSON.parse(listed.text).members[0].clientURLs, [`http://${address}`]);
  assertEquals((await node.ask("/v2/machines")).text, `http://127.0.0.1:${node.clientPort}`);
  await using other = await FlagNode.start();
  const alone = await other.ask("/v3/cluster/member/list", { method: "POST", body });
  const own = [`http://127.0.0.1:${other.clientPort}`];
  assertEquals(JSON.parse(alone.text).members[0].clientURLs, own);
});

Deno.test("settleGrpcPort() gives up a port that nobody asked for when another program has it", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = taken.addr as Deno.NetAddr;
  const settledOf = (port: number, isGiven: boolean) => {
    const config = configOf(["-grpc", `127.0.0.1:${port}`]);
    return settleGrpcPort({ ...config, grpc: { ...config.grpc!, isGiven } }, silentLogger).grpc;
  };
  assertEquals(settledOf(address.port, false), undefined);
  assertEquals(settledOf(address.port, true)?.address.port, address.port);
  const free = freePort();
  assertEquals(settledOf(free, false)?.isGiven, true, "who is told of it must find it");
});

Deno.test("-d is where the data is, and -f takes it away", async () => {
  const directory = await Deno.makeTempDir();
  try {
    {
      await using node = await FlagNode.start("-d", directory);
      await node.set("kept");
    }
    assert(Array.from(Deno.readDirSync(directory)).length > 0);
    {
      await using node = await FlagNode.start("-d", directory);
      assertEquals((await node.ask("/v1/keys/kept")).status, 200);
    }
    await using node = await FlagNode.start("-d", directory, "-f");
    assertEquals((await node.ask("/v1/keys/kept")).status, 404);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("-C and -CF join a cluster, and -maxsize bounds it", async () => {
  await using first = await FlagNode.start("-n", "a", "-maxsize", "3");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `# members\n${first.peerAddress}\n`);
  try {
    await using _b = await FlagNode.start("-n", "b", "-C", first.peerAddress);
    await using _c = await FlagNode.start("-n", "c", "-CF", file);
    await until(
      "three members",
      async () => (await first.ask("/machines")).text.split(",").length === 3,
    );
    const fourth = await FlagNode.start("-n", "d", "-C", first.peerAddress, "-r", "1").then(
      async (node) => {
        await node[Symbol.asyncDispose]();
        return "joined";
      },
      (error: Error) => error.message,
    );
    assert(/at most 3|3 members/.test(fourth), fourth);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("-r is how often a newcomer asks to join", async () => {
  let asked = 0;
  await using member = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      if (request.method === "POST") asked++;
      return new Response("{}", { status: 503 });
    },
  );
  const address = `127.0.0.1:${member.addr.port}`;
  for (const attempts of [1, 2]) {
    asked = 0;
    const started = await FlagNode.start("-C", address, "-r", `${attempts}`).catch(() => undefined);
    assertEquals([started, asked], [undefined, attempts]);
  }
});

Deno.test("-redirect sends writers to the leader, which they reach else by way of the member", async () => {
  await using first = await FlagNode.start("-n", "a");
  await using sending = await FlagNode.start("-n", "b", "-C", first.peerAddress, "-redirect");
  await using passing = await FlagNode.start("-n", "c", "-C", first.peerAddress);
  const write = (node: FlagNode) =>
    node.ask("/v1/keys/k", { method: "POST", body: new URLSearchParams({ value: "1" }) });
  await until("both to know the leader", async () => {
    const [one, other] = await Promise.all([sending.ask("/leader"), passing.ask("/leader")]);
    return one.status === 200 && other.status === 200;
  });
  assertEquals((await passing.ask("/v1/stats/self")).status, 200);
  const sent = await write(sending);
  assertEquals(sent.status, 307);
  assertEquals(sent.headers.get("location"), `http://127.0.0.1:${first.clientPort}/v1/keys/k`);
  assertEquals((await write(passing)).status, 200);
});

Deno.test("-cors lets the pages of an origin in, and nobody's else", async () => {
  const origin = "http://page.example";
  const allowed = async (node: FlagNode) => {
    const { headers } = await node.ask("/v1/keys/", { headers: { origin } });
    return headers.get("access-control-allow-origin");
  };
  await using open = await FlagNode.start("-cors", origin);
  await using closed = await FlagNode.start();
  assertEquals([await allowed(open), await allowed(closed)], [origin, null]);
});

Deno.test("-clientCert and -clientKey make the client port speak TLS, -clientCAFile demand it of clients", async () => {
  const read = (name: string) => Deno.readTextFileSync(fixture(name));
  // Of all nodes here: the session of an open port must not open another one.
  using stranger = Deno.createHttpClient({ caCerts: [read("ca.crt")] });
  for (const isMutual of [false, true]) {
    using known = Deno.createHttpClient({
      caCerts: [read("ca.crt")],
      cert: read("client.crt"),
      key: read("client.key.insecure"),
    });
    const flags = [...CLIENT_TLS, ...(isMutual ? ["-clientCAFile", CA] : [])];
    await using node = await FlagNode.start(...flags);
    const url = `https://127.0.0.1:${node.clientPort}/version`;
    assertEquals((await askAt(url, { client: known })).status, 200);
    assertEquals((await askAt(url, { client: stranger })).status, isMutual ? 0 : 200);
    assertEquals((await node.ask("/version")).status === 200, false, "without TLS");
    // The peer port is another matter.
    assertEquals((await askAt(`http://${node.peerAddress}/v1/join`)).status, 200);
  }
});

Deno.test("-serverCert, -serverKey and -serverCAFile make the peer port speak mutual TLS", async () => {
  const read = (name: string) => Deno.readTextFileSync(fixture(name));
  using stranger = Deno.createHttpClient({ caCerts: [read("ca.crt")] });
  using known = Deno.createHttpClient({
    caCerts: [read("ca.crt")],
    cert: read("server.crt"),
    key: read("server.key.insecure"),
  });
  await using node = await FlagNode.start(...PEER_TLS);
  const url = `https://${node.peerAddress}/v1/join`;
  assertEquals((await askAt(url, { client: known })).status, 200);
  assertEquals((await askAt(url, { client: stranger })).status, 0);
  assertEquals((await askAt(`http://${node.peerAddress}/v1/join`)).status === 200, false);
  assertEquals((await node.ask("/version")).status, 200);
});

function snapshots(node: FlagNode): number {
  return Array.from(Deno.readDirSync(node.directory)).filter(({ name }) => name.includes("snap"))
    .length;
}

Deno.test("-snapCount says after how many entries a snapshot is taken, -snapshot=false that none is", async () => {
  await using often = await FlagNode.start("-snapCount", "5");
  await using never = await FlagNode.start("-snapCount", "5", "-snapshot=false");
  await using seldom = await FlagNode.start();
  for (let i = 0; i < 40; i++) {
    await Promise.all([often, never, seldom].map((node) => node.set(`k${i}`)));
  }
  const before = snapshots(seldom);
  await until("a snapshot", () => snapshots(often) > before);
  assertEquals(snapshots(never), before);
});

/** A leader and its follower. */
async function pair(...flags: string[]): Promise<[FlagNode, FlagNode]> {
  const first = await FlagNode.start("-n", "a", ...flags);
  const second = await FlagNode.start("-n", "b", "-C", first.peerAddress, ...flags);
  await until("a voter", async () => {
    const { text } = await second.ask("/v1/stats/self");
    return JSON.parse(text).state === "follower";
  });
  return [first, second];
}

async function sentBytes(node: FlagNode): Promise<number> {
  const { text } = await node.ask("/metrics");
  const lines = text.match(/^etcd_network_peer_sent_bytes_total\{[^}]*\} (\S+)$/gm) ?? [];
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

Deno.test("-heartbeat is how often a leader is heard", async () => {
  const flags = (ms: number) => ["-heartbeat", `${ms}`, "-election", "3000"];
  const [fast, slow] = await Promise.all([pair(...flags(20)), pair(...flags(500))]);
  const before = await Promise.all([sentBytes(fast[0]), sentBytes(slow[0])]);
  // Nothing else is sent: whoever has sent ten times what a heartbeat takes has lived so long.
  await until(
    "the fast one's heartbeats",
    async () => await sentBytes(fast[0]) - before[0]! > 2_000,
  );
  const sent = [await sentBytes(fast[0]) - before[0]!, await sentBytes(slow[0]) - before[1]!];
  assert(sent[0]! > 3 * sent[1]!, `${sent}`);
  for (const node of [...fast, ...slow]) await node[Symbol.asyncDispose]();
});

Deno.test("-election is how long a leader leads without the others", async () => {
  const leads = async ([leader, follower]: [FlagNode, FlagNode]): Promise<number> => {
    await follower[Symbol.asyncDispose]();
    const startMs = performance.now();
    await until("the leader to give up", async () => {
      return JSON.parse((await leader.ask("/v1/stats/self")).text).state !== "leader";
    });
    const ms = performance.now() - startMs;
    await leader[Symbol.asyncDispose]();
    return ms;
  };
  const [short, long] = await Promise.all([
    pair("-heartbeat", "20", "-election", "100"),
    pair("-heartbeat", "20", "-election", "2500"),
  ]);
  const [shortMs, longMs] = await Promise.all([leads(short), leads(long)]);
  assert(longMs > 2_000 && longMs > 2 * shortMs, `${shortMs} ms and ${longMs} ms`);
});

Deno.test("-dashboard leaves the page out, or lets it change nothing", async () => {
  const found = async (mode: string) => {
    await using node = await FlagNode.start(`-dashboard=${mode}`);
    const headers = {
      "sec-fetch-site": "same-origin",
      "x-etcd-dashboard": "1",
      "etcd-dashboard": "1",
    };
    const page = (await node.ask("/dashboard/")).status;
    const status = await node.ask("/dashboard/api/status", { headers });
    return [page, status.status === 200 ? JSON.parse(status.text).mode : status.status];
  };
  assertEquals(await found("on"), [200, "on"]);
  assertEquals(await found("readonly"), [200, "readonly"]);
  assertEquals(await found("off"), [404, 404]);
});

/** What a node of its own process says until it is told to stop. */
async function logOf(...flags: string[]): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, MAIN, "-d", directory],
      ...["-c", `${freePort()}`, "-s", `${freePort()}`, ...flags],
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  for await (const part of process.stderr.pipeThrough(new TextDecoderStream())) {
    const hadServed = text.includes("Serving");
    text += part;
    if (!hadServed && text.includes("Serving")) process.kill("SIGTERM");
  }
  await process.status;
  await Deno.remove(directory, { recursive: true });
  return text.trimEnd().split("\n");
}

Deno.test("-v, -vv, -logFormat and --log-outputs reach the log, and a flag of 2013 is told there", async () => {
  const file = await Deno.makeTempFile();
  const [plain, more, all, json] = await Promise.all([
    logOf("-w", "127.0.0.1:1", "-cpuprofile", "x"),
    logOf("-v"),
    logOf("-vv"),
    logOf("-logFormat", "json", "--log-outputs", `stderr,${file}`),
  ]);
  assertEquals((await Deno.readTextFile(file)).trimEnd().split("\n"), json);
  await Deno.remove(file);
  const has = (lines: string[], level: string) => lines.some((line) => line.includes(level));
  assertEquals([has(plain, "DEBUG"), has(more, "DEBUG"), has(all, "DEBUG")], [false, true, true]);
  assert(json.every((line) => line.startsWith("{") && JSON.parse(line).level !== undefined));
  for (const flag of ["-w", "-cpuprofile"]) {
    assert(plain.some((line) => line.includes("WARN") && line.includes(`flag=${flag}`)), plain[0]);
  }
});
