/**
 * What is open to whom when nobody says otherwise: every address, mode and permission in
 * one list. A change of a row is a decision, and belongs into the changelog.
 */
import { assert, assertEquals } from "@std/assert";
import type { Address, Config } from "../../src/config.ts";
import { PERMISSION_FLAGS, RUN_FLAGS, UNSTABLE_FLAGS } from "../../tools/node_flags.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";
import { until } from "../cluster/wait.ts";
import { askAt, configOf, FlagNode, listenersAt } from "./flag_node.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Where a node listens without flags. */
const ADDRESSES: Readonly<
  Record<string, [of: (config: Config) => Address | undefined, is: string]>
> = {
  client: [({ client }) => client.listen, "127.0.0.1:4001"],
  grpc: [({ grpc }) => grpc?.address, "127.0.0.1:2379"],
  peer: [({ peer }) => peer.listen, "127.0.0.1:7001"],
  metrics: [({ metrics }) => metrics[0], "nowhere"],
};

/** The flags that take an address, each with what of the configuration it is. */
const PORT_FLAGS:
  readonly (readonly [flag: string, of: (config: Config) => Address | undefined])[] = [
    ["c", ({ client }) => client.listen],
    ["s", ({ peer }) => peer.listen],
    ["grpc", ({ grpc }) => grpc?.address],
    ["metrics", ({ metrics }) => metrics[0]],
  ];

/** Who may do what with what a node, `etcd backup` and `etcd certs init` write, whatever the umask is. */
const MODES: readonly (readonly [path: RegExp, mode: string])[] = [
  [/^data$/, "700"],
  [/^data\/.+/, "600"],
  [/^a\.backup$/, "600"],
  [/^certs\/[^/]+\.key$/, "600"],
  // Public, as everybody gets it in a handshake.
  [/^certs\/[^/]+\.crt$/, "644"],
  [/^restored$/, "700"],
  [/^restored\/.+/, "600"],
];

/** What Deno lets the program do. Nothing may be run, loaded or asked for. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-sys=statfs",
  "--allow-env=ETCD_*,ETCDCTL_*,NO_COLOR,NOTIFY_SOCKET,WATCHDOG_USEC," +
  "http_proxy,https_proxy,all_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,ALL_PROXY,NO_PROXY",
];

/** What a page of another site gets, whose reader has a node at hand: the port, the request, the status. */
const FOREIGN_PAGE: readonly (readonly ["client" | "peer", string, string, number])[] = [
  ["client", "POST", "/v1/keys/k", 403],
  ["client", "PUT", "/v1/keys/k", 403],
  ["client", "DELETE", "/v1/keys/k", 403],
  ["client", "DELETE", "/v1/machines/nobody", 403],
  ["client", "GET", "/dashboard/api/status", 403],
  ["client", "GET", "/dashboard/api/samples", 403],
  ["client", "GET", "/dashboard/api/events?path=/", 403],
  ["client", "GET", "/dashboard/api/keys/k", 403],
  ["client", "POST", "/dashboard/api/keys/k", 403],
  ["client", "DELETE", "/dashboard/api/keys/k", 403],
  ["peer", "POST", "/v1/join", 403],
  ["peer", "DELETE", "/v1/machines/nobody", 403],
  ["peer", "POST", "/anything", 403],
];

function text(address: Address | undefined): string {
  return address === undefined ? "nowhere" : `${address.host}:${address.port}`;
}

Deno.test("a node listens on the loopback interface alone when no address is given", () => {
  const config = configOf(["-d", "/tmp/x"]);
  for (const [name, [of, is]] of Object.entries(ADDRESSES)) {
    assertEquals(text(of(config)), is, name);
  }
  assertEquals(config.dashboard, "on");
  assertEquals(config.cors, []);
});

Deno.test("a bare port means the loopback interface, whichever flag it is given to", () => {
  for (const [flag, of] of PORT_FLAGS) {
    for (const value of ["9999", ":9999"]) {
      assertEquals(text(of(configOf([`-${flag}`, value]))), "127.0.0.1:9999", `-${flag} ${value}`);
    }
  }
});

Deno.test("a node opens the ports that it was told to, at the address that it was told, and no others", async () => {
  const ports = [freePort(), freePort(), freePort(), freePort()] as const;
  const [client, peer, grpc, metrics] = ports;
  await using _ = await FlagNode.start(
    ...["-c", `${client}`, "-s", `${peer}`, "-grpc", `${grpc}`, "-metrics", `${metrics}`],
  );
  for (const port of ports) assertEquals(listenersAt(port), ["127.0.0.1"], `${port}`);
});

