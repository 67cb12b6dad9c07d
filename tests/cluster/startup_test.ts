/** What a node refuses to start with, and with which exit status and words. */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Client, fixture } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { story } from "./story.ts";
import { type Ended, runToEnd } from "./node_process.ts";
import { freePort } from "./ports.ts";
import { VERSION } from "../../src/version.ts";

const pair = (name: string) => ({ cert: fixture(`${name}.crt`), key: keyOf(name) });
const keyOf = (name: string) => fixture(`${name}.key.insecure`);

/** Runs in a directory of its own. */
async function run(...flags: string[]): Promise<Ended> {
  const directory = await Deno.makeTempDir();
  const ports = ["-c", String(freePort()), "-s", String(freePort())];
  try {
    return await runToEnd(["-d", directory, ...ports, ...flags]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("node() prints help and version and ends with status 0", async () => {
  const help = await run("-h");
  assertEquals(help.code, 0);
  assertMatch(help.stdout, /^etcd .*\n\nUsage: etcd \[flags\]/);
  const version = await run("-version");
  assertEquals(version.code, 0);
  assertStringIncludes(version.stdout, `\netcd for Deno Version: ${VERSION}\n`);
});

Deno.test("node() ends with status 2 when the command line can't be followed", async () => {
  const cases = [
    { flags: ["-snapcount", "5"], says: /-snapcount.*-snapCount/ },
    { flags: ["-c", "none"], says: /-c.*"none"/ },
    { flags: ["-clientCert", "/nowhere.crt"], says: /\/nowhere\.crt.*no such file/ },
    { flags: ["-clientCert", pair("server").cert], says: /-clientCert.*-clientKey/ },
    { flags: ["-heartbeat", "500"], says: /-election/ },
  ];
  for (const { flags, says } of cases) {
    const { code, stderr } = await run(...flags);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, says);
    assertEquals(stderr.trimEnd().split("\n").length, 1);
  }
});

Deno.test("node() ends with status 1 when its certificates are no good", async () => {
  const { cert, key } = pair("server");
  const mutual = (authority: string) => [
    ...["-clientCert", cert, "-clientKey", key],
    ...["-clientCAFile", fixture(authority)],
  ];
  const expired = pair("expired");
  const cases = [
    { flags: ["-clientCert", cert, "-clientKey", keyOf("server2")], says: /server2\.key/ },
    { flags: ["-clientCert", expired.cert, "-clientKey", expired.key], says: /expired/ },
    { flags: mutual("v1-ca.crt"), says: /v1-ca\.crt/ },
    { flags: mutual("not-ca.crt"), says: /not-ca\.crt/ },
  ];
  for (const { flags, says } of cases) {
    const { code, stderr } = await run(...flags);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, says);
  }
});

Deno.test("node() ends with status 1 when nobody lets it join", async () => {
  const port = freePort();
  const { code, stderr } = await run("-C", `127.0.0.1:${port}`, "-r", "1");
  assertEquals(code, 1);
  assertMatch(stderr, new RegExp(`ERROR .*-C.*Nothing listens at .*127\\.0\\.0\\.1:${port}`));
});

Deno.test("node() warns when it would join other machines from an address that they can't dial", async () => {
  const { stderr } = await run("-C", "node1.invalid:7001", "-r", "1");
  assertMatch(stderr, /WARN .*Other machines can't call this node.*-s.*member=node1\.invalid:7001/);
});

story("node() ends with status 1 when its port is taken", { size: 1 }, async (cluster, stage) => {
  const node = cluster.nodes[0]!;
  await node.start();
  for (const [flag, port] of [["-c", node.clientPort], ["-s", node.peerPort]] as const) {
    await stage(`${flag} names a port in use`, async () => {
      const { code, stderr } = await run(flag, String(port));
      assertEquals(code, 1);
      assertMatch(stderr, new RegExp(`ERROR .*${port}`));
    });
  }
});

story("node() ends with status 1 when its log is damaged", { size: 1 }, async (cluster, stage) => {
  const node = cluster.nodes[0]!;
  await node.start();
  for (let round = 0; round < 20; round++) await cluster.client.set(node.url, "/x", `${round}`);
  await node.kill();
  await stage("names the file and the offset", async () => {
    const path = `${node.directory}/wal-0000000000000001.log`;
    const bytes = await Deno.readFile(path);
    // The node's own record, in one of the first batches.
    const place = new TextDecoder("latin1").decode(bytes).indexOf("node1");
    bytes[place] = bytes[place]! ^ 1;
    await Deno.writeFile(path, bytes);
    const { code, stderr } = await runToEnd(node.commandLine);
    assertEquals(code, 1);
    assertMatch(stderr, new RegExp(`ERROR .*${path}.*offset \\d+`));
  });
});

story("node() lets in only whom its certificates say", { size: 1 }, async (cluster, stage) => {
  const node = cluster.nodes[0]!;
  const { cert, key } = pair("server");
  const url = node.url.replace("http:", "https:");
  await stage("with -clientCert everybody who trusts the authority", async () => {
    await node.start("-clientCert", cert, "-clientKey", key);
    await letsIn(url, "client");
    await letsIn(url, "foreign-client");
    await node.stop();
  });
  await stage("with -clientCAFile clients of the authority alone", async () => {
    const authority = ["-clientCAFile", fixture("ca.crt")];
    await node.start("-clientCert", cert, "-clientKey", key, ...authority);
    await letsIn(url, "client");
    for (const stranger of ["foreign-client", "expired", "server-only"]) {
      await keepsOut(url, stranger);
    }
    await keepsOutPlain(cluster, node.url);
    await letsIn(url, "client");
  });
});

async function letsIn(url: string, certificate: string): Promise<void> {
  using client = new Client(certificate);
  assertEquals((await client.ask(`${url}/version`)).status, 200);
}

async function keepsOut(url: string, certificate: string): Promise<void> {
  using client = new Client(certificate);
  await assertRejects(() => client.ask(`${url}/version`), TypeError);
}

/** Plain HTTP to a TLS port gets no answer of the API. */
async function keepsOutPlain({ client }: TestCluster, url: string): Promise<void> {
  const answer = await client.ask(`${url}/version`).catch(() => undefined);
  assertEquals(answer === undefined || answer.status === 400, true);
}

for (const secured of ["the founder", "the newcomer"] as const) {
  story(`node() names what is wrong when only ${secured} has -serverCert`, {
    size: 2,
  }, async (cluster, stage) => {
    const [founder, newcomer] = cluster.nodes;
    const { cert, key } = pair("server");
    const tls = ["-serverCert", cert, "-serverKey", key, "-serverCAFile", fixture("ca.crt")];
    await founder!.start(...(secured === "the founder" ? tls : []));
    await stage("ends with status 1", async () => {
      const { code, stderr } = await runToEnd([
        ...newcomer!.commandLine,
        ...["-C", founder!.peerAddress, "-r", "1"],
        ...(secured === "the newcomer" ? tls : []),
      ]);
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /ERROR .*answers (TLS|plain HTTP).*start both with or without -serverCert/,
      );
    });
  });
}
