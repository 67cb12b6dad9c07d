/** Commands as processes of their own: what becomes of them when a stream, an argument or a variable is bad. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ClosedPipeError, onOneLine, OutputError, visible } from "../../src/cli/terminal.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../tools/node_flags.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";
import { etcd, LocalNode, MUTUAL_TLS, type Said } from "./harness.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Runs a line of the shell in which `etcd` is the program; `variables` are set for it. */
async function shell(
  line: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const program = [Deno.execPath(), "run", "-q", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, MAIN]
    .map((word) => `'${word}'`).join(" ");
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `etcd() { ${program} "$@"; }; ${line}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // script(1) runs what it is given in $SHELL, and only bash hands an exported function on.
    env: { NO_COLOR: "1", SHELL: "bash", ...variables },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, out: text(stdout), err: text(stderr) };
}

const FULL = "Cannot write to standard output: No space left on device\n";

Deno.test("a command whose result can't be written says so in one line and ends with 4", async () => {
  await using node = await LocalNode.start();
  await node.etcd(["set", "lock", "free"]);
  await node.etcd(["set", "a", "1"]);
  await node.etcd(["set", "b", "1"]);
  const peers = `-peers ${node.address}`;
  const cases: [line: string, label: string][] = [
    [`etcd cas lock free node1 ${peers}`, "etcd cas"],
    [`etcd get lock ${peers}`, "etcd get"],
    [`etcd ls ${peers}`, "etcd ls"],
    [`etcd members ${peers}`, "etcd members"],
    [`etcd rm a b ${peers}`, "etcd rm"],
    [`etcd backup - ${peers}`, "etcd backup"],
    ["etcd help", "etcd"],
    ["etcd get -h", "etcd get"],
    ["etcd completion bash", "etcd completion"],
    ["etcd -h", "etcd"],
    ["etcd -version", "etcd"],
  ];
  for (const [line, label] of cases) {
    assertEquals(
      await shell(`${line} >/dev/full`),
      { status: 4, out: "", err: `${label}: ${FULL}` },
      line,
    );
  }
  assertEquals((await node.etcd(["get", "lock"])).out, "node1\n");
  // Both were to go, whoever hears of it.
  for (const key of ["a", "b"]) assertEquals((await node.etcd(["get", key])).status, 1, key);
});

Deno.test("a command goes on without standard error", async () => {
  assertEquals((await shell("etcd get 2>/dev/full")).status, 2);
  assertEquals((await shell("etcd -nonsense 2>/dev/full")).status, 2);
});

Deno.test("etcd rm deletes every key that it was given, also when nobody reads on", async () => {
  await using node = await LocalNode.start();
  const failures = [[new ClosedPipeError(), 0], [new OutputError("full"), 4]] as const;
  for (const [failure, expected] of failures) {
    for (const key of ["a", "b", "c/d", "c/e"]) await node.etcd(["set", key, "1"]);
    const onWrite = () => {
      throw failure;
    };
    assertEquals((await node.etcd(["rm", "a", "b"], { onWrite })).status, expected);
    assertEquals((await node.etcd(["rm", "-r", "c"], { onWrite })).status, expected);
    for (const key of ["a", "b", "c/d", "c/e"]) {
      assertEquals((await node.etcd(["get", key])).status, 1, key);
    }
  }
});

Deno.test("standard input that can't be read or is too long is told in one line", async () => {
  await using node = await LocalNode.start();
  const peers = `-peers ${node.address}`;
  const directory = await shell(`etcd set k - ${peers} </`);
  assertEquals([directory.status, directory.out], [2, ""]);
  assertMatch(directory.err, /^etcd set: Cannot read standard input: Is a directory\n$/);
  const endless = await shell(`etcd set k - ${peers} </dev/zero`);
  assertEquals([endless.status, endless.out], [2, ""]);
  assertMatch(
    endless.err,
    /^etcd set: Expected at most 1048576 bytes on standard input, found more\n$/,
  );
  assertEquals((await node.etcd(["get", "k"])).status, 1);
});

Deno.test("arguments and variables that are no UTF-8 are refused, not changed into others", async () => {
  await using node = await LocalNode.start();
  const peers = `-peers ${node.address}`;
  await node.etcd(["set", "\u{FFFD}", "kept", "-o", "json"]);
  const lines = [
    `etcd set k $'\\xff' ${peers}`,
    `etcd set $'k\\xff' v ${peers}`,
    `etcd cas k $'\\xc3' v ${peers}`,
    `etcd get $'\\xff' ${peers}`,
    `etcd rm $'\\xff' ${peers}`,
    `etcd set -ttl=$'\\xff' k v ${peers}`,
    "etcd backup $'\\xff'",
    "etcd -d $'/nonexistent/\\xff'",
  ];
  for (const line of lines) {
    const { status, out, err } = await shell(line);
    assertEquals([status, out], [2, ""], line);
    assertMatch(
      err,
      /^etcd[a-z ]*: Expected UTF-8 in the argument "[^"]*", found other bytes/,
      line,
    );
  }
  const variable = await shell("export ETCDCTL_PEERS=$'\\xff'; etcd get k");
  assertEquals([variable.status, variable.err], [
    2,
    "etcd get: ETCDCTL_PEERS expects UTF-8, found other bytes\n",
  ]);
  const nodes = await shell("export ETCD_NAME=$'a\\xff'; etcd");
  assertEquals([nodes.status, nodes.err], [
    2,
    "etcd: ETCD_NAME expects UTF-8, found other bytes\n",
  ]);
  assertEquals((await node.etcd(["ls"])).out, "/_etcd/\n");
});

Deno.test("commands go straight to the servers, whatever proxies the environment names", async () => {
  const proxies = Object.fromEntries(
    ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) =>
      [name, name.toUpperCase()].map((key) => [key, "http://127.0.0.1:9"])
    ),
  );
  await using node = await LocalNode.start();
  assertEquals((await shell(`etcd set k v -peers ${node.address}`, proxies)).status, 0);
  const named = await shell(`etcd get k -peers localhost:${node.clientPort}`, proxies);
  assertEquals([named.out, named.err], ["v\n", ""]);
  assertEquals((await shell(`etcd members -peers ${node.address}`, proxies)).status, 0);
  await using secure = await LocalNode.start(...MUTUAL_TLS.node);
  const flags = MUTUAL_TLS.client.join(" ");
  const said = await shell(`etcd set k v -peers ${secure.address} ${flags}`, proxies);
  assertEquals([said.status, said.err], [0, ""]);
});

Deno.test("a command goes through the proxy that it is told of", async () => {
  const seen: string[] = [];
  await using proxy = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => {
      seen.push(request.url);
      return new Response('{"action":"GET","key":"/k","value":"by proxy","index":5}');
    },
  );
  const url = `http://127.0.0.1:${proxy.addr.port}`;
  const port = freePort();
  const flag = await etcd(["get", "k", "-peers", `${port}`, "-proxy", url]);
  assertEquals([flag.out, flag.err], ["by proxy\n", ""]);
  const environment = { ETCDCTL_PROXY: url };
  assertEquals((await etcd(["get", "k", "-peers", `${port}`], { environment })).out, "by proxy\n");
  assertEquals(seen, Array(2).fill(`http://127.0.0.1:${port}/v1/keys/k`));
  const wrong = await etcd(["get", "k", "-proxy", "socks:9"]);
  assertEquals(wrong.status, 2);
  assert(wrong.err.includes("-proxy expects"), wrong.err);
});

