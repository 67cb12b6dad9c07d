/** Command lines, variables and files of etcd 3: followed, without effect, or refused with the reason. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Config, parseFlags, parseInvocation } from "../../src/config.ts";
import { parseDuration } from "../../src/config/duration.ts";
import { ETCD_FLAGS } from "../../src/config/etcd_flags.ts";
import { type EtcdFlag, type Flag, variableOf } from "../../src/config/flag.ts";
import { FLAGS, NODE_FLAGS } from "../../src/config/flags.ts";
import { makeYaml } from "../../tools/yaml.ts";

const CA = new URL("../../fixtures/ca/", import.meta.url).pathname;
const TLS = `--cert-file=${CA}server.crt --key-file=${CA}server.key.insecure`;
const PEER_TLS = `--peer-cert-file=${CA}server.crt --peer-key-file=${CA}server.key.insecure ` +
  `--peer-trusted-ca-file=${CA}ca.crt`;

function parse(line: string, variables: Record<string, string> = {}) {
  const args = line.split(" ").filter((arg) => arg !== "");
  return parseFlags(args, (name) => variables[name]);
}

function configOf(line: string, variables?: Record<string, string>): Config {
  const invocation = parse(line, variables);
  assert(invocation.kind === "run", JSON.stringify(invocation));
  return invocation.config;
}

function errorOf(line: string, variables?: Record<string, string>): string {
  const invocation = parse(line, variables);
  assert(invocation.kind === "error", JSON.stringify(invocation));
  assert(!/\p{Cc}/u.test(invocation.line), "one line without control characters");
  return invocation.line;
}

/** The configuration of a file with `text`, or the line that refuses it. */
async function fileOf(text: string, line = ""): Promise<Config | string> {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    await Deno.writeTextFile(file, text);
    const args = [...line.split(" ").filter((arg) => arg !== ""), `--config-file=${file}`];
    const invocation = await parseInvocation(args, () => undefined);
    if (invocation.kind === "run") return invocation.config;
    assert(invocation.kind === "error");
    assert(!/\p{Cc}/u.test(invocation.line), "one line without control characters");
    return invocation.line.replaceAll(file, "FILE");
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("etcd's flags alone give ports 2379 and 2380, name default, directory NAME.etcd", () => {
  const config = configOf("--snapshot-count 7");
  assertEquals(config.name, "default");
  assertEquals(config.dataDirectory, `${Deno.cwd()}/default.etcd`);
  assertEquals(config.client.listeners, [{ host: "127.0.0.1", port: 2379, secure: false }]);
  assertEquals(config.client.urls, ["http://localhost:2379"]);
  assertEquals(config.client.servesGrpc, true);
  assertEquals(config.peer.listeners, [{ host: "127.0.0.1", port: 2380, secure: false }]);
  assertEquals(config.peer.urls, ["http://localhost:2380"]);
  assertEquals([config.grpc, config.initialCluster], [undefined, undefined]);
  assertEquals(config.snapshotEntries, 7);
  assertEquals(configOf("--name m1").dataDirectory, `${Deno.cwd()}/m1.etcd`);
  assertEquals(configOf("", { ETCD_INITIAL_CLUSTER_STATE: "new" }).name, "default");
});

Deno.test("one of ours that says where the node is keeps our places", () => {
  for (const line of ["-d data --quota-backend-bytes 1", "-c 4001 --max-txn-ops=9", "-n a -v"]) {
    assertEquals(configOf(line).client.listen.port, 4001, line);
  }
  // Variables of these names are in scripts of 2013, too.
  const variables = { ETCD_NAME: "a", ETCD_DATA_DIR: "/var/lib/etcd/default" };
  assertEquals(configOf("", variables).client.listen.port, 4001);
  assertEquals(configOf("", variables).grpc?.address.port, 2379);
});

Deno.test("a setting has one value, whichever of its names gives it", () => {
  assertEquals(configOf("--data-dir=/a/b").dataDirectory, configOf("-d /a/b").dataDirectory);
  assertEquals(configOf("-heartbeat-interval 20 --election-timeout=200").electionMs, 200);
  assertEquals(configOf("--name a -n a").name, "a");
  assertEquals(
    errorOf("--name a -n b"),
    '--name and -n are one setting, found "a" and "b": give one of them',
  );
  assertMatch(
    errorOf("", { ETCD_CA_FILE: "x", ETCD_TRUSTED_CA_FILE: "y" }),
    /^ETCD_CA_FILE and ETCD_TRUSTED_CA_FILE are one setting/,
  );
  assertEquals(configOf("--name=flag", { ETCD_NAME: "variable" }).name, "flag");
});

Deno.test("every flag of etcd has its variable, and a flag wins over it", () => {
  const variables = { ETCD_LISTEN_CLIENT_URLS: "http://10.0.0.1:2379", ETCD_MAX_TXN_OPS: "5" };
  const config = configOf("--max-txn-ops 6", variables);
  assertEquals(config.client.urls, ["http://10.0.0.1:2379"]);
  assertEquals(config.v3.txnOperationsMax, 6);
  assertStringIncludes(errorOf("", { ETCD_MAX_TXN_OPS: "x" }), "ETCD_MAX_TXN_OPS expects");
  assertEquals(variableOf("listen-client-urls"), "ETCD_LISTEN_CLIENT_URLS");
});

Deno.test("lists of URLs open several ports, plain and under TLS", () => {
  const { client, peer } = configOf(
    `${TLS} --listen-client-urls=https://10.0.0.1:2379,http://127.0.0.1:2379 ` +
      "--advertise-client-urls https://a.example:2379,https://b.example:2379 " +
      "--listen-peer-urls=http://0.0.0.0:2380,http://[::1]:2381 " +
      "--initial-advertise-peer-urls http://a.example:2380",
  );
  assertEquals(client.listeners.map(({ host, secure }) => [host, secure]), [
    ["10.0.0.1", true],
    ["127.0.0.1", false],
  ]);
  assertEquals(client.urls, ["https://a.example:2379", "https://b.example:2379"]);
  assertEquals(client.url, "https://a.example:2379");
  assertEquals(peer.listeners.map(({ host }) => host), ["0.0.0.0", "::1"]);
  assertEquals(peer.advertised, { host: "a.example", port: 2380 });
});

Deno.test("what is listened on is advertised, if others can dial it", () => {
  assertEquals(configOf("--listen-client-urls http://10.0.0.1:99").client.urls, [
    "http://10.0.0.1:99",
  ]);
  assertMatch(
    errorOf("--listen-client-urls http://0.0.0.0:2379"),
    /^--advertise-client-urls is required when --listen-client-urls names every interface/,
  );
  // Peers are told what --initial-cluster says, else what is listened on: so containers have it.
  const peers = (flags: string) =>
    configOf(`--name a --listen-peer-urls http://0.0.0.0:2380 ${flags}`);
  assertEquals(peers("").peer.urls, ["http://0.0.0.0:2380"]);
  assertEquals(peers("--initial-cluster a=http://a:2380").peer.urls, ["http://a:2380"]);
  const two = peers("--initial-cluster b=http://b:2380,a=http://a:2380,a=http://a:2381");
  assertEquals(two.peer.urls, ["http://a:2380", "http://a:2381"]);
  assertEquals([two.entryProblem, two.initialCluster?.members.length], [undefined, 2]);
  // As etcd's own examples for containers have it; the node warns.
  const everywhere = "--listen-client-urls http://0.0.0.0:2379 --advertise-client-urls";
  assertEquals(configOf(`${everywhere} http://0.0.0.0:2379`).client.urls, ["http://0.0.0.0:2379"]);
  assertEquals(
    configOf(
      "--initial-advertise-peer-urls http://0.0.0.0:2380 --initial-cluster " +
        "default=http://0.0.0.0:2380",
    ).initialCluster,
    undefined,
  );
  assertMatch(
    configOf(
      "--initial-advertise-peer-urls http://0.0.0.0:2380 --initial-cluster " +
        "default=http://0.0.0.0:2380,b=http://b:2380",
    ).entryProblem ?? "",
    /^--initial-cluster expects URLs that the other members can dial, found http:\/\/0.0.0.0:2380/,
  );
});

Deno.test("a URL has a scheme, a host, a port and nothing else", () => {
  const wrong = ["10.0.0.1:2379", "http://10.0.0.1", "http://a:1/path", "ftp://a:1", "http://:x"];
  for (const url of [...wrong, "http://a:70000", "https//a:1", "http://u@a:1"]) {
    assertMatch(errorOf(`--listen-client-urls=${url}`), /^--listen-client-urls expects/, url);
  }
  assertMatch(errorOf("--listen-client-urls=,"), /expects URLs, found none/);
  const free = configOf(
    "--listen-client-urls=http://127.0.0.1:0 --listen-peer-urls=http://127.0.0.1:0 " +
      "--initial-advertise-peer-urls=http://127.0.0.1:2380",
  );
  assertEquals([free.client.listen.port, free.peer.listen.port], [0, 0]);
  assertMatch(
    errorOf("--initial-advertise-peer-urls=http://a:0"),
    /expects a port from 1 to 65535/,
  );
  assertMatch(errorOf("--listen-metrics-urls=unix://a:1"), /unix sockets are not served here/);
  assertMatch(errorOf("--listen-client-urls=https://a:1"), /asks for TLS, but no certificate/);
  assertEquals(configOf("--listen-client-urls=HTTP://A.example:1/").client.urls, [
    "http://a.example:1",
  ]);
});

Deno.test("a unix socket has a path, which is all that follows the scheme", () => {
  const { client, peer } = configOf(
    "--listen-client-urls=unix:///run/etcd.sock,http://127.0.0.1:2379 --name a " +
      "--listen-peer-urls=unix://a:1 --initial-cluster=a=unix://a:1",
  );
  assertEquals(client.listeners, [
    { host: "/run/etcd.sock", port: 0, secure: false, path: "/run/etcd.sock" },
    { host: "127.0.0.1", port: 2379, secure: false },
  ]);
  assertEquals(client.urls, ["unix:///run/etcd.sock", "http://127.0.0.1:2379"]);
  assertEquals(peer.listeners, [{ host: "a:1", port: 0, secure: false, path: "a:1" }]);
  for (const path of ["", "/run/", `/${"a".repeat(107)}`]) {
    assertMatch(
      errorOf(`--listen-client-urls=unix://${path}`),
      /expects the path of a unix socket/,
    );
  }
  assertMatch(errorOf("--listen-client-urls=unixs:///run/a"), /not served under TLS/);
  assertMatch(
    configOf("--name a --listen-peer-urls=unix://a:1 --initial-cluster=a=unix://a:1,b=unix://b:1")
      .entryProblem ?? "",
    /members dial each other by TCP/,
  );
});

Deno.test("members speak TLS with each other or do not", () => {
  assertMatch(
    errorOf(`${PEER_TLS} --listen-peer-urls=https://a:1,http://a:2`),
    /mix "http" and "https"/,
  );
  assertEquals(configOf(`${PEER_TLS} --listen-peer-urls=https://a:1`).peer.urls, ["https://a:1"]);
  const files = PEER_TLS.split(" ").slice(0, 2).join(" ");
  assertMatch(
    errorOf(`${files} --listen-peer-urls=https://a:1`),
    /^--peer-cert-file needs "--peer-trusted-ca-file" beside it/,
  );
});

Deno.test("two flags that say where the same port is contradict each other", () => {
  const pairs = [
    ["-c=4001", "--listen-client-urls=http://a:1"],
    ["-grpc=1", "--advertise-client-urls=http://a:1"],
    ["-s=7001", "--listen-peer-urls=http://a:1"],
    ["-C=127.0.0.1:7002", "--initial-cluster=a=http://a:1"],
    ["-C=127.0.0.1:7002", "--discovery-srv=example.com"],
    ["--initial-cluster=a=http://a:1", "--discovery-srv=example.com"],
    ["--initial-cluster=a=http://a:1", "--discovery=http://a/b"],
    ["--discovery-srv=example.com", "--discovery=http://a/b"],
    ["-v", "--log-level=info"],
    ["-f", "--force-new-cluster"],
  ];
  for (const [ours, theirs] of pairs) {
    assertMatch(errorOf(`${ours} ${theirs}`), /contradict each other/, ours);
    assertMatch(errorOf(`${theirs} ${ours}`), /contradict each other/, ours);
  }
  assertMatch(
    errorOf("--listen-client-urls http://a:1 --listen-peer-urls http://a:1"),
    /both name "a:1"/,
  );
});

Deno.test("--initial-cluster names the members, this node among them", () => {
  const list = "m1=http://a:2380,m2=http://b:2380,m3=http://c:2380,m3=http://d:2380";
  const place = "--name m1 --initial-advertise-peer-urls http://a:2380";
  assertEquals(configOf(`${place} --initial-cluster ${list}`).initialCluster, {
    state: "new",
    token: "etcd-cluster",
    own: "m1",
    members: [
      { name: "m1", peerUrls: ["http://a:2380"] },
      { name: "m2", peerUrls: ["http://b:2380"] },
      { name: "m3", peerUrls: ["http://c:2380", "http://d:2380"] },
    ],
  });
  assertEquals(configOf(`${place} --initial-cluster m1=http://a:2380`).initialCluster, undefined);
  const wrong: readonly (readonly [string, RegExp])[] = [
    [
      "--initial-cluster m2=http://b:2380",
      /does not name this node, "m1": add "m1=http:\/\/a:2380"/,
    ],
    ["--initial-cluster m1=http://x:2380,m2=http://b:1", /has "m1" at http:\/\/x:2380, and/],
    ["--initial-cluster m1=http://a:2380,m2=http://a:2380", /twice, for "m1" and "m2"/],
    ["--initial-cluster m1=http://a:2380,m2=https://b:1", /all members speak the same/],
    ["--initial-cluster m1=http://a", /expects a URL with a host and a port/],
    ["--initial-cluster http://a:2380", /expects a list such as/],
    ["--initial-cluster-state existing", /needs --initial-cluster beside it/],
    ["--initial-cluster m1=http://a:2380 --initial-cluster-state=existing", /names only this node/],
  ];
  for (const [flags, expected] of wrong) {
    // A node that has data starts with them.
    const { initialCluster, entryProblem } = configOf(`${place} ${flags}`);
    assertEquals(initialCluster, undefined);
    assertMatch(entryProblem ?? "", expected);
    // Before the data are gone.
    assertMatch(errorOf(`${place} -f ${flags}`), expected);
  }
  assertMatch(
    errorOf(`${place} --initial-cluster-state old`),
    /expects "new" or "existing", found "old"/,
  );
});

Deno.test("--discovery-srv says where the members are asked for, in place of a list", () => {
  const { discovery, initialCluster } = configOf(
    "--discovery-srv example.com. --discovery-srv-name=blue --initial-cluster-state existing " +
      "--initial-cluster-token=t",
  );
  const terms = { state: "existing", token: "t" } as const;
  assertEquals(discovery, {
    ...{ kind: "dns", ...terms },
    ...{ domain: "example.com", serviceName: "blue" },
  });
  assertEquals(initialCluster, undefined);
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["--discovery-srv-name blue", /^--discovery-srv-name needs --discovery-srv beside it/],
    ["--discovery-srv http://a", /^--discovery-srv expects a name of DNS, found "http:\/\/a"/],
    ["--discovery-srv a --discovery-srv-name=a..b", /^--discovery-srv-name expects a name of DNS/],
  ];
  for (const [flags, expected] of wrong) {
    assertMatch(configOf(flags).entryProblem ?? "", expected);
    assertMatch(errorOf(`-f ${flags}`), expected);
  }
});

