/** Who a client is by the certificate that it showed in its TLS handshake. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { namesUser, shownCertificate } from "./tls_sessions.ts";

/** The names in a certificate that an authority of this port has signed. */
export interface ClientCertificate {
  /** The common name of its subject, the last one when there are several; undefined without one. */
  readonly commonName: string | undefined;
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
  const { CN } = shown.subject as { readonly CN?: string | readonly string[] };
  const certificate = { commonName: typeof CN === "string" ? CN : CN?.at(-1) };
  KNOWN.set(socket, certificate);
  return certificate;
}
