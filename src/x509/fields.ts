/**
 * Reads from a certificate what `X509Certificate` of `node:crypto` does not tell
 * here: the version, the extended key usages, the key identifier, and names as
 * they are encoded.
 */
import {
  contextTag,
  DerError,
  type Element,
  readElements,
  readObjectIdentifier,
  TAG,
} from "./der.ts";
import { EXTENDED_USAGES, KEY_USAGES, type KeyUsage, OID } from "./oid.ts";

/** Fields of a certificate (RFC 5280 §4.1). */
export interface CertificateFields {
  /** 1 or 3, as people count. */
  readonly version: number;
  /** The name as it is encoded: an issuer's must be repeated to the byte. */
  readonly subject: Uint8Array;
  /** Undefined where there is no such extension: then all are allowed. */
  readonly keyUsages: readonly KeyUsage[] | undefined;
  /** Names where they are known, else dotted; undefined likewise. */
  readonly extendedUsages: readonly string[] | undefined;
  readonly keyIdentifier: Uint8Array | undefined;
}

/** Reads a certificate in DER. Throws `DerError`. */
export function readFields(der: Uint8Array): CertificateFields {
  const [certificate] = readElements(der);
  const [signed] = readElements(certificate?.content ?? der);
  const parts = readElements(signed?.content ?? der);
  const version = parts[0]?.tag === contextTag(0, true)
    ? 1 + (readElements(parts.shift()!.content)[0]?.content.at(-1) ?? 0)
    : 1;
  // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
  const subject = parts[4];
  if (subject === undefined) throw new DerError("Expected a certificate, found too few fields");
  const extensions = readExtensions(parts.find(({ tag }) => tag === contextTag(3, true)));
  const usage = extensions.get(OID.keyUsage);
  const extended = extensions.get(OID.extendedKeyUsage);
  return {
    version,
    subject: subject.whole,
    keyUsages: usage && readKeyUsages(usage),
    extendedUsages: extended &&
      readElements(extended.content).map(({ content }) => usageName(content)),
    keyIdentifier: extensions.get(OID.subjectKeyIdentifier)?.content,
  };
}

/** The value of each extension by its identifier. */
function readExtensions(list: Element | undefined): Map<string, Element> {
  const extensions = new Map<string, Element>();
  if (list === undefined) return extensions;
  for (const { content } of readElements(readElements(list.content)[0]?.content ?? list.content)) {
    const parts = readElements(content);
    const id = parts[0];
    const value = parts.at(-1);
    if (id === undefined || value?.tag !== TAG.octetString) {
      throw new DerError("Expected an extension, found something else in its place");
    }
    const [inner] = readElements(value.content);
    if (inner !== undefined) extensions.set(readObjectIdentifier(id.content), inner);
  }
  return extensions;
}

function readKeyUsages({ content }: Element): KeyUsage[] {
  return KEY_USAGES.filter((_, bit) => {
    const octet = content[1 + (bit >> 3)] ?? 0;
    return (octet & (0x80 >> (bit & 7))) !== 0;
  });
}

function usageName(content: Uint8Array): string {
  const dotted = readObjectIdentifier(content);
  const known = Object.entries(EXTENDED_USAGES).find(([, oid]) => oid === dotted);
  return known === undefined ? dotted : known[0];
}
