/** What all ports of `node:net`, `node:tls`, `node:http` and `node:https` have alike. */
import type { AddressInfo, Server } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "../base/logger.ts";
import { ListenError, type ListenOptions } from "./endpoint.ts";
import type { TlsMaterial } from "./tls_material.ts";
import { issuersOf, shownCertificate } from "./tls_sessions.ts";

/** Where a server listens; of a unix socket its path and no port. */
type ListenedAddress = Pick<AddressInfo, "address" | "port">;

/** Until what was accepted in excess is closed. */
const REOPEN_MS = 50;

/** Listens again on a port where the runtime has stopped accepting. */
export class Reopening {
  readonly #server: Server;
  readonly #options: ListenOptions;
  #port = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(server: Server, options: ListenOptions) {
    this.#server = server;
    this.#options = options;
    server.on("listening", () => this.#port = addressOf(server, options).port);
  }

  soon(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#server.close();
      const { path, hostname } = this.#options;
      if (path === undefined) this.#server.listen(this.#port, hostname);
      else this.#server.listen(path);
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
 * anything; true then, and when it has ended already. The line is etcd's.
 */
export function refusesClient(socket: TLSSocket, tls: TlsMaterial, logger: Logger): boolean {
  if (socket.destroyed) return true;
  if (tls.clientProblem === undefined) return false;
  const certificate = shownCertificate(socket, true);
  const cause = certificate === undefined
    ? "It has none"
    : tls.clientProblem(certificate.raw, issuersOf(certificate));
  if (cause === undefined) return false;
  logger.warn("client certificate authentication failed", {
    caller: socket.remoteAddress ?? "",
    cause,
  });
  socket.destroy();
  return true;
}

/** Begins to listen. Rejects with `ListenError`. */
export async function openServer(server: Server, options: ListenOptions): Promise<ListenedAddress> {
  const { port, hostname, path } = options;
  if (path !== undefined) await removeDeadSocket(path);
  return await new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(new ListenError(options, error));
    const onListening = () => {
      server.removeListener("error", onError);
      resolve(addressOf(server, options));
    };
    server.once("error", onError);
    if (path === undefined) server.listen(port, hostname, onListening);
    else server.listen(path, onListening);
  });
}

function addressOf(server: Server, { path }: ListenOptions): ListenedAddress {
  // Of a socket node tells the path alone.
  return path === undefined ? server.address() as AddressInfo : { address: path, port: 0 };
}

/** A process that was killed leaves its socket, and nobody can listen there before it is gone. */
async function removeDeadSocket(path: string): Promise<void> {
  try {
    if (!(await Deno.lstat(path)).isSocket) return;
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) await Deno.remove(path);
  }
}
