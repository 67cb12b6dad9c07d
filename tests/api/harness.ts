/** Starts the client port on a fake node, on each kind of listener, and talks to it. */
import { type ApiLimits, type ClientApi, makeClientApi } from "../../src/api/client_api.ts";
import { faultRenderer } from "../../src/api/faults.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { DASHBOARD_FAULTS } from "../../src/dashboard/faults.ts";
import type { Dashboard } from "../../src/dashboard/dashboard.ts";
import type { SitePolicy } from "../../src/http/cross_site.ts";
import type { HttpLimits, Listener, ListenOptions } from "../../src/http/endpoint.ts";
import type { TlsMaterial } from "../../src/http/tls_material.ts";
import type { Handler } from "../../src/http/exchange.ts";
import { listen } from "../../src/http/listener.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import type { Route } from "../../src/http/router.ts";
import { listenWire } from "../../src/http/wire_listener.ts";
import { Passwords } from "../../src/service/auth/passwords.ts";
import { Service } from "../../src/service/service.ts";
import { byteStringOf } from "../../src/store/byte_string.ts";
import { Store } from "../../src/store/store.ts";
import { FakeNode } from "./fake_node.ts";

export const HTTP_LIMITS: HttpLimits = {
  bodyBytesMax: 1024 * 1024,
  arrivingBytesMax: 16 * 1024 * 1024,
  bodyTimeoutMs: 15_000,
  stallTimeoutMs: 20_000,
  headerBytesMax: 16 * 1024,
  headerTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
  handshakeTimeoutMs: 3_000,
  connectionsMax: 1_000,
  spareDescriptors: 32,
  shutdownGraceMs: 2_000,
};

const API_LIMITS: ApiLimits = {
  bodyBytesMax: 1024 * 1024,
  keyBytesMax: 4096,
  watchesMax: 10_000,
  streamBacklogMax: 1024 * 1024,
  healthTimeoutMs: 1000,
};

/**
 * `deno` is served by `Deno.serve`, `node` by `node:http`, the others by parsers of our
 * own: plain, under TLS, under mutual TLS. To those with "h2" a client speaks HTTP/2.
 */
export type Kind = "deno" | "node" | "wire" | "tls" | "mtls" | "h2" | "h2mtls";

/** To which HTTP/1.1 is spoken. */
export const HTTP1_KINDS: readonly Kind[] = ["deno", "node", "wire", "tls", "mtls"];

export const KINDS: readonly Kind[] = [...HTTP1_KINDS, "h2", "h2mtls"];

/** One of each: for what depends on the listener, but not on TLS. */
export const LISTENERS: readonly Kind[] = ["deno", "mtls", "h2mtls"];

export interface StartOptions {
  readonly kind?: Kind;
  /** `-cors` */
  readonly origins?: readonly string[];
  readonly redirect?: boolean;
  readonly http?: Partial<HttpLimits>;
  readonly api?: Partial<ApiLimits>;
  /** What the port serves beside v1. */
  readonly extend?: (service: Service, policy: SitePolicy) => Dashboard;
  readonly routes?: (service: Service) => readonly Route[];
}

/** What an object in an answer may say. */
export interface AnswerFields {
  readonly action?: string;
  readonly key?: string;
  readonly dir?: boolean;
  readonly prevValue?: string;
  readonly value?: string;
  readonly newKey?: boolean;
  readonly expiration?: string;
  readonly ttl?: number;
  readonly index?: number;
  readonly errorCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly cause?: string;
  readonly health?: string;
}

export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly text: string,
  ) {}

  /** Throws when the body is no JSON. */
  get json(): AnswerFields {
    return JSON.parse(this.text);
  }

  /** Of a directory. */
  get list(): readonly AnswerFields[] {
    return JSON.parse(this.text);
  }
}

const CA_DIRECTORY = new URL("../../fixtures/ca/", import.meta.url);

export function pem(name: string): string {
  return Deno.readTextFileSync(new URL(name, CA_DIRECTORY));
}

/** Whether a client has to speak TLS. */
export function isTls(kind: Kind): boolean {
  return kind === "tls" || isMutual(kind);
}

/** Whether a client has to show a certificate. */
export function isMutual(kind: Kind): boolean {
  return kind === "mtls" || kind === "h2mtls";
}

