/**
 * A port of `Deno.serve` that outlives the end of its descriptors. `Deno.serve`
 * stops accepting for good at the first error, which a client brings about that
 * opens more connections than the process may have (`ulimit -n`). Then the server
 * is shut down, which closes what is idle or has sent half a head, and lets the
 * rest be answered; another one takes its place on the same port.
 *
 * A shutdown takes a connection for idle, too, when its request has come and was not
 * read yet. After a burst that takes the last descriptor in one turn this is so for
 * all of them: they get their turns first.
 */
import type { Logger } from "../base/logger.ts";
import type { ListenOptions } from "./endpoint.ts";

/** Of the event loop, a millisecond each at least; one polls 61 tasks (tokio's `event_interval`). */
const READ_TURNS = 50;

/** How long the port stays closed after a shutdown: what was closed has to be given back first. */
const REOPEN_MS = 50;

type Options = Deno.ServeTcpOptions;
type Server = Deno.HttpServer<Deno.NetAddr>;

export class DenoPort {
  readonly #options: Options;
  readonly #handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly #logger: Logger;
  readonly #onShortage: () => void;
  readonly hostname: string;
  readonly port: number;
  #server: Server;
  /** The ends of servers that were replaced. */
  readonly #replaced = new Set<Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosing = false;

  /** Throws what `Deno.serve` throws when the port can't be opened. */
  constructor(
    options: Options,
    handler: Deno.ServeHandler<Deno.NetAddr>,
    { logger, onShortage }: ListenOptions,
  ) {
    this.#options = options;
    this.#handler = handler;
    this.#logger = logger;
    this.#onShortage = onShortage ?? (() => {});
    this.#server = this.#open(options.port ?? 0);
    this.hostname = this.#server.addr.hostname;
    this.port = this.#server.addr.port;
  }

  /** Resolves when every answer under way is out. */
  async shutdown(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#server.shutdown(), ...this.#replaced]);
  }

  #open(port: number): Server {
    const server = Deno.serve({ ...this.#options, port, onListen: () => {} }, this.#handler);
    server.finished.catch((error: unknown) => this.#replace(server, error));
    return server;
  }

  #replace(server: Server, error: unknown): void {
    if (this.#isClosing) return;
    this.#logger.warn(
      "No more connections can be accepted, idle ones are closed: raise ulimit -n",
      {
        port: this.port,
        cause: String(error),
      },
    );
    const end = this.#retire(server).catch(() => {}).finally(() => this.#replaced.delete(end));
    this.#replaced.add(end);
  }

  async #retire(server: Server): Promise<void> {
    for (let turn = 0; turn < READ_TURNS; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (this.#isClosing) return;
    }
    this.#timer = setTimeout(() => this.#reopen(), REOPEN_MS);
    await server.shutdown();
  }

  #reopen(): void {
    try {
      this.#server = this.#open(this.port);
    } catch {
      // Still no descriptor, or the old socket is on its way out.
      this.#timer = setTimeout(() => this.#reopen(), REOPEN_MS);
      return;
    }
    this.#onShortage();
  }
}
