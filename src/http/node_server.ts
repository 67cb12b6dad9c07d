/** What all ports of `node:net`, `node:tls`, `node:http` and `node:https` have alike. */
import type { AddressInfo, Server } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "../base/logger.ts";
import { ListenError, type ListenOptions, type TlsMaterial } from "./endpoint.ts";

/** Until what was accepted in excess is closed. */
const REOPEN_MS = 50;

/** Listens again on a port where the runtime has stopped accepting. */
export class Reopening {
  readonly #server: Server;
  readonly #hostname: string;
  #port = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(server: Server, hostname: string) {
    this.#server = server;
    this.#hostname = hostname;
    server.on("listening", () => this.#port = (server.address() as AddressInfo).port);
  }

  soon(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#server.close();
      this.#server.listen(this.#port, this.#hostname);
    }, REOPEN_MS);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

/** What a TLS server takes for its certificates. */
export function secureContext({ cert, key, ca, minVersion, maxVersion }: TlsMaterial) {
  const pair = {
    ...{ cert, key, minVersion: minVersion ?? "TLSv1.2" },
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
  return ca === undefined ? pair : { ...pair, ca };
}

/**
 * Ends the connection of a client whose certificate is not taken, before it has said
 * anything; true then. The line is etcd's.
 */
export function refusesClient(socket: TLSSocket, tls: TlsMaterial, logger: Logger): boolean {
  if (tls.clientProblem === undefined) return false;
  const { raw } = socket.getPeerCertificate();
  const cause = raw === undefined ? "It has none" : tls.clientProblem(raw);
  if (cause === undefined) return false;
  logger.warn("client certificate authentication failed", {
    caller: socket.remoteAddress ?? "",
    cause,
  });
  socket.destroy();
  return true;
}

/** Begins to listen. Rejects with `ListenError`. */
export function openServer(server: Server, options: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(new ListenError(options, error));
    server.once("error", onError);
    server.listen(options.port, options.hostname, () => {
      server.removeListener("error", onError);
      resolve(server.address() as AddressInfo);
    });
  });
}
