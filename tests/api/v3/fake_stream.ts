/** A stream of HTTP/2 without a connection: what a handler sends is kept, and what a client sends is said by the test. */
import type { ClientCertificate } from "../../../src/http/client_certificate.ts";
import type {
  Fields,
  ServerStream,
  StreamHandler,
  StreamReceiver,
} from "../../../src/http/h2/stream.ts";

export class FakeStream implements ServerStream {
  readonly method = "POST";
  readonly clientCertificate: ClientCertificate | undefined = undefined;
  readonly clientAddress = "192.0.2.1";
  isRemoteEnded = false;
  isClosed = false;
  isPaused = false;
  waitedMs = 0;
  /** Whether the client takes nothing: writes are kept and return false. */
  isFull = false;
  head: Fields | undefined;
  trailers: Fields | undefined;
  resetCode: number | undefined;
  readonly #parts: Uint8Array[] = [];
  #receiver: StreamReceiver | undefined;
  #onChange: (() => void) | undefined;

  constructor(readonly path: string, readonly fields: Fields) {}

  /** Begins the request. */
  begin(handler: StreamHandler): void {
    this.#receiver = handler(this);
  }

  // The client's side.

  /** Sends bytes, in memory that is written over afterwards. */
  say(bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#receiver!.onData(copy);
    copy.fill(0xee);
  }

  finish(): void {
    this.isRemoteEnded = true;
    if (!this.isClosed) this.#receiver!.onEnd();
  }

  /** Leaves. */
  cut(): void {
    this.isClosed = true;
    this.#receiver!.onReset(8);
  }

  /** Takes all that waits. */
  drain(): void {
    this.isFull = false;
    this.#receiver!.onDrain();
  }

  /** All bytes of the answer so far that were not taken. */
  take(): Uint8Array {
    const all = new Uint8Array(this.#parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** Resolves when something was sent or the stream has ended. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#onChange = resolve);
  }

  field(name: string): string | undefined {
    return [...this.head ?? [], ...this.trailers ?? []].find(([key]) => key === name)?.[1];
  }

  // The server's side.

  get queuedBytes(): number {
    return this.isFull ? this.#parts.reduce((sum, { length }) => sum + length, 0) : 0;
  }

  header(name: string): string | undefined {
    return this.fields.find(([key]) => key === name)?.[1];
  }

  sendHeaders(_: number, fields: Fields): void {
    this.head ??= fields;
  }

  write(bytes: Uint8Array): boolean {
    if (this.isClosed) return true;
    this.#parts.push(bytes.slice());
    this.#changed();
    return !this.isFull;
  }

  writeInto(bytesMax: number, fill: (target: Uint8Array, at: number) => number): boolean {
    const target = new Uint8Array(bytesMax + 3);
    return this.write(target.subarray(3, fill(target, 3)));
  }

  end(trailers: Fields = []): void {
    if (this.isClosed) return;
    this.trailers = trailers;
    this.isClosed = true;
    this.#changed();
  }

  endWithHeaders(status: number, fields: Fields): void {
    this.sendHeaders(status, fields);
    this.end();
  }

  reset(code: number): void {
    this.resetCode = code;
    this.isClosed = true;
    this.#changed();
  }

  discard(): void {}

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  #changed(): void {
    const tell = this.#onChange;
    this.#onChange = undefined;
    tell?.();
  }
}
