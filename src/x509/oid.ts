/** The object identifiers of RFC 5280 and of the algorithms, by their names there. */

/** Extensions (§4.2.1), attributes of names, and signature algorithms. */
export const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  ecdsaWithSha384: "1.2.840.10045.4.3.3",
  rsaWithSha256: "1.2.840.113549.1.1.11",
} as const;

/** What TLS asks of a key (§4.2.1.12). */
export const EXTENDED_USAGES = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** One of them. */
export type ExtendedUsage = keyof typeof EXTENDED_USAGES;

/** The bits of `keyUsage`, the first one first (§4.2.1.3). */
export const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** One of them. */
export type KeyUsage = typeof KEY_USAGES[number];