Deno.test("on a screen nothing that a client wrote moves the cursor or fakes a line", async () => {
  await using node = await LocalNode.start();
  const key = "a/\x1b[31mred\nb\u{9b}0m\u{202e}";
  const set = await node.etcd(["set", key, "v"]);
  const shown = '"/a/\\u001b[31mred\\nb\\u009b0m\\u202e"\n';
  assertEquals((await node.etcd(["ls", "a"], { isScreen: true })).out, shown);
  // A program gets the key as it is.
  assertEquals((await node.etcd(["ls", "a"])).out, `/${key}\n`);
  const watched = await node.etcd(["watch", "-once", "-index", "1", "a"]);
  assertMatch(watched.out, /^\d+ SET "\/a\/\\u001b\[31mred\\nb\\u009b0m\\u202e" "v"\n$/);
  assertEquals(set.out.replace(/, .*\n/, ""), `Set ${shown.trimEnd()}`);
  assertEquals(visible("a\tb\nc\x1b]0;x\x07\r\u{85}"), "a\tb\nc\\u001b]0;x\\u0007\\u000d\\u0085");
  assertEquals(onOneLine("/plain/ü"), "/plain/ü");
});

Deno.test("systemTerminal() makes what it writes to a screen visible, and nothing else", async () => {
  await using node = await LocalNode.start();
  await node.etcd(["set", "k", "\x1b[31m"]);
  const line = `etcd get k -peers ${node.address}`;
  assertEquals((await shell(line)).out, "\x1b[31m\n");
  const which = await new Deno.Command("sh", { args: ["-c", "command -v script"] }).output();
  if (!which.success) return;
  // util-linux: a terminal of its own for the command.
  const screen = await shell(`export -f etcd; script -qec "bash -c '${line}'" /dev/null`);
  assertEquals(screen.out.trimEnd(), "\\u001b[31m");
  const backup = `etcd backup - -peers ${node.address}`;
  const refused = await shell(`export -f etcd; script -qec "bash -c '${backup}'" /dev/null`);
  assert(refused.out.includes("no text for a screen"), refused.out);
});

Deno.test("etcd backup - gives standard output a whole backup, and only that", async () => {
  await using node = await LocalNode.start();
  await node.etcd(["set", "k", "v"]);
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    const variables = { TMPDIR: directory };
    const file = `${directory}/piped`;
    const piped = await shell(
      `etcd backup - -peers ${node.address} | cat >'${file}'; exit \${PIPESTATUS[0]}`,
      variables,
    );
    assertEquals(piped.status, 0, piped.err);
    assertMatch(piped.err, /^Saved to standard output, \d+ B: cluster/);
    assertEquals(Array.from(Deno.readDirSync(directory), ({ name }) => name), ["piped"]);
    const restored = await etcd(["restore", file, "-d", `${directory}/data`]);
    assertEquals(restored.status, 0, restored.err);
    assertEquals((await etcd(["restore", "-", "-d", `${directory}/other`])).status, 2);
    // Nothing of a backup that broke off comes out.
    const lost = await shell(`etcd backup - -peers ${freePort()}`, variables);
    assertEquals([lost.status, lost.out], [3, ""]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a certificate's path is a file, not standard input", async () => {
  const { status, err } = await etcd(["get", "k", "-cacert", "-", "-key", fixture("ca.crt")]);
  assertEquals(status, 2, err);
});
