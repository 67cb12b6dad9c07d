/**
 * Which TLS sessions a port goes on with. The runtime keeps the sessions of all servers
 * of a process in one place, and resumes one without asking for a certificate again: one
 * that began at a port which asks for none, or which trusts another authority, or before
 * the authority was changed, opens every other port, whatever is demanded there. No option
 * turns that off. So a resumed session counts only when the certificate in it was verified
 * by a whole handshake of this process under the authority that the port has now.
 *
 * A client that offers a session of the wrong kind is cut off, and has to connect again.
 */
import type { Server, Socket } from "node:net";
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from "node:tls";
import type { Logger } from "../base/logger.ts";
import type { TlsMaterial } from "./tls_material.ts";

/** Certificates that are remembered of one authority; who showed an older one has to show it again. */
const CERTIFICATES_MAX = 16_384;
/** Authorities at once: of two kinds of ports, before and after a change or two. */
const AUTHORITIES_MAX = 8;

/**
 * Fingerprints that were verified, the one that was seen last at the end, by the text of
 * the authority. Of the whole process, as the runtime's sessions are.
 */
const KNOWN = new Map<string, Set<string>>();

function knownUnder(ca: string): Set<string> {
  const known = KNOWN.get(ca) ?? new Set();
  KNOWN.delete(ca);
  KNOWN.set(ca, known);
  dropOldest(KNOWN, AUTHORITIES_MAX);
  return known;
}

function dropOldest(found: Map<string, unknown> | Set<string>, max: number): void {
  if (found.size <= max) return;
  const [oldest] = found.keys();
  found.delete(oldest!);
}

/** Connections whose certificate this process has verified for a port where it says whose they are. */
const NAMED = new WeakSet<Socket>();

/** Whether the certificate that `socket` shows was verified by the authority of its port, and names its user. */
export function namesUser(socket: Socket): boolean {
  return NAMED.has(socket);
}

export class TlsSessions {
  readonly #logger: Logger;
  #ca: string | undefined;

  /** Follows `server`, before anybody else hears of a connection. Without a `ca` everybody may come. */
  constructor(server: Server, { ca, namesUsers = true }: TlsMaterial, logger: Logger) {
    this.#ca = ca;
    this.#logger = logger;
    server.prependListener("secureConnection", (socket: TLSSocket) => {
      if (socket.destroyed) return;
      if (this.#ca === undefined) return;
      if (admits(socket, this.#ca)) {
        if (namesUsers) NAMED.add(socket);
        return;
      }
      this.#logger.debug("TLS session refused: it was begun elsewhere", {
        client: socket.remoteAddress ?? "",
      });
      socket.destroy();
    });
  }

  /** From here on `ca` decides; sessions that another one admitted are over. */
  renew({ ca }: TlsMaterial): void {
    this.#ca = ca;
  }
}

/**
 * The certificate that the other side has shown; undefined when it has none, and when the
 * connection has ended meanwhile: the types of node don't tell that there is a null then.
 */
export function shownCertificate(
  socket: TLSSocket,
  withIssuers = false,
): PeerCertificate | undefined {
  const certificate: PeerCertificate | null = socket.getPeerCertificate(withIssuers);
  return certificate?.raw === undefined ? undefined : certificate;
}

/** Those who have signed a certificate that was shown with them, one the next, in DER. */
export function issuersOf(certificate: PeerCertificate): Uint8Array[] {
  const issuers: Uint8Array[] = [];
  let at: Partial<DetailedPeerCertificate> = certificate;
  for (;;) {
    const next: Partial<DetailedPeerCertificate> | undefined = at.issuerCertificate;
    // Of one that has signed itself the runtime names the same once more.
    if (next?.raw === undefined || next === at) return issuers;
    issuers.push(next.raw);
    at = next;
  }
}

function admits(socket: TLSSocket, ca: string): boolean {
  if (!socket.authorized) return false;
  const certificate = shownCertificate(socket);
  if (certificate === undefined) return false;
  const { fingerprint256, valid_to } = certificate;
  const known = knownUnder(ca);
  const isKnown = known.delete(fingerprint256);
  // A whole handshake has just proven what a resumed one relies on.
  if (socket.isSessionReused() && !(isKnown && Date.now() < Date.parse(valid_to))) return false;
  known.add(fingerprint256);
  dropOldest(known, CERTIFICATES_MAX);
  return true;
}
