/** Who a client is by the certificate that it showed in its TLS handshake. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { namesUser, shownCertificate } from "./tls_sessions.ts";

/** The names in a certificate that an authority of this port has signed. */
export interface ClientCertificate {
  /** The common name of its subject, the last one when there are several; undefined without one. */
  readonly commonName: string | undefined;
  /** The DNS names among its alternative names (RFC 5280 §4.2.1.6), as written. */
  readonly dnsNames: readonly string[];
}

/** Asked for at every request, and the same as long as the connection lives. */
const KNOWN = new WeakMap<Socket, ClientCertificate>();

/**
 * The client's verified certificate; undefined without TLS, when none was shown, and where it
 * names nobody.
 *
 * `authorized` alone proves nothing: it is true, too, when no certificate was asked for,
 * and for the session of another port.
 */
export function clientCertificateOf(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !namesUser(socket)) return undefined;
  const known = KNOWN.get(socket);
  if (known !== undefined) return known;
  const shown = shownCertificate(socket);
  if (shown === undefined) return undefined;
  const { subject, subjectaltname } = shown;
  const { CN } = subject as { readonly CN?: string | readonly string[] };
  const commonName = typeof CN === "string" ? CN : CN?.at(-1);
  const certificate = { commonName, dnsNames: dnsNamesIn(subjectaltname ?? "") };
  KNOWN.set(socket, certificate);
  return certificate;
}

/**
 * The DNS names in the platform's text for alternative names: `DNS:a, IP Address:::1`.
 * A name with strange characters stands there in quotes, as JSON; nobody is known by such a one.
 */
export function dnsNamesIn(alternativeNames: string): string[] {
  const plain = alternativeNames.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return plain.split(", ").flatMap((name) => {
    const value = name.startsWith("DNS:") ? name.slice("DNS:".length) : "";
    return value === "" || value.includes('"') ? [] : [value];
  });
}