Deno.test("the program has the permissions that the list says, and no more", () => {
  assertEquals(PERMISSION_FLAGS, PERMISSIONS);
  assertEquals(UNSTABLE_FLAGS, ["--unstable-no-legacy-abort", "--unstable-net"]);
  assertEquals(RUN_FLAGS, [
    ...PERMISSIONS,
    ...UNSTABLE_FLAGS,
    "--v8-flags=--initial-old-space-size=192",
  ]);
});

/** Runs a line of bash in which `etcd` is the program, with nothing hidden from anybody. */
async function shell(line: string, directory: string): Promise<string> {
  // No word has a blank or a star of its own that names a file here.
  const program = [Deno.execPath(), "run", "-q", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, MAIN];
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `umask 0; etcd() { $program "$@"; }; ${line}`],
    cwd: directory,
    env: { NO_COLOR: "1", program: program.join(" ") },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success, said);
  return said;
}

function* pathsIn(directory: string, prefix = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    yield `${prefix}${name}`;
    if (isDirectory) yield* pathsIn(`${directory}/${name}`, `${prefix}${name}/`);
  }
}

Deno.test("what is written is for its owner alone, whatever the umask is", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const port = freePort();
    await shell(
      // The process itself, or the signal would come to the shell around it.
      `(exec $program -d data -snapCount 3 -c ${port} -s ${freePort()} >log 2>&1) & ` +
        "until grep -q Serving log; do sleep 0.1; done; " +
        `for i in 1 2 3 4 5 6 7 8; do etcd set k$i v -peers ${port}; done; ` +
        `etcd backup a.backup -peers ${port}; kill $!; wait; ` +
        "etcd restore a.backup -d restored; " +
        "etcd certs init --hosts node1.example.org --out certs",
      directory,
    );
    const paths = [...pathsIn(directory)];
    for (const [pattern, mode] of MODES) {
      const found = paths.filter((path) => pattern.test(path));
      assert(found.length > 0, `${pattern} among ${paths.join(" ")}`);
      for (const path of found) {
        const { mode: bits, isDirectory } = Deno.statSync(`${directory}/${path}`);
        const expected = isDirectory && mode === "600" ? "700" : mode;
        assertEquals((bits! & 0o777).toString(8), expected, path);
      }
    }
    // The list names everything that there is.
    const known = (path: string) => /^(log|certs)$/.test(path) || MODES.some(([p]) => p.test(path));
    assertEquals(paths.filter((path) => !known(path)), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a page of another site changes nothing, and reads nothing that the dashboard shows", async () => {
  await using node = await FlagNode.start();
  await node.set("k", "kept");
  const page = { origin: "http://evil.example", "sec-fetch-site": "cross-site" };
  for (const [port, method, path, expected] of FOREIGN_PAGE) {
    const url = `http://127.0.0.1:${port === "client" ? node.clientPort : node.peerPort}${path}`;
    for (const own of [{}, { "x-etcd-dashboard": "1" }]) {
      const { status, text } = await askAt(url, { method, headers: { ...page, ...own } });
      assertEquals(status, expected, `${method} ${path} on the ${port} port: ${text}`);
    }
  }
  assertEquals(JSON.parse((await node.ask("/v1/keys/k")).text).value, "kept");
});

Deno.test("a port under TLS speaks nothing older than TLS 1.2", async () => {
  const tls = ["-clientCert", fixture("server.crt"), "-clientKey", fixture("server.key.insecure")];
  await using node = await FlagNode.start(...tls);
  const versions = async (version: string) => {
    const { stdout } = await new Deno.Command("openssl", {
      args: ["s_client", "-connect", `127.0.0.1:${node.clientPort}`, version],
      stdin: "null",
    }).output();
    return /^New, (TLSv1\.[0-9])/m.exec(new TextDecoder().decode(stdout))?.[1];
  };
  await until("the port", async () => (await versions("-tls1_3")) === "TLSv1.3");
  assertEquals(await versions("-tls1_2"), "TLSv1.2");
  for (const old of ["-tls1_1", "-tls1"]) assertEquals(await versions(old), undefined, old);
});
