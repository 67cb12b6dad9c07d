/** Reads lists of revoked certificates (RFC 5280 §5) and checks whose they are. */
import { type KeyObject, verify } from "node:crypto";
import { DerError, readElements, readObjectIdentifier, TAG } from "./der.ts";
import { OID } from "./oid.ts";

/** What an authority has revoked. */
export interface Revocations {
  /** The authority's name as it is encoded. */
  readonly issuer: Uint8Array;
  /** Serial numbers as hexadecimal digits of their octets. */
  readonly serials: ReadonlySet<string>;
  /** Whether the list was signed by the owner of this key. */
  isSignedBy(key: KeyObject): boolean;
}

/** Who issued a certificate, and under which number. */
export interface Issuance {
  /** As it is encoded. */
  readonly issuer: Uint8Array;
  readonly serial: string;
}

/** The digests of the signatures that are known; ECDSA and RSA verify alike. */
const DIGESTS: ReadonlyMap<string, string> = new Map([
  [OID.ecdsaWithSha256, "sha256"],
  [OID.ecdsaWithSha384, "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  [OID.rsaWithSha256, "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
]);

const TIMES: readonly number[] = [TAG.utcTime, TAG.generalizedTime];

/** Reads a list in DER. Throws `DerError`. */
export function readRevocations(der: Uint8Array): Revocations {
  const [list] = readElements(der);
  const [signed, algorithm, signature] = readElements(list?.content ?? der);
  if (signed === undefined || algorithm === undefined || signature === undefined) {
    throw new DerError("Expected a list of revoked certificates, found too few parts");
  }
  const parts = readElements(signed.content);
  if (parts[0]?.tag === TAG.integer) parts.shift(); // version
  const [, issuer] = parts;
  if (issuer?.tag !== TAG.sequence) throw new DerError("Expected the issuer of a revocation list");
  // After the issuer stand one or two times; then, if anybody is revoked, those who are.
  const revoked = parts.slice(2).find(({ tag }) => !TIMES.includes(tag));
  const entries = revoked?.tag === TAG.sequence ? readElements(revoked.content) : [];
  const [identifier] = readElements(algorithm.content);
  const digest = identifier && DIGESTS.get(readObjectIdentifier(identifier.content));
  return {
    issuer: issuer.whole,
    serials: new Set(entries.map(({ content }) => serialOf(readElements(content)[0]?.content))),
    isSignedBy: (key) =>
      // The first octet counts unused bits, of which a signature has none.
      digest !== undefined && verify(digest, signed.whole, key, signature.content.subarray(1)),
  };
}

/** Who issued the certificate in DER. Throws `DerError`. */
export function readIssuance(der: Uint8Array): Issuance {
  const [certificate] = readElements(der);
  const [signed] = readElements(certificate?.content ?? der);
  const parts = readElements(signed?.content ?? der);
  if (parts[0]?.tag !== TAG.integer) parts.shift(); // version
  const [serial, , issuer] = parts;
  if (serial?.tag !== TAG.integer || issuer === undefined) {
    throw new DerError("Expected the serial number and the issuer of a certificate");
  }
  return { issuer: issuer.whole, serial: serialOf(serial.content) };
}

function serialOf(octets: Uint8Array | undefined): string {
  if (octets === undefined) throw new DerError("Expected a serial number");
  return octets.toHex();
}
