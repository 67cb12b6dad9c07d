/**
 * A network that can be cut: a small TCP proxy in front of each member's peer
 * port, which knows who calls by the name in the plain-text handshake. A cut
 * holds bytes back instead of closing connections, as a cut cable does; what was
 * held back arrives when it is healed. Over TLS the name can't be read: there
 * only all calls to a member can be cut, unless somebody else can tell who calls.
 */
import { pause } from "./wait.ts";

const CHUNK_BYTES = 64 * 1024;

/** A head without its end by then is no handshake of a member, or it is TLS. */
const HEAD_BYTES_MAX = 4 * 1024;

/** Anybody. */
export const ANYONE = "*";

export class Network {
  /** Cut ways, `FROM>TO`. */
  readonly #cuts = new Set<string>();
  readonly #proxies: PeerProxy[] = [];
  #healed = Promise.withResolvers<void>();
  #closed = false;
  /** Milliseconds that each chunk takes more, by `FROM>TO`. */
  readonly #delays = new Map<string, number>();
  readonly #dialler: ((port: number) => Promise<string>) | undefined;

  /** `dialler` tells who dials from a port of this machine; empty when it can't. */
  constructor(dialler?: (port: number) => Promise<string>) {
    this.#dialler = dialler;
  }

  /** Stands at `port` for the member `name`, whose own port is `target`. */
  listen(name: string, port: number, target: Deno.ConnectOptions): void {
    this.#proxies.push(new PeerProxy(this, name, port, target));
  }

  /** Holds back all that `from` sends to `to` on streams that `from` dialled, and the answers. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Lets each chunk on such streams, and of the answers, take `ms` longer. */
  delay(from: string, to: string, ms: number): void {
    this.#delays.set(`${from}>${to}`, ms);
  }

  /** Ends all delays. */
  calm(): void {
    this.#delays.clear();
  }

  heal(): void {
    this.#cuts.clear();
    this.#delays.clear();
    this.#healed.resolve();
    this.#healed = Promise.withResolvers<void>();
  }

  /** Resolves when bytes may go from `from` to `to`; false when the network is closed. */
  async open(from: string, to: string): Promise<boolean> {
    const delayMs = this.#delays.get(`${from}>${to}`);
    if (delayMs !== undefined) await pause(delayMs);
    while (!this.#closed && (this.#isCut(from, to) || this.#isCut(ANYONE, to))) {
      await this.#healed.promise;
    }
    return !this.#closed;
  }

  /** Who has dialled the connection that began with `head`. */
  async callerOf(head: Uint8Array, connection: Deno.Conn): Promise<string> {
    const { remoteAddr } = connection;
    const name = callerOf(head);
    if (name !== "" || this.#dialler === undefined || !("port" in remoteAddr)) return name;
    return await this.#dialler(remoteAddr.port);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.heal();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }

  #isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }
}

class PeerProxy {
  readonly #network: Network;
  readonly #name: string;
  readonly #target: Deno.ConnectOptions;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #work = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(network: Network, name: string, port: number, target: Deno.ConnectOptions) {
    this.#network = network;
    this.#name = name;
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#accepting = this.#accept();
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of [...this.#connections]) this.#end(connection);
    await Promise.all(this.#work);
  }

  async #accept(): Promise<void> {
    for await (const caller of this.#listener) {
      this.#connections.add(caller);
      const work = this.#serve(caller).catch(() => {}).finally(() => this.#end(caller));
      this.#work.add(work);
      work.finally(() => this.#work.delete(work));
    }
  }

  async #serve(caller: Deno.Conn): Promise<void> {
    const head = await readHead(caller);
    const from = await this.#network.callerOf(head, caller);
    if (!await this.#network.open(from, this.#name)) return;
    const member = await Deno.connect(this.#target);
    this.#connections.add(member);
    const pumps = [this.#pump(from, caller, member, head), this.#pump(from, member, caller)];
    // The first to end ends the other: members do not use half-open streams.
    await Promise.race(pumps);
    this.#end(member);
    this.#end(caller);
    await Promise.all(pumps);
  }

  /** Passes on `head` and what comes until an end, each chunk when the way is open. */
  async #pump(
    from: string,
    source: Deno.Conn,
    sink: Deno.Conn,
    head = new Uint8Array(0),
  ): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    try {
      await writeAll(sink, head);
      for (;;) {
        const count = await source.read(chunk);
        if (!await this.#network.open(from, this.#name) || count === null) return;
        await writeAll(sink, chunk.subarray(0, count));
      }
    } catch {
      // A broken connection ends like a closed one.
    }
  }

  #end(connection: Deno.Conn): void {
    if (!this.#connections.delete(connection)) return;
    connection.close();
  }
}

/** The first bytes: up to the end of an HTTP head, or what came first if it is TLS. */
async function readHead(connection: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  const head = new Uint8Array(HEAD_BYTES_MAX);
  let length = 0;
  while (length < head.length) {
    const count = await connection.read(head.subarray(length));
    if (count === null) break;
    length += count;
    const isHttp = head[0]! >= 0x41 && head[0]! <= 0x5a;
    if (!isHttp || decode(head.subarray(0, length)).includes("\r\n\r\n")) break;
  }
  return head.subarray(0, length);
}

/** The name of the member that calls; empty when it does not tell. */
function callerOf(head: Uint8Array): string {
  return /^etcd-name: *(.*?) *\r$/im.exec(decode(head))?.[1] ?? "";
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}
