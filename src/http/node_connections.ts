/**
 * The open sockets of a server of `node:net` and its kind, and how many it may have. The runtime
 * stops accepting for good, without a word, when the process has no descriptor for a
 * connection: so a newcomer is turned away before that, unless somebody idle makes room.
 * A burst can be accepted before anybody counts it; then the port is opened again.
 *
 * The runtime's own `closeIdleConnections` leaves those that have said nothing yet, and
 * a TLS handshake that never ends would hold up a shutdown for ever.
 */
import type { Server, Socket } from "node:net";
import { openAtOnce } from "../base/descriptors.ts";
import type { Logger } from "../base/logger.ts";

/** Connections taken from one look at the descriptors to the next. */
const TAKEN_A_LOOK = 16;

export interface ConnectionsOptions {
  readonly tls: boolean;
  /** Connections at once. */
  readonly max: number;
  /** Descriptors that they leave to others, and to what is accepted before anybody counts. */
  readonly spareDescriptors: number;
  readonly logger: Logger;
  /** Whether a request of the connection has not been answered to its end. */
  readonly isAnswering: (socket: Socket) => boolean;
  /** Called when the server may have stopped accepting. */
  readonly onScarcity: () => void;
}

export class NodeConnections {
  readonly #options: ConnectionsOptions;
  /** Those that carry HTTP, or what they were upgraded to; the one whose last request is the oldest first. */
  readonly #open = new Set<Socket>();
  /** Those whose TLS handshake has not ended, by the address of the client. */
  readonly #handshaking = new Map<string, Socket>();
  readonly #upgraded = new WeakSet<Socket>();
  /** Connections that there are descriptors for without another look. */
  #credit = 0;
  /** Whether the newest connection found no room. */
  #isCrowded = false;

  /** Follows `server` from here on. */
  constructor(server: Server, options: ConnectionsOptions) {
    this.#options = options;
    server.on("connection", (socket: Socket) => {
      if (!this.#makeRoom(socket)) socket.destroy();
      else if (options.tls) this.#handshake(socket);
      else this.#add(socket);
    });
    server.on("secureConnection", (socket: Socket) => {
      this.#handshaking.delete(addressOf(socket));
      this.#add(socket);
    });
  }

  /** A request came on `socket`. */
  used(socket: Socket): void {
    if (this.#open.delete(socket)) this.#open.add(socket);
  }

  /** From here on `socket` belongs to somebody else. */
  upgraded(socket: Socket): void {
    this.#upgraded.add(socket);
  }

  /** Cuts what is neither upgraded nor answering. */
  closeIdle(): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
    for (const socket of this.#open) {
      if (this.#isIdle(socket)) socket.destroy();
    }
  }

  /** Cuts everything. */
  closeAll(): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
    for (const socket of this.#open) socket.destroy();
  }

  /** Whether the newcomer may stay. */
  #makeRoom(newcomer: Socket): boolean {
    const { max, logger } = this.#options;
    const isFull = this.#handshaking.size + this.#open.size >= max;
    if (!isFull && this.#takeDescriptor()) {
      this.#isCrowded = false;
      // Connections that come and go need no look, which costs more than a request.
      newcomer.once("close", () => this.#credit = Math.min(this.#credit + 1, TAKEN_A_LOOK));
      return true;
    }
    if (!this.#isCrowded) {
      const advice = isFull ? "" : ": raise ulimit -n";
      logger.warn(`No more connections can be accepted, idle ones are closed${advice}`, {
        open: this.#handshaking.size + this.#open.size,
      });
    }
    this.#isCrowded = true;
    return this.#closeIdlest();
  }

  #takeDescriptor(): boolean {
    if (this.#credit === 0) {
      const { spareDescriptors, onScarcity } = this.#options;
      const look = spareDescriptors + TAKEN_A_LOOK;
      // Where there is no such file, there is no such limit either.
      const free = openAtOnce("/dev/null", look) ?? look;
      this.#credit = Math.max(0, free - spareDescriptors);
      // So few are left by a burst only, which may have met the end of them.
      if (free < spareDescriptors / 2) onScarcity();
    }
    if (this.#credit === 0) return false;
    this.#credit--;
    return true;
  }

  /** Of the larger crowd: those in a handshake, or those that carry HTTP. */
  #closeIdlest(): boolean {
    // They leave at once: "close" comes a turn later, and a burst in one turn.
    if (this.#handshaking.size > this.#open.size) {
      for (const [client, socket] of this.#handshaking) {
        this.#handshaking.delete(client);
        socket.destroy();
        return true;
      }
    }
    for (const socket of this.#open) {
      if (!this.#isIdle(socket)) continue;
      this.#open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #isIdle(socket: Socket): boolean {
    return !this.#upgraded.has(socket) && !this.#options.isAnswering(socket);
  }

  #handshake(socket: Socket): void {
    const client = addressOf(socket);
    this.#handshaking.set(client, socket);
    socket.once("close", () => {
      if (this.#handshaking.get(client) === socket) this.#handshaking.delete(client);
    });
  }

  #add(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
