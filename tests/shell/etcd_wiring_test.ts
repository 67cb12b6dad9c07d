/**
 * Every flag of etcd that is followed, and its variable: what of the configuration it changes,
 * each leaf with its value. The table has a row for each; who adds a flag adds a row.
 */
import { assertEquals } from "@std/assert";
import type { Config } from "../../src/config.ts";
import { ETCD_FLAGS } from "../../src/config/etcd_flags.ts";
import { type EtcdFlag, variableOf } from "../../src/config/flag.ts";
import { fixture } from "../cluster/client.ts";
import { configOf } from "./flag_node.ts";

const [CERT, KEY, CA] = [fixture("server.crt"), fixture("server.key.insecure"), fixture("ca.crt")];

/** Places the node as etcd's flags do. */
const BASE = ["--name=m1", "--data-dir=/d"];
const CLIENT_TLS = [
  ...[`--cert-file=${CERT}`, `--key-file=${KEY}`, `--trusted-ca-file=${CA}`],
  "--listen-client-urls=https://127.0.0.1:2379",
];
const PEER_TLS = [
  ...[`--peer-cert-file=${CERT}`, `--peer-key-file=${KEY}`, `--peer-trusted-ca-file=${CA}`],
  "--listen-peer-urls=https://127.0.0.1:2380",
];
const MEMBERS = "m1=http://localhost:2380,m2=http://b:2380";
const CLUSTER = [`--initial-cluster=${MEMBERS}`];
const DISCOVERY = ["--discovery-srv=example.com"];

/** A flag, what it can't do without, and each leaf of the configuration that is another one then. */
type Sample = readonly [
  value: string,
  changes: Readonly<Record<string, unknown>>,
  beside?: readonly string[],
];

const url = (kind: "client" | "peer", port: number) => ({
  [`${kind}.advertised.port`]: port,
  [`${kind}.listen.port`]: port,
  [`${kind}.listeners.0.port`]: port,
  [`${kind}.url`]: `http://localhost:${port}`,
  [`${kind}.urls.0`]: `http://localhost:${port}`,
});

const advertised = (kind: "client" | "peer") => ({
  [`${kind}.advertised.host`]: "a.example",
  [`${kind}.advertised.port`]: 9,
  [`${kind}.url`]: "http://a.example:9",
  [`${kind}.urls.0`]: "http://a.example:9",
});

