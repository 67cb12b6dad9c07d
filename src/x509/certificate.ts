/**
 * Makes X.509 v3 certificates after the profile of RFC 5280: an authority that
 * signs itself, and what it issues to servers and clients. Opens no files.
 */
import { createHash, type KeyObject, sign } from "node:crypto";
import {
  bitString,
  contextTag,
  element,
  integer,
  objectIdentifier,
  readElements,
  TAG,
  time,
} from "./der.ts";
import type { AlternativeName } from "./names.ts";
import { EXTENDED_USAGES, type ExtendedUsage, KEY_USAGES, type KeyUsage, OID } from "./oid.ts";

/** What a certificate is to be. */
export interface CertificatePlan {
  readonly organization: string;
  readonly commonName: string;
  /** Whose certificate it is. */
  readonly publicKey: KeyObject;
  readonly validFromMs: number;
  readonly validToMs: number;
  readonly purpose:
    | { readonly kind: "authority" }
    | {
      readonly kind: "endEntity";
      readonly usages: readonly ExtendedUsage[];
      readonly names: readonly AlternativeName[];
    };
}

/** Who signs. */
export interface Issuer {
  /** Its name as its own certificate encodes it; undefined when it signs itself. */
  readonly name: Uint8Array | undefined;
  /** The subject key identifier of its certificate. */
  readonly keyIdentifier: Uint8Array;
  readonly privateKey: KeyObject;
}

/** A key that nothing is signed with here. */
export class UnsupportedKeyError extends Error {
  override readonly name = "UnsupportedKeyError";
}

/** The certificate in DER. Throws `UnsupportedKeyError`. */
export function issueCertificate(plan: CertificatePlan, issuer: Issuer): Uint8Array {
  const { identifier, digest } = signatureAlgorithm(issuer.privateKey);
  const subject = nameOf(plan);
  const signed = sequence(
    element(contextTag(0, true), integer(new Uint8Array([2]))), // v3
    integer(randomSerial()),
    identifier,
    issuer.name ?? subject,
    sequence(time(plan.validFromMs), time(plan.validToMs)),
    subject,
    plan.publicKey.export({ type: "spki", format: "der" }),
    element(contextTag(3, true), sequence(...extensionsOf(plan, issuer))),
  );
  return sequence(signed, identifier, bitString(sign(digest, signed, issuer.privateKey)));
}

/** SHA-1 of the public key's bits: method 1 of §4.2.1.2, a name and no protection. */
export function keyIdentifierOf(publicKey: KeyObject): Uint8Array {
  const [info] = readElements(publicKey.export({ type: "spki", format: "der" }));
  const [, bits] = readElements(info!.content);
  return createHash("sha1").update(bits!.content.subarray(1)).digest();
}

/** With line ends, the last included. */
export function toPem(der: Uint8Array, label = "CERTIFICATE"): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function sequence(...items: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, ...items);
}

function nameOf({ organization, commonName }: CertificatePlan): Uint8Array {
  const attribute = (type: string, value: string) =>
    element(
      TAG.set,
      sequence(
        objectIdentifier(type),
        element(TAG.utf8String, new TextEncoder().encode(value)),
      ),
    );
  return sequence(attribute(OID.organization, organization), attribute(OID.commonName, commonName));
}

/** 128 bits, of which 126 are random: unique without a record of those before (§4.1.2.2). */
function randomSerial(): Uint8Array {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[0] = 0x40 | octets[0]! & 0x3f;
  return octets;
}

function extensionsOf({ purpose, publicKey }: CertificatePlan, issuer: Issuer): Uint8Array[] {
  const identity = extension(
    OID.subjectKeyIdentifier,
    element(TAG.octetString, keyIdentifierOf(publicKey)),
  );
  if (purpose.kind === "authority") {
    const isAuthority = element(TAG.boolean, new Uint8Array([0xff]));
    const noFurtherAuthority = integer(new Uint8Array([0]));
    return [
      extension(OID.basicConstraints, sequence(isAuthority, noFurtherAuthority), "critical"),
      extension(OID.keyUsage, keyUsageBits("keyCertSign", "cRLSign"), "critical"),
      identity,
    ];
  }
  const usages = purpose.usages.map((usage) => objectIdentifier(EXTENDED_USAGES[usage]));
  return [
    extension(OID.basicConstraints, sequence(), "critical"),
    extension(OID.keyUsage, keyUsageBits("digitalSignature"), "critical"),
    extension(OID.extendedKeyUsage, sequence(...usages)),
    identity,
    extension(
      OID.authorityKeyIdentifier,
      sequence(element(contextTag(0, false), issuer.keyIdentifier)),
    ),
    ...(purpose.names.length === 0
      ? []
      : [extension(OID.subjectAltName, sequence(...purpose.names.map(generalName)))]),
  ];
}

function extension(id: string, value: Uint8Array, critical?: "critical"): Uint8Array {
  return sequence(
    objectIdentifier(id),
    ...(critical === undefined ? [] : [element(TAG.boolean, new Uint8Array([0xff]))]),
    element(TAG.octetString, value),
  );
}

/** Bits of the first octet only, which those in use are; DER cuts the zeros after the last. */
function keyUsageBits(...usages: readonly KeyUsage[]): Uint8Array {
  const positions = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const octet = positions.reduce((bits, position) => bits | (0x80 >> position), 0);
  return bitString(new Uint8Array([octet]), 7 - Math.max(...positions));
}

function generalName(name: AlternativeName): Uint8Array {
  switch (name.kind) {
    case "dns":
      return element(contextTag(2, false), new TextEncoder().encode(name.text));
    case "ip":
      return element(contextTag(7, false), name.octets);
  }
}

/** How an issuer with that key signs (RFC 5758, RFC 4055): its own key may be anybody's. */
function signatureAlgorithm(key: KeyObject): {
  readonly identifier: Uint8Array;
  readonly digest: string;
} {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1" || curve === "P-256") {
    return { identifier: sequence(objectIdentifier(OID.ecdsaWithSha256)), digest: "sha256" };
  }
  if (curve === "secp384r1" || curve === "P-384") {
    return { identifier: sequence(objectIdentifier(OID.ecdsaWithSha384)), digest: "sha384" };
  }
  if (key.asymmetricKeyType === "rsa") {
    const identifier = sequence(objectIdentifier(OID.rsaWithSha256), element(TAG.null));
    return { identifier, digest: "sha256" };
  }
  throw new UnsupportedKeyError(
    `Expected a key of RSA or of ECDSA on P-256 or P-384 to sign with, found ${
      curve ?? key.asymmetricKeyType ?? "another"
    }`,
  );
}
