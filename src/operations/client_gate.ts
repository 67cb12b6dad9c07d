/**
 * Which certificates a port takes beyond what TLS verifies: none that their authority
 * has revoked, and only those of a name where the operator asks for one. The runtime
 * parses revocation lists and does not go by them.
 */
import { hasSameItems } from "../base/sequences.ts";
import { messageOf } from "../base/errors.ts";
import type { TlsFiles } from "../config.ts";
import { PemError, readPem, writePem } from "../http/pem.ts";
import type { CertificateGate } from "../http/tls_material.ts";
import { parseCertificates, readText, TlsError } from "../http/tls_check.ts";
import { DerError, TAG } from "../x509/der.ts";
import { readFields } from "../x509/fields.ts";
import { hostsIn, isForHost } from "../x509/names.ts";
import { readIssuance, readRevocations, type Revocations } from "../x509/revocations.ts";

/** What a port asks of the certificate of a client. */
export interface ClientGate {
  /** The revocation lists that it was made of, to tell one from the next. */
  readonly crl: string;
  readonly clientProblem: CertificateGate;
}

/** Undefined when every certificate of the authority will do. Throws `TlsError`. */
export function loadClientGate(
  { caFile, crlFile, allowedNames }: TlsFiles,
): ClientGate | undefined {
  if (caFile === undefined || (crlFile === undefined && allowedNames === undefined)) {
    return undefined;
  }
  const crl = crlFile === undefined ? "" : readList(crlFile);
  const lists = crlFile === undefined ? [] : readLists(crl, crlFile, caFile);
  return {
    crl,
    clientProblem: (certificate, issuers) => {
      try {
        const shown = [certificate, ...issuers];
        return revokedProblem(shown, lists) ?? nameProblem(certificate, allowedNames);
      } catch (error) {
        // Of a throw the runtime says nothing, and the connection would stay open.
        return `The certificate can't be read: ${messageOf(error)}`;
      }
    },
  };
}

function readLists(text: string, file: string, caFile: string): readonly Revocations[] {
  const authorities = parseCertificates(readText(caFile, "CA certificate"), caFile);
  const lists = listsIn(text, file);
  for (const list of lists) {
    if (authorities.some(({ publicKey }) => list.isSignedBy(publicKey))) continue;
    throw new TlsError(
      `Expected revocation lists that an authority of "${caFile}" has signed, found another one ` +
        `in "${file}"`,
    );
  }
  return lists;
}

/** The file as PEM: it may be DER, as etcd has it. */
function readList(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch (error) {
    throw new TlsError(`Cannot read the revocation list "${file}": ${messageOf(error)}`);
  }
  return bytes[0] === TAG.sequence ? writePem("X509 CRL", bytes) : new TextDecoder().decode(bytes);
}

function listsIn(text: string, file: string): readonly Revocations[] {
  try {
    const blocks = readPem(text).filter(({ label }) => label === "X509 CRL");
    if (blocks.length > 0) return blocks.map((block) => readRevocations(derOf(block.text)));
  } catch (error) {
    if (!(error instanceof PemError || error instanceof DerError)) throw error;
    throw new TlsError(`Cannot read the revocation list "${file}": ${error.message}`);
  }
  throw new TlsError(
    `Expected a revocation list in PEM ("-----BEGIN X509 CRL-----") in "${file}", found none`,
  );
}

function derOf(pem: string): Uint8Array {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]+-----/g, ""));
}

/** A certificate counts as revoked when one of its issuers is. */
function revokedProblem(
  shown: readonly Uint8Array[],
  lists: readonly Revocations[],
): string | undefined {
  if (lists.length === 0) return undefined;
  const revoked = shown.map(readIssuance).find(({ issuer, serial }) =>
    lists.some((list) => list.serials.has(serial) && hasSameItems(list.issuer, issuer))
  );
  return revoked && `The certificate with the serial number ${revoked.serial} is revoked`;
}

function nameProblem(
  certificate: Uint8Array,
  allowed: TlsFiles["allowedNames"],
): string | undefined {
  if (allowed === undefined) return undefined;
  const fields = readFields(certificate);
  const wanted = allowed.names.map((name) => `"${name}"`).join(" or ");
  switch (allowed.kind) {
    case "commonName": {
      const { commonName } = fields;
      if (commonName !== undefined && allowed.names.includes(commonName)) return undefined;
      return `Expected a certificate whose CN is ${wanted}, found "${commonName ?? ""}"`;
    }
    case "hostname": {
      if (allowed.names.some((name) => isForHost(fields, name))) return undefined;
      return `Expected a certificate for ${wanted}, found one for "${hostsIn(fields).join(", ")}"`;
    }
  }
}
