/**
 * HTTP/1.1 as strictly as RFC 9112 lets one be: requests of which no two parsers
 * can think differently, and answers that are whole.
 */
import { Buffer } from "node:buffer";
import { FuzzError } from "./subject.ts";

export interface Request {
  readonly method: string;
  /** In origin form. */
  readonly target: string;
  readonly body: string;
  /** What follows the head: the body, and the framing of one in chunks. */
  readonly bodyBytes: number;
}

const REQUEST_LINE = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) (\/[!$-;=?-Z_a-z~]*) HTTP\/1\.1$/;
/** No header here says anything else about the message than these two. */
const HEADER = /^(X-\d+|Host|Content-Length|Transfer-Encoding): ?([!-~][ -~]*[!-~]|[!-~]?)$/;
/** Below every listener's limit. */
const HEAD_BYTES_MAX = 8000;

/** Bytes as characters, one each. (`TextDecoder` takes "latin1" for windows-1252.) */
function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The one request that `bytes` are, undefined when there is any doubt. */
export function parseRequest(bytes: Uint8Array): Request | undefined {
  const text = latin(bytes);
  const end = text.indexOf("\r\n\r\n");
  if (end < 0 || end > HEAD_BYTES_MAX) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ""] = HEADER.exec(line) ?? [];
    if (name === undefined) return undefined;
    if (!name.startsWith("X-") && headers.has(name)) return undefined;
    headers.set(name, value);
  }
  if (headers.get("Host") !== "test" || lines.length > 20) return undefined;
  const rest = bytes.subarray(end + 4);
  const body = bodyOf(rest, headers.get("Content-Length"), headers.get("Transfer-Encoding"));
  if (body === undefined) return undefined;
  return { method, target, body: new TextDecoder().decode(body), bodyBytes: rest.length };
}

function bodyOf(
  bytes: Uint8Array,
  length: string | undefined,
  encoding: string | undefined,
): Uint8Array | undefined {
  if (length !== undefined && encoding !== undefined) return undefined;
  if (encoding !== undefined) return encoding === "chunked" ? unchunked(bytes) : undefined;
  if (length === undefined) return bytes.length === 0 ? bytes : undefined;
  return length === `${bytes.length}` ? bytes : undefined;
}

function unchunked(bytes: Uint8Array): Uint8Array | undefined {
  const text = latin(bytes);
  const body: number[] = [];
  for (let at = 0;;) {
    const [line, digits] = /^([0-9a-f]{1,4})\r\n/.exec(text.slice(at, at + 6)) ?? [];
    if (line === undefined || digits === undefined) return undefined;
    const size = Number.parseInt(digits, 16);
    at += line.length;
    const end = at + size;
    if (text.slice(end, end + 2) !== "\r\n") return undefined;
    if (size === 0) {
      return /^0+$/.test(digits) && end + 2 === bytes.length ? Uint8Array.from(body) : undefined;
    }
    body.push(...bytes.subarray(at, end));
    at = end + 2;
  }
}

export interface Response {
  readonly status: number;
  readonly text: string;
}

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d) [^\r\n]*$/;

/** Reads answers off a connection; throws `FuzzError` at what is none. */
export class ResponseReader {
  readonly #connection: Deno.Conn;
  readonly #chunk = new Uint8Array(64 * 1024);
  /** One character a byte. */
  #buffer = "";
  #ended = false;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** The next answer, to a request of `method`; undefined when the connection ends before it. */
  async next(method: string): Promise<Response | undefined> {
    let end: number;
    while ((end = this.#buffer.indexOf("\r\n\r\n")) < 0) {
      if (await this.#read()) continue;
      if (this.#buffer === "") return undefined;
      throw new FuzzError(`Expected a whole answer, found "${this.#buffer.slice(0, 200)}"`);
    }
    const head = this.#buffer.slice(0, end);
    const [line = ""] = head.split("\r\n", 1);
    const status = Number(STATUS_LINE.exec(line)?.[1]);
    if (Number.isNaN(status)) throw new FuzzError(`Expected a status line, found "${line}"`);
    this.#buffer = this.#buffer.slice(end + 4);
    const lengths = [...head.matchAll(/\r\ncontent-length: *(\d+)/gi)];
    if (lengths.length > 1) throw new FuzzError(`Two lengths in "${head}"`);
    const isBare = method === "HEAD" || status === 204 || status < 200;
    const isChunked = !isBare && /\r\ntransfer-encoding: *chunked/i.test(head);
    const text = isChunked
      ? await this.#takeChunks()
      : isBare || lengths.length > 0
      ? await this.#take(isBare ? 0 : Number(lengths[0]?.[1]))
      : await this.#takeAll();
    // A request that asked for it is told to go on first.
    if (status === 100) return await this.next(method);
    return { status, text: Buffer.from(text, "latin1").toString("utf8") };
  }

  async #takeChunks(): Promise<string> {
    let body = "";
    for (;;) {
      let end: number;
      while ((end = this.#buffer.indexOf("\r\n")) < 0) {
        if (!await this.#read()) throw new FuzzError("Expected a chunk, found the end");
      }
      const size = Number.parseInt(await this.#take(end + 2), 16);
      const chunk = await this.#take(size + 2);
      if (!chunk.endsWith("\r\n")) throw new FuzzError(`Expected a chunk, found "${chunk}"`);
      if (size === 0) return body;
      body += chunk.slice(0, -2);
    }
  }

  /** Of an answer that ends with its connection. */
  async #takeAll(): Promise<string> {
    while (await this.#read());
    return await this.#take(this.#buffer.length);
  }

  async #take(length: number): Promise<string> {
    while (this.#buffer.length < length) {
      if (!await this.#read()) throw new FuzzError(`Expected ${length} bytes, found fewer`);
    }
    const text = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    return text;
  }

  async #read(): Promise<boolean> {
    if (this.#ended) return false;
    const count = await this.#connection.read(this.#chunk).catch(() => null);
    this.#ended = count === null;
    if (count !== null) {
      this.#buffer += latin(this.#chunk.subarray(0, count));
    }
    return count !== null;
  }
}
