/** `etcd certs init`: what it makes works in real nodes with the very lines it prints. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { issueCertificate, keyIdentifierOf, toPem } from "../../src/x509/certificate.ts";
import { readFields } from "../../src/x509/fields.ts";
import { TestNode } from "../cluster/test_node.ts";
import { etcd } from "./harness.ts";

async function inTempDir(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs `certs init`; returns what it printed. */
async function init(directory: string, ...args: string[]): Promise<string> {
  const { status, out, err } = await etcd(["certs", "init", "--out", directory, ...args]);
  assertEquals([status, err], [0, ""]);
  return out;
}

/** Runs `certs init`, which has to fail; returns its one line. */
async function refusal(status: number, ...args: string[]): Promise<string> {
  const said = await etcd(["certs", "init", ...args]);
  assertEquals([said.status, said.out], [status, ""], said.err);
  assertMatch(said.err, /^etcd certs init: [-A-Z].*[^.]\n$/);
  return said.err;
}

function certificate(path: string): X509Certificate {
  return new X509Certificate(Deno.readTextFileSync(path));
}

/** Every file with its contents, in order. */
function contents(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => {
    return `${name} ${Deno.readTextFileSync(`${directory}/${name}`)}`;
  }).sort();
}

/** A command line that was printed, as its words. */
function printed(out: string, program: string): string[] {
  const line = out.replaceAll("\\\n", "").split("\n").find((line) => {
    return line.trim().startsWith(`${program} `);
  });
  assert(line !== undefined, out);
  return line.trim().split(/\s+/);
}

Deno.test("certs init makes an authority, a pair for members and one for clients", async () => {
  await inTempDir(async (directory) => {
    const hosts = "node1.example.org,*.cluster.local,10.0.0.1,::1";
    const out = await init(`${directory}/a b/c`, "--hosts", hosts);
    assertStringIncludes(out, `-clientCert '${directory}/a b/c/server.crt'`);
    assertStringIncludes(out, "-c node1.example.org:4001 -s node1.example.org:7001");
    const path = (name: string) => `${directory}/a b/c/${name}`;
    const names = [...Deno.readDirSync(path(""))].map(({ name }) => name);
    assertEquals(names.sort(), ["ca", "client", "server"].flatMap((x) => [`${x}.crt`, `${x}.key`]));
    const ca = certificate(path("ca.crt"));
    assert(ca.ca && ca.checkIssued(ca));
    const server = certificate(path("server.crt"));
    assertEquals(
      server.subjectAltName,
      "DNS:node1.example.org, DNS:*.cluster.local, IP Address:10.0.0.1, IP Address:::1",
    );
    const client = certificate(path("client.crt"));
    assertEquals(readFields(server.raw).extendedUsages, ["serverAuth", "clientAuth"]);
    assertEquals(readFields(client.raw).extendedUsages, ["clientAuth"]);
    for (const one of [server, client]) {
      assert(one.checkIssued(ca) && one.verify(ca.publicKey));
      assertEquals(one.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
    }
    for (const name of ["ca.key", "server.key", "client.key"]) {
      assertEquals((Deno.statSync(path(name)).mode ?? 0) & 0o777, 0o600, name);
    }
  });
});

Deno.test("certs init prints the lines that start members under mutual TLS and talk to them", async () => {
  await inTempDir(async (directory) => {
    const certs = `${directory}/certs`;
    const out = await init(certs, "--hosts", "127.0.0.1,localhost");
    await init(`${directory}/foreign`);
    const words = printed(out, "etcd");
    const flags = words.slice(words.indexOf("-clientCert"));
    const nodes = ["node1", "node2"].map((name) => {
      const place = { name, directory: `${directory}/${name}`, listenHost: undefined };
      return new TestNode({ ...place, certificate: undefined, flags });
    });
    const [first, second] = nodes as [TestNode, TestNode];
    try {
      await first.start();
      await second.start("-C", first.peerAddress);
      const url = `https://127.0.0.1:${first.clientPort}/v1/keys/message`;
      const clientOf = (place: string, name: string) => {
        const read = (file: string) => Deno.readTextFileSync(`${directory}/${file}`);
        const caCerts = [read("certs/ca.crt")];
        return Deno.createHttpClient(
          name === "" ? { caCerts } : {
            caCerts,
            cert: read(`${place}/${name}.crt`),
            key: read(`${place}/${name}.key`),
          },
        );
      };
      {
        using client = clientOf("certs", "client");
        const body = new URLSearchParams({ value: "secret" });
        assertEquals(
          (await (await fetch(url, { method: "POST", body, client })).json()).value,
          "secret",
        );
        const other = url.replace(`${first.clientPort}`, `${second.clientPort}`);
        assertEquals((await (await fetch(other, { client })).json()).value, "secret");
      }
      for (const [place, name] of [["foreign", "client"], ["foreign", "server"], ["certs", ""]]) {
        using stranger = clientOf(place!, name!);
        await assertRejects(() => fetch(url, { client: stranger }), TypeError);
      }
      await curlAsPrinted(out, first);
    } finally {
      await Promise.all(nodes.map((node) => node.isRunning ? node.stop() : undefined));
    }
  });
});

/** Does nothing on a machine without curl. */
async function curlAsPrinted(out: string, node: TestNode): Promise<void> {
  const [curl, ...args] = printed(out, "curl").map((word) =>
    word.replace(":4001", `:${node.clientPort}`)
  );
  try {
    const { success, stdout } = await new Deno.Command(curl!, { args: ["-sS", ...args] }).output();
    assert(success);
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)).value, "secret");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

