/**
 * A client port of each kind of listener, with the real routes in front of a
 * service that answers a write with what it was asked to write.
 */
import { keysRoute } from "../../src/api/v1/keys.ts";
import type { V1 } from "../../src/api/v1/context.ts";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import type { Listener } from "../../src/http/endpoint.ts";
import { makeRouter } from "../../src/http/router.ts";
import { Service } from "../../src/service/service.ts";
import type { Event } from "../../src/store/event.ts";
import { textOf as textOfKey } from "../../src/store/byte_string.ts";
import type { Command } from "../../src/store/command/command.ts";
import { NO_VERSION } from "../../src/store/keyspace/record.ts";
import { Store } from "../../src/store/store.ts";
import { asBytes, textOfBytes } from "../../src/store/value.ts";
import { FakeNode } from "../api/fake_node.ts";
import { HTTP_LIMITS, isTls, type Kind, listenAs, pem, tlsOf } from "../api/harness.ts";
import { KEY_BYTES_MAX } from "./expected_reply.ts";
import { ResponseReader } from "./strict_http.ts";
import { textOf } from "./subject.ts";

/** An answer that never comes is a failure, too. */
const PATIENCE_MS = 10_000;
const BODY_BYTES_MAX = 64 * 1024;

/** Answers at once, each write by what it was. */
function echo(): V1 {
  const store = new Store();
  const service = new Service({ node: new FakeNode(store), store });
  service.write = (operation, _, done) => {
    done({ ok: true, value: echoing(textJson(operation)) });
  };
  service.read = (serve) => serve(store, service.node.nowMs());
  const replies = {
    of: ({ after }: Event) => ({ status: 200, body: textOfBytes(after!.value) }),
  };
  return { service, replies, redirect: false };
}

/** The command with its key as text. */
function textJson(command: Command): string {
  const key = "key" in command ? { key: textOfKey(command.key) } : {};
  return JSON.stringify({ ...command, ...key });
}

/** An event whose value is `text`. */
function echoing(text: string): Event {
  return {
    kind: "event",
    action: "set",
    key: "/",
    isDirectory: false,
    isFile: true,
    isQuiet: false,
    isCovered: false,
    logIndex: 1,
    changeIndex: 1,
    revision: 2,
    timeMs: 0,
    after: { ...NO_VERSION, value: asBytes(text) },
    before: undefined,
  };
}

/** `listenDeno` says why a GET is not looked at for it: its path is then a part of the host, too. */
const HOST_WITH_SLASH = /^host:[^\r]*\//im;

export class FuzzPort {
  readonly kind: Kind;
  readonly #listener: Listener;
  /** What is wrong with a request that a handler was given. */
  readonly #strays: string[];

  private constructor(kind: Kind, listener: Listener, strays: string[]) {
    this.kind = kind;
    this.#listener = listener;
    this.#strays = strays;
  }

  static async open(kind: Kind): Promise<FuzzPort> {
    const strays: string[] = [];
    const route = makeRouter([keysRoute(echo(), KEY_BYTES_MAX)], "/v1/keys/KEY");
    const handle = (exchange: Exchange) => {
      const problem = problemOf(exchange);
      if (problem !== undefined) strays.push(problem);
      return route(exchange);
    };
    const tls = tlsOf(kind);
    const options = {
      hostname: "127.0.0.1",
      port: 0,
      limits: { ...HTTP_LIMITS, bodyBytesMax: BODY_BYTES_MAX },
      logger: silentLogger,
      renderFault,
      ...(tls !== undefined && { tls }),
    };
    const listener = await listenAs(kind, options, handle);
    return new FuzzPort(kind, listener, strays);
  }

  connect(): Promise<Deno.TcpConn | Deno.TlsConn> {
    const address = { hostname: "127.0.0.1", port: this.#listener.port };
    if (!isTls(this.kind)) return Deno.connect(address);
    const tls = { ...address, caCerts: [pem("ca.crt")], alpnProtocols: ["http/1.1"] };
    if (this.kind === "tls") return Deno.connectTls(tls);
    return Deno.connectTls({ ...tls, cert: pem("client.crt"), key: pem("client.key.insecure") });
  }

  /** Sends `bytes` and the end of the connection, and reads what comes back. */
  async sendAlone(bytes: Uint8Array, problem: (text: string) => Error): Promise<void> {
    const connection = await this.connect();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      connection.close();
    }, PATIENCE_MS);
    try {
      await write(connection, bytes);
      const reader = new ResponseReader(connection);
      // Only a parser knows which answer is to a HEAD and has no body: there is one at most.
      const method = textOf(bytes).includes("HEAD") ? "HEAD" : "";
      for (;;) {
        const response = await reader.next(method).catch((error: Error) => {
          throw problem(`${this.kind}: ${error.message}`);
        });
        if (response === undefined) break;
        if (method === "HEAD") break;
        if (response.status >= 500) {
          throw problem(`${this.kind}: found ${response.status} ${response.text}`);
        }
      }
      if (isLate) throw problem(`${this.kind}: neither answered nor ended`);
      const [stray] = this.#strays.splice(0);
      const isKnown = this.kind === "deno" && HOST_WITH_SLASH.test(textOf(bytes));
      if (stray !== undefined && !isKnown) throw problem(`${this.kind}: ${stray}`);
    } finally {
      clearTimeout(timer);
      if (!isLate) connection.close();
    }
  }

  close(): Promise<void> {
    return this.#listener.shutdown();
  }
}

/** The server may have had enough before all is written. */
async function write(connection: Deno.Conn & { closeWrite(): Promise<void> }, bytes: Uint8Array) {
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    await connection.closeWrite();
  } catch (error) {
    if (error instanceof Deno.errors.BadResource) throw error;
  }
}

/** No listener may hand over what could not be a request. */
function problemOf({ method, target, body }: Exchange): string | undefined {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) return `A handler saw the method "${method}"`;
  // Spaces, controls: what would end a request line.
  if (!/^\/[^\0-\x20\x7f]*$/.test(target)) return `A handler saw the target "${target}"`;
  return body.length > BODY_BYTES_MAX ? `A handler saw ${body.length} bytes` : undefined;
}
