/** Certificates that a port refuses although its authority has signed them, and one that it makes itself. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { dirname } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import { loadTls, parseCertificates, TlsError } from "../../src/http/tls_check.ts";
import { makeOwnCertificate } from "../../src/operations/auto_tls.ts";
import { loadClientGate } from "../../src/operations/client_gate.ts";
import { PortTls } from "../../src/operations/port_tls.ts";
import { Server } from "../../src/server.ts";
import { freePort } from "../cluster/ports.ts";
import { Authority, greet } from "./authority.ts";
import { configOf } from "./flag_node.ts";

Deno.test("a revoked certificate is not taken, and its neighbours are", () => {
  using authority = new Authority();
  const [good, bad] = [authority.issue("good"), authority.issue("bad")];
  authority.revoke("crl.pem", [bad]);
  const gate = loadClientGate(authority.files({ crlFile: authority.path("crl.pem") }));
  assertEquals(gate?.clientProblem(good, []), undefined);
  assertMatch(gate?.clientProblem(bad, []) ?? "", /is revoked/);
  // As etcd has them.
  const text = Deno.readTextFileSync(authority.path("crl.pem")).replace(/-----[^-]+-----/g, "");
  Deno.writeFileSync(authority.path("crl.der"), Uint8Array.fromBase64(text));
  const same = loadClientGate(authority.files({ crlFile: authority.path("crl.der") }));
  assertEquals(same?.clientProblem(good, []), undefined);
  assertMatch(same?.clientProblem(bad, []) ?? "", /is revoked/);
  authority.revoke("none.pem", []);
  const empty = loadClientGate(authority.files({ crlFile: authority.path("none.pem") }));
  assertEquals(empty?.clientProblem(bad, []), undefined);
});

Deno.test("who is signed by an authority that was revoked is not taken", () => {
  using authority = new Authority();
  const [between, leaf] = [authority.issueAuthority("between"), authority.issue("leaf")];
  const ca = parseCertificates(Deno.readTextFileSync(authority.path("ca.crt")), "ca.crt")[0]!.raw;
  authority.revoke("crl.pem", [between]);
  const gate = loadClientGate(authority.files({ crlFile: authority.path("crl.pem") }));
  assertEquals(gate?.clientProblem(leaf, [ca]), undefined);
  assertMatch(gate?.clientProblem(leaf, [between, ca]) ?? "", /is revoked/);
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

Deno.test("a serial number is revoked by the list of its own authority alone", () => {
  using authority = new Authority();
  using other = new Authority("other");
  const good = authority.issue("good");
  other.revoke("crl.pem", [good]);
  const both = ["ca.crt"].flatMap((name) => [authority, other].map((one) => one.path(name)));
  const caFile = authority.path("both.crt");
  Deno.writeTextFileSync(caFile, both.map((path) => Deno.readTextFileSync(path)).join(""));
  const gate = loadClientGate(authority.files({ caFile, crlFile: other.path("crl.pem") }));
  assertEquals(gate?.clientProblem(good, []), undefined);
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
    loadClientGate(authority.files({ allowedNames: { kind, names } }))?.clientProblem(der, []);
  assertEquals(problem("commonName", "member"), undefined);
  assertMatch(problem("commonName", "memb") ?? "", /whose CN is "memb", found "/);
  assertEquals(problem("commonName", "other", "member"), undefined);
  assertMatch(problem("commonName", "a", "b") ?? "", /whose CN is "a" or "b", found "/);
  assertEquals(problem("hostname", "a.example"), undefined);
  assertEquals(problem("hostname", "b.example", "a.example"), undefined);
  assertEquals(problem("hostname", "10.0.0.1"), undefined);
  assertMatch(problem("hostname", "b.example") ?? "", /for "b.example", found one for "a.ex/);
  assertEquals(loadClientGate(authority.files({})), undefined);
});

Deno.test("a name that stands within another value is nobody's", () => {
  using authority = new Authority();
  const problem = (kind: "commonName" | "hostname", wanted: string, der: Uint8Array) =>
    loadClientGate(authority.files({ allowedNames: { kind, names: [wanted] } }))
      ?.clientProblem(der, []);
  // Node and Deno write a subject as lines.
  const twoLines = authority.issue("stranger\nCN=member");
  assertMatch(problem("commonName", "member", twoLines) ?? "", /whose CN is "member", found/);
  const named = authority.issue("a.example", "b.example", "*.c.example");
  assertMatch(problem("hostname", "a.example", named) ?? "", /for "a.example", found one for/);
  assertEquals(problem("hostname", "M1.c.example", named), undefined);
});

Deno.test("a member dials nobody whom its port would not let in", () => {
  using authority = new Authority();
  const stranger = authority.issue("stranger", "127.0.0.1");
  const own = authority.issue("server", "127.0.0.1");
  const tls = authority.files({ allowedNames: { kind: "commonName", names: ["server"] } });
  const listen = { host: "127.0.0.1", port: 1 };
  const [url, listeners] = ["https://127.0.0.1:1", [{ ...listen, secure: true }]];
  const port = { advertised: listen, listen, url, urls: [url], listeners, tls };
  const { problem } = PortTls.load("peer", port, silentLogger)!.peer;
  assertEquals(problem?.(own, []), undefined);
  assertMatch(problem?.(stranger, []) ?? "", /whose CN is "server", found "stranger"/);
});

Deno.test("an authority that ends while the port is open is trusted no longer, if there is another", async () => {
  using authority = new Authority();
  using old = new Authority("old", 60_000);
  authority.issue("server", "127.0.0.1");
  const [newer, older] = [authority, old].map((one) => Deno.readTextFileSync(one.path("ca.crt")));
  const both = authority.path("both.crt");
  Deno.writeTextFileSync(both, `${older}${newer}`);
  const listen = { host: "127.0.0.1", port: 1 };
  const [url, listeners] = ["https://127.0.0.1:1", [{ ...listen, secure: true }]];
  const lines: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => void lines.push(message) };
  const portUnder = (caFile: string) => {
    const tls = authority.files({ caFile });
    const port = { advertised: listen, listen, url, urls: [url], listeners, tls };
    return PortTls.load("client", port, logger)!;
  };
  const port = portUnder(both);
  await port.lookAtExpiry();
  assertEquals(port.material.ca, `${older}${newer}`);
  await port.lookAtExpiry(Date.now() + 120_000);
  assertEquals([port.material.ca, lines], [newer, []]);
  const alone = portUnder(old.path("ca.crt"));
  for (let look = 0; look < 2; look++) await alone.lookAtExpiry(Date.now() + 120_000);
  assertEquals(alone.material.ca, older);
  assertEquals(lines, ["The new certificates can't be used, the old ones stay in use"]);
});

/** Signed for a client without a subject and without other names (ECDSA on P-256). */
const NOBODYS = "MIIBezCCASCgAwIBAgIUI8xRTh/kbiHzXziIGam3Sm13JaUwCgYIKoZIzj0EAwIwITENMAsGA1UECgwE" +
  "ZXRjZDEQMA4GA1UEAwwHZXRjZCBDQTAeFw0yNjExMzAwODEwMjVaFw0yNjEyMzAwODEwMjVaMAAwWTATBgcqhkjO" +
  "PQIBBggqhkjOPQMBBwNCAASpGyIdWSKtqhlRq+BhGvwWdiT8rb8Zi9pWmaP3NIydxiCEz2YyE50HtkkKg2/8aeMK" +
  "q46RjqmVhE754uFOm1Ezo1cwVTATBgNVHSUEDDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQUcnXW6FQNMyluYt8vLkkM" +
  "qicHR3MwHwYDVR0jBBgwFoAU0nV3cwGav+lrQUnV62CgR/fm6qIwCgYIKoZIzj0EAwIDSQAwRgIhAOyCh/1m9Swd" +
  "aRccz0tpB7XZvDrPg/IUq/NcPNZpH4VUAiEApS0yzjVQv5ybwraWR4roaafwLmYe3V+24Xk9queiRR8=";

