/** One request and its answer, on a connection of their own. */
import { fixture } from "../cluster/client.ts";
import type { Request } from "./v2_cases.ts";

/** How long an answer, or a part of it, may take. */
export const PATIENCE_MS = 20_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Under TLS with the client's certificate. */
async function connect(base: string): Promise<Deno.Conn> {
  const { protocol, hostname, port } = new URL(base);
  const address = { hostname, port: Number(port) };
  if (protocol === "http:") return await Deno.connect(address);
  return await Deno.connectTls({
    ...address,
    caCerts: [Deno.readTextFileSync(fixture("ca.crt"))],
    cert: Deno.readTextFileSync(fixture("client.crt")),
    key: Deno.readTextFileSync(fixture("client.key.insecure")),
    alpnProtocols: ["http/1.1"],
  });
}

/**
 * One request on a connection of its own, written by hand so that the path goes
 * out as it stands in the case: `fetch` would tidy `..`, `//` and `%2e`.
 */
export class Answer {
  status = 0;
  readonly headers = new Map<string, string>();
  /** What of the body has arrived and was not taken yet. */
  text = "";
  ended = false;
  error = "";
  #headersHere = false;
  #buffer = new Uint8Array(0);
  #wakers: (() => void)[] = [];

  private constructor(private readonly connection: Deno.Conn) {}

  /** Resolves when status line and headers have arrived. */
  static async to(base: string, request: Request): Promise<Answer> {
    const { host } = new URL(base);
    const connection = await connect(base);
    const answer = new Answer(connection);
    const body = bodyOf(request);
    const headers: Record<string, string> = { Host: host, Connection: "close" };
    if (body.type) headers["Content-Type"] = body.type;
    if (body.bytes) headers["Content-Length"] = String(body.bytes.length);
    Object.assign(headers, request.headers);
    const head = `${request.method} ${request.path} HTTP/1.1\r\n` +
      Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("") + "\r\n";
    const message = [...encoder.encode(head), ...(body.bytes ?? [])];
    let rest = new Uint8Array(message);
    while (rest.length) rest = rest.subarray(await connection.write(rest));
    answer.#receive(request.method === "HEAD");
    await answer.until(() => answer.#headersHere);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  /** Waits for a condition on this answer, which may also end or fail first. */
  async until(holds: () => boolean, ms = PATIENCE_MS): Promise<boolean> {
    const deadline = Date.now() + ms;
    while (!holds() && !this.ended) {
      const left = deadline - Date.now();
      if (left <= 0) return false;
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((wake) => {
        this.#wakers.push(wake);
        timer = setTimeout(wake, left);
      });
      clearTimeout(timer);
    }
    return holds();
  }

  close(): void {
    try {
      this.connection.close();
    } catch { /* already closed */ }
  }

  #tell(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }

  async #receive(withoutBody: boolean): Promise<void> {
    try {
      const [line, ...fields] = (await this.#upTo("\r\n\r\n")).split("\r\n");
      this.status = Number(line!.split(" ")[1]);
      for (const field of fields) {
        const at = field.indexOf(":");
        const name = field.slice(0, at).toLowerCase();
        const before = this.headers.get(name);
        const value = field.slice(at + 1).trim();
        this.headers.set(name, before === undefined ? value : `${before}, ${value}`);
      }
      this.#headersHere = true;
      this.#tell();
      const length = this.headers.get("content-length");
      if (withoutBody || this.status === 204 || this.status === 304) {
        // No body follows, whatever the headers say.
      } else if (this.headers.get("transfer-encoding")?.includes("chunked")) {
        for (;;) {
          const size = parseInt(await this.#upTo("\r\n"), 16);
          if (size === 0) break;
          await this.#pass(size);
          await this.#upTo("\r\n");
        }
      } else if (length !== undefined) {
        await this.#pass(Number(length));
      } else {
        while (await this.#more()) await this.#pass(this.#buffer.length);
      }
    } catch (error) {
      this.error = (error as Error).message;
    }
    this.ended = true;
    this.close();
    this.#tell();
  }

  async #pass(size: number): Promise<void> {
    const parts = new TextDecoder();
    for (let left = size; left > 0;) {
      if (this.#buffer.length === 0 && !await this.#more()) throw new Error("body cut short");
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      this.text += parts.decode(piece, { stream: left > 0 });
      this.#tell();
    }
  }

  async #upTo(end: string): Promise<string> {
    for (;;) {
      const text = decoder.decode(this.#buffer);
      const at = text.indexOf(end);
      if (at >= 0) {
        this.#buffer = this.#buffer.subarray(encoder.encode(text.slice(0, at + end.length)).length);
        return text.slice(0, at);
      }
      if (!await this.#more()) throw new Error("connection closed early");
    }
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(16_384);
    const n = await this.connection.read(chunk);
    if (n === null) return false;
    const joined = new Uint8Array(this.#buffer.length + n);
    joined.set(this.#buffer);
    joined.set(chunk.subarray(0, n), this.#buffer.length);
    this.#buffer = joined;
    return true;
  }
}

function bodyOf(request: Request): { bytes?: Uint8Array; type?: string } {
  if (request.form) {
    const pairs = Array.isArray(request.form) ? request.form : Object.entries(request.form);
    const form = new URLSearchParams(pairs as [string, string][]);
    return { bytes: encoder.encode(String(form)), type: "application/x-www-form-urlencoded" };
  }
  if (request.multipart) {
    const mark = "----v2boundary";
    const parts = Object.entries(request.multipart).map(([name, value]) =>
      `--${mark}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    );
    const text = parts.join("") + `--${mark}--\r\n`;
    return { bytes: encoder.encode(text), type: `multipart/form-data; boundary=${mark}` };
  }
  if (request.json !== undefined) {
    return { bytes: encoder.encode(JSON.stringify(request.json)), type: "application/json" };
  }
  if (request.body !== undefined) return { bytes: encoder.encode(request.body) };
  const bodiless = ["GET", "HEAD"].includes(request.method);
  return bodiless ? {} : { bytes: new Uint8Array(0) };
}
