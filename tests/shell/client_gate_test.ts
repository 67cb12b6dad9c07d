/** Certificates that a port refuses although its authority has signed them, and one that it makes itself. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { silentLogger } from "../../src/base/logger.ts";
import type { TlsFiles } from "../../src/config.ts";
import { TlsError } from "../../src/http/tls_check.ts";
import { makeOwnCertificate } from "../../src/operations/auto_tls.ts";
import { loadClientGate } from "../../src/operations/client_gate.ts";
import { Server } from "../../src/server.ts";
import { issueCertificate, keyIdentifierOf, toPem } from "../../src/x509/certificate.ts";
import { bitString, element, integer, objectIdentifier, TAG, time } from "../../src/x509/der.ts";
import { readFields } from "../../src/x509/fields.ts";
import { parseAlternativeName } from "../../src/x509/names.ts";
import { OID } from "../../src/x509/oid.ts";
import { readIssuance } from "../../src/x509/revocations.ts";
import { freePort } from "../cluster/ports.ts";
import { configOf } from "./flag_node.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** An authority, what it issued and what it revoked, as files. */
class Authority implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  readonly #name: Uint8Array;

  constructor() {
    const der = issueCertificate({
      organization: "etcd",
      commonName: "authority",
      publicKey: this.#keys.publicKey,
      ...this.#validity(),
      purpose: { kind: "authority" },
    }, { ...this.#issuer(), name: undefined });
    this.#name = readFields(der).subject;
    this.#write("ca.crt", toPem(der));
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Makes NAME.crt and NAME.key; the certificate in DER. */
  issue(name: string, ...hosts: readonly string[]): Uint8Array {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const der = issueCertificate({
      organization: "etcd",
      commonName: name,
      publicKey,
      ...this.#validity(),
      purpose: {
        kind: "endEntity",
        usages: ["serverAuth", "clientAuth"],
        names: hosts.map((host) => parseAlternativeName(host)!),
      },
    }, this.#issuer());
    this.#write(`${name}.crt`, toPem(der));
    this.#write(`${name}.key`, `${privateKey.export({ type: "pkcs8", format: "pem" })}`);
    return der;
  }

  /** Writes a list of these certificates, perhaps signed by another key. */
  revoke(file: string, certificates: readonly Uint8Array[], key = this.#keys.privateKey): void {
    const sequence = (...items: readonly Uint8Array[]) => element(TAG.sequence, ...items);
    const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
    const now = Date.now();
    const entries = certificates.map((der) =>
      sequence(integer(Uint8Array.fromHex(readIssuance(der).serial)), time(now))
    );
    const signed = sequence(
      ...[integer(new Uint8Array([1])), algorithm, this.#name, time(now), time(now + DAY_MS)],
      ...(entries.length === 0 ? [] : [sequence(...entries)]),
    );
    const list = sequence(signed, algorithm, bitString(sign("sha256", signed, key)));
    this.#write(file, toPem(list, "X509 CRL"));
  }

  files(changed: Partial<TlsFiles>): TlsFiles {
    return {
      certFile: this.path("server.crt"),
      keyFile: this.path("server.key"),
      caFile: this.path("ca.crt"),
      crlFile: undefined,
      allowedNames: undefined,
      isOwn: false,
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      ...changed,
    };
  }

  #issuer() {
    return {
      name: this.#name,
      keyIdentifier: keyIdentifierOf(this.#keys.publicKey),
      privateKey: createPrivateKey(this.#keys.privateKey.export({ type: "pkcs8", format: "pem" })),
    };
  }

  #validity() {
    return { validFromMs: Date.now() - DAY_MS, validToMs: Date.now() + DAY_MS };
  }

  #write(name: string, text: string): void {
    Deno.writeTextFileSync(this.path(name), text);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("a revoked certificate is not taken, and its neighbours are", () => {
  using authority = new Authority();
  const [good, bad] = [authority.issue("good"), authority.issue("bad")];
  authority.revoke("crl.pem", [bad]);
  const gate = loadClientGate(authority.files({ crlFile: authority.path("crl.pem") }));
  assertEquals(gate?.clientProblem(good), undefined);
  assertMatch(gate?.clientProblem(bad) ?? "", /is revoked/);
  // As etcd has them.
  const text = Deno.readTextFileSync(authority.path("crl.pem")).replace(/-----[^-]+-----/g, "");
  Deno.writeFileSync(authority.path("crl.der"), Uint8Array.fromBase64(text));
  const same = loadClientGate(authority.files({ crlFile: authority.path("crl.der") }));
  assertEquals(same?.clientProblem(good), undefined);
  assertMatch(same?.clientProblem(bad) ?? "", /is revoked/);
  authority.revoke("none.pem", []);
  const empty = loadClientGate(authority.files({ crlFile: authority.path("none.pem") }));
  assertEquals(empty?.clientProblem(bad), undefined);
});

Deno.test("a list counts for certificates of its own authority", () => {
  using authority = new Authority();
  using other = new Authority();
  const bad = authority.issue("bad");
  authority.revoke("crl.pem", [bad]);
  const crlFile = authority.path("crl.pem");
  assertThrows(
    () => loadClientGate(other.files({ crlFile })),
    TlsError,
    "that an authority of",
  );
});

Deno.test("a list that nobody signed, or that is none, opens no port", () => {
  using authority = new Authority();
  const bad = authority.issue("bad");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  authority.revoke("crl.pem", [bad], privateKey);
  const crlFile = authority.path("crl.pem");
  assertThrows(() => loadClientGate(authority.files({ crlFile })), TlsError, "has signed");
  for (
    const text of ["", "0", "nonsense", "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"]
  ) {
    Deno.writeTextFileSync(crlFile, text);
    assertThrows(() => loadClientGate(authority.files({ crlFile })), TlsError);
  }
});

Deno.test("only a certificate of the name asked for is taken", () => {
  using authority = new Authority();
  const der = authority.issue("member", "a.example", "10.0.0.1");
  const problem = (kind: "commonName" | "hostname", ...names: string[]) =>
    loadClientGate(authority.files({ allowedNames: { kind, names } }))?.clientProblem(der);
  assertEquals(problem("commonName", "member"), undefined);
  assertMatch(problem("commonName", "memb") ?? "", /whose CN is "memb", found "/);
  assertEquals(problem("commonName", "other", "member"), undefined);
  assertMatch(problem("commonName", "a", "b") ?? "", /whose CN is "a" or "b", found "/);
  assertEquals(problem("hostname", "a.example"), undefined);
  assertEquals(problem("hostname", "b.example", "a.example"), undefined);
  assertEquals(problem("hostname", "10.0.0.1"), undefined);
  assertMatch(problem("hostname", "b.example") ?? "", /for "b.example", found one for "DNS:a.ex/);
  assertEquals(loadClientGate(authority.files({})), undefined);
});

/** What a client with NAME's certificate is told at a port; "" when it is cut off. */
function greet(authority: Authority, port: number, name: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({
      host: "127.0.0.1",
      port,
      ca: Deno.readTextFileSync(authority.path("ca.crt")),
      cert: Deno.readTextFileSync(authority.path(`${name}.crt`)),
      key: Deno.readTextFileSync(authority.path(`${name}.key`)),
    }, () => socket.write("GET /version HTTP/1.0\r\nHost: a\r\n\r\n"));
    socket.on("data", (bytes) => text += `${bytes}`);
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

Deno.test("--client-crl-file and the names allowed are kept at both ports, and a new list at once", async () => {
  using authority = new Authority();
  authority.issue("server", "127.0.0.1");
  const bad = authority.issue("bad", "127.0.0.1");
  authority.issue("good", "127.0.0.1");
  authority.revoke("crl.pem", []);
  const [client, peer] = [freePort(), freePort()];
  const tls = (prefix: string) => [
    ...[`--${prefix}cert-file`, authority.path("server.crt")],
    ...[`--${prefix}key-file`, authority.path("server.key")],
    ...[`--${prefix}trusted-ca-file`, authority.path("ca.crt")],
  ];
  const lines: string[] = [];
  const config = configOf([
    ...["--data-dir", `${authority.directory}/data`, ...tls(""), ...tls("peer-")],
    ...["--client-crl-file", authority.path("crl.pem"), "--client-cert-auth"],
    ...["--peer-cert-allowed-cn", "server", "--peer-client-cert-auth"],
    ...["--listen-client-urls", `https://127.0.0.1:${client}`],
    ...["--advertise-client-urls", `https://127.0.0.1:${client}`],
    ...["--listen-peer-urls", `https://127.0.0.1:${peer}`],
    ...["--initial-advertise-peer-urls", `https://127.0.0.1:${peer}`],
  ]);
  const say = (message: string) => void lines.push(message);
  const server = await Server.start(config, { ...silentLogger, warn: say, info: say });
  try {
    assertStringIncludes(await greet(authority, client, "bad"), "200 OK");
    authority.revoke("crl.pem", [bad]);
    while (!lines.some((line) => line.startsWith("New certificates are in use"))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assertStringIncludes(await greet(authority, client, "good"), "200 OK");
    assertEquals(await greet(authority, client, "bad"), "");
    assert(lines.includes("client certificate authentication failed"));
    assertStringIncludes(await greet(authority, peer, "server"), "HTTP/1.1");
    assertEquals(await greet(authority, peer, "good"), "");
  } finally {
    await server.stop(0);
  }
});

Deno.test("one port serves http and https when the URLs of clients say so, and may be any port", async () => {
  const directory = await Deno.makeTempDir();
  const port = freePort();
  const urls = [`http://localhost:${port}`, `https://localhost:${port}`, "http://127.0.0.2:0"];
  const config = configOf([
    ...["--data-dir", `${directory}/data`, "--auto-tls"],
    ...["--listen-client-urls", urls.join(), "--advertise-client-urls", "http://0.0.0.0:0"],
    ...["--listen-peer-urls", `http://127.0.0.1:${freePort()}`],
  ]);
  const lines: string[] = [];
  const warn = (message: string) => void lines.push(message);
  const server = await Server.start(config, { ...silentLogger, warn });
  try {
    const made = await Deno.readTextFile(`${directory}/data/fixtures/client/cert.pem`);
    using client = Deno.createHttpClient({ caCerts: [made] });
    for (const url of urls.slice(0, 2)) {
      const response = await fetch(`${url}/version`, { client });
      assertEquals(response.status, 200);
      await response.body?.cancel();
    }
    assert(lines.includes("Nobody else can dial what this node announces"));
  } finally {
    await server.stop(0);
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--auto-tls makes a certificate once, for the names of the port, and serves under it", async () => {
  const directory = await Deno.makeTempDir();
  const port = freePort();
  const args = [
    ...["--data-dir", `${directory}/data`, "--auto-tls"],
    ...["--listen-client-urls", `https://127.0.0.1:${port}`],
    ...["--advertise-client-urls", `https://localhost:${port}`],
    ...["--listen-peer-urls", `http://127.0.0.1:${freePort()}`],
  ];
  const path = `${directory}/data/fixtures/client/cert.pem`;
  let first = "";
  try {
    for (let round = 0; round < 2; round++) {
      const server = await Server.start(configOf(args), silentLogger);
      const text = await Deno.readTextFile(path);
      if (round === 0) first = text;
      else assertEquals(text, first, "made once");
      const certificate = new X509Certificate(text);
      assert(certificate.checkHost("localhost") && certificate.checkIP("127.0.0.1"));
      using client = Deno.createHttpClient({ caCerts: [text] });
      const response = await fetch(`https://localhost:${port}/version`, { client });
      assertEquals(response.status, 200);
      await response.body?.cancel();
      await server.stop(0);
    }
    assertEquals((await Deno.stat(path.replace("cert", "key"))).mode! & 0o777, 0o600);
    const stranger = `${directory}/other/cert.pem`;
    const files = { certFile: stranger, keyFile: `${directory}/other/key.pem` };
    makeOwnCertificate(
      "client",
      { ...configOf(args).client.tls!, ...files },
      ["a"],
      Date.now(),
      silentLogger,
    );
    assert((await Deno.readTextFile(stranger)) !== first);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