Deno.test("who has no name at all, and what is no certificate, is refused and not only unanswered", () => {
  const gateFor = (kind: "commonName" | "hostname") =>
    loadClientGate({
      ...{
        certFile: "",
        keyFile: "",
        caFile: "a",
        crlFile: undefined,
        isOwn: false,
        namesUsers: true,
      },
      ...{ minVersion: "TLSv1.2", maxVersion: "TLSv1.3" },
      allowedNames: { kind, names: ["node1"] },
    })!;
  const nobody = Uint8Array.fromBase64(NOBODYS);
  const ofSubject = gateFor("commonName").clientProblem(nobody, []);
  assertEquals(ofSubject, 'Expected a certificate whose CN is "node1", found ""');
  const ofHost = gateFor("hostname").clientProblem(nobody, []);
  assertEquals(ofHost, 'Expected a certificate for "node1", found one for ""');
  for (const kind of ["commonName", "hostname"] as const) {
    assertMatch(gateFor(kind).clientProblem(Uint8Array.of(0x30, 1), []) ?? "", /can't be read/);
  }
});

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
      const days = (certificate.validToDate.getTime() - Date.now()) / 86_400_000;
      assert(days > 364 && days <= 365, `${days} days`);
      using client = Deno.createHttpClient({ caCerts: [text] });
      const response = await fetch(`https://localhost:${port}/version`, { client });
      assertEquals(response.status, 200);
      await response.body?.cancel();
      await server.stop(0);
    }
    assertEquals((await Deno.stat(path.replace("cert", "key"))).mode! & 0o777, 0o600);
    const stranger = `${directory}/other/cert.pem`;
    const files = { certFile: stranger, keyFile: `${directory}/other/key.pem` };
    await makeOwnCertificate(
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

Deno.test("makeOwnCertificate() replaces a certificate that has ended, and no other", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const tls = { ...configOf(["-d", directory, "--auto-tls"]).client.tls! };
    const made = async (nowMs: number) => {
      await makeOwnCertificate("client", tls, ["a"], nowMs, silentLogger);
      return await Deno.readTextFile(tls.certFile);
    };
    const first = await made(Date.now());
    const { validToDate } = new X509Certificate(first);
    assertEquals(await made(validToDate.getTime()), first);
    // A clock that is behind is no reason.
    assertEquals(await made(0), first);
    const nowMs = validToDate.getTime() + 1_000;
    const second = await made(nowMs);
    assert(second !== first);
    loadTls(tls, nowMs);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("makeOwnCertificate() replaces a pair that a crash has cut short", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const tls = configOf(["-d", directory, "--auto-tls"]).client.tls!;
    const made = () => makeOwnCertificate("client", tls, ["a"], Date.now(), silentLogger);
    await made();
    const names = [...Deno.readDirSync(dirname(tls.certFile))].map(({ name }) => name);
    assertEquals(names.sort(), ["cert.pem", "key.pem"]);
    for (const file of [tls.certFile, tls.keyFile]) {
      for (const kept of [0, 100]) {
        await Deno.truncate(file, kept);
        await made();
        loadTls(tls, Date.now());
      }
      await Deno.remove(file);
      await made();
      loadTls(tls, Date.now());
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
