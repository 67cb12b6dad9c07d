/** Whom a certificate is for, by its bytes and not by a text that was made of them. */
import { assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { issueCertificate, keyIdentifierOf } from "../../src/x509/certificate.ts";
import { type CertificateFields, readFields } from "../../src/x509/fields.ts";
import {
  type AlternativeName,
  hostsIn,
  isForHost,
  parseAlternativeName,
} from "../../src/x509/names.ts";

/** What is read of a certificate with these names, which signs itself. */
function fieldsOf(
  commonName: string,
  names: readonly AlternativeName[],
  organization = "etcd",
): CertificateFields {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const validity = { validFromMs: 0, validToMs: Date.UTC(2040, 0, 1) };
  return readFields(issueCertificate({
    ...{ organization, commonName, publicKey, ...validity },
    purpose: { kind: "endEntity", usages: ["clientAuth"], names },
  }, { name: undefined, keyIdentifier: keyIdentifierOf(publicKey), privateKey }));
}

function named(...texts: readonly string[]): CertificateFields {
  return fieldsOf("cn.example.org", texts.map((text) => parseAlternativeName(text)!));
}

Deno.test("isForHost() goes by alternative names alone, a star for one first label", () => {
  const fields = named("a.example.org", "*.b.example.org", "*.local", "10.0.0.1", "::1");
  const found = (...hosts: readonly string[]) => hosts.filter((host) => isForHost(fields, host));
  const own = ["a.example.org", "A.Example.ORG", "a.example.org.", "x.b.example.org", "10.0.0.1"];
  assertEquals(found(...own, "::1", "0:0::1"), [...own, "::1", "0:0::1"]);
  const others = ["cn.example.org", "b.example.org", "x.y.b.example.org", ".b.example.org"];
  assertEquals(found(...others, "x.local", "10.0.0.2", "::2", "", "10.0.0.1, ::1"), []);
  assertEquals(hostsIn(fields).slice(-3), ["*.local", "10.0.0.1", "::1"]);
});

Deno.test("no name is taken out of another's text", () => {
  const texts = [
    "a, DNS:b.example.org",
    'a", DNS:b.example.org',
    "a, IP Address:10.0.0.1",
    "b\0.c",
  ];
  const fields = fieldsOf("x", texts.map((text) => ({ kind: "dns", text })));
  assertEquals(fields.dnsNames, texts);
  const forged = ["b.example.org", "10.0.0.1", "a", "b"];
  assertEquals(forged.filter((host) => isForHost(fields, host)), []);
  assertEquals(fieldsOf("alice", [], "etcd\nCN=root").commonName, "alice");
  assertEquals(fieldsOf("alice\nCN=root", []).commonName, "alice\nCN=root");
});