/** Opens a port of `kind`. */
export function listenAs(kind: Kind, options: ListenOptions, handler: Handler): Promise<Listener> {
  if (kind === "node") return listenNode(options, handler);
  return kind === "wire" || kind === "h2" ? listenWire(options, handler) : listen(options, handler);
}

/** A client for a port of `kind`. */
export function clientFor(kind: Kind): Deno.HttpClient {
  const isHttp2 = kind === "h2" || kind === "h2mtls";
  return Deno.createHttpClient({
    http1: !isHttp2,
    http2: isHttp2,
    caCerts: [pem("ca.crt")],
    ...(isMutual(kind) && { cert: pem("client.crt"), key: pem("client.key.insecure") }),
  });
}

export function tlsOf(kind: Kind): TlsMaterial | undefined {
  if (!isTls(kind)) return undefined;
  const pair = { cert: pem("server.crt"), key: pem("server.key.insecure") };
  return kind === "tls" ? pair : { ...pair, ca: pem("ca.crt") };
}

/** A running client port. `await using` stops it. */
export class TestNode implements AsyncDisposable {
  readonly url: string;
  #stopped = false;

  constructor(
    readonly kind: Kind,
    readonly node: FakeNode,
    readonly store: Store,
    readonly service: Service,
    readonly api: ClientApi,
    readonly listener: Listener,
    readonly client: Deno.HttpClient,
  ) {
    const scheme = isTls(kind) ? "https" : "http";
    this.url = `${scheme}://127.0.0.1:${listener.port}`;
  }

  /** Pass a form as an object, a raw body as a string. */
  async ask(
    method: string,
    path: string,
    body?: Record<string, string> | string | FormData,
    init: RequestInit = {},
  ): Promise<Answer> {
    const isForm = typeof body === "object" && !(body instanceof FormData);
    const response = await fetch(this.url + path, {
      method,
      redirect: "manual",
      client: this.client,
      ...(body !== undefined && { body: isForm ? new URLSearchParams(body) : body }),
      ...init,
    });
    return new Answer(response.status, response.headers, await response.text());
  }

  /** Lets go of all events but the newest `keepEvents`, as the leader does by itself in time. */
  forget(keepEvents: number): Promise<unknown> {
    const { revision } = this.store;
    const command = { type: "compact", revision, changeIndex: 0, keepEvents } as const;
    return new Promise((resolve) => this.service.write(command, false, resolve));
  }

  /** Sets `key` without a request. */
  set(key: string, value: string): Promise<unknown> {
    const operation = { type: "set", key, value, prevValue: undefined, ttlSeconds: undefined };
    return new Promise((resolve) => {
      this.service.write({ ...operation, key: byteStringOf(key), type: "set" }, false, resolve);
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.api.stop();
    this.client.close();
    await this.listener.shutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

export async function startNode(options: StartOptions = {}): Promise<TestNode> {
  const kind = options.kind ?? "deno";
  const store = new Store();
  const node = new FakeNode(store);
  const passwords = new Passwords({ logN: 1, r: 1, p: 1, bcrypt: 4 });
  const service = new Service({ node, store, passwords });
  const tls = tlsOf(kind);
  const policy = { tls: tls !== undefined, isOwnName: (name: string) => name === "node1.example" };
  const extension = options.extend?.(service, policy);
  const api = makeClientApi(service, {
    limits: { ...API_LIMITS, ...options.api },
    policy,
    origins: options.origins ?? [],
    redirect: options.redirect ?? false,
    routes: [...extension?.routes ?? [], ...options.routes?.(service) ?? []],
    onStop: () => extension?.stop(),
  });
  const listenOptions = {
    hostname: "127.0.0.1",
    port: 0,
    limits: { ...HTTP_LIMITS, ...options.http },
    logger: silentLogger,
    renderFault: faultRenderer([DASHBOARD_FAULTS]),
    ...(tls !== undefined && { tls }),
  };
  const listener = await listenAs(kind, listenOptions, api.handle);
  const client = clientFor(kind);
  return new TestNode(kind, node, store, service, api, listener, client);
}

/** How long a busy machine may need for anything. */
export const PATIENCE_MS = 20_000;

/** Resolves when `condition` holds; the event loop goes on meanwhile. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`Waited ${PATIENCE_MS / 1000} s in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
