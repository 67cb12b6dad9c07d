/** Clients as they should be: each sets a key, waits for the answer, and sets it again. */

const CONNECTIONS = 32;
const VALUE_LENGTH = 128;

export class Load {
  /** Writes that were answered so far. */
  answers = 0;
  /** Answers other than 200, and connections that broke. */
  failures = 0;
  readonly #connections: Deno.TcpConn[] = [];
  #ends: Promise<void>[] = [];
  #isRunning = true;

  static async start(port: number): Promise<Load> {
    const load = new Load();
    for (let i = 0; i < CONNECTIONS; i++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connection.setNoDelay(true);
      load.#connections.push(connection);
      load.#ends.push(load.#run(connection, i));
    }
    return load;
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#ends);
    for (const connection of this.#connections) connection.close();
  }

  async #run(connection: Deno.TcpConn, number: number): Promise<void> {
    const body = `value=${"v".repeat(VALUE_LENGTH)}`;
    const request = new TextEncoder().encode(
      `POST /v1/keys/load/${number} HTTP/1.1\r\nHost: a\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    const buffer = new Uint8Array(4096);
    const decoder = new TextDecoder();
    try {
      while (this.#isRunning) {
        await connection.write(request);
        // An answer is short and comes in one piece; what is cut short is counted as a failure.
        const count = await connection.read(buffer);
        const text = decoder.decode(buffer.subarray(0, count ?? 0));
        if (text.startsWith("HTTP/1.1 200 ") && text.endsWith("}")) this.answers++;
        else this.failures++;
        if (count === null) return;
      }
    } catch {
      this.failures++;
    }
  }
}
