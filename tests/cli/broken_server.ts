/**
 * A server that breaks at a moment of its own choosing, in its own way, on a bare
 * socket, and counts what it was asked to change: whoever got a whole request may
 * have carried it out, whatever it answers.
 */

/** When it breaks, and what it says before. */
export type Breakage =
  /** Closes the connection before it has read anything. */
  | { readonly at: "accept" }
  /** Has read the head of the request, and closes. */
  | { readonly at: "head" }
  /** Has read all of it, says `says`, and closes the connection or falls silent. */
  | { readonly at: "answer"; readonly says: string; readonly then: "close" | "silence" };

export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly body?: string;
}

/** A whole answer. */
export function answer(status: number, body: string, headers = ""): Breakage {
  const length = new TextEncoder().encode(body).length;
  const head = `HTTP/1.1 ${status} Some Reason\r\nContent-Length: ${length}\r\n${headers}`;
  return { at: "answer", says: `${head}Connection: close\r\n\r\n${body}`, then: "close" };
}

/** Of v1. */
export function fault(status: number, errorCode: number, cause: string): Breakage {
  return answer(status, JSON.stringify({ errorCode, message: "A message", cause }));
}

export class BrokenServer implements AsyncDisposable {
  /** Requests that have come whole, or whose head has where it reads no more. */
  readonly asked: Asked[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #behave: (asked: Asked) => Breakage;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  constructor(behave: (asked: Asked) => Breakage) {
    this.#behave = behave;
    this.#accepting = this.#accept();
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** What it was asked to change, as it may have done. */
  get writes(): readonly Asked[] {
    return this.asked.filter(({ method }) => method !== "GET");
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#open.add(connection);
      this.#serving.push(
        this.#serve(connection).catch(() => {}).finally(() => {
          if (this.#open.delete(connection)) connection.close();
        }),
      );
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    if (this.#behave({ method: "", target: "" }).at === "accept") return;
    const buffer = new Uint8Array(64 * 1024);
    let received = "";
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      received += new TextDecoder().decode(buffer.subarray(0, count));
      const [head, body] = received.split("\r\n\r\n");
      if (head === undefined || body === undefined) continue;
      const [, method = "", target = ""] = /^(\S+) (\S+) /.exec(head) ?? [];
      const breakage = this.#behave({ method, target, body });
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (breakage.at !== "head" && body.length < length) continue;
      this.asked.push({ method, target, body });
      if (breakage.at !== "answer") return;
      await connection.write(new TextEncoder().encode(breakage.says));
      // Until the client leaves.
      if (breakage.then === "silence") { while (await connection.read(buffer) !== null); }
      return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open) {
      this.#open.delete(connection);
      connection.close();
    }
    await Promise.all(this.#serving);
  }
}
