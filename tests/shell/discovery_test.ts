/** Which members the DNS names, and which of them a node is. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import type { Config } from "../../src/config.ts";
import { discover } from "../../src/member/discovery.ts";
import { DiscoveryError } from "../../src/member/registration.ts";
import { type Names, systemNames, type Target } from "../../src/member/names.ts";
import { firstSnapshot } from "../../src/storage/directory.ts";
import type { Identity } from "../../src/storage/storage.ts";
import { fixture } from "../cluster/client.ts";
import { NameServer } from "../cluster/name_server.ts";
import { freePort } from "../cluster/ports.ts";
import { configOf } from "./flag_node.ts";

const PLAIN = "_etcd-server._tcp.example.com";
const SECURE = "_etcd-server-ssl._tcp.example.com";

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  "a.example.com": ["10.0.0.1", "fd00::1"],
  "b.example.com": ["10.0.0.2"],
  "c.example.com": ["10.0.0.3"],
  "alias.example.com": ["10.0.0.1"],
  "10.0.0.1": ["10.0.0.1"],
  "fd00::1": ["fd00::1"],
};

const targets = (...hosts: readonly string[]) => hosts.map((host) => ({ host, port: 2380 }));
const THREE = targets("c.example.com", "a.example.com", "b.example.com");

/** A DNS that knows these services, and `HOSTS`. */
function names(services: Readonly<Record<string, readonly Target[]>>): Names {
  return {
    targetsOf: (service) => Promise.resolve(services[service] ?? []),
    addressesOf: (host) => {
      const found = HOSTS[host];
      return found === undefined
        ? Promise.reject(new Error("no such host"))
        : Promise.resolve(found);
    },
  };
}

const PEER_TLS = [
  ...["--peer-cert-file", fixture("server.crt"), "--peer-key-file", fixture("server.key.insecure")],
  ...["--peer-trusted-ca-file", fixture("ca.crt")],
];

/** A node whose peers dial `url`, and that is told the domain. */
function nodeAt(url: string, ...flags: readonly string[]): Config {
  const tls = url.startsWith("https:") ? PEER_TLS : [];
  const scheme = new URL(url.split(",")[0]!).protocol;
  return configOf([
    ...[
      "--name",
      "m1",
      "--discovery-srv",
      "example.com",
      `--listen-peer-urls=${scheme}//0.0.0.0:2380`,
    ],
    ...["--initial-advertise-peer-urls", url, ...tls, ...flags],
  ]);
}

const EMPTY = { entries: [], snapshot: firstSnapshot(undefined) };

function discovered(config: Config, dns: Names, identity?: Identity): Promise<Config> {
  const loaded = { hardState: { term: 0, vote: 0, commitIndex: 0 }, ...EMPTY };
  return discover(config, { identity, loaded }, dns, silentLogger);
}

Deno.test("discover() finds this node by any of its addresses, and calls every place by its target", async () => {
  const urls = ["a.example.com", "A.EXAMPLE.com", "10.0.0.1", "[fd00::1]", "alias.example.com"];
  for (const host of urls) {
    const config = await discovered(nodeAt(`http://${host}:2380`), names({ [PLAIN]: THREE }));
    assertEquals(config.initialCluster, {
      state: "new",
      token: "etcd-cluster",
      own: "a.example.com:2380",
      members: ["a", "b", "c"].map((name) => ({
        name: `${name}.example.com:2380`,
        peerUrls: [`http://${name}.example.com:2380`],
      })),
    });
    const { url, urls, advertised, listen } = config.peer;
    assertEquals([url, urls], ["http://a.example.com:2380", ["http://a.example.com:2380"]]);
    assertEquals(advertised, { host: "a.example.com", port: 2380 });
    assertEquals([listen.host, config.name], ["0.0.0.0", "m1"]);
  }
});

Deno.test("discover() takes the service of TLS, if it is there, and knows several clusters of a domain", async () => {
  const [a, b] = [targets("a.example.com", "b.example.com"), THREE];
  const secure = await discovered(
    nodeAt("https://a.example.com:2380"),
    names({ [SECURE]: a, [PLAIN]: b }),
  );
  assertEquals(secure.initialCluster?.members.map(({ peerUrls }) => peerUrls[0]), [
    "https://a.example.com:2380",
    "https://b.example.com:2380",
  ]);
  const blue = await discovered(
    nodeAt("http://a.example.com:2380", "--discovery-srv-name=blue"),
    names({ "_etcd-server-blue._tcp.example.com": a, [PLAIN]: b, [SECURE]: b }),
  );
  assertEquals(blue.initialCluster?.members.length, 2);
});

