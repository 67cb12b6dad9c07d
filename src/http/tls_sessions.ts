/**
 * Which TLS sessions a port goes on with. The runtime keeps the sessions of all servers
 * of a process in one place, and resumes one without asking for a certificate again: one
 * that began at a port which asks for none, or which trusts another authority, or before
 * the authority was changed, opens every other port, whatever is demanded there. No option
 * turns that off. So a resumed session counts here only when the certificate in it was
 * verified by a whole handshake with this port, under the authority of now.
 */
import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "../base/logger.ts";
import type { TlsMaterial } from "./endpoint.ts";

/** Certificates that are remembered; who showed an older one is asked again. */
const CERTIFICATES_MAX = 16_384;

/** Connections whose certificate this process has verified for the port that they came to. */
const VERIFIED = new WeakSet<Socket>();

/** Whether the certificate that `socket` shows was verified by the authority of its port. */
export function isVerified(socket: Socket): boolean {
  return VERIFIED.has(socket);
}

export class TlsSessions {
  readonly #logger: Logger;
  /** Fingerprints, the one that was seen last at the end. */
  readonly #known = new Set<string>();
  #ca: string | undefined;

  /** Follows `server`, before anybody else hears of a connection. Without a `ca` everybody may come. */
  constructor(server: Server, { ca }: TlsMaterial, logger: Logger) {
    this.#ca = ca;
    this.#logger = logger;
    server.prependListener("secureConnection", (socket: TLSSocket) => {
      if (this.#ca === undefined || this.#admits(socket)) return;
      this.#logger.debug("TLS session refused: it was begun elsewhere", {
        client: socket.remoteAddress ?? "",
      });
      socket.destroy();
    });
  }

  /** From here on `ca` decides; sessions that another one admitted are over. */
  renew({ ca }: TlsMaterial): void {
    if (ca !== this.#ca) this.#known.clear();
    this.#ca = ca;
  }

  #admits(socket: TLSSocket): boolean {
    if (!socket.authorized) return false;
    const { fingerprint256, valid_to } = socket.getPeerCertificate();
    if (fingerprint256 === undefined) return false;
    const isKnown = this.#known.delete(fingerprint256);
    // A whole handshake has just shown what a resumed one has to be told.
    if (socket.isSessionReused() && !(isKnown && Date.now() < Date.parse(valid_to))) return false;
    this.#known.add(fingerprint256);
    if (this.#known.size > CERTIFICATES_MAX) {
      const [oldest] = this.#known;
      this.#known.delete(oldest!);
    }
    VERIFIED.add(socket);
    return true;
  }
}
