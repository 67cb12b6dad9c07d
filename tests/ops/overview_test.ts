/** What a node tells of itself to the dashboards of all members, and by which names pages may call it. */
import { assert, assertEquals } from "@std/assert";
import { Histogram } from "../../src/base/histogram.ts";
import { LIMITS } from "../../src/config.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import type { Route } from "../../src/http/router.ts";
import type { RealMember } from "../../src/member/real_member.ts";
import { type Overview, startOverview } from "../../src/operations/overview.ts";
import { DiskTimes } from "../../src/storage/timed_disk.ts";
import { VERSION } from "../../src/version.ts";
import { fixture } from "../cluster/client.ts";
import { configOf } from "../shell/flag_node.ts";

const [CERT, KEY, CA] = [fixture("server.crt"), fixture("server.key.insecure"), fixture("ca.crt")];
const PEER_TLS = ["-serverCert", CERT, "-serverKey", KEY, "-serverCAFile", CA];
const CLIENT_TLS = ["-clientCert", CERT, "-clientKey", KEY];
const MATERIAL = { cert: Deno.readTextFileSync(CERT), ca: Deno.readTextFileSync(CA) };

const MEMBERS = [
  { id: 1, name: "one", clientUrls: ["http://Client.example:1"], peerUrls: ["http://a:2"] },
  { id: 2, name: "two", clientUrls: ["no URL"], peerUrls: ["http://peer.example:2"] },
];
let members = MEMBERS;
const FOLLOWER = { id: 2, matchIndex: 61, state: "replicate", alive: true };

const status = {
  ...{ role: "leader", term: 11, leader: 1, commitIndex: 12, appliedIndex: 13 },
  followers: [{ ...FOLLOWER, silentTicks: 62 }],
};
const operations = { getsSuccess: 21, getsFail: 22, ranges: 23 };

const NODE = {
  ...{ self: 1, nowMs: () => 51, clusterId: 52, onRefusal: () => {} },
  status: () => status,
  configuration: () => ({ members }),
};

const MEMBER = {
  node: NODE,
  service: {
    node: NODE,
    operations,
    auth: { isOn: false },
    stats: () => ({ keys: 31, directories: 32, expiring: 33, watchers: 34 }),
  },
  transport: {
    stats: () => [
      { id: 2, connected: true, roundTripMs: 41 },
      { id: 3, connected: false, roundTripMs: undefined },
    ],
  },
} as unknown as RealMember;

/** An overview whose samples are taken when `sample` is called. */
function start(...flags: readonly string[]): Overview & { readonly sample: () => void } {
  const { setInterval } = globalThis;
  let sample = () => {};
  globalThis.setInterval = ((callback: () => void, ms: number) => {
    assertEquals(ms, LIMITS.samples.intervalMs);
    sample = callback;
    return 0;
  }) as unknown as typeof globalThis.setInterval;
  try {
    const disk = new DiskTimes(() => 0);
    const overview = startOverview({
      config: configOf(["-d", "/d", ...flags]),
      member: MEMBER,
      disk,
      clientTls: () => flags.includes("-clientCert") ? { ...MATERIAL, key: "" } : undefined,
      peerTls: () => flags.includes("-serverCert") ? { ...MATERIAL, key: "" } : undefined,
    });
    const take = () => {
      disk.logSyncs.observe(new Histogram(0.5, 1).bounds[0]!);
      sample();
    };
    return { ...overview, sample: take };
  } finally {
    globalThis.setInterval = setInterval;
  }
}

/** A request of the node's own page. */
const PAGE = {
  header: (name: string) => name === "sec-fetch-site" ? "same-origin" : undefined,
} as unknown as Exchange;

function jsonOf(routes: readonly Route[], path: string) {
  const route = routes.find((one) => one.path === path);
  const reply = route!.methods.GET!(PAGE, "/", "");
  assert("body" in reply && typeof reply.body === "string");
  return JSON.parse(reply.body);
}

