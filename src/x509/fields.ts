/**
 * Reads from a certificate what `X509Certificate` of `node:crypto` does not tell
 * here: the version, the extended key usages, the key identifier, and names as
 * they are encoded. Its texts of names quote nothing: `CN=a` on a line of `subject` may be
 * a part of the organization, and `DNS:a` after a comma a part of another name.
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
  /** The last one of the subject, as in Go; undefined without one. */
  readonly commonName: string | undefined;
  /** The DNS names among the alternative names, as written. */
  readonly dnsNames: readonly string[];
  /** The addresses among them, four or sixteen octets each. */
  readonly addresses: readonly Uint8Array[];
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
  const names = extensions.get(OID.subjectAltName);
  const alternatives = names === undefined ? [] : readElements(names.content);
  return {
    version,
    subject: subject.whole,
    keyUsages: usage && readKeyUsages(usage),
    extendedUsages: extended &&
      readElements(extended.content).map(({ content }) => usageName(content)),
    keyIdentifier: extensions.get(OID.subjectKeyIdentifier)?.content,
    commonName: readCommonName(subject),
    // Of ASCII; a byte that is none is a letter of its own, and in no host's name.
    dnsNames: contentsOf(alternatives, 2).map((octets) => LATIN_1.decode(octets)),
    addresses: contentsOf(alternatives, 7),
  };
}

/** Why clients don't take the certificate in `file` for that of a server, or undefined. */
export function serverUseProblem(
  { extendedUsages }: CertificateFields,
  file: string,
): string | undefined {
  if (extendedUsages?.includes("serverAuth") ?? true) return undefined;
  return `"${file}" is not for servers (serverAuth): clients refuse it`;
}

/** Of the alternatives `[number]` (§4.2.1.6). */
function contentsOf(alternatives: readonly Element[], number: number): Uint8Array[] {
  return alternatives.filter(({ tag }) => tag === contextTag(number, false))
    .map(({ content }) => content);
}

/** A name is a list of sets of attributes (§4.1.2.4). */
function readCommonName(subject: Element): string | undefined {
  const attributes = readElements(subject.content).flatMap(({ content }) => readElements(content));
  return attributes.flatMap(({ content }) => {
    const [type, value] = readElements(content);
    const isCommonName = type !== undefined &&
      readObjectIdentifier(type.content) === OID.commonName;
    return (isCommonName && value !== undefined && textOf(value)) || [];
  }).at(-1);
}

/** Undefined for a kind of string that nobody has written since UTF-8. */
function textOf({ tag, content }: Element): string | undefined {
  const isOneByOne = TEXTS.includes(tag);
  return isOneByOne ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(content) : undefined;
}

const LATIN_1 = new TextDecoder("latin1");

/** UTF8String, PrintableString, TeletexString and IA5String. */
const TEXTS: readonly number[] = [TAG.utf8String, 0x13, 0x14, 0x16];

/** The value of each extension that is asked for, by its identifier: others' may be anything. */
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
    const name = readObjectIdentifier(id.content);
    const [inner] = READ.includes(name) ? readElements(value.content) : [];
    if (inner !== undefined) extensions.set(name, inner);
  }
  return extensions;
}

const READ: readonly string[] = [
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAltName,
  OID.subjectKeyIdentifier,
];

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
