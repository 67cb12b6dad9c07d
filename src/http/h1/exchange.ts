/** One request of an HTTP/1.1 connection, for its handler. */
import type { Buffer } from "node:buffer";
import type { ClientCertificate } from "../client_certificate.ts";
import type { Exchange } from "../exchange.ts";
import { findField, type Head } from "./head.ts";

/** What an exchange asks its connection. */
export interface ExchangeOwner {
  readonly clientCertificate: ClientCertificate | undefined;
  readonly clientAddress: string;
  /** See `Exchange.onGone`; `exchange` may be answered already. */
  onGone(exchange: Http1Exchange, callback: () => void): void;
}

export class Http1Exchange implements Exchange {
  readonly #owner: ExchangeOwner;
  readonly method: string;
  readonly target: string;
  readonly #authority: string | undefined;
  readonly #head: Buffer;
  readonly #fieldsAt: number;
  /** Set when it is whole, before a handler sees the exchange. */
  bytes: Buffer;
  #body: string | undefined;

  /** `bytes` have what `head` was read from. */
  constructor(owner: ExchangeOwner, head: Head, headBytes: Buffer, body: Buffer) {
    this.#owner = owner;
    this.method = head.method;
    this.target = head.target;
    this.#authority = head.authority;
    this.#head = headBytes;
    this.#fieldsAt = head.fieldsAt;
    this.bytes = body;
  }

  get body(): string {
    return this.#body ??= this.bytes.length === 0 ? "" : this.bytes.toString("utf8");
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#owner.clientCertificate;
  }

  get clientAddress(): string {
    return this.#owner.clientAddress;
  }

  header(name: string): string | undefined {
    if (name === "host" && this.#authority !== undefined) return this.#authority;
    return findField(this.#head, this.#fieldsAt, name);
  }

  onGone(callback: () => void): void {
    this.#owner.onGone(this, callback);
  }
}
