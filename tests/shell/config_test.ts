/** What users type, and what they are told: every flag, its variable, its mistakes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Config, isLoopback, LIMITS, parseFlags } from "../../src/config.ts";
import { nearest } from "../../src/config/command_line.ts";
import { type Flag, FLAGS } from "../../src/config/flags.ts";
import { VERSION } from "../../src/version.ts";

const CA = new URL("../../fixtures/ca/", import.meta.url).pathname;
const NAMES = FLAGS.map(({ name }) => name);

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

Deno.test("parseFlags() gives the documented defaults when nothing is set", () => {
  const config = configOf("-d /var/lib/node7");
  assertEquals(config, {
    name: "node7",
    nameGiven: false,
    dataDirectory: "/var/lib/node7",
    fresh: false,
    forceNewCluster: false,
    client: {
      advertised: { host: "127.0.0.1", port: 4001 },
      listen: { host: "127.0.0.1", port: 4001 },
      url: "http://127.0.0.1:4001",
      urls: ["http://127.0.0.1:4001"],
      listeners: [{ host: "127.0.0.1", port: 4001, secure: false }],
      servesGrpc: false,
      tls: undefined,
    },
    peer: {
      advertised: { host: "127.0.0.1", port: 7001 },
      listen: { host: "127.0.0.1", port: 7001 },
      url: "http://127.0.0.1:7001",
      urls: ["http://127.0.0.1:7001"],
      listeners: [{ host: "127.0.0.1", port: 7001, secure: false }],
      tls: undefined,
    },
    grpc: {
      address: { host: "127.0.0.1", port: 2379 },
      urls: ["http://127.0.0.1:2379"],
      isGiven: false,
    },
    metrics: [],
    join: [],
    joinAttempts: 3,
    initialCluster: undefined,
    discovery: undefined,
    entryProblem: undefined,
    arePeerUrlsInitial: false,
    membersMax: 9,
    membership: { isStrict: true, learnersMax: 1 },
    redirect: false,
    snapshotEntries: 100_000,
    historyMax: 1024,
    compaction: { kind: "limits" },
    quotaBytes: 2 * 1024 ** 3,
    v3: {
      requestBytesMax: 1.5 * 1024 ** 2,
      txnOperationsMax: 128,
      progressNotifyMs: 600_000,
      hasGateway: true,
      streamsMax: undefined,
      pingMinTimeMs: 5_000,
      pingIntervalMs: 7_200_000,
      pingTimeoutMs: 20_000,
    },
    auth: { token: { kind: "simple", ttlMs: 300_000 }, bcryptCost: 10, audit: undefined },
    heartbeatMs: 100,
    electionMs: 1000,
    dashboard: "on",
    cors: [],
    hostWhitelist: undefined,
    idle: [],
    log: { level: "info", format: "text", outputs: ["stderr"] },
  });
});

Deno.test("-grpc has etcd's port, unless a client port is chosen without it", () => {
  assertEquals(configOf("-c 4002").grpc, undefined);
  const address = { host: "0.0.0.0", port: 5000 };
  const urls = ["http://127.0.0.1:5000"];
  assertEquals(configOf("-c 4002 -grpc 0.0.0.0:5000").grpc, { address, urls, isGiven: true });
  assert(errorOf("-grpc 4001").includes("another port of this node has"));
});

Deno.test("parseFlags() freezes what it gives", () => {
  const config = configOf(
    `-C 127.0.0.1:7002 -clientCert ${CA}server.crt -clientKey ${CA}server.key.insecure ` +
      "-s 7009",
  );
  for (
    const part of [config, config.client, config.client.tls, config.client.listen, config.join] //
  ) assert(Object.isFrozen(part));
  for (const part of [LIMITS, ...Object.values(LIMITS)]) assert(Object.isFrozen(part));
});

Deno.test("parseFlags() takes one dash or two and the value after a blank or =", () => {
  for (const line of ["-snapCount 7", "--snapCount 7", "-snapCount=7", "--snapCount=7"]) {
    assertEquals(configOf(line).snapshotEntries, 7);
  }
  assertEquals(configOf("-n=a -n b").name, "b", "the last one wins");
});

Deno.test("parseFlags() takes booleans bare or with =", () => {
  assertEquals(configOf("-f").fresh, true);
  assertEquals(configOf("-f=false").fresh, false);
  assertEquals(configOf("-snapshot=false").snapshotEntries, undefined);
  assertEquals(configOf("-snapshot=0").snapshotEntries, undefined);
  assertEquals(configOf("-snapshot -redirect=T").redirect, true);
  assertStringIncludes(errorOf("-snapshot false"), '"-snapshot=false"');
  assertEquals(
    errorOf("-snapshot=maybe"),
    '-snapshot expects "true" or "false", found "maybe"',
  );
});

Deno.test("parseFlags() reads every setting from its variable, and a flag wins", () => {
  const config = configOf("-m 5", {
    ETCD_NAME: "left",
    ETCD_ADDR: "10.0.0.1:4001",
    ETCD_PEER_ADDR: "10.0.0.1:7001",
    ETCD_BIND_ADDR: "0.0.0.0",
    ETCD_PEERS: "10.0.0.2:7001,10.0.0.3:7001",
    ETCD_MAX_RESULT_BUFFER: "6",
    ETCD_SNAPSHOT: "false",
    ETCD_VERBOSE: "1",
    ETCD_LOG_FORMAT: "json",
    ETCD_DATA_DIR: "",
  });
  assertEquals(config.name, "left");
  assertEquals(config.nameGiven, true);
  assertEquals(config.client.url, "http://10.0.0.1:4001");
  assertEquals(config.client.listen.host, "0.0.0.0");
  assertEquals(config.join.map(({ host }) => host), ["10.0.0.2", "10.0.0.3"]);
  assertEquals(config.historyMax, 5, "the flag");
  assertEquals(config.snapshotEntries, undefined);
  assertEquals([config.log.level, config.log.format], ["debug", "json"]);
  assertEquals(config.dataDirectory, Deno.cwd(), "an empty variable is an unset one");
});

Deno.test("parseFlags() names the variable when its value is wrong", () => {
  assertEquals(
    errorOf("", { ETCD_SNAPSHOT_COUNT: "many" }),
    'ETCD_SNAPSHOT_COUNT expects a number from 1 to 100000000, found "many"',
  );
  assertMatch(errorOf("", { ETCD_ADDR: "nowhere" }), /^ETCD_ADDR expects a port/);
});

Deno.test("parseFlags() takes every form of address", () => {
  const forms: [string, string, number][] = [
    ["4005", "127.0.0.1", 4005],
    [":4005", "127.0.0.1", 4005],
    ["localhost:4005", "localhost", 4005],
    ["node-1.example.org:65535", "node-1.example.org", 65535],
    ["10.0.0.1:1", "10.0.0.1", 1],
    ["[::1]:4005", "::1", 4005],
    ["[2001:db8::7]:4005", "2001:db8::7", 4005],
    ["http://localhost:4005", "localhost", 4005],
    ["http://localhost:4005/", "localhost", 4005],
  ];
  for (const [text, host, port] of forms) {
    assertEquals(configOf(`-c ${text}`).client.advertised, { host, port }, text);
  }
  assertEquals(configOf("-c [::1]:4005").client.url, "http://[::1]:4005");
});

Deno.test("parseFlags() refuses what is no address", () => {
  const wrong = [
    ...["localhost", "localhost:", ":", "x:y", "0", "70000", "127.0.0.256:1", "1.2.3:1", "a b:1"],
    ...["::1:4001", "[::1]", "[localhost]:1", "ftp://a:1", "a:1/path", "a@b:1", "-1", "4001.5"],
    ...["a..b:1", "http://:x", "[1:2:3]:1", "a:00000000001"],
  ];
  for (const text of wrong) {
    const invocation = parseFlags([`-c=${text}`], () => undefined);
    assert(invocation.kind === "error", text);
    assertMatch(invocation.line, /^-c expects a port/, text);
  }
});

Deno.test("parseFlags() listens elsewhere than it advertises with -cl and -sl", () => {
  const { client, peer } = configOf(
    "-c a.example.org:4001 -cl 0.0.0.0 -s b.example.org:7001 -sl ::",
  );
  assertEquals(client.listen, { host: "0.0.0.0", port: 4001 });
  assertEquals(client.url, "http://a.example.org:4001");
  assertEquals(peer.listen, { host: "::", port: 7001 });
  assertStringIncludes(errorOf("-cl 0.0.0.0:4001"), "without a port");
});

Deno.test("parseFlags() refuses to advertise what others cannot dial", () => {
  assertStringIncludes(errorOf("-c 0.0.0.0:4001"), '"-cl 0.0.0.0"');
  assertStringIncludes(errorOf("-s [::]:7001"), '"-sl ::"');
});

Deno.test("parseFlags() refuses one address for both ports", () => {
  assertStringIncludes(errorOf("-c 7001"), "different ports");
  assertStringIncludes(errorOf("-c 10.0.0.1:7001 -cl 0.0.0.0"), "different ports");
  assertEquals(configOf("-c 10.0.0.1:7001 -s 10.0.0.2:7001").peer.listen.host, "10.0.0.2");
});

Deno.test("parseFlags() refuses a scheme that TLS settings deny", () => {
  assertStringIncludes(errorOf("-c https://localhost:4001"), "asks for TLS");
  const tls = `-clientCert ${CA}server.crt -clientKey ${CA}server.key.insecure`;
  assertStringIncludes(errorOf(`${tls} -c http://localhost:4001`), "asks for no TLS");
  assertEquals(configOf(`${tls} -c https://localhost:4001`).client.url, "https://localhost:4001");
});

Deno.test("parseFlags() wants certificate, key and authority together", () => {
  assertEquals(errorOf(`-clientCert ${CA}server.crt`), '-clientCert needs "-clientKey" beside it');
  assertEquals(
    errorOf(`-clientKey ${CA}server.key.insecure`),
    '-clientKey needs "-clientCert" beside it',
  );
  assertEquals(errorOf(`-clientCAFile ${CA}ca.crt`), '-clientCAFile needs "-clientCert" beside it');
  const pair = `-serverCert ${CA}server.crt -serverKey ${CA}server.key.insecure`;
  assertStringIncludes(errorOf(pair), '"-serverCAFile"');
  assertEquals(configOf(`${pair} -serverCAFile ${CA}ca.crt`).peer.tls, {
    certFile: `${CA}server.crt`,
    keyFile: `${CA}server.key.insecure`,
    caFile: `${CA}ca.crt`,
    crlFile: undefined,
    allowedNames: undefined,
    namesUsers: true,
    isOwn: false,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
  });
});

Deno.test("parseFlags() names a file that is missing or none", () => {
  assertEquals(errorOf("-clientCert /no/such.crt"), '-clientCert "/no/such.crt": no such file');
  assertStringIncludes(errorOf(`-clientCert ${CA}`), "expected a file");
  assertEquals(errorOf("-CF /no/such"), '-CF "/no/such": no such file');
});

Deno.test("parseFlags() merges -C and -CF, each address once and never its own", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "# the old ones\n10.0.0.2:7001, 10.0.0.3:7001 # two\n\n7002\n");
    const config = configOf(`-C http://10.0.0.3:7001,127.0.0.1:7001 -CF ${file}`);
    assertEquals(config.join, [
      { host: "10.0.0.3", port: 7001 },
      { host: "10.0.0.2", port: 7001 },
      { host: "127.0.0.1", port: 7002 },
    ]);
    await Deno.writeTextFile(file, "# none\n");
    assertStringIncludes(errorOf(`-CF ${file}`), "found none");
  } finally {
    await Deno.remove(file);
  }
  assertStringIncludes(errorOf("-C 127.0.0.1:7001"), "only this node itself");
  assertMatch(errorOf("-C somewhere"), /^-C expects a port/);
});

Deno.test("parseFlags() checks the election time-out against the heartbeat", () => {
  assertEquals(configOf("-heartbeat 200 -election 1000").electionMs, 1000);
  assertEquals(
    errorOf("-heartbeat 201"),
    '-election expects at least 5 heartbeats of 201 ms, which is 1005, found "1000"',
  );
});

Deno.test("parseFlags() keeps every number within its bounds", () => {
  const integers = (FLAGS as readonly Flag[]).filter((flag) => flag.kind === "integer");
  for (const flag of integers) {
    for (const wrong of [flag.min - 1, flag.max + 1, 1.5, "1e3", "0x10", "", "9".repeat(20)]) {
      const expected = `-${flag.name} expects a number from ${flag.min} to ${flag.max}`;
      assertStringIncludes(errorOf(`-${flag.name}=${wrong}`), expected);
    }
  }
});

Deno.test("parseFlags() takes the name from the data directory", () => {
  assertEquals(configOf("-d nodes/node3").name, "node3");
  assertEquals(configOf("-d .").name, Deno.cwd().split("/").at(-1)?.replace(/[^\w.-]+/g, "-"));
  assertEquals(parsedName("/data/My Data!"), "My-Data-");
  assertEquals(parsedName("/"), "node");
  assertEquals(parsedName("/.hidden"), "hidden");
});

function parsedName(directory: string): string {
  const invocation = parseFlags(["-d", directory], () => undefined);
  assert(invocation.kind === "run");
  return invocation.config.name;
}

Deno.test("parseFlags() refuses a name that paths and logs could not hold", () => {
  for (const name of ["a/b", "..", "_etcd", "a,b", "é", "x".repeat(65), "a=b", "%41"]) {
    assertMatch(errorOf(`-n ${name}`), /^-n expects up to 64 letters/);
  }
});

Deno.test("parseFlags() proposes the nearest flag for an unknown one", () => {
  assertEquals(
    errorOf("-snapcount 5"),
    'Unknown flag "-snapcount", did you mean "-snapCount"? see "etcd -h"',
  );
  assertEquals(
    errorOf("--clientcafile x"),
    'Unknown flag "-clientcafile", did you mean "-clientCAFile"? see "etcd -h"',
  );
  assertEquals(errorOf("-data x"), 'Unknown flag "-data", see "etcd -h"');
  for (const { name } of FLAGS) {
    assertEquals(nearest(name, NAMES)?.toLowerCase(), name.toLowerCase());
  }
  assertEquals(nearest("electoin", NAMES), "election");
  assertEquals(nearest("wholly-different", NAMES), undefined);
});

Deno.test("parseFlags() refuses what is no flag at all", () => {
  assertStringIncludes(errorOf("4001"), 'Unexpected argument "4001"');
  assertStringIncludes(errorOf("-d data -- more"), 'Unexpected argument "more"');
  assertStringIncludes(errorOf("-"), 'Unexpected argument "-"');
  assertStringIncludes(errorOf("---n=a"), 'Unexpected argument "---n=a"');
  assertEquals(configOf("-n a --").name, "a");
});

Deno.test("parseFlags() misses a value at the end and before the next flag", () => {
  assertEquals(errorOf("-n"), '-n expects a value: write "-n NAME"');
  assertStringIncludes(errorOf("-n -c 4001"), 'found the flag "-c"');
  assertStringIncludes(errorOf("-n="), 'found ""');
});

Deno.test("parseFlags() shows control characters of the command line as one harmless line", () => {
  for (const args of [["-c", "a\n\x1b[31mb"], ["-\n"], ["\x1b"], ["-n", "a\nb"], ["-m", "\t"]]) {
    const invocation = parseFlags(args, () => undefined);
    assert(invocation.kind === "error");
    assert(!/\p{Cc}/u.test(invocation.line), invocation.line);
  }
});

Deno.test("parseFlags() prints help with every flag, and the version", () => {
  for (const line of ["-h", "--help", "-help", "-n a -h"]) {
    const invocation = parse(line);
    assert(invocation.kind === "help");
    for (const { name } of FLAGS) assertMatch(invocation.text, new RegExp(`^  -${name}\\b`, "m"));
    for (const one of invocation.text.split("\n")) assert(one.length <= 100, one);
  }
  const version = parse("-version");
  assert(version.kind === "version");
  assertStringIncludes(version.text, `\netcd for Deno Version: ${VERSION}\n`);
});

Deno.test("FLAGS has no name and no variable twice", () => {
  const flags: readonly Flag[] = FLAGS;
  const variables = flags.flatMap(({ env }) => env === undefined ? [] : [env]);
  assertEquals(new Set(flags.map(({ name }) => name)).size, flags.length);
  assertEquals(new Set(variables).size, variables.length);
});

Deno.test("parseFlags() takes host names with a final dot for the same without", () => {
  const { client, join } = configOf("-c node1.example.org.:4001 -C https.:7009,[::1]:7002,b.:7001");
  assertEquals(client.url, "http://node1.example.org:4001");
  assertEquals(join.map(({ host }) => host), ["https", "::1", "b"]);
  assertEquals(configOf("-cl localhost.").client.listen.host, "localhost");
  for (const host of [".", "a..", ".a."]) assertMatch(errorOf(`-c ${host}:4001`), /-c expects/);
});

Deno.test("parseFlags() takes origins as browsers send them", () => {
  const cors = (list: string) => configOf(`-cors ${list}`).cors;
  assertEquals(cors("*"), ["*"]);
  assertEquals(cors("HTTP://A.example:80/,https://b.example:8443"), [
    "http://a.example",
    "https://b.example:8443",
  ]);
  assertEquals(configOf("", { ETCD_CORS: "http://a" }).cors, ["http://a"]);
  for (const wrong of ["a.example", "http://a/path", "file:///x", "null", "http://u@a"]) {
    assertMatch(errorOf(`-cors ${wrong}`), /-cors expects/);
  }
});

Deno.test("parseFlags() takes the flags of 2013 that do nothing here, and says which", () => {
  const { idle } = configOf("-w 127.0.0.1:4002 -cpuprofile p.prof");
  assertEquals(idle.map(({ flag }) => flag), ["-w", "-cpuprofile"]);
});

Deno.test("isLoopback() is what no other machine can dial", () => {
  for (
    const host of ["127.0.0.1", "127.9.9.9", "localhost", "a.localhost", "::1", "0:0:0:0:0:0:0:1"]
  ) {
    assertEquals(isLoopback(host), true, host);
  }
  for (const host of ["10.0.0.1", "1.127.0.0", "node1", "localhost.example", "::", "fe80::1"]) {
    assertEquals(isLoopback(host), false, host);
  }
});
