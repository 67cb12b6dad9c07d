/** A bare socket to a test node, for what no HTTP client would send. */
import { isTls, PATIENCE_MS, pem, type TestNode } from "./harness.ts";

export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn | Deno.TlsConn;
  #received = "";
  #ended = false;
  #closed = false;

  constructor(connection: Deno.TcpConn | Deno.TlsConn) {
    this.#connection = connection;
  }

  /** Everything that has come so far. */
  get received(): string {
    return this.#received;
  }

  async send(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    let offset = 0;
    while (offset < bytes.length) offset += await this.#connection.write(bytes.subarray(offset));
  }

  /** Reads until `text` has come; throws when the server ends first or is silent too long. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (!await this.#read()) {
        throw new Error(`The server closed before "${text}", after "${this.#received}"`);
      }
    }
    return this.#received;
  }

  /** Reads once; false when the server has closed. */
  async more(): Promise<boolean> {
    return await this.#read();
  }

  /** Reads until the server closes, in whatever way. */
  async untilClosed(): Promise<string> {
    while (await this.#read());
    return this.#received;
  }

  /** Ends this side only. */
  async closeWrite(): Promise<void> {
    await this.#connection.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<boolean> {
    if (this.#ended) return false;
    const buffer = new Uint8Array(64 * 1024);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, "late");
    });
    const read = this.#connection.read(buffer).catch(() => null);
    const count = await Promise.race([read, late]);
    clearTimeout(timer);
    if (count === "late") {
      this.close();
      await read;
      throw new Error(`The server is silent after "${this.#received}"`);
    }
    this.#ended = count === null;
    if (count !== null) this.#received += new TextDecoder().decode(buffer.subarray(0, count));
    return count !== null;
  }
}

export async function connectRaw(node: TestNode): Promise<RawClient> {
  const { kind, listener: { port } } = node;
  const address = { hostname: "127.0.0.1", port };
  if (!isTls(kind)) return new RawClient(await Deno.connect(address));
  const tls = { ...address, caCerts: [pem("ca.crt")] };
  const connection = kind === "tls" ? await Deno.connectTls(tls) : await Deno.connectTls({
    ...tls,
    cert: pem("client.crt"),
    key: pem("client.key.insecure"),
  });
  return new RawClient(connection);
}
