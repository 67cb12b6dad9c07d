/** Certificates as other implementations read them: Node's parser, and openssl's where it is there. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import {
  type CertificatePlan,
  issueCertificate,
  keyIdentifierOf,
  toPem,
  UnsupportedKeyError,
} from "../../src/x509/certificate.ts";
import { DerError } from "../../src/x509/der.ts";
import { readFields } from "../../src/x509/fields.ts";
import { type AlternativeName, parseAlternativeName } from "../../src/x509/names.ts";

const FROM_MS = Date.UTC(2026, 0, 1);
const TO_MS = Date.UTC(2060, 0, 1);

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function ecKeys(namedCurve = "prime256v1"): Keys {
  return generateKeyPairSync("ec", { namedCurve });
}

function planOf({ publicKey }: Keys, purpose: CertificatePlan["purpose"]): CertificatePlan {
  const validity = { validFromMs: FROM_MS, validToMs: TO_MS };
  return { organization: "Ümläut & Co", commonName: "test", publicKey, ...validity, purpose };
}

/** An authority with those keys, and an end entity that it has signed. */
function chain(keys: Keys, hosts: readonly string[] = ["a.example.org", "::1"]) {
  const keyIdentifier = keyIdentifierOf(keys.publicKey);
  const issuer = { name: undefined, keyIdentifier, privateKey: keys.privateKey };
  const ca = issueCertificate(planOf(keys, { kind: "authority" }), issuer);
  const leaf = issueCertificate(
    planOf(ecKeys(), {
      kind: "endEntity",
      usages: ["serverAuth", "clientAuth"],
      names: hosts.map((host) => parseAlternativeName(host)!),
    }),
    { ...issuer, name: readFields(ca).subject },
  );
  return { ca, leaf };
}

/** Undefined on a machine without it. */
async function openssl(...args: string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await new Deno.Command("openssl", { args }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const AUTHORITY_KEYS: readonly (readonly [string, () => Keys])[] = [
  ["P-256", ecKeys],
  ["P-384", () => ecKeys("secp384r1")],
  ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
];

for (const [kind, make] of AUTHORITY_KEYS) {
  Deno.test(`issueCertificate() makes what others verify, with an authority's key of ${kind}`, async () => {
    const { ca, leaf } = chain(make());
    const [authority, certificate] = [new X509Certificate(ca), new X509Certificate(leaf)];
    assert(authority.ca && authority.checkIssued(authority));
    assert(authority.verify(authority.publicKey));
    assert(certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
    assertEquals(certificate.ca, false);
    assertEquals(certificate.subject, "O=Ümläut & Co\nCN=test");
    assertEquals(certificate.subjectAltName, "DNS:a.example.org, IP Address:::1");
    assertEquals(certificate.validFromDate.getTime(), FROM_MS);
    assertEquals(certificate.validToDate.getTime(), TO_MS);

    const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
    try {
      await Deno.writeTextFile(`${directory}/ca.crt`, toPem(ca));
      await Deno.writeTextFile(`${directory}/leaf.crt`, toPem(leaf));
      const said = await openssl(
        ...["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "a.example.org"],
        ...["-CAfile", `${directory}/ca.crt`, `${directory}/leaf.crt`],
      );
      assert(said === undefined || said.endsWith("leaf.crt: OK\n"), said);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("issueCertificate() refuses a key that it can't sign with", () => {
  assertThrows(() => chain(generateKeyPairSync("ed25519")), UnsupportedKeyError, "found ed25519");
});

Deno.test("issueCertificate() gives every certificate its own serial number of 128 bits", () => {
  const keys = ecKeys();
  const serials = Array.from(
    { length: 50 },
    () => new X509Certificate(chain(keys).leaf).serialNumber,
  );
  assertEquals(new Set(serials).size, serials.length);
  assert(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial)), serials.join());
});

Deno.test("readFields() reads what issueCertificate() wrote", () => {
  const keys = ecKeys();
  const { ca, leaf } = chain(keys);
  const authority = readFields(ca);
  assertEquals([authority.version, authority.extendedUsages], [3, undefined]);
  assertEquals(authority.keyUsages, ["keyCertSign", "cRLSign"]);
  assertEquals(authority.keyIdentifier, new Uint8Array(keyIdentifierOf(keys.publicKey)));
  const fields = readFields(leaf);
  assertEquals(fields.keyUsages, ["digitalSignature"]);
  assertEquals(fields.extendedUsages, ["serverAuth", "clientAuth"]);
});

Deno.test("readFields() reads what openssl wrote", () => {
  const read = (name: string) => {
    const pem = Deno.readTextFileSync(new URL(`../../fixtures/ca/${name}.crt`, import.meta.url));
    const { version, keyUsages, extendedUsages } = readFields(new X509Certificate(pem).raw);
    return [version, keyUsages, extendedUsages];
  };
  assertEquals(read("ca"), [3, ["keyCertSign", "cRLSign"], undefined]);
  assertEquals(read("server"), [3, ["digitalSignature"], ["serverAuth", "clientAuth"]]);
  assertEquals(read("server-only"), [3, undefined, ["serverAuth"]]);
  assertEquals(read("v1-ca"), [1, undefined, undefined]);
});

Deno.test("readFields() refuses damaged bytes by DerError, whatever the damage", () => {
  const { leaf } = chain(ecKeys());
  const read = (bytes: Uint8Array) => {
    try {
      readFields(bytes);
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
    }
  };
  for (let at = 0; at < leaf.length; at++) {
    assertThrows(() => readFields(leaf.subarray(0, at)), DerError);
    for (const flip of [0x01, 0x80, 0xff]) {
      read(leaf.map((octet, i) => i === at ? octet ^ flip : octet));
    }
  }
});

Deno.test("parseAlternativeName() tells names from addresses, and refuses what is neither", () => {
  const octets = (text: string) => {
    const name: AlternativeName | undefined = parseAlternativeName(text);
    return name?.kind === "ip" ? name.octets.toHex() : name?.kind;
  };
  assertEquals(octets("10.0.0.255"), "0a0000ff");
  assertEquals(octets("::1"), "0".repeat(31) + "1");
  assertEquals(octets("[2001:db8::ff:0]"), "20010db8000000000000000000ff0000");
  assertEquals(octets("::ffff:1.2.3.4"), "00000000000000000000ffff01020304");
  assertEquals(octets("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  assertEquals(octets("fe80::"), "fe80" + "0".repeat(28));
  for (
    const text of [
      "localhost",
      "a-b.example.org",
      "*.example.org",
      "my_service",
      "xn--bcher-kva.de",
    ]
  ) {
    assertEquals(octets(text), "dns", text);
  }
  const wrong = [
    "",
    "a b",
    "a..b",
    "-a",
    "a:4001",
    "127.0.0.256",
    "1.2.3",
    "fe80::1%eth0",
    "a.*.b",
    "bücher.de",
  ];
  for (const text of [...wrong, "*", `${"a".repeat(64)}.org`, "[a]"]) {
    assertEquals(octets(text), undefined, text);
  }
});
