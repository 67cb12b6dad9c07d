/** A member that serves v3 to gRPC, without log, disk and sockets; its clock stands until it is moved. */
import { frameOf, MessageFrames, PREFIX_BYTES } from "../../../src/api/v3/framing.ts";
import { decode } from "../../../src/api/v3/messages/codec.ts";
import type { Draft, MessageType } from "../../../src/api/v3/messages/table.ts";
import type { Method, MethodKind } from "../../../src/api/v3/methods.ts";
import { decodeStatusMessage } from "../../../src/api/v3/status.ts";
import { makeV3, type V3Api } from "../../../src/api/v3/v3.ts";
import type { V3Limits } from "../../../src/api/v3/context.ts";
import { silentLogger } from "../../../src/base/logger.ts";
import type { Exchange, ReplyOrFault } from "../../../src/http/exchange.ts";
import type { Field } from "../../../src/http/h2/stream.ts";
import { LeaseKeeper } from "../../../src/service/lease_keeper.ts";
import { Passwords } from "../../../src/service/auth/passwords.ts";
import { Service } from "../../../src/service/service.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeNode } from "../fake_node.ts";
import { FakeStream } from "./fake_stream.ts";

export const LIMITS: V3Limits = {
  requestBytesMax: 1_572_864,
  txnOperationsMax: 128,
  electionMs: 1_000,
  progressNotifyMs: 600_000,
  eventsMin: 0,
  snapshotStallMs: 120_000,
  gatewayCallsMax: undefined,
  watchesMax: 1_000,
  arrivingBytesMax: 16 * 1024 * 1024,
};

export class V3Member implements Disposable {
  readonly store = new Store();
  readonly node = new FakeNode(this.store);
  readonly service = new Service({
    node: this.node,
    store: this.store,
    passwords: new Passwords({ logN: 1, r: 1, p: 1, bcrypt: 4 }),
  });
  readonly clock = new ManualClock();
  readonly leases = new LeaseKeeper({
    service: this.service,
    store: this.store,
    clock: this.clock,
  });
  readonly v3: V3Api;

  constructor(limits: Partial<V3Limits> = {}) {
    this.v3 = makeV3({
      service: this.service,
      leases: this.leases,
      limits: { ...LIMITS, ...limits },
      logger: silentLogger,
      servedAt: undefined,
      clock: this.clock,
      random: () => 0.5,
    });
  }

  /** Calls a method with one message each way. */
  async call<Request extends object, Response extends object>(
    method: Method<MethodKind, Request, Response>,
    request: Draft<Request>,
    metadata: readonly Field[] = [],
  ): Promise<Reply<Response>> {
    const stream = this.open(method, metadata);
    stream.send(request);
    stream.halfClose();
    return await stream.reply();
  }

  /** Begins a call. */
  open<Request extends object, Response extends object>(
    method: Method<MethodKind, Request, Response>,
    metadata: readonly Field[] = [],
  ): TestCall<Request, Response> {
    const call = new TestCall(method, metadata);
    call.stream.begin(this.v3.grpc);
    return call;
  }

  /** What the gateway replies to `body`; `exchange` says when its client leaves. */
  async post(
    { gateway }: Method,
    body: string,
    exchange = new PostExchange(body),
  ): Promise<ReplyOrFault> {
    const route = this.v3.routes.find(({ path }) => path === "/v3")!;
    return await route.methods.POST!(exchange, gateway[0]!.slice(route.path.length), "");
  }

  [Symbol.dispose](): void {
    this.v3.stop();
  }
}

/** A request to the gateway. */
export class PostExchange implements Exchange {
  readonly method = "POST";
  readonly target = "/v3/test";
  readonly clientCertificate = undefined;
  readonly clientAddress = "192.0.2.1";
  /** Called when the client leaves. */
  gone: () => void = () => {};

  constructor(
    readonly body: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  get bytes(): Uint8Array {
    return new TextEncoder().encode(this.body);
  }

  header(name: string): string | undefined {
    return this.headers[name];
  }

  onGone(callback: () => void): void {
    this.gone = callback;
  }
}

export class ManualClock {
  #nowMs = 1_000;

  monotonicMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

/** How a call has ended. */
export interface Reply<Response> {
  readonly code: number;
  readonly message: string;
  readonly response: Response | undefined;
}

export class TestCall<Request extends object, Response extends object> {
  readonly stream: FakeStream;
  readonly #method: Method<MethodKind, Request, Response>;
  readonly #received: Response[] = [];
  readonly #frames: MessageFrames;

  constructor(method: Method<MethodKind, Request, Response>, metadata: readonly Field[]) {
    this.#method = method;
    this.stream = new FakeStream(method.path, [
      ["content-type", "application/grpc"],
      ...metadata,
    ]);
    this.#frames = new MessageFrames(2 ** 31, undefined, (bytes, start, end) => {
      // What is decoded shares memory with `bytes`, which a stream may use again.
      this.#received.push(decode(method.response, bytes.slice(start, end)));
    });
  }

  send(request: Draft<Request>): void {
    this.stream.say(framed(this.#method.request, request));
  }

  halfClose(): void {
    this.stream.finish();
  }

  /** The messages that have come and were not taken yet. */
  received(): Response[] {
    this.#frames.push(this.stream.take());
    return this.#received.splice(0);
  }

  /** The next message. */
  async next(): Promise<Response> {
    for (;;) {
      this.#frames.push(this.stream.take());
      const next = this.#received.shift();
      if (next !== undefined) return next;
      if (this.stream.isClosed) throw new Error("Expected a message, found the stream's end");
      await this.stream.changed();
    }
  }

  /** How the call ends. */
  async reply(): Promise<Reply<Response>> {
    while (!this.stream.isClosed) await this.stream.changed();
    return {
      code: Number(this.stream.field("grpc-status")),
      message: decodeStatusMessage(this.stream.field("grpc-message") ?? ""),
      response: this.received()[0],
    };
  }
}

/** A message as it is in a body. */
export function framed<T extends object>(type: MessageType<T>, message: Draft<T>): Uint8Array {
  const { size, writeTo } = frameOf(type, message);
  const bytes = new Uint8Array(size);
  writeTo(bytes, 0);
  return bytes;
}

/** A body that says it is one message and is `bytes`. */
export function framedBytes(bytes: Uint8Array, flag = 0): Uint8Array {
  const body = new Uint8Array(PREFIX_BYTES + bytes.length);
  body[0] = flag;
  new DataView(body.buffer).setUint32(1, bytes.length);
  body.set(bytes, PREFIX_BYTES);
  return body;
}

/** Lets everything run that waits for a turn of the event loop. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string =>
  new TextDecoder().decode(value ?? new Uint8Array(0));
