/**
 * `etcd gateway start`: one fixed address for a cluster. Each connection is passed on to a
 * member, whichever has its turn; what is said on it, TLS included, is between the two.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../base/errors.ts";
import { type Address, formatAddress, parseAddress } from "../config/address.ts";
import { UsageError } from "../config/usage_error.ts";
import { CommandError, type Invocation } from "./command.ts";

/** A member that does not answer by then counts as one that refuses. */
const DIAL_TIMEOUT_MS = 5_000;

export interface TcpGatewayOptions {
  readonly listen: Address;
  /** One at least. */
  readonly members: readonly Address[];
  /** How long a member that could not be reached is passed over. */
  readonly retryMs: number;
  readonly nowMs: () => number;
  /** Hears of members that can't be reached. */
  readonly say: (line: string) => void;
}

interface Member {
  readonly address: Address;
  /** It is passed over until then. */
  awayUntilMs: number;
}

/** Runs until the process is ended. */
export async function runTcpGateway({ settings, terminal }: Invocation): Promise<number> {
  const listen = parseAddress(settings.text("listen-addr"), "--listen-addr", false);
  const members = settings.text("endpoints").split(",").map(memberOf);
  if (members.some((member) => formatAddress(member) === formatAddress(listen))) {
    throw new UsageError(`--endpoints names ${formatAddress(listen)}, where the gateway listens`);
  }
  const say = (line: string) => terminal.say(`etcd gateway: ${line}\n`);
  const retryMs = settings.duration("retry-delay");
  const gateway = new TcpGateway({
    ...{ listen, members, retryMs, say },
    nowMs: () => performance.now(),
  });
  await gateway.start();
  // Whoever starts etcd's waits for these words.
  say(`ready to proxy client requests to ${members.map(formatAddress).join(", ")}`);
  return await new Promise<never>(() => {});
}

/** The scheme says nothing to a gateway that does not look into what it passes on. */
function memberOf(text: string): Address {
  return parseAddress(text.trim().replace(/^https?:\/\//i, ""), "--endpoints", false);
}

/** Listens from `start` to `stop`. */
export class TcpGateway {
  readonly #options: TcpGatewayOptions;
  readonly #members: readonly Member[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  constructor(options: TcpGatewayOptions) {
    this.#options = options;
    this.#members = options.members.map((address) => ({ address, awayUntilMs: -Infinity }));
    // Each half of a connection ends by itself, as its sender wants it.
    this.#server = createServer({ allowHalfOpen: true }, (client) => void this.#serve(client));
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Throws `CommandError` when the address can't be listened on. */
  async start(): Promise<void> {
    const { host, port } = this.#options.listen;
    try {
      await once(this.#server.listen(port, host), "listening");
    } catch (error) {
      const address = formatAddress(this.#options.listen);
      throw new CommandError(`Cannot listen on ${address}: ${messageOf(error)}`);
    }
  }

  /** Ends all connections. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(client: Socket): Promise<void> {
    this.#keep(client);
    const member = await this.#dialAny(client);
    if (member === undefined) return void client.destroy();
    for (const [from, to] of [[client, member], [member, client]] as const) {
      from.setNoDelay(true);
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  }

  /** A connection to the next member that takes one; undefined when none does, or the client has gone. */
  async #dialAny(client: Socket): Promise<Socket | undefined> {
    for (const member of this.#inTurn()) {
      if (client.destroyed) return undefined;
      const { host, port } = member.address;
      const socket = connect({ host, port, allowHalfOpen: true });
      this.#keep(socket);
      const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS);
      try {
        await once(socket, "connect", { signal });
      } catch (error) {
        socket.destroy();
        this.#passOver(member, signal.aborted ? "it does not answer" : messageOf(error));
        continue;
      }
      if (client.destroyed) return void socket.destroy();
      return socket;
    }
    return undefined;
  }

  /** Each member once, the next one first; those that could not be reached lately come last. */
  #inTurn(): Member[] {
    const at = this.#turn++ % this.#members.length;
    const all = [...this.#members.slice(at), ...this.#members.slice(0, at)];
    const nowMs = this.#options.nowMs();
    const isAway = ({ awayUntilMs }: Member) => awayUntilMs > nowMs;
    return [...all.filter((member) => !isAway(member)), ...all.filter(isAway)];
  }

  #passOver(member: Member, reason: string): void {
    const { nowMs, retryMs, say } = this.#options;
    const wasAway = member.awayUntilMs > nowMs();
    member.awayUntilMs = nowMs() + retryMs;
    if (!wasAway) say(`cannot reach ${formatAddress(member.address)}: ${reason}`);
  }

  /** Until it has closed; what broke it is nobody's concern here. */
  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
