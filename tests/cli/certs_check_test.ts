/** `etcd certs check`: good, expired, mismatched, foreign and v1 certificates, as a node judges them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { checkFiles } from "../../src/cli/certs_check.ts";
import type { Comparison } from "../../src/cli/finding.ts";
import { loadTls } from "../../src/http/tls_check.ts";
import {
  issueCertificate,
  type Issuer,
  keyIdentifierOf,
  toPem,
} from "../../src/x509/certificate.ts";
import { readFields } from "../../src/x509/fields.ts";
import { parseAlternativeName } from "../../src/x509/names.ts";
import { fixture } from "../cluster/client.ts";
import { etcd } from "./harness.ts";

const NOW_MS = Date.UTC(2030, 0, 1);

/** Rows that are not ok, as "status file check". */
function problems(comparisons: readonly Comparison[]): string[] {
  return comparisons.filter(({ status }) => status !== "ok")
    .map(({ status, file, check }) => `${status} ${file.split("/").at(-1)} ${check}`);
}

/** What is wrong with files of `fixtures/ca`, whose keys may be read by everybody. */
function check(names: readonly string[], hosts: readonly string[] = [], nowMs = NOW_MS): string[] {
  const parsed = hosts.map((host) => parseAlternativeName(host)!);
  const { comparisons } = checkFiles(names.map(fixture), parsed, nowMs);
  assert(comparisons.length > 0);
  return problems(comparisons).filter((problem) => !problem.endsWith(".key.insecure access"));
}

