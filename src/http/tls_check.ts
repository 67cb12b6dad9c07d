/**
 * What has to be true of certificates before a port opens under them. The runtime
 * would find some of it only at the first handshake, and one thing never: under a
 * "CA" that is none (X.509 v1, or without `CA:TRUE`) it takes that public
 * certificate with anybody's key for a client's.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { TlsMaterial } from "./tls_material.ts";
import { type PemBlock, PemError, readPem, writePem } from "./pem.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
}

/** A file that no port may be opened with; the message is one line. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

/** What a port may be opened with, and what its operator should know of it. */
export interface LoadedTls {
  /** Exactly the blocks that were checked, joined as the runtime reads them. */
  readonly material: TlsMaterial;
  /** What does not keep the port from opening, a sentence each. */
  readonly warnings: readonly string[];
}

/** Reads and checks the files of a port, by the wall clock `nowMs`. Throws `TlsError`. */
export function loadTls(files: TlsFiles, nowMs: number): LoadedTls {
  const { certFile, caFile } = files;
  const { leaf, chain, key } = readPair(files);
  checkValidity(leaf, certFile, nowMs);
  const warnings = chain.flatMap((one) => validityProblem(one, certFile, nowMs) ?? [])
    .map((problem) => `${problem}; clients that need it to find their CA will refuse this node`);
  const cert = joinPem([leaf, ...chain]);
  if (caFile === undefined) return { material: { cert, key }, warnings };
  const authorities = loadAuthorities(caFile, nowMs);
  return {
    material: { cert, key, ca: authorities.ca },
    warnings: [...warnings, ...authorities.warnings],
  };
}

interface Pair {
  /** The certificate that the key belongs to, wherever it stands in its file. */
  readonly leaf: X509Certificate;
  /** The others of its file, in their order. */
  readonly chain: readonly X509Certificate[];
  /** PEM. */
  readonly key: string;
}

/** Reads a certificate and its key, from two files or from one. Throws `TlsError`. */
export function readPair({ certFile, keyFile }: Omit<TlsFiles, "caFile">): Pair {
  const certificates = parseCertificates(readText(certFile, "certificate"), certFile);
  const keys = parseKeys(readText(keyFile, "private key"), keyFile);
  for (const leaf of certificates) {
    const fitting = keys.find(({ key }) => leaf.checkPrivateKey(key));
    if (fitting === undefined) continue;
    return { leaf, chain: certificates.filter((one) => one !== leaf), key: fitting.pem };
  }
  throw new TlsError(
    `Expected the private key of the certificate "${certFile}" (${subjectOf(certificates[0]!)}), ` +
      `found another one in "${keyFile}": give the two files that were made together`,
  );
}

/**
 * The authorities of a file that are to be trusted. While one takes over from
 * another both stand there, and the older may run out: it is left out then, because
 * the runtime does not look at the dates of whom it trusts. Throws `TlsError` when no
 * one is valid, or one of them is no authority.
 */
function loadAuthorities(caFile: string, nowMs: number) {
  const text = readText(caFile, "CA certificate");
  const authorities = parseCertificates(text, caFile);
  for (const authority of authorities) checkAuthority(authority, caFile);
  const problems = authorities.flatMap((one) => validityProblem(one, caFile, nowMs) ?? []);
  if (problems.length === authorities.length) throw new TlsError(problems[0]!);
  const trusted = authorities.filter((one) => validityOf(one, nowMs) !== "expired");
  const revocations = blocksOf(text, caFile).some(({ label }) => label === "X509 CRL")
    ? [`The revocation list in "${caFile}" is not read: who was revoked is still let in`]
    : [];
  return { ca: joinPem(trusted), warnings: [...problems, ...revocations] };
}

/** As PEM, in the form that the runtime reads. */
function joinPem(certificates: readonly X509Certificate[]): string {
  return certificates.map(({ raw }) => writePem("CERTIFICATE", raw)).join("");
}