/** By the flag's name. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  "listen-client-urls": ["http://localhost:9", url("client", 9)],
  "listen-client-http-urls": ["http://localhost:9", url("client", 9)],
  "advertise-client-urls": ["http://a.example:9", advertised("client")],
  "listen-peer-urls": ["http://localhost:9", url("peer", 9)],
  "initial-advertise-peer-urls": ["http://a.example:9", advertised("peer")],
  "initial-cluster": [MEMBERS, {
    "initialCluster": undefined,
    "initialCluster.state": "new",
    "initialCluster.token": "etcd-cluster",
    "initialCluster.own": "m1",
    "initialCluster.members.0.name": "m1",
    "initialCluster.members.0.peerUrls.0": "http://localhost:2380",
    "initialCluster.members.1.name": "m2",
    "initialCluster.members.1.peerUrls.0": "http://b:2380",
  }],
  "discovery-srv": ["example.com", {
    "discovery": undefined,
    "discovery.kind": "dns",
    "discovery.domain": "example.com",
    "discovery.serviceName": undefined,
    "discovery.state": "new",
    "discovery.token": "etcd-cluster",
  }],
  "discovery-srv-name": ["blue", { "discovery.serviceName": "blue" }, DISCOVERY],
  "discovery": ["http://a/b", {
    "discovery": undefined,
    "discovery.kind": "url",
    "discovery.url": "http://a/b",
  }],
  "initial-cluster-state": ["existing", { "initialCluster.state": "existing" }, CLUSTER],
  "initial-cluster-token": ["t", { "initialCluster.token": "t" }, CLUSTER],
  "force-new-cluster": ["true", { forceNewCluster: true }],
  "strict-reconfig-check": ["false", { "membership.isStrict": false }],
  "max-learners": ["3", { "membership.learnersMax": 3 }],
  "quota-backend-bytes": ["77", { quotaBytes: 77 }],
  "max-txn-ops": ["7", { "v3.txnOperationsMax": 7 }],
  "max-request-bytes": ["7", { "v3.requestBytesMax": 7 }],
  "max-concurrent-streams": ["7", { "v3.streamsMax": 7 }],
  "grpc-keepalive-min-time": ["7s", { "v3.pingMinTimeMs": 7_000 }],
  "grpc-keepalive-interval": ["7s", { "v3.pingIntervalMs": 7_000 }],
  "grpc-keepalive-timeout": ["7s", { "v3.pingTimeoutMs": 7_000 }],
  "watch-progress-notify-interval": ["7s", { "v3.progressNotifyMs": 7_000 }],
  "auto-compaction-mode": ["revision", {
    "compaction.kind": "revisions",
    "compaction.retentionMs": undefined,
    "compaction.retention": 7,
  }, ["--auto-compaction-retention=7"]],
  "auto-compaction-retention": ["7", {
    "compaction.kind": "periodic",
    "compaction.retentionMs": 7 * 3_600_000,
  }],
  // Demanded by the authority beside it, as by etcd.
  "client-cert-auth": ["true", { "client.tls.namesUsers": true }, CLIENT_TLS],
  "peer-client-cert-auth": ["true", { "peer.tls.namesUsers": true }, PEER_TLS],
  // Each for URLs with https, which can't be had without: see `etcd_flags_test.ts`.
  "auto-tls": ["true", {}],
  "peer-auto-tls": ["true", {}],
  "peer-client-cert-file": [CERT, {}, PEER_TLS],
  "peer-client-key-file": [KEY, {}, PEER_TLS],
  "client-crl-file": [CA, { "client.tls.crlFile": CA }, CLIENT_TLS],
  "peer-crl-file": [CA, { "peer.tls.crlFile": CA }, PEER_TLS],
  "client-cert-allowed-hostname": ["a", {
    "client.tls.allowedNames": undefined,
    "client.tls.allowedNames.kind": "hostname",
    "client.tls.allowedNames.names.0": "a",
  }, CLIENT_TLS],
  "peer-cert-allowed-cn": ["a", {
    "peer.tls.allowedNames": undefined,
    "peer.tls.allowedNames.kind": "commonName",
    "peer.tls.allowedNames.names.0": "a",
  }, PEER_TLS],
  "peer-cert-allowed-hostname": ["a", {
    "peer.tls.allowedNames": undefined,
    "peer.tls.allowedNames.kind": "hostname",
    "peer.tls.allowedNames.names.0": "a",
  }, PEER_TLS],
  "tls-min-version": ["TLS1.3", { "client.tls.minVersion": "TLSv1.3" }, CLIENT_TLS],
  "tls-max-version": ["TLS1.2", { "client.tls.maxVersion": "TLSv1.2" }, CLIENT_TLS],
  "host-whitelist": ["A.example", {
    "hostWhitelist": undefined,
    "hostWhitelist.0": "a.example",
  }],
  "auth-token": ["jwt,priv-key=a.key,sign-method=HS256,ttl=7s", {
    "auth.token.kind": "jwt",
    "auth.token.method": "HS256",
    "auth.token.privateKeyFile": "a.key",
    "auth.token.publicKeyFile": undefined,
    "auth.token.ttlMs": 7_000,
  }],
  "auth-token-ttl": ["7", { "auth.token.ttlMs": 7_000 }],
  "bcrypt-cost": ["7", { "auth.bcryptCost": 7 }],
  "listen-metrics-urls": ["http://127.0.0.1:9", {
    "metrics.0.host": "127.0.0.1",
    "metrics.0.port": 9,
    "metrics.0.secure": false,
  }],
  "enable-grpc-gateway": ["false", { "v3.hasGateway": false }],
  logger: ["zap", { "log.format": "zap" }],
  "log-level": ["error", { "log.level": "error" }],
  "log-outputs": ["stdout", { "log.outputs.0": "stdout" }],
  debug: ["true", { "log.level": "debug" }],
};

/** Of a file is `etcd_flags_test.ts`; the others refuse what can't be had and change nothing. */
const ELSEWHERE = ["config-file", "cipher-suites", "feature-gates"];

/** Every leaf of `value` by its path. */
function leaves(value: unknown, path = ""): Map<string, unknown> {
  if (typeof value !== "object" || value === null) return new Map([[path, value]]);
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [
      ...leaves(inner, path === "" ? key : `${path}.${key}`),
    ]),
  );
}

/** The leaves in which `other` differs from `one`, as they are in `other`. */
function changes(one: Config, other: Config): Record<string, unknown> {
  const [before, after] = [leaves(one), leaves(other)];
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  return Object.fromEntries(
    paths.filter((path) =>
      before.get(path) !== after.get(path) || before.has(path) !== after.has(path)
    ).map((path) => [path, after.get(path)]),
  );
}

Deno.test("every flag of etcd that is followed has its row in the table of samples", () => {
  const followed = (ETCD_FLAGS as readonly EtcdFlag[]).filter(({ stance }) => stance === "follow");
  assertEquals(
    followed.map(({ name }) => name).toSorted(),
    [...Object.keys(SAMPLES), ...ELSEWHERE].toSorted(),
  );
});

for (const [name, [value, expected, beside = []]] of Object.entries(SAMPLES)) {
  Deno.test(`--${name} and its variable change what they name in the configuration, and nothing else`, () => {
    const args = [...BASE, ...beside];
    const plain = configOf(args);
    assertEquals(changes(plain, configOf([...args, `--${name}=${value}`])), expected);
    assertEquals(changes(plain, configOf(args, { [variableOf(name)]: value })), expected);
  });
}