Deno.test("certs check finds nothing wrong with what certs init made", async () => {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await etcd(["certs", "init", "--hosts", "a.example.org,10.0.0.1", "--out", directory]);
    const files = [...Deno.readDirSync(directory)].map(({ name }) => `${directory}/${name}`);
    const run = (...args: string[]) => etcd(["certs", "check", ...args, ...files]);
    const { status, out, err } = await run("--hosts", "a.example.org,10.0.0.1");
    assertEquals([status, err], [0, ""]);
    assertEquals(out.split("\n").slice(1, -1).filter((line) => !line.startsWith("ok ")), []);
    assertStringIncludes(out, "824 days left");
    const json = await run("-o", "json", "--hosts", "b.example.org");
    assertEquals(json.status, 1);
    assertEquals(problems(JSON.parse(json.out)), ["fail server.crt names"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("certs check passes good certificates, in any order and company", () => {
  assertEquals(check(["server.crt"]), []);
  assertEquals(check(["client.key.insecure", "ca.crt", "client.crt"]), []);
  assertEquals(check(["server.crt", "server.key.insecure", "ca.crt"], ["localhost", "::1"]), []);
  assertEquals(check(["foreign-client.crt", "client.crt", "ca.crt", "foreign-ca.crt"]), []);
  assertEquals(check(["ca.crt", "ca.key.insecure"]), []);
});

Deno.test("certs check fails a certificate by the clock", () => {
  assertEquals(check(["expired.crt"]), ["fail expired.crt validity"]);
  assertEquals(check(["server.crt"], [], Date.UTC(2020, 0, 1)), ["fail server.crt validity"]);
  assertEquals(check(["expired.crt"], [], Date.UTC(2025, 0, 15)), ["warn expired.crt validity"]);
});

Deno.test("certs check fails what does not belong together", () => {
  assertEquals(check(["server.crt", "client.key.insecure"]), ["fail client.key.insecure key"]);
  assertEquals(check(["foreign-client.crt", "ca.crt"]), ["fail foreign-client.crt signed by"]);
  assertEquals(check(["other-host.crt"], ["localhost"]), ["fail other-host.crt names"]);
});

Deno.test("certs check fails an authority that is none", () => {
  assertEquals(check(["v1-ca.crt"]), ["fail v1-ca.crt authority"]);
  assertEquals(check(["not-ca.crt"]), ["fail not-ca.crt authority"]);
  assertEquals(check(["server.crt", "v1-ca.crt"]), [
    "fail server.crt signed by",
    "fail v1-ca.crt authority",
  ]);
});

Deno.test("certs check warns of a certificate that can't serve the peer port", () => {
  assertEquals(check(["server-only.crt"]), ["warn server-only.crt usage"]);
});

Deno.test("certs check tells which files can't be read, and goes on", () => {
  assertEquals(check(["nonsense", "README.md", "expired.crt"]), [
    "fail nonsense content",
    "fail README.md content",
    "fail expired.crt validity",
  ]);
});

Deno.test("certs check says what it could not compare for want of files", () => {
  const unchecked = (...names: string[]) =>
    checkFiles(names.map(fixture), [], NOW_MS).unchecked.length;
  assertEquals(unchecked("server.crt"), 3);
  assertEquals(unchecked("server.crt", "server.key.insecure", "ca.crt"), 1);
  assertEquals(unchecked("ca.crt"), 0);
});

Deno.test("certs check fails whatever a node would refuse to start with", () => {
  const pick = (pattern: RegExp) =>
    [...Deno.readDirSync(fixture("."))].map(({ name }) => name).filter((name) =>
      pattern.test(name)
    );
  const certificates = pick(/\.crt$/).filter((name) => !/ca\.crt$/.test(name));
  let refused = 0;
  for (const cert of certificates) {
    for (const key of pick(/\.key/)) {
      for (const ca of pick(/ca\.crt$/)) {
        const files = { certFile: fixture(cert), keyFile: fixture(key), caFile: fixture(ca) };
        const failures = check([cert, key, ca]).filter((problem) => problem.startsWith("fail"));
        try {
          loadTls(files, NOW_MS);
        } catch {
          refused++;
          // The authority's own key fits the authority, which is not what a node is given.
          assert(failures.length > 0 || key.startsWith("ca."), `${cert} ${key} ${ca}`);
        }
      }
    }
  }
  assert(refused > 100);
});

Deno.test("certs check follows the chain in a certificate's file", async () => {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  const keys = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const make = (commonName: string, publicKey: KeyObject, issuer: Issuer, isAuthority: boolean) =>
    issueCertificate({
      organization: "test",
      commonName,
      publicKey,
      validFromMs: NOW_MS - 1000,
      validToMs: NOW_MS + 90 * 86_400_000,
      purpose: isAuthority
        ? { kind: "authority" }
        : { kind: "endEntity", usages: ["serverAuth", "clientAuth"], names: [] },
    }, issuer);
  const issuerOf = (
    certificate: Uint8Array | undefined,
    { publicKey, privateKey }: ReturnType<typeof keys>,
  ) => ({
    name: certificate === undefined ? undefined : readFields(certificate).subject,
    keyIdentifier: keyIdentifierOf(publicKey),
    privateKey,
  });
  try {
    const [rootKeys, middleKeys, leafKeys] = [keys(), keys(), keys()];
    const root = make("root", rootKeys.publicKey, issuerOf(undefined, rootKeys), true);
    const middle = make("middle", middleKeys.publicKey, issuerOf(root, rootKeys), true);
    const leaf = make("leaf", leafKeys.publicKey, issuerOf(middle, middleKeys), false);
    const [leafFile, chainFile, rootFile] = ["leaf", "chain", "root"].map((x) =>
      `${directory}/${x}`
    );
    await Deno.writeTextFile(leafFile!, toPem(leaf));
    await Deno.writeTextFile(chainFile!, toPem(leaf) + toPem(middle));
    await Deno.writeTextFile(rootFile!, toPem(root));
    const found = (...files: string[]) => problems(checkFiles(files, [], NOW_MS).comparisons);
    const noNames = (file: string) => `fail ${file} names`;
    assertEquals(found(chainFile!, rootFile!), [noNames("chain")]);
    assertEquals(found(leafFile!, rootFile!), [noNames("leaf"), "fail leaf signed by"]);
    assert(!new X509Certificate(leaf).checkIssued(new X509Certificate(root)));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