/** Throws `TlsError` when it can't; `what` is what should be in it. */
export function readText(file: string, what: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw new TlsError(`Cannot read the ${what} "${file}": ${(error as Error).message}`);
  }
}

/** At least one. Throws `TlsError`. */
export function parseCertificates(text: string, file: string): X509Certificate[] {
  const blocks = blocksOf(text, file);
  if (blocks.some(({ label }) => label === "TRUSTED CERTIFICATE")) {
    throw new TlsError(
      `Expected plain certificates in "${file}", found one with trust settings of OpenSSL: ` +
        "write it with `openssl x509`, without -trustout",
    );
  }
  const certificates = blocks.filter(({ label }) => label === "CERTIFICATE");
  if (certificates.length === 0) {
    throw new TlsError(
      `Expected a PEM certificate ("-----BEGIN CERTIFICATE-----") in "${file}", found none`,
    );
  }
  return certificates.map((block, i) => {
    try {
      return new X509Certificate(block.text);
    } catch (error) {
      throw new TlsError(
        `Expected a readable certificate as number ${i + 1} in "${file}", ` +
          `found a damaged one: ${(error as Error).message}`,
      );
    }
  });
}

/** A key that was read, and the block that it was read from. */
export interface ParsedKey {
  readonly key: KeyObject;
  readonly pem: string;
}

/** At least one; those that are encrypted or can't be read are passed over if another can. Throws `TlsError`. */
export function parseKeys(text: string, file: string): ParsedKey[] {
  const blocks = blocksOf(text, file).filter(({ label }) => label.endsWith("PRIVATE KEY"));
  const keys = blocks.flatMap(({ text: pem, isEncrypted }) => {
    const key = isEncrypted ? undefined : parseKey(pem);
    return key === undefined ? [] : [{ key, pem }];
  });
  if (keys.length > 0) return keys;
  if (blocks.some(({ isEncrypted }) => isEncrypted)) {
    throw new TlsError(
      `Expected a private key without a passphrase in "${file}", found an encrypted one: ` +
        "decrypt it with `openssl pkey`",
    );
  }
  throw new TlsError(`Expected a PEM private key in "${file}", found none that can be read`);
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** Throws `TlsError`. */
function blocksOf(text: string, file: string): PemBlock[] {
  try {
    return readPem(text);
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    throw new TlsError(`Cannot read "${file}", found a damaged block: ${error.message}`);
  }
}

/** How the wall clock stands to a certificate. */
export function validityOf(
  { validFromDate, validToDate }: X509Certificate,
  nowMs: number,
): "valid" | "expired" | "notYetValid" {
  if (nowMs > validToDate.getTime()) return "expired";
  return nowMs < validFromDate.getTime() ? "notYetValid" : "valid";
}

function checkValidity(certificate: X509Certificate, file: string, nowMs: number): void {
  const problem = validityProblem(certificate, file, nowMs);
  if (problem !== undefined) throw new TlsError(problem);
}

function validityProblem(
  certificate: X509Certificate,
  file: string,
  nowMs: number,
): string | undefined {
  const { validFromDate: from, validToDate: to } = certificate;
  const found = `Expected a certificate that is valid now, found "${file}" ` +
    `(${subjectOf(certificate)})`;
  const valid = `valid from ${from.toISOString()} to ${to.toISOString()}`;
  switch (validityOf(certificate, nowMs)) {
    case "expired":
      return `${found} expired, ${valid}: renew it`;
    case "notYetValid":
      return `${found} not yet valid, ${valid}: check this machine's clock`;
    case "valid":
      return undefined;
  }
}

function checkAuthority(certificate: X509Certificate, file: string): void {
  if (certificate.ca) return;
  throw new TlsError(
    `Expected the certificate of a CA (X.509 v3, basicConstraints CA:TRUE), found "${file}" ` +
      `(${subjectOf(certificate)}), which is none: make one with "etcd certs init"`,
  );
}

/** Whether `issuer` made it, by name and by signature. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function subjectOf({ subject }: X509Certificate): string {
  return `"${subject.replaceAll("\n", ", ")}"`;
}