Deno.test("certs init uses what is there again, says so, and overwrites nothing", async () => {
  await inTempDir(async (directory) => {
    const first = await init(directory, "--hosts", "node1.example.org");
    assertEquals(first.match(/^made /gm)?.length, 3);
    const before = contents(directory);
    const second = await init(directory, "--hosts", "node2.example.org", "--server", "node2");
    assertMatch(second, /^kept .*\/ca\.crt .*\nmade .*\/node2\.crt .*\nkept .*\/client\.crt /);
    assertStringIncludes(second, `-serverCert ${directory}/node2.crt`);
    assertEquals(contents(directory).filter((file) => !file.startsWith("node2.")), before);
    const ca = certificate(`${directory}/ca.crt`);
    assert(certificate(`${directory}/node2.crt`).verify(ca.publicKey));
    const third = await init(directory);
    assertEquals(third.match(/^kept /gm)?.length, 3);
    const fourth = await init(directory, "--hosts", "::1", "--server", "node3");
    assertStringIncludes(fourth, "-c '[::1]:4001'");
    assertStringIncludes(fourth, "'https://[::1]:4001/v1/keys/message'");
  });
});

Deno.test("certs init refuses, before it writes anything, what could not work", async () => {
  await inTempDir(async (directory) => {
    const out = ["--out", directory];
    await init(directory, "--hosts", "a.org");
    const before = contents(directory);
    assertStringIncludes(
      await refusal(1, ...out, "--hosts", "b.org,a.org"),
      `to be for "b.org", found`,
    );
    assertStringIncludes(
      await refusal(1, ...out, "--server", "client", "--client", "new"),
      "without serverAuth",
    );
    assertEquals(contents(directory), before);

    Deno.renameSync(`${directory}/client.key`, `${directory}/elsewhere`);
    assertStringIncludes(await refusal(1, ...out, "--server", "new"), "without");
    Deno.renameSync(`${directory}/elsewhere`, `${directory}/client.key`);

    Deno.removeSync(`${directory}/ca.key`);
    assertStringIncludes(
      await refusal(1, ...out, "--server", "new"),
      `without "${directory}/ca.key"`,
    );
    Deno.removeSync(`${directory}/ca.crt`);
    assertStringIncludes(await refusal(1, ...out), "found no such file");
    await init(`${directory}/other`);
    for (const file of ["ca.crt", "ca.key"]) {
      Deno.copyFileSync(`${directory}/other/${file}`, `${directory}/${file}`);
    }
    assertStringIncludes(await refusal(1, ...out), "found another");
    Deno.copyFileSync(`${directory}/client.key`, `${directory}/ca.key`);
    assertStringIncludes(await refusal(1, ...out), "Expected the private key of the certificate");
    assertStringIncludes(await refusal(1, "--out", `${directory}/ca.key`), "Cannot ");
  });
});

Deno.test("certs init signs with an authority from elsewhere, and lets no pair outlive it", async () => {
  await inTempDir(async (directory) => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const now = Date.now();
    const ca = issueCertificate({
      organization: "Somebody",
      commonName: "Root",
      publicKey,
      validFromMs: now - 1000,
      validToMs: now + 5 * 86_400_000,
      purpose: { kind: "authority" },
    }, { name: undefined, keyIdentifier: keyIdentifierOf(publicKey), privateKey });
    Deno.writeTextFileSync(`${directory}/ca.crt`, toPem(ca));
    Deno.writeTextFileSync(
      `${directory}/ca.key`,
      String(privateKey.export({ type: "pkcs1", format: "pem" })),
    );
    await init(directory);
    const authority = certificate(`${directory}/ca.crt`);
    for (const name of ["server", "client"]) {
      const made = certificate(`${directory}/${name}.crt`);
      assert(made.checkIssued(authority) && made.verify(authority.publicKey));
      assertEquals(made.validToDate, authority.validToDate);
    }
  });
});

Deno.test("certs init says what it can't use in the command line", async () => {
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["--hosts", "a b"], `found "a b" in it`],
    [["--hosts", "a,,b"], `found "" in it`],
    [["--hosts", "node1:4001"], `found "node1:4001" in it`],
    [["--hosts", "127.0.0.256"], "without ports"],
    [["--server", "../x"], "-server expects a file name"],
    [["--client", "ca"], `that is not "ca"`],
    [["--server", "x", "--client", "x"], `found "x" twice`],
    [["--caName", "x".repeat(65)], "-caName expects at most 64 bytes"],
    [["--days", "0"], "-days expects a number from 1"],
    [["--hots", "a"], `did you mean "-hosts"?`],
    [["more"], "Expected no arguments"],
  ];
  for (const [args, text] of wrong) assertStringIncludes(await refusal(2, ...args), text);
});
