import {
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { dialWithoutCertificate, loadTls, TlsError } from "../../src/http/tls_check.ts";
import { later } from "../cluster/wait.ts";
import { startNode } from "./harness.ts";

const NOW_MS = Date.UTC(2030, 0, 1);

function file(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/ca/${name}`, import.meta.url));
}

function load(cert: string, key: string, ca?: string, nowMs = NOW_MS) {
  const caFile = ca === undefined ? undefined : file(ca);
  return loadTls({ certFile: file(cert), keyFile: file(key), caFile }, nowMs);
}

/** The one line that says why; it names the file. */
function refusal(cert: string, key: string, ca?: string, nowMs?: number): string {
  const { message } = assertThrows(() => load(cert, key, ca, nowMs), TlsError);
  assertFalse(message.includes("\n"), message);
  return message;
}

Deno.test("loadTls() returns the texts when pair and CA are good", () => {
  const tls = load("server.crt", "server.key.insecure", "ca.crt");
  assertEquals(tls.cert, Deno.readTextFileSync(file("server.crt")));
  assertEquals(tls.key, Deno.readTextFileSync(file("server.key.insecure")));
  assertEquals(tls.ca, Deno.readTextFileSync(file("ca.crt")));
  assertEquals("ca" in load("server.crt", "server.key.insecure"), false);
});

Deno.test("loadTls() refuses when the key belongs to another certificate", () => {
  const message = refusal("server.crt", "client.key.insecure");
  assertStringIncludes(message, file("server.crt"));
  assertStringIncludes(message, file("client.key.insecure"));
});

Deno.test("loadTls() refuses when a certificate is not valid now", () => {
  assertStringIncludes(refusal("expired.crt", "expired.key.insecure"), "expired");
  const early = refusal("server.crt", "server.key.insecure", undefined, Date.UTC(2020, 0, 1));
  assertStringIncludes(early, "not yet valid");
  const late = Date.UTC(2200, 0, 1);
  assertStringIncludes(refusal("server.crt", "server.key.insecure", "ca.crt", late), "expired");
});

Deno.test("loadTls() refuses when the CA is none", () => {
  for (const ca of ["v1-ca.crt", "not-ca.crt", "client.crt"]) {
    const message = refusal("server.crt", "server.key.insecure", ca);
    assertStringIncludes(message, "Expected the certificate of a CA");
    assertStringIncludes(message, file(ca));
  }
});

Deno.test("loadTls() refuses when the second certificate of a CA file is none of a CA", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const caFile = `${directory}/two.crt`;
    const texts = ["ca.crt", "v1-ca.crt"].map((name) => Deno.readTextFileSync(file(name)));
    Deno.writeTextFileSync(caFile, texts.join("\n"));
    const files = { certFile: file("server.crt"), keyFile: file("server.key.insecure"), caFile };
    assertThrows(() => loadTls(files, NOW_MS), TlsError, "CN=v1-ca");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("loadTls() refuses when a file is missing, or not what it should be", async () => {
  assertStringIncludes(refusal("missing.crt", "server.key.insecure"), "Cannot read");
  assertStringIncludes(refusal("server.crt", "missing.key"), "Cannot read");
  assertStringIncludes(
    refusal("server.key.insecure", "server.key.insecure"),
    "Expected a PEM certificate",
  );
  assertStringIncludes(refusal("server.crt", "server.crt"), "Expected a PEM private key");
  const directory = await Deno.makeTempDir();
  try {
    const damaged = `${directory}/damaged.crt`;
    const text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    Deno.writeTextFileSync(damaged, text);
    const encrypted = `${directory}/encrypted.key`;
    Deno.writeTextFileSync(encrypted, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    const good = { certFile: file("server.crt"), keyFile: file("server.key.insecure") };
    const load = (files: Partial<typeof good>) => () =>
      loadTls({ ...good, ...files, caFile: undefined }, NOW_MS);
    assertThrows(load({ certFile: damaged }), TlsError, "found a damaged one");
    assertThrows(load({ keyFile: encrypted }), TlsError, "without a passphrase");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("dialWithoutCertificate() is refused when the port demands a certificate", async () => {
  await using node = await startNode({ kind: "mtls" });
  assertEquals(await dialWithoutCertificate("127.0.0.1", node.listener.port, 5000), "refused");
});

Deno.test("dialWithoutCertificate() is answered when the port demands none", async () => {
  await using node = await startNode({ kind: "tls" });
  assertEquals(await dialWithoutCertificate("127.0.0.1", node.listener.port, 5000), "answered");
});

Deno.test("dialWithoutCertificate() rejects when the port can't be judged", async () => {
  await using node = await startNode({ kind: "deno" });
  const { port } = node.listener;
  await assertRejects(() => dialWithoutCertificate("127.0.0.1", port, 5000), TlsError);
  await node.stop();
  await assertRejects(() => dialWithoutCertificate("127.0.0.1", port, 5000), TlsError);
  using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = later(dialWithoutCertificate("127.0.0.1", mute.addr.port, 50));
  using _connection = await mute.accept();
  await assertRejects(() => dialled, TlsError, "within 50 ms");
});

Deno.test("dialWithoutCertificate() asks once more when the port said nothing in time", async () => {
  using port = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = dialWithoutCertificate("127.0.0.1", port.addr.port, 1_000, 3);
  using _unanswered = await port.accept();
  using asked = await port.accept();
  await asked.write(FATAL_ALERT);
  assertEquals(await dialled, "refused");
});

/** A TLS record: handshake_failure (RFC 8446, section 6.2). */
const FATAL_ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);
