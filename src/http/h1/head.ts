/**
 * The head of an HTTP/1.1 request (RFC 9112 §2 to §6), read in one pass over the
 * bytes. As strict as the standard lets one be: whatever two parsers could read in
 * two ways is refused, because a proxy in front of this one may be the other.
 */
import { Buffer } from "node:buffer";
import type { Fault } from "../exchange.ts";
import { fault } from "../fault.ts";
import {
  COLON,
  COMMA,
  CR,
  FIELD,
  HOST,
  isAt,
  isNamedAt,
  LF,
  NINE,
  OCTETS,
  SLASH,
  SPACE,
  TAB,
  TARGET,
  TOKEN,
  ZERO,
} from "./octets.ts";

/** `parseHead` has not seen the end of the head. */
export const INCOMPLETE = -1;
/** `parseHead` found what may not be; `head.refusal` says what. */
export const BAD = -2;

/** How the body ends: there is none, after `contentLength` bytes, or with the last chunk. */
export type Framing = "none" | "length" | "chunked";

/** What `parseHead` found; one is used for many requests. */
export class Head {
  method = "";
  /** In origin form. */
  target = "";
  /** The host that an absolute-form target names, which counts instead of the header (RFC 9112 §3.2.2). */
  authority: string | undefined;
  isHttp10 = false;
  /** Where the fields begin. */
  fieldsAt = 0;
  framing: Framing = "none";
  /** Not above 2^53. */
  contentLength = 0;
  /** The connection can be used again (RFC 9112 §9.3). */
  isPersistent = true;
  /** The client waits for "100 Continue" before it sends the body (RFC 9110 §10.1.1). */
  expectsContinue = false;
  /** Why it could not be taken. */
  refusal: Fault = NO_REFUSAL;
  /** Where the target begins and ends; the end is 0 while the request line is read. */
  targetAt = 0;
  targetEnd = 0;
  hosts = 0;
  hasLength = false;
  hasEncoding = false;
  saysClose = false;
  saysKeepAlive = false;

  reset(): void {
    this.method = this.target = "";
    this.authority = undefined;
    this.isHttp10 = this.expectsContinue = false;
    this.framing = "none";
    this.contentLength =
      this.fieldsAt =
      this.targetAt =
      this.targetEnd =
      this.hosts =
        0;
    this.hasLength =
      this.hasEncoding =
      this.saysClose =
      this.saysKeepAlive =
        false;
    this.isPersistent = true;
  }
}

const NO_REFUSAL = fault(400, "");

/**
 * Reads the head that begins at `start`, where no empty line stands. Returns where
 * the body begins, `INCOMPLETE` or `BAD`.
 */
export function parseHead(bytes: Buffer, start: number, head: Head): number {
  head.reset();
  let at = parseRequestLine(bytes, start, head);
  head.fieldsAt = at;
  while (at >= 0) {
    const first = bytes[at];
    if (first === CR) {
      if (at + 1 >= bytes.length) return INCOMPLETE;
      if (bytes[at + 1] !== LF) return bad(head, "a carriage return within the header");
      return conclude(head) ? at + 2 : BAD;
    }
    at = parseField(bytes, at, head);
  }
  return at;
}

function parseRequestLine(bytes: Buffer, start: number, head: Head): number {
  const end = bytes.length;
  let at = start;
  while (at < end && (OCTETS[bytes[at]!]! & TOKEN) !== 0) at++;
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== SPACE || at === start) return bad(head, "no method");
  head.method = methodOf(bytes, start, at);
  const targetAt = ++at;
  head.targetAt = targetAt;
  let octets = 0;
  while (at < end && (OCTETS[bytes[at]!]! & TARGET) !== 0) octets |= bytes[at++]!;
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== SPACE || at === targetAt) return bad(head, "no target between two spaces");
  head.targetEnd = at++;
  if (at + VERSION_LENGTH + 2 > end) {
    const isBegun = isAt(bytes, at, "HTTP/1.".slice(0, end - at)) &&
      (at + VERSION_LENGTH >= end || bytes[at + VERSION_LENGTH] === CR);
    return isBegun ? INCOMPLETE : badVersion(head);
  }
  const minor = bytes[at + VERSION_LENGTH - 1]! - ZERO;
  if (!isAt(bytes, at, "HTTP/1.") || minor !== 0 && minor !== 1) return badVersion(head);
  head.isHttp10 = minor === 0;
  at += VERSION_LENGTH;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) {
    return bad(head, "a line that does not end by CRLF");
  }
  const isPlain = bytes[targetAt] === SLASH && octets < 0x80;
  if (isPlain) head.target = bytes.toString("latin1", targetAt, head.targetEnd);
  else if (!takeTarget(bytes.subarray(targetAt, head.targetEnd), head)) return BAD;
  return at + 2;
}