Deno.test("discover() says why the DNS does not help", async () => {
  const at = "http://a.example.com:2380";
  const cases: readonly (readonly [Config, Record<string, readonly Target[]>, RegExp])[] = [
    [
      nodeAt(at),
      {},
      /found no record of "_etcd-server-ssl\._tcp\.example\.com" and "_etcd-server\._/,
    ],
    [nodeAt(at), { [SECURE]: THREE, [PLAIN]: THREE }, /members speak "https" with each other/],
    [nodeAt("https://a.example.com:2380"), { [PLAIN]: THREE }, /members speak "http" with/],
    [
      nodeAt(at),
      { [PLAIN]: targets("b.example.com", "c.example.com") },
      /found none of http:\/\/b/,
    ],
    // The others would count it as two.
    [nodeAt(at), { [PLAIN]: targets("a.example.com", "alias.example.com") }, / and http:\/\/alias/],
    [nodeAt(`${at},http://10.9.9.9:2380`), { [PLAIN]: THREE }, /at the one URL that/],
    [nodeAt("http://a.example.com:1"), { [PLAIN]: THREE }, /found none of/],
    [nodeAt("http://x:2380"), { [PLAIN]: THREE }, /found none of .*; x:2380: no such host$/],
    [
      nodeAt(at, "--initial-cluster-state=existing"),
      { [PLAIN]: targets("a.example.com") },
      /found only this node/,
    ],
  ];
  for (const [config, services, expected] of cases) {
    const error = await assertRejects(() => discovered(config, names(services)), DiscoveryError);
    assertMatch(error.message, expected);
  }
});

Deno.test("discover() keeps a member whose address is not known yet", async () => {
  const dns = names({ [PLAIN]: targets("a.example.com", "new.example.com") });
  const { initialCluster } = await discovered(nodeAt("http://10.0.0.1:2380"), dns);
  assertEquals(initialCluster?.members.length, 2);
});

Deno.test("discover() has a node that is named alone found its cluster at the URL of the DNS", async () => {
  const config = await discovered(
    nodeAt("http://10.0.0.1:2380"),
    names({ [PLAIN]: targets("a.example.com") }),
  );
  assertEquals([config.initialCluster, config.peer.urls], [undefined, [
    "http://a.example.com:2380",
  ]]);
});

Deno.test("discover() asks nobody for a directory that knows its members, and keeps its URLs", async () => {
  const member = { id: 7, name: "m1", peerUrls: ["http://a:1"], clientUrls: [], voter: true };
  const identity = {
    ...{ memberId: 7, clusterId: 5, name: "m1" },
    initial: { members: [member], removed: [] },
  };
  const nobody: Names = {
    targetsOf: () => Promise.reject(new Error("asked")),
    addressesOf: () => Promise.reject(new Error("asked")),
  };
  const config = nodeAt("http://10.0.0.1:2380");
  assertEquals((await discovered(config, nobody, identity)).peer.urls, ["http://a:1"]);
  // A newcomer that nobody has called yet has to ask again.
  const joining = { ...identity, initial: undefined };
  await assertRejects(() => discovered(config, nobody, joining), DiscoveryError, ": asked");
});

Deno.test("systemNames() asks a name server, and takes what it does not know for absent", async () => {
  await using server = new NameServer({ hostname: "127.0.0.1", port: freePort() });
  const { targetsOf, addressesOf } = systemNames(server.address);
  server.services.set(PLAIN, [
    { target: "A.example.com", port: 2380 },
    { target: "b.example.com", port: 2381, priority: 1 },
    // That there is no such service (RFC 2782).
    { target: ".", port: 1 },
  ]);
  const found = await targetsOf(PLAIN);
  assertEquals(found.toSorted((a, b) => a.port - b.port), [
    { host: "a.example.com", port: 2380 },
    { host: "b.example.com", port: 2381 },
  ]);
  assertEquals([await targetsOf(SECURE), server.asked], [[], [`SRV ${PLAIN}`, `SRV ${SECURE}`]]);
  assertEquals(await addressesOf("127.0.0.2"), ["127.0.0.2"]);
});
