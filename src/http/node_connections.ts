/**
 * The open sockets of a `node:http(s)` server. The runtime's own
 * `closeIdleConnections` leaves those that have said nothing yet, and a TLS
 * handshake that never ends would hold up a shutdown for ever.
 */
import type { Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";

export class NodeConnections {
  /** Those that carry HTTP, or what they were upgraded to. */
  readonly #open = new Set<Socket>();
  /** Those whose TLS handshake has not ended, by the address of the client. */
  readonly #handshaking = new Map<string, Socket>();
  readonly #upgraded = new WeakSet<Socket>();

  /** Follows `server` from here on. */
  constructor(server: Server | TlsServer, tls: boolean) {
    if (!tls) {
      server.on("connection", (socket: Socket) => this.#add(socket));
      return;
    }
    server.on("connection", (socket: Socket) => {
      const client = addressOf(socket);
      this.#handshaking.set(client, socket);
      socket.once("close", () => {
        if (this.#handshaking.get(client) === socket) this.#handshaking.delete(client);
      });
    });
    server.on("secureConnection", (socket: Socket) => {
      this.#handshaking.delete(addressOf(socket));
      this.#add(socket);
    });
  }

  /** From here on `socket` belongs to somebody else. */
  upgraded(socket: Socket): void {
    this.#upgraded.add(socket);
  }

  /** Cuts what is neither upgraded nor answering. */
  closeIdle(isAnswering: (socket: Socket) => boolean): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
    for (const socket of this.#open) {
      if (!this.#upgraded.has(socket) && !isAnswering(socket)) socket.destroy();
    }
  }

  /** Cuts everything. */
  closeAll(): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
    for (const socket of this.#open) socket.destroy();
  }

  #add(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
