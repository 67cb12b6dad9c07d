/**
 * Tells systemd how the node is (sd_notify(3)): lines on the datagram socket that
 * `NOTIFY_SOCKET` names. A service of `Type=notify` counts as started only when it
 * says so; with `WatchdogSec` it has to say so again and again.
 */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

/** The variables that systemd sets. */
const SOCKET_VARIABLE = "NOTIFY_SOCKET";
const WATCHDOG_VARIABLE = "WATCHDOG_USEC";

/** How long a service manager that takes nothing may hold up the end of the process. */
const CLOSE_MS = 1_000;

export class ServiceManager {
  readonly #logger: Logger;
  readonly #address: Deno.UnixAddr;
  readonly #directory: string;
  readonly #socket: Deno.DatagramConn;
  readonly #watchdogMs: number | undefined;
  /** Lines leave in order. */
  #sending: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(
    path: string,
    directory: string,
    watchdogMs: number | undefined,
    logger: Logger,
  ) {
    this.#logger = logger;
    // "@" stands for the NUL of a name that is in no file system (unix(7)).
    const isAbstract = path.startsWith("@");
    this.#address = { transport: "unixpacket", path: isAbstract ? `\0${path.slice(1)}` : path };
    this.#directory = directory;
    this.#watchdogMs = watchdogMs;
    // The runtime binds a socket before it can send, so ours needs a name, too.
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path: `${directory}/socket` });
  }

  /** Undefined when nobody wants to be told. A socket that can't be used is logged: the service would hang in its start. */
  static connect(
    environment: (name: string) => string | undefined,
    logger: Logger,
  ): ServiceManager | undefined {
    const path = environment(SOCKET_VARIABLE);
    if (path === undefined || path === "") return undefined;
    const watchdogUs = Number(environment(WATCHDOG_VARIABLE));
    const watchdogMs = watchdogUs > 0 ? watchdogUs / 1000 : undefined;
    let directory: string | undefined;
    try {
      directory = Deno.makeTempDirSync({ prefix: "etcd-notify-" });
      return new ServiceManager(path, directory, watchdogMs, logger);
    } catch (error) {
      if (directory !== undefined) Deno.removeSync(directory, { recursive: true });
      complain(logger, error);
      return undefined;
    }
  }

  /** The node serves; from here on the watchdog is fed. */
  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`);
    if (this.#watchdogMs === undefined) return;
    this.#timer = setInterval(() => this.#send("WATCHDOG=1"), this.#watchdogMs / 3);
  }

  /** The node has begun to stop. */
  stopping(): void {
    this.#send("STOPPING=1\nSTATUS=Stopping");
  }

  /** Resolves when everything has been said, or nobody has listened for a while. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_MS));
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
    this.#socket.close();
    // Somebody may have cleaned up before: the node has not failed for that.
    await Deno.remove(this.#directory, { recursive: true }).catch(() => {});
  }

  #send(state: string): void {
    this.#sending = this.#sending.then(async () => {
      await this.#socket.send(new TextEncoder().encode(state), this.#address);
    }).catch((error) => complain(this.#logger, error));
  }
}

function complain(logger: Logger, error: unknown): void {
  logger.warn("The service manager can't be told, with Type=notify it will give up waiting", {
    variable: SOCKET_VARIABLE,
    cause: messageOf(error),
  });
}
