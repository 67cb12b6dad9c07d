/**
 * Judges the certificates of members: of one that calls, whose signature and dates the listener has
 * verified, and of one that is dialled. `checkServerIdentity` of `node:tls` goes by a text in which
 * one name can look like two, and throws where nobody catches it.
 */
import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { messageOf } from "../base/errors.ts";
import type { CertificateGate } from "../http/tls_material.ts";
import { issuersOf, shownCertificate } from "../http/tls_sessions.ts";
import { readFields } from "../x509/fields.ts";
import { hostsIn, isForHost } from "../x509/names.ts";
import { PeerError, REFUSED_IN_ETCDS_WORDS } from "./peer_error.ts";
import { bareHost } from "./peer_url.ts";

/**
 * Why the caller's certificate does not stand for the host of `url`, the URL it
 * announces: otherwise any certificate of the authority could pose as any
 * member. Undefined when it does.
 */
export function certificateProblem(socket: Socket, url: string): string | undefined {
  const certificate = socket instanceof TLSSocket && socket.authorized
    ? shownCertificate(socket)
    : undefined;
  if (certificate === undefined) {
    return "Expected a client certificate signed by -serverCAFile, found none";
  }
  const problem = hostProblem(bareHost(new URL(url)), certificate.raw);
  return problem &&
    `The certificate of the caller is not for the host of its URL "${url}": ${problem}`;
}

/** For `checkServerIdentity` of `node:tls`: never throws. */
export function hostError(
  host: string,
  { raw }: Pick<PeerCertificate, "raw">,
): Error | undefined {
  const problem = hostProblem(host, raw);
  return problem === undefined
    ? undefined
    : Object.assign(new Error(problem), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
}

/** The same for a certificate that `gate` does not take. */
export function gateError(
  host: string,
  shown: PeerCertificate,
  gate: CertificateGate | undefined,
): PeerError | undefined {
  const problem = gate?.(shown.raw, issuersOf(shown));
  if (problem === undefined) return undefined;
  // Two that take each other for strangers are one mistake, whose words may stand in either log.
  const heard = `of etcd it hears "${REFUSED_IN_ETCDS_WORDS}"`;
  return new PeerError(
    "certificate",
    `The certificate of "${host}" is not taken: ${problem}; ${heard}`,
  );
}

function hostProblem(host: string, der: Uint8Array): string | undefined {
  try {
    const fields = readFields(der);
    if (isForHost(fields, host)) return undefined;
    return `"${host}" is not among its names (${hostsIn(fields).join(", ") || "none"})`;
  } catch (error) {
    return `it can't be read: ${messageOf(error)}`;
  }
}
