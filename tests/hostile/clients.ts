/**
 * A worker with clients that mean no good, so that they take no time from those
 * that are measured. It is told a kind and a target, says "ready" when all are
 * there, goes on until it is told to stop, and says "stopped".
 */
import { type Connection, dial, dialMute, type Target } from "./dial.ts";
import { HTTP2_FLOODS } from "./http2_floods.ts";
import { type HostileKind, KINDS } from "./kinds.ts";

export interface Order {
  readonly kind: HostileKind;
  readonly target: Target;
}

const encoder = new TextEncoder();
const HEAD = "GET /v1/keys/a HTTP/1.1\r\nHost: a\r\nX: ";
const BODY = "POST /v1/keys/hostile HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nvalue=";
/** Far above what any listener takes. */
const HUGE_HEAD = encoder.encode(HEAD + "x".repeat(1024 * 1024));
/** Connections are opened so many at once. */
const AT_ONCE = 64;
const TURN_MS = 100;

/** The side of a worker that the default types leave out. */
const worker = globalThis as unknown as { postMessage(message: unknown): void };

let isRunning = false;
let turn: Promise<void> = Promise.resolve();

class Clients {
  readonly #target: Target;
  readonly #kind: HostileKind;
  readonly #open: Connection[] = [];
  #next = 0;

  constructor({ target, kind }: Order) {
    this.#target = target;
    this.#kind = kind;
  }

  get count(): number {
    return this.#open.length;
  }

  async open(): Promise<void> {
    const { connections } = KINDS[this.#kind];
    for (let left = connections; left > 0 && isRunning; left -= AT_ONCE) {
      const attempts = Array.from({ length: Math.min(left, AT_ONCE) }, () => this.#connect());
      await Promise.all(attempts);
    }
  }

  /** What they do ten times a second. */
  async act(): Promise<void> {
    switch (this.#kind) {
      case "idle":
        return;
      case "slowHead":
      case "slowBody":
        return await this.#drip();
      case "many":
        // Ten new ones, in place of ten old ones.
        for (const old of this.#open.splice(0, 10)) close(old);
        await Promise.all(Array.from({ length: 10 }, () => this.#connect()));
        return;
      case "hugeHead":
        await Promise.all([this.#sendHuge(), this.#sendHuge()]);
        return;
      case "http2Resets":
      case "http2Pings":
      case "http2Settings":
      case "http2Continuations":
        // Each was given up: they come again.
        for (const old of this.#open.splice(0)) close(old);
        await this.open();
        return;
      case "http2Deaf":
        return;
    }
  }

  close(): void {
    for (const connection of this.#open.splice(0)) close(connection);
  }

  async #connect(): Promise<void> {
    try {
      const { isHttp2 = false } = KINDS[this.#kind];
      const connection = this.#kind === "idle"
        ? await dialMute(this.#target)
        : await dial(this.#target, isHttp2 ? ["h2"] : undefined);
      this.#open.push(connection);
      const flood = HTTP2_FLOODS.get(this.#kind);
      if (flood !== undefined) return await writeAll(connection, flood);
      const first = this.#kind === "slowHead" ? HEAD : this.#kind === "slowBody" ? BODY : "";
      if (first !== "") await connection.write(encoder.encode(first));
    } catch {
      // Refused: what there is has to do.
    }
  }

  /** A byte from each in five seconds; who was sent away comes back. */
  async #drip(): Promise<void> {
    const share = Math.ceil(this.#open.length / 50);
    for (let i = 0; i < share; i++) {
      const at = this.#next++ % Math.max(1, this.#open.length);
      try {
        await this.#open[at]?.write(encoder.encode("x"));
      } catch {
        const [gone] = this.#open.splice(at, 1);
        if (gone !== undefined) close(gone);
        await this.#connect();
      }
    }
  }

  async #sendHuge(): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await dial(this.#target);
      await writeAll(connection, HUGE_HEAD);
    } catch {
      // Cut off in the middle, as it should be.
    }
    if (connection !== undefined) close(connection);
  }
}

async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // The server was first.
  }
}

async function run(order: Order): Promise<void> {
  const clients = new Clients(order);
  await clients.open();
  worker.postMessage({ what: "ready", count: clients.count });
  while (isRunning) {
    await clients.act();
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
  clients.close();
  worker.postMessage({ what: "stopped", count: 0 });
}

addEventListener("message", (event) => {
  const { data } = event as MessageEvent<Order | "stop">;
  if (data === "stop") {
    isRunning = false;
    return;
  }
  isRunning = true;
  turn = turn.then(() => run(data));
});
