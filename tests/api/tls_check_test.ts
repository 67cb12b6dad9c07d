import { assertEquals, assertFalse, assertStringIncludes, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { loadTls, TlsError } from "../../src/http/tls_check.ts";
import { issueCertificate, keyIdentifierOf, toPem } from "../../src/x509/certificate.ts";

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

/** Loads what is written into files, with the fixtures' own where nothing is. */
function loadTexts(texts: { cert?: string; key?: string; ca?: string }) {
  const directory = Deno.makeTempDirSync();
  try {
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(`${directory}/${name}`, text);
      return `${directory}/${name}`;
    };
    const { cert, key, ca } = texts;
    return loadTls({
      certFile: cert === undefined ? file("server.crt") : write("cert", cert),
      keyFile: key === undefined ? file("server.key.insecure") : write("key", key),
      caFile: ca === undefined ? undefined : write("ca", ca),
    }, NOW_MS);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function read(name: string): string {
  return Deno.readTextFileSync(file(name));
}

const PAIR = { cert: read("server.crt"), key: read("server.key.insecure") };

/** A self-signed authority. */
function makeAuthority(commonName: string, fromMs: number, toMs: number): string {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const dates = { validFromMs: fromMs, validToMs: toMs };
  const keyIdentifier = keyIdentifierOf(publicKey);
  return toPem(issueCertificate(
    { organization: "test", commonName, publicKey, ...dates, purpose: { kind: "authority" } },
    { name: undefined, keyIdentifier, privateKey },
  ));
}

const YEAR_MS = 365 * 86_400_000;

Deno.test("loadTls() returns the texts when pair and CA are good", () => {
  const { material, warnings } = load("server.crt", "server.key.insecure", "ca.crt");
  assertEquals(material, { ...PAIR, ca: read("ca.crt") });
  assertEquals(warnings, []);
  assertEquals("ca" in load("server.crt", "server.key.insecure").material, false);
});

Deno.test("loadTls() returns what it checked, whatever stood around it in the files", () => {
  const ca = read("ca.crt");
  const { material } = loadTexts({
    cert: `\uFEFF${PAIR.cert}`,
    key: `# was ENCRYPTED before\nkey: ${PAIR.key}`,
    ca: `authorities: ${ca.trimEnd()}${read("foreign-ca.crt")}`,
  });
  assertEquals(material, { ...PAIR, ca: ca + read("foreign-ca.crt") });
});

Deno.test("loadTls() takes certificate and key from one file, in either order", () => {
  const chain = read("ca.crt");
  for (
    const texts of [[PAIR.cert, PAIR.key], [PAIR.key, PAIR.cert], [chain, PAIR.key, PAIR.cert]]
  ) {
    const both = texts.join("");
    const { material } = loadTexts({ cert: both, key: both });
    assertEquals(material, { ...PAIR, cert: PAIR.cert + (texts[0] === chain ? chain : "") });
  }
});

Deno.test("loadTls() takes the key that fits from among others", () => {
  const parameters =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const key = parameters + read("server2.key.insecure") + PAIR.key;
  assertEquals(loadTexts({ key }).material, PAIR);
});

Deno.test("loadTls() warns of an authority that is not valid now beside one that is", () => {
  const expired = makeAuthority("old", NOW_MS - 2 * YEAR_MS, NOW_MS - YEAR_MS);
  const coming = makeAuthority("coming", NOW_MS + YEAR_MS, NOW_MS + 2 * YEAR_MS);
  const valid = read("ca.crt");
  const { material, warnings } = loadTexts({ ca: expired + valid + coming });
  // The runtime would trust the expired one for ever.
  assertEquals(material.ca, valid + coming);
  assertEquals(warnings.length, 2);
  assertStringIncludes(warnings[0]!, "expired");
  assertStringIncludes(warnings[1]!, "not yet valid");
  assertThrows(() => loadTexts({ ca: expired + coming }), TlsError, "expired");
});

Deno.test("loadTls() warns of a certificate behind the first that has expired", () => {
  const { warnings } = loadTexts({ cert: PAIR.cert + read("expired.crt") });
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!, "expired");
});

Deno.test("loadTls() refuses a file of which it could use a part only", () => {
  const cut = read("foreign-ca.crt").slice(0, 200);
  assertThrows(() => loadTexts({ ca: read("ca.crt") + cut }), TlsError, "damaged");
  const trusted = read("ca.crt").replaceAll(" CERT", " TRUSTED CERT");
  assertThrows(() => loadTexts({ ca: read("ca.crt") + trusted }), TlsError, "-trustout");
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
    Deno.writeTextFileSync(encrypted, toPem(new Uint8Array(9), "ENCRYPTED PRIVATE KEY"));
    const good = { certFile: file("server.crt"), keyFile: file("server.key.insecure") };
    const load = (files: Partial<typeof good>) => () =>
      loadTls({ ...good, ...files, caFile: undefined }, NOW_MS);
    assertThrows(load({ certFile: damaged }), TlsError, "found a damaged one");
    assertThrows(load({ keyFile: encrypted }), TlsError, "without a passphrase");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
