import { assertEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { TlsError } from "../../src/http/tls_check.ts";
import {
  dialableHosts,
  type DialOptions,
  dialWithoutCertificate,
  UnprovenError,
} from "../../src/http/tls_proof.ts";
import { later } from "../cluster/wait.ts";
import { pem, startNode } from "./harness.ts";

function dial(port: number, options: Partial<DialOptions> = {}) {
  const usual = { hosts: ["127.0.0.1"], port, timeoutMs: 5_000, attempts: 1 };
  return dialWithoutCertificate({ ...usual, ...options });
}

Deno.test("dialWithoutCertificate() is refused when the port demands a certificate", async () => {
  await using node = await startNode({ kind: "mtls" });
  const { verdict, shown } = await dial(node.listener.port);
  assertEquals(verdict, "refused");
  assertEquals(new X509Certificate(shown).toString(), pem("server.crt"));
});

Deno.test("dialWithoutCertificate() is answered when the port demands none", async () => {
  await using node = await startNode({ kind: "tls" });
  assertEquals((await dial(node.listener.port)).verdict, "answered");
});

Deno.test("dialWithoutCertificate() rejects when there is no handshake", async () => {
  await using node = await startNode({ kind: "deno" });
  await assertRejects(() => dial(node.listener.port), TlsError, "no TLS handshake");
});

Deno.test("dialWithoutCertificate() rejects when nothing is known of the port", async () => {
  await using node = await startNode({ kind: "tls" });
  await node.stop();
  await assertRejects(() => dial(node.listener.port), UnprovenError);
  using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = later(dial(mute.addr.port, { timeoutMs: 50 }));
  using _connection = await mute.accept();
  await assertRejects(() => dialled, UnprovenError, "within 50 ms");
});

Deno.test("dialWithoutCertificate() asks once more when the port said nothing in time", async () => {
  using port = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = later(dial(port.addr.port, { timeoutMs: 1_000, attempts: 3 }));
  using _unanswered = await port.accept();
  using asked = await port.accept();
  await asked.write(FATAL_ALERT);
  await assertRejects(() => dialled, TlsError, "no TLS handshake");
});

Deno.test("dialWithoutCertificate() goes on to the next address when one can't be reached", async () => {
  await using node = await startNode({ kind: "mtls" });
  // Nothing listens on the first, as on ::1 of a machine without IPv6.
  const hosts = ["127.0.0.2", "127.0.0.1"];
  assertEquals((await dial(node.listener.port, { hosts })).verdict, "refused");
});

Deno.test("dialableHosts() is where a port on all addresses can be dialled", () => {
  assertEquals(dialableHosts("0.0.0.0"), ["127.0.0.1"]);
  for (const all of ["::", "::0", "0:0:0:0:0:0:0:0"]) {
    assertEquals(dialableHosts(all), ["::1", "127.0.0.1"]);
  }
  assertEquals(dialableHosts("10.0.0.1"), ["10.0.0.1"]);
});

/** A TLS record: handshake_failure (RFC 8446, section 6.2). */
const FATAL_ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);