Deno.test("--discovery says where the members register, in place of a list", () => {
  // As etcd does, it leaves the token aside.
  const { discovery } = configOf("--discovery=HTTP://a:2379/v2/keys/x/ --initial-cluster-token=t");
  assertEquals(discovery, { kind: "url", url: "http://a:2379/v2/keys/x" });
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["--discovery http://a", /^--discovery expects a URL such as/],
    ["--discovery http://a/b?c", /^--discovery expects a URL such as/],
    ["--discovery a/b", /^--discovery expects a URL such as/],
    ["--discovery http://a/b --initial-cluster-state=existing", /^--discovery forms a new cluster/],
    [
      "--discovery http://a/b --listen-peer-urls=http://0.0.0.0:1",
      /that the other members can dial/,
    ],
  ];
  for (const [flags, expected] of wrong) {
    assertMatch(configOf(flags).entryProblem ?? "", expected);
    assertMatch(errorOf(`-f ${flags}`), expected);
  }
});

Deno.test("history, quota, logs and limits are as etcd's flags say", () => {
  const kept = (flags: string) => configOf(flags).compaction;
  assertEquals(kept("--name a"), { kind: "limits" });
  assertEquals(kept("--auto-compaction-retention=0"), { kind: "never" });
  assertEquals(kept("--auto-compaction-retention=2"), {
    kind: "periodic",
    retentionMs: 7_200_000,
  });
  assertEquals(kept("--auto-compaction-retention=5m"), { kind: "periodic", retentionMs: 300_000 });
  const byCount = "--auto-compaction-mode=revision --auto-compaction-retention";
  assertEquals(kept(`${byCount}=1000`), { kind: "revisions", retention: 1000 });
  assertMatch(errorOf(`${byCount}=1h`), /expects a number of revisions/);
  assertMatch(errorOf("--auto-compaction-retention=soon"), /expects hours, or a time/);

  assertEquals(configOf("--quota-backend-bytes=-1").quotaBytes, undefined);
  assertEquals(configOf("--quota-backend-bytes 0").quotaBytes, 2 * 1024 ** 3);
  assertEquals(configOf("--quota-backend-bytes=8589934592").quotaBytes, 8 * 1024 ** 3);

  assertEquals(configOf("--logger=zap").log.format, "zap");
  assertEquals(configOf("--logger=zap --log-format=json").log.format, "zap");
  assertEquals(configOf("--log-format=json").log.format, "json");
  assertEquals(configOf("--logger=zap --log-format=console").log.format, "text");
  assertEquals(configOf("--debug").log.level, "debug");
  assertEquals(configOf("--log-level=fatal").log.level, "error");
  assertEquals(configOf("--log-outputs=stdout,/tmp/x,default").log.outputs, [
    "stdout",
    "/tmp/x",
    "stderr",
  ]);

  assertEquals(
    configOf("--experimental-watch-progress-notify-interval=5s").v3.progressNotifyMs,
    5000,
  );
  assertEquals(configOf("--grpc-keepalive-min-time 1m30s").v3.pingMinTimeMs, 90_000);
  assertEquals(configOf("--max-concurrent-streams=77").v3.streamsMax, 77);
  assertEquals(configOf("--host-whitelist a.example,B").hostWhitelist, ["a.example", "b"]);
  assertEquals(configOf("--host-whitelist=*").hostWhitelist, undefined);
  assertMatch(errorOf("--auth-token=magic"), /expects "simple" or "jwt/);
  assertEquals(configOf("--listen-metrics-urls=http://127.0.0.1:2381").metrics, [
    { host: "127.0.0.1", port: 2381, secure: false },
  ]);
  assertMatch(errorOf("--listen-metrics-urls=https://127.0.0.1:2381"), /write "http:\/\/"/);
  assertMatch(errorOf("--listen-metrics-urls=http://127.0.0.1:2379"), /give it one of its own/);
});

Deno.test("tokens are signed by the cluster or by keys that the flag names", () => {
  assertEquals(configOf("--auth-token-ttl=60").auth.token, { kind: "simple", ttlMs: 60_000 });
  const jwt = "--auth-token=jwt,pub-key=a.pub,priv-key=a.key,sign-method=ES384,ttl=10m";
  assertEquals(configOf(jwt).auth.token, {
    kind: "jwt",
    method: "ES384",
    publicKeyFile: "a.pub",
    privateKeyFile: "a.key",
    ttlMs: 600_000,
  });
  const short = configOf("--auth-token=jwt,pub-key=a.pub").auth.token;
  assertEquals(short.kind === "jwt" && [short.method, short.ttlMs], ["RS256", 300_000]);
  assertMatch(errorOf("--auth-token=jwt"), /expects pub-key=FILE or priv-key=FILE/);
  assertMatch(errorOf("--auth-token=jwt,priv-key=a,sign-method=none"), /found "none"/);
  assertMatch(errorOf("--auth-token=jwt,priv-key=a,ttl=never"), /found "never"/);
  assertMatch(errorOf("--auth-token=jwt,priv-key=a,other=b"), /found "other=b"/);
});

Deno.test("TLS is as old or as new as the flags say, and no shorter list of ciphers is promised", () => {
  const secure = `${TLS} --listen-client-urls=https://127.0.0.1:2379`;
  const { tls } = configOf(`${secure} --tls-min-version=TLS1.3`).client;
  assertEquals([tls?.minVersion, tls?.maxVersion], ["TLSv1.3", "TLSv1.3"]);
  assertEquals(configOf(`${secure} --tls-max-version=TLS1.2`).client.tls?.maxVersion, "TLSv1.2");
  assertMatch(
    errorOf(`${secure} --tls-min-version=TLS1.3 --tls-max-version=TLS1.2`),
    /is newer than/,
  );
  assertMatch(errorOf(`${secure} --tls-min-version=TLS1.0`), /expects "TLS1.2" or "TLS1.3"/);
  assertMatch(
    errorOf(`${secure} --cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`),
    /which the runtime always offers/,
  );
  assertMatch(errorOf(`${secure} --client-cert-auth`), /needs "--trusted-ca-file" beside it/);
  assertMatch(errorOf("--client-cert-auth"), /needs "--cert-file" beside it/);
  assertEquals(configOf("--client-cert-auth=false").client.tls, undefined);
  assertMatch(
    errorOf(`${secure} --client-crl-file ${CA}ca.crt`),
    /^--client-crl-file needs "--trusted-ca-file" beside it/,
  );
  assertMatch(
    errorOf(`${PEER_TLS} --peer-cert-allowed-cn=a --peer-cert-allowed-hostname=b`),
    /contradict each other/,
  );
  const secured = `${PEER_TLS} --listen-peer-urls=https://127.0.0.1:2380`;
  assertEquals(configOf(`${secured} --peer-cert-allowed-cn=a,b`).peer.tls?.allowedNames, {
    kind: "commonName",
    names: ["a", "b"],
  });
  const asClient = `--peer-client-cert-file=${CA}server.crt --peer-client-key-file`;
  assertEquals(parse(`${secured} ${asClient}=${CA}server.key.insecure`).kind, "run");
  assertMatch(
    errorOf(`${secured} ${asClient}=${CA}server2.key.insecure`),
    /^--peer-client-key-file names another file than --peer-key-file/,
  );
  assertMatch(
    errorOf(`${PEER_TLS} --peer-cert-allowed-cn=a,`),
    /expects names, found an empty one/,
  );
  const own = configOf("--auto-tls --data-dir=/d --listen-client-urls=https://127.0.0.1:2379");
  assertEquals(own.client.tls?.certFile, "/d/fixtures/client/cert.pem");
  assertEquals(own.client.tls?.isOwn, true);
  const peers = "--peer-auto-tls --data-dir=/d --listen-peer-urls=https://127.0.0.1:2380";
  assertEquals(configOf(peers).peer.tls?.certFile, "/d/fixtures/peer/cert.pem");
  assertEquals(configOf("--peer-auto-tls").peer.tls, undefined, "peers are plain");
  assertEquals(configOf(`${peers} ${PEER_TLS}`).peer.tls?.isOwn, false);
  assertMatch(
    errorOf(`${peers} --peer-client-cert-auth`),
    /^--peer-client-cert-auth needs "--peer-trusted-ca-file" beside it/,
  );
  assertMatch(
    errorOf(`${peers} --peer-trusted-ca-file ${CA}ca.crt`),
    /^--peer-auto-tls and --peer-trusted-ca-file contradict each other/,
  );
  const old = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305";
  const gcm = ["RSA", "ECDSA"].flatMap((key) =>
    ["128_GCM_SHA256", "256_GCM_SHA384"].map((rest) => `TLS_ECDHE_${key}_WITH_AES_${rest}`)
  );
  assertEquals(parse(`${secure} --cipher-suites=${old},${gcm.join()}`).kind, "run");
});

Deno.test("flags that do nothing here are taken, and told with the reason", () => {
  const { idle } = configOf(
    "--max-wals=5 --experimental-initial-corrupt-check=true --enable-pprof --metrics=basic " +
      "--feature-gates=InitialCorruptCheck=true,AllAlpha=false -snapshot-count=5",
  );
  assertEquals(
    idle.map(({ flag }) => flag),
    [
      "--metrics",
      "--max-wals",
      "--experimental-initial-corrupt-check",
      "--enable-pprof",
    ].map((flag) => flag === "--metrics" ? "-metrics" : flag),
  );
  for (const { why } of idle) assert(why.length > 10, why);
  // As controller-runtime's envtest starts it: it gives the last one when the help names it.
  const tested = configOf(
    "--listen-peer-urls=http://localhost:0 --data-dir=/d --unsafe-no-fsync=true " +
      "--advertise-client-urls=http://127.0.0.1:3379 --listen-client-urls=http://127.0.0.1:3379",
  );
  assertEquals(tested.idle.map(({ flag }) => flag), ["--unsafe-no-fsync"]);
  assertMatch(errorOf("--feature-gates=Nonsense=true"), /expects switches of etcd/);
});

Deno.test("flags that ask for what is not there are refused with the reason", () => {
  const rows: readonly EtcdFlag[] = ETCD_FLAGS.filter(({ stance }) => stance === "refuse");
  assert(rows.length > 20);
  for (const row of rows) {
    const value = row.kind === "boolean" ? "true" : "x";
    const line = errorOf(`--${row.name}=${value}`);
    assert(line.startsWith(`--${row.name} is not supported: `), line);
    if (row.initial !== "") assertEquals(parse(`--${row.name}=${row.initial}`).kind, "run");
  }
  assertMatch(errorOf("--wal-dir=/wal"), /let --data-dir be on the disk/);
  assertMatch(errorOf("--data-dir=/data --wal-dir=/data/wal"), /let --data-dir be on the disk/);
  // Where etcd itself has it, so that nothing is asked for.
  assertEquals(parse("--data-dir=/data/ --wal-dir=/data/member/wal").kind, "run");
  assertEquals(parse("--name=a --wal-dir=a.etcd/member/wal").kind, "run");
  // An entry that fits in no frame would stop the cluster.
  assertEquals(parse("--max-request-bytes=15728640").kind, "run");
  assertMatch(errorOf("--max-request-bytes=15728641"), /15728640, found "15728641"/);
  assertMatch(errorOf("--listen-client-url x"), /did you mean "--listen-client-urls"\?/);
  assertMatch(errorOf("--experimental-name=x"), /^Unknown flag "--experimental-name"/);
});

Deno.test("both tables together have no name and no variable twice", () => {
  const all: readonly Flag[] = NODE_FLAGS;
  const names = all.flatMap(({ name, etcd }) => etcd === undefined ? [name] : [name, etcd]);
  assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
  const ours: readonly Flag[] = FLAGS;
  const theirs = ETCD_FLAGS.map(({ name }) => variableOf(name));
  assertEquals(theirs.filter((name) => ours.some(({ env }) => env === name)), []);
});

Deno.test("a configuration file has etcd's names, in sections or not, and replaces flags", async () => {
  const config = await fileOf(
    [
      "# as etcd's sample has it",
      "name: 'm1'",
      "data-dir: /var/lib/m1",
      "wal-dir:",
      "snapshot-count: 5000",
      "listen-client-urls: http://10.0.0.1:2379,http://127.0.0.1:2379",
      "advertise-client-urls: http://10.0.0.1:2379",
      "discovery:",
      "discovery-fallback: 'proxy'",
      "proxy: 'off'",
      "proxy-failure-wait: 5000",
      "strict-reconfig-check: false",
      "grpc-keepalive-min-time: 5000000000",
      "client-transport-security:",
      `  cert-file: ${CA}server.crt`,
      `  key-file: ${CA}server.key.insecure`,
      "  client-cert-auth: false",
      "  auto-tls: false",
      "peer-transport-security:",
      "log-outputs: [stderr, /tmp/log]",
      'auto-compaction-retention: "1"',
    ].join("\n"),
    "--name overridden --data-dir /elsewhere",
  );
  assert(typeof config !== "string", `${config}`);
  assertEquals([config.name, config.dataDirectory], ["m1", "/var/lib/m1"]);
  assertEquals(config.client.listeners.length, 2);
  assertEquals(config.membership.isStrict, false);
  assertEquals(config.v3.pingMinTimeMs, 5000);
  assertEquals(config.compaction, { kind: "periodic", retentionMs: 3_600_000 });
  assertEquals(config.log.outputs, ["stderr", "/tmp/log"]);
  assertEquals(await fileOf("").then((empty) => typeof empty), "object");
});

Deno.test("a wrong configuration file is refused by one line that says where", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["data-drr: a", /^"data-drr" in "FILE" is no setting: did you mean "--data-dir"/],
    ["- a\n- b", /expected names and values/],
    ["name: [", /^Configuration file "FILE":/],
    ["name: a\nname: b", /^Configuration file "FILE":/],
    ["name: {a: b}", /expected text, a number or a list as "name"/],
    ["client-transport-security:\n  nonsense: x", /"client-transport-security.nonsense" is no/],
    ["client-transport-security: x", /expected names and values in "client-transport-security"/],
    ["max-txn-ops: many", /^"max-txn-ops" in "FILE" expects a number/],
    ["enable-v2v3: true", /^"enable-v2v3" in "FILE" is not supported/],
    ["a: &a [x]\nb: *nobody", /^Configuration file "FILE":/],
  ];
  for (const [text, expected] of cases) {
    const line = await fileOf(text);
    assert(typeof line === "string", text);
    assertMatch(line, expected, text);
  }
  const missing = await parseInvocation(["--config-file=/no/such.yml"], () => undefined);
  assertEquals(missing, { kind: "error", line: '--config-file "/no/such.yml": no such file' });
});

Deno.test("parseDuration() reads times as Go writes them", () => {
  const good: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["5s", 5000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    [".5m", 30_000],
    ["250ms", 250],
    ["1000000ns", 1],
    ["1us", 0.001],
  ];
  for (const [text, ms] of good) assertEquals(parseDuration(text), ms, text);
  for (const text of ["", "5", "s", "-1s", "1 s", "1sx", "1d", "1e3s", "9".repeat(30) + "h"]) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

Deno.test("the bundle of the YAML parser is what the package makes today", async () => {
  const bundle = await Deno.readTextFile(new URL("../../src/config/yaml.js", import.meta.url));
  assertEquals(bundle === await makeYaml(), true, 'run "deno task yaml"');
});
