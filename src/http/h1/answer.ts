/** Answers as bytes: status line, headers and what of the body is at hand (RFC 9112 §4). */
import { Buffer } from "node:buffer";
import { STATUS_TEXT } from "@std/http/status";
import type { StatusCode } from "@std/http/status";
import type { Reply } from "../exchange.ts";
import type { Output, OutputOwner } from "./output.ts";

/** Bodies up to here leave together with their head. */
export const WHOLE_BYTES_MAX = 64 * 1024;
/** Texts up to here are encoded without knowing their length first: each character may take three bytes. */
const SMALL_CHARACTERS_MAX = 8 * 1024;

/** What the head says about the connection; HTTP/1.0 closes it unless it is told otherwise. */
export type ConnectionLine = "" | "connection: close\r\n" | "connection: keep-alive\r\n";

/** How the end of a body without `content-length` is shown. */
export type Ending = "" | "transfer-encoding: chunked\r\n";

const JSON_TYPE = "application/json";
const encoder = new TextEncoder();

/** Makes the heads of a port's answers. */
export class Answers {
  readonly #output: Output;
  #second = -1;
  #date = "";
  /** The first lines of answers in JSON by their status, in this second. */
  readonly #starts = new Map<number, string>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** Puts a whole answer with a short text into the output. False when the text is too long for that. */
  writeText(owner: OutputOwner, reply: Reply, body: string, line: ConnectionLine): boolean {
    if (body.length > SMALL_CHARACTERS_MAX) return false;
    const start = this.#start(reply) + line;
    const text = `${start}content-length: ${body.length}\r\n\r\n${body}`;
    const room = this.#output.room(owner, 3 * text.length + 8);
    const { written } = encoder.encodeInto(text, room);
    if (written === text.length) this.#output.written(written);
    else this.writeBytes(owner, reply, Buffer.from(body), line);
    return true;
  }

  /** Puts a whole answer into the output. */
  writeBytes(owner: OutputOwner, reply: Reply, body: Uint8Array, line: ConnectionLine): void {
    const head = `${this.#start(reply)}${line}content-length: ${body.length}\r\n\r\n`;
    const room = this.#output.room(owner, 3 * head.length + body.length);
    const { written } = encoder.encodeInto(head, room);
    room.set(body, written);
    this.#output.written(written + body.length);
  }

  /**
   * Puts a head into the output whose body comes later, or never. `contentLength` is
   * undefined when it is not known or may not be told.
   */
  writeHead(
    owner: OutputOwner,
    reply: Reply,
    line: ConnectionLine,
    contentLength: number | undefined,
    ending: Ending,
  ): void {
    const length = contentLength === undefined ? "" : `content-length: ${contentLength}\r\n`;
    const head = `${this.#start(reply)}${line}${length}${ending}\r\n`;
    const room = this.#output.room(owner, 3 * head.length);
    this.#output.written(encoder.encodeInto(head, room).written);
  }

  /** Tells the client to go on with its body (RFC 9110 §15.2.1). */
  writeContinue(owner: OutputOwner): void {
    const room = this.#output.room(owner, CONTINUE.length);
    this.#output.written(encoder.encodeInto(CONTINUE, room).written);
  }

  /** All lines that depend on the reply and the time alone. Throws at a header that would not stay one. */
  #start({ status, contentType, headers }: Reply): string {
    this.#turnClock();
    let start = this.#starts.get(status);
    if (start === undefined || contentType !== undefined) {
      start = startOf(status, contentType ?? JSON_TYPE, this.#date);
      if (contentType === undefined) this.#starts.set(status, start);
    }
    return headers === undefined ? start : start + linesOf(headers);
  }

  #turnClock(): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#date = new Date(now).toUTCString();
    this.#starts.clear();
  }
}

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

function startOf(status: number, contentType: string, date: string): string {
  checkValue("content-type", contentType);
  return `HTTP/1.1 ${status} ${STATUS_TEXT[status as StatusCode] ?? ""}\r\n` +
    `content-type: ${contentType}\r\ndate: ${date}\r\n`;
}

function linesOf(headers: Readonly<Record<string, string>>): string {
  let lines = "";
  for (const name in headers) {
    const value = headers[name]!;
    checkValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** What would end the line, or make a client see another answer (RFC 9110 §5.5). */
const CONTROL = /[^\t -~\xa0-\uffff]/;

function checkValue(name: string, value: string): void {
  if (!CONTROL.test(value)) return;
  throw new RangeError(
    `Expected no control character in "${name}", found ${JSON.stringify(value)}`,
  );
}

/** Whether an answer with this status has no body and no length, whatever was asked (RFC 9112 §6.3). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}
