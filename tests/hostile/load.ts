/** Clients as they should be: each sets a key, waits for the answer, and sets it again. */
import { type Connection, dial, type Target } from "./dial.ts";

const CONNECTIONS = 32;
const VALUE_LENGTH = 128;

export class Load {
  /** Writes that were answered so far. */
  answers = 0;
  /** Answers other than 200, and connections that broke. */
  failures = 0;
  readonly #connections: Connection[] = [];
  #ends: Promise<void>[] = [];
  #isRunning = true;

  static async start(target: Target): Promise<Load> {
    const load = new Load();
    for (let i = 0; i < CONNECTIONS; i++) {
      const connection = await dial(target);
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

  async #run(connection: Connection, number: number): Promise<void> {
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
        let text = "";
        while (!text.endsWith("}")) {
          const count = await connection.read(buffer);
          if (count === null) throw new Error("The connection ended before its answer");
          text += decoder.decode(buffer.subarray(0, count));
        }
        if (text.startsWith("HTTP/1.1 200 ")) this.answers++;
        else this.failures++;
      }
    } catch {
      this.failures++;
    }
  }
}