const VERSION_LENGTH = "HTTP/1.1".length;

const METHODS = ["GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS"] as const;

/** Methods are case-sensitive (RFC 9110 §9.1). */
function methodOf(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  for (const method of METHODS) {
    if (method.length === length && isAt(bytes, start, method)) return method;
  }
  return bytes.toString("latin1", start, end);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ABSOLUTE = /^https?:\/\/([^/?#@]+)([/?].*)?$/i;

/** Targets that are not both ASCII and in origin form (RFC 9112 §3.2). */
function takeTarget(bytes: Uint8Array, head: Head): boolean {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    bad(head, "a target that is no UTF-8");
    return false;
  }
  if (text.startsWith("/")) {
    head.target = text;
    return true;
  }
  if (text === "*" && head.method === "OPTIONS") {
    head.target = "/*";
    return true;
  }
  const [, authority, rest = ""] = ABSOLUTE.exec(text) ?? [];
  if (authority === undefined || !isHost(Buffer.from(authority))) {
    bad(head, "a target that is neither a path nor an http URL");
    return false;
  }
  head.authority = authority;
  head.target = rest.startsWith("/") ? rest : `/${rest}`;
  return true;
}

function parseField(bytes: Buffer, start: number, head: Head): number {
  const end = bytes.length;
  let at = start;
  while (at < end && (OCTETS[bytes[at]!]! & TOKEN) !== 0) at++;
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== COLON || at === start) return badName(bytes, start, at, head);
  const nameEnd = at++;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  const valueAt = at;
  while (at < end && (OCTETS[bytes[at]!]! & FIELD) !== 0) at++;
  if (at + 1 >= end) return at < end && bytes[at] !== CR ? badValue(bytes[at]!, head) : INCOMPLETE;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return badValue(bytes[at]!, head);
  const next = at + 2;
  while (at > valueAt && (bytes[at - 1] === SPACE || bytes[at - 1] === TAB)) at--;
  return takeField(bytes, start, nameEnd - start, valueAt, at, head) ? next : BAD;
}

/** Keeps what of a field says something about the message or the connection. */
function takeField(
  bytes: Buffer,
  nameAt: number,
  nameLength: number,
  valueAt: number,
  end: number,
  head: Head,
): boolean {
  switch (nameLength) {
    case 4:
      return !isNamedAt(bytes, nameAt, "host") || takeHost(bytes, valueAt, end, head);
    case 6:
      return !isNamedAt(bytes, nameAt, "expect") || takeExpectation(bytes, valueAt, end, head);
    case 10:
      if (isNamedAt(bytes, nameAt, "connection")) takeOptions(bytes, valueAt, end, head);
      return true;
    case 14:
      return !isNamedAt(bytes, nameAt, "content-length") || takeLength(bytes, valueAt, end, head);
    case 17:
      return !isNamedAt(bytes, nameAt, "transfer-encoding") ||
        takeEncoding(bytes, valueAt, end, head);
    default:
      return true;
  }
}

/** RFC 9112 §3.2: one, and nothing else than a host. */
function takeHost(bytes: Buffer, at: number, end: number, head: Head): boolean {
  head.hosts++;
  for (let i = at; i < end; i++) {
    if ((OCTETS[bytes[i]!]! & HOST) !== 0) continue;
    head.refusal = fault(400, "Expected a Host header without a path");
    return false;
  }
  return true;
}

function isHost(bytes: Uint8Array): boolean {
  return bytes.every((octet) => (OCTETS[octet]! & HOST) !== 0);
}

/** RFC 9112 §6.3: a list, a sign or a second one would let two readers disagree. */
function takeLength(bytes: Buffer, at: number, end: number, head: Head): boolean {
  let length = 0;
  let i = at;
  for (; i < end && bytes[i]! >= ZERO && bytes[i]! <= NINE; i++) {
    length = Math.min(length * 10 + bytes[i]! - ZERO, Number.MAX_SAFE_INTEGER);
  }
  if (i < end || at === end || head.hasLength) {
    bad(head, "a Content-Length that is not one number");
    return false;
  }
  head.hasLength = true;
  head.contentLength = length;
  return true;
}

/** RFC 9112 §6.1: `chunked` is all that is understood. */
function takeEncoding(bytes: Buffer, at: number, end: number, head: Head): boolean {
  if (!head.hasEncoding && end - at === CHUNKED.length && isNamedAt(bytes, at, CHUNKED)) {
    head.hasEncoding = true;
    return true;
  }
  bad(head, 'a Transfer-Encoding other than a single "chunked"');
  return false;
}

const CHUNKED = "chunked";
const CONTINUE = "100-continue";

function takeExpectation(bytes: Buffer, at: number, end: number, head: Head): boolean {
  if (end - at === CONTINUE.length && isNamedAt(bytes, at, CONTINUE)) {
    head.expectsContinue = true;
    return true;
  }
  head.refusal = fault(417, `Expected no expectation but "${CONTINUE}"`);
  return false;
}

/** The list of the Connection header (RFC 9110 §7.6.1). */
function takeOptions(bytes: Buffer, start: number, end: number, head: Head): void {
  let at = start;
  while (at < end) {
    const tokenAt = at;
    while (at < end && (OCTETS[bytes[at]!]! & TOKEN) !== 0) at++;
    const length = at - tokenAt;
    if (length === 5 && isNamedAt(bytes, tokenAt, "close")) head.saysClose = true;
    if (length === 10 && isNamedAt(bytes, tokenAt, "keep-alive")) head.saysKeepAlive = true;
    while (at < end && (bytes[at] === COMMA || bytes[at] === SPACE || bytes[at] === TAB)) at++;
    // No token: whatever it is, the connection ends with this request.
    if (at === tokenAt) {
      head.saysClose = true;
      return;
    }
  }
}

/** What only the whole head shows. */
function conclude(head: Head): boolean {
  if (head.hosts > 1 || head.hosts === 0 && !head.isHttp10) {
    head.refusal = fault(400, `Expected one Host header, found ${head.hosts}`);
    return false;
  }
  if (head.hasEncoding && (head.hasLength || head.isHttp10)) {
    bad(head, "a Transfer-Encoding beside a Content-Length, or in HTTP/1.0");
    return false;
  }
  if (head.hasEncoding) head.framing = "chunked";
  else if (head.contentLength > 0) head.framing = "length";
  head.isPersistent = !head.saysClose && (!head.isHttp10 || head.saysKeepAlive);
  if (head.isHttp10) head.expectsContinue = false;
  return true;
}

function bad(head: Head, found: string): typeof BAD {
  head.refusal = fault(400, `Expected an HTTP/1.1 request, found ${found}`);
  return BAD;
}

function badVersion(head: Head): typeof BAD {
  return bad(head, "a request line that does not end by HTTP/1.1 or HTTP/1.0");
}

function badName(bytes: Buffer, start: number, at: number, head: Head): typeof BAD {
  const octet = bytes[at];
  if (at === start && (octet === SPACE || octet === TAB)) {
    return bad(head, "a header that goes on in the next line");
  }
  return bad(head, "a line of the header without a name and a colon right behind it");
}

function badValue(octet: number, head: Head): typeof BAD {
  if (octet === LF) return bad(head, "a line feed without a carriage return");
  if (octet === CR) return bad(head, "a carriage return without a line feed");
  return bad(head, `the octet ${octet} in a header`);
}

/**
 * A header's value by its lower-case name, in the fields that begin at `at` of a head
 * that `parseHead` took; the values of several are joined by commas (RFC 9110 §5.3).
 */
export function findField(bytes: Buffer, at: number, name: string): string | undefined {
  let found: string | undefined;
  for (let start = at; bytes[start] !== CR;) {
    const end = bytes.indexOf(CR, start);
    if (bytes[start + name.length] === COLON && isNamedAt(bytes, start, name)) {
      const value = bytes.toString("latin1", start + name.length + 1, end);
      const trimmed = trimBlanks(value);
      found = found === undefined ? trimmed : `${found}, ${trimmed}`;
    }
    start = end + 2;
  }
  return found;
}

/** Spaces and tabs only: `trim` would take more of what a client sent. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  const isBlank = (at: number) => text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}
