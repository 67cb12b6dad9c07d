/** `certs/make.sh` and what it made in `fixtures/ca/`. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync } from "@std/fs/exists";
import { createPrivateKey, X509Certificate } from "node:crypto";

const ROOT = new URL("../../", import.meta.url).pathname;
const FIXTURES = `${ROOT}fixtures/ca/`;

function certificate(path: string): X509Certificate {
  return new X509Certificate(Deno.readTextFileSync(path));
}

function fixture(name: string): X509Certificate {
  return certificate(`${FIXTURES}${name}.crt`);
}

async function make(...args: string[]) {
  return await run({}, ...args);
}

async function run(env: Record<string, string>, ...args: string[]) {
  const output = await new Deno.Command("/bin/sh", {
    args: [`${ROOT}certs/make.sh`, ...args],
    env,
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: decode(output.stdout), said: decode(output.stderr) };
}

async function inTempDir(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("fixtures/ca has a certificate for every role", () => {
  const ca = fixture("ca");
  assert(ca.ca);
  for (const name of ["server", "server2", "server3"]) {
    const pair = fixture(name);
    assert(pair.checkIssued(ca) && pair.verify(ca.publicKey), name);
    assert(pair.checkHost("localhost") && pair.checkIP("127.0.0.1") && pair.checkIP("::1"), name);
    assertEquals(pair.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  }
  assert(fixture("client").checkIssued(ca));
  assertEquals(fixture("other-host").checkHost("localhost"), undefined);
});

Deno.test("fixtures/ca is valid for a hundred years, but for what is meant to be wrong", () => {
  for (const name of ["ca", "server", "server2", "server3", "client", "foreign-client"]) {
    const { validFromDate, validToDate } = fixture(name);
    assertEquals([validFromDate.getUTCFullYear(), validToDate.getUTCFullYear()], [2025, 2124]);
  }
  assertEquals(fixture("expired").validToDate.getUTCFullYear(), 2025);
  assert(fixture("expired").checkIssued(fixture("ca")));
  assert(!fixture("foreign-client").checkIssued(fixture("ca")));
  assert(fixture("foreign-client").checkIssued(fixture("foreign-ca")));
  assert(!fixture("v1-ca").ca);
  assert(!fixture("not-ca").ca);
});

Deno.test("fixtures/ca has the key of every pair", () => {
  for (const entry of Deno.readDirSync(FIXTURES)) {
    if (!entry.name.endsWith(".key.insecure")) continue;
    const key = createPrivateKey(Deno.readTextFileSync(FIXTURES + entry.name));
    assert(fixture(entry.name.replace(".key.insecure", "")).checkPrivateKey(key), entry.name);
  }
});

// A machine with only Node.js and npm may have no openssl; then the script has to say so, which
// the last test shows everywhere.
const hasOpenssl = (Deno.env.get("PATH") ?? "").split(":").some((place) =>
  existsSync(`${place}/openssl`)
);

Deno.test("certs/make.sh makes a chain for the hosts that it is given", async () => {
  await inTempDir(async (directory) => {
    const hosts = "node1.example.org,*.cluster.local,10.0.0.1,::1";
    const made = await make("--hosts", hosts, "--out", `${directory}/a b`);
    if (!hasOpenssl) return assertEquals(made.code, 1, "without openssl it fails");
    assertEquals([made.code, made.said], [0, ""]);
    assertStringIncludes(made.out, "-clientCAFile");

    const ca = certificate(`${directory}/a b/ca.crt`);
    assert(ca.ca && ca.checkIssued(ca));
    const server = certificate(`${directory}/a b/server.crt`);
    assert(server.checkIssued(ca) && server.verify(ca.publicKey));
    assertEquals(
      server.subjectAltName,
      "DNS:node1.example.org, DNS:*.cluster.local, IP Address:10.0.0.1, IP Address:::1",
    );
    for (const name of ["ca", "server", "client"]) {
      const path = `${directory}/a b/${name}.key`;
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600, path);
      const key = createPrivateKey(Deno.readTextFileSync(path));
      assert(certificate(`${directory}/a b/${name}.crt`).checkPrivateKey(key));
    }
    assertEquals([...Deno.readDirSync(`${directory}/a b`)].length, 6, "nothing else is left");
  });
});

Deno.test("certs/make.sh adds a pair to an authority and leaves what is there", async () => {
  await inTempDir(async (directory) => {
    const first = await make("--out", directory, "--server", "node1");
    if (!hasOpenssl) return assertEquals(first.code, 1, "without openssl it fails");
    const before = ["ca.crt", "node1.crt", "client.crt"].map((name) =>
      Deno.readTextFileSync(`${directory}/${name}`)
    );
    const second = await make("--out", directory, "--server", "node2", "--days", "10");
    assertEquals(second.code, 0);
    assertEquals(
      ["ca.crt", "node1.crt", "client.crt"].map((name) =>
        Deno.readTextFileSync(`${directory}/${name}`)
      ),
      before,
    );
    assert(certificate(`${directory}/node2.crt`).checkIssued(certificate(`${directory}/ca.crt`)));
    await Deno.remove(`${directory}/ca.key`);
    const third = await make("--out", directory, "--server", "node3");
    assertEquals(third.code, 1);
    assertStringIncludes(third.said, "cannot sign");
  });
});

Deno.test("certs/make.sh makes certificates that Deno serves and trusts", async () => {
  await inTempDir(async (directory) => {
    const made = await make("--out", directory);
    if (!hasOpenssl) return assertEquals(made.code, 1, "without openssl it fails");
    const read = (name: string) => Deno.readTextFileSync(`${directory}/${name}`);
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      cert: read("server.crt"),
      key: read("server.key"),
      onListen() {},
    }, () => new Response("trusted"));
    using client = Deno.createHttpClient({ caCerts: [read("ca.crt")] });
    const response = await fetch(`https://127.0.0.1:${server.addr.port}/`, { client });
    assertEquals(await response.text(), "trusted");
    await server.shutdown();
  });
});

Deno.test("certs/make.sh says in one line what is wrong", async () => {
  const wrong: string[][] = [
    ["--hosts", "a b"],
    ["--hosts", ""],
    ["--hosts", "a,,b"],
    ["--hosts", "a\nb"],
    ["--days", "many"],
    ["--server", "../x"],
    ["--server", "ca"],
    ["--hots", "a"],
    ["--hosts"],
  ];
  for (const args of wrong) {
    const { code, said } = await make(...args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(said, /^certs\/make\.sh: [A-Z].*/);
  }
  const help = await make("--help");
  assertEquals(help.code, 0);
  assertStringIncludes(help.out, "--hosts");
});

Deno.test("certs/make.sh says when openssl is missing", async () => {
  const { code, said } = await run({ PATH: "/nowhere" }, "--out", "/nowhere/out");
  assertEquals(code, 1);
  assertStringIncludes(said, "openssl is needed");
});