Deno.test("a node reports each figure of the part that counts it, and the certificates of both ports", () => {
  const { uptimeSeconds, rssBytes, certificates, ...rest } = jsonOf(
    start(...CLIENT_TLS, ...PEER_TLS).peerRoutes,
    "/peer/report",
  );
  assertEquals(rest, {
    id: 1,
    version: VERSION,
    ...{ role: "leader", term: 11, leader: 1, commitIndex: 12, appliedIndex: 13 },
    ...{ keys: 31, directories: 32, expiring: 33, watchers: 34 },
    peers: [
      { id: 2, connected: true, roundTripMs: 41 },
      { id: 3, connected: false, roundTripMs: null },
    ],
    followers: [FOLLOWER],
  });
  assert(Math.abs(uptimeSeconds - performance.now() / 1000) < 60, `${uptimeSeconds} s`);
  assert(Math.abs(rssBytes / Deno.memoryUsage().rss - 1) < 0.2, `${rssBytes} bytes`);
  const told = (certificates as { use: string; notBeforeMs: number; notAfterMs: number }[])
    .map(({ use, notBeforeMs, notAfterMs }) => [use, notAfterMs > notBeforeMs]);
  assertEquals(told, [
    ["client port", true],
    ["client authority", true],
    ["peer port", true],
    ["peer authority", true],
  ]);
});

Deno.test("samples are of writes, of all reads, and of syncs in milliseconds", () => {
  const overview = start();
  const { routes } = overview.dashboard!;
  overview.sample();
  const before = { ...operations };
  try {
    operations.getsSuccess += 2_000;
    operations.getsFail += 1_000;
    operations.ranges += 1_000;
    status.appliedIndex += 2_000;
    overview.sample();
  } finally {
    Object.assign(operations, before);
    status.appliedIndex -= 2_000;
  }
  const { reads, writes, syncP99Ms } = jsonOf(routes, "/dashboard/api/samples");
  assertEquals([reads[0], writes[0]], [0, 0]);
  assert(Math.abs(reads[1] / writes[1] - 2) < 0.01, `${reads[1]} reads, ${writes[1]} writes`);
  assert(syncP99Ms[1] > 250 && syncP99Ms[1] <= 512, `${syncP99Ms[1]} ms of a sync of 500`);
});

Deno.test("a dashboard says how its mode is, and what clients have to prove", async () => {
  const told = async (...flags: readonly string[]) => {
    const route = start(...flags).dashboard!.routes.find(({ path }) => path.endsWith("/status"))!;
    const reply = await route.methods.GET!(PAGE, "/", "");
    assert("body" in reply && typeof reply.body === "string");
    const { mode, clientTls, node, nowMs, clusterId } = JSON.parse(reply.body);
    return [mode, clientTls, node, nowMs, clusterId];
  };
  // The others are asked on their peer ports.
  members = MEMBERS.slice(0, 1);
  try {
    assertEquals(await told(), ["on", "none", "one", 51, 52]);
    assertEquals((await told("-dashboard=readonly", ...CLIENT_TLS)).slice(0, 2), [
      "readonly",
      "server",
    ]);
    assertEquals((await told(...CLIENT_TLS, "-clientCAFile", CA))[1], "mutual");
  } finally {
    members = MEMBERS;
  }
});

Deno.test("-dashboard=off takes no samples and has no dashboard, and reports all the same", () => {
  const overview = start("-dashboard=off");
  assertEquals(overview.dashboard, undefined);
  assertEquals(jsonOf(overview.peerRoutes, "/peer/report").keys, 31);
});

Deno.test("a page may use the names of the members and of -c, and any under TLS alone", () => {
  const { policy } = start("-c", "Own.example:4001");
  const isOwn = (name: string) => [name, policy.isOwnName(name)];
  assertEquals(policy.tls, false);
  assertEquals(
    ["own.example", "client.example", "peer.example", "a", "evil.example"].map(isOwn),
    [
      ["own.example", true],
      ["client.example", true],
      ["peer.example", true],
      ["a", true],
      ["evil.example", false],
    ],
  );
  assertEquals(start(...CLIENT_TLS).policy.tls, true);
  const mixed = start(
    ...["--name=m", `--cert-file=${CERT}`, `--key-file=${KEY}`],
    "--listen-client-urls=https://127.0.0.1:1,http://127.0.0.1:2",
  );
  assertEquals(mixed.policy.tls, false, "somebody may come without");
});
