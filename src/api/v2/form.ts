/**
 * The pairs of a query and of an urlencoded body, by the rules of Go's `ParseForm`: of
 * a name that is given twice the first counts, the body's before the query's. Values
 * are byte strings, since an escape can stand for any byte.
 */
import { Buffer } from "node:buffer";
import type { Exchange } from "../../http/exchange.ts";
import { longerThan } from "../../http/path.ts";
import { type ByteString, byteStringOf } from "../../store/byte_string.ts";
import { type BadRequest, TOO_LARGE } from "./error.ts";

export type Pairs = ReadonlyMap<string, ByteString>;

/** Less than the 10 MiB of Go: heartbeats must not wait for long behind what is replicated. */
const FORM_BYTES_MAX = 4 * 1024 * 1024;

const URLENCODED = "application/x-www-form-urlencoded";

/** As RFC 9110 §5.6.2 has it. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]";

/** What there is of `type/subtype`, at the beginning of a header. */
const MEDIA_TYPE = new RegExp(`^(${TOKEN}*)(?:(/)(${TOKEN}*))?(.*)$`, "s");

/** A parameter; a quoted value has no line breaks. */
const PARAMETER = new RegExp(
  `^\\s*;\\s*(${TOKEN}+)\\s*=\\s*(?:${TOKEN}+|"(?:\\\\[^\\r\\n]|[^"\\\\\\r\\n])*")`,
);

/** The pairs of a request; only the body of a PUT or a POST, and only an urlencoded one, is read. */
export function readPairs(exchange: Exchange, query: string): Pairs | BadRequest {
  const pairs = new Map<string, ByteString>();
  const hasForm = exchange.method === "PUT" || exchange.method === "POST";
  if (hasForm) {
    const isForm = isUrlencoded(exchange.header("content-type") ?? "");
    if (typeof isForm !== "boolean") return isForm;
    if (isForm) {
      if (longerThan(exchange.body, FORM_BYTES_MAX)) return { code: 210, cause: TOO_LARGE };
      const bad = collect(exchange.body, pairs);
      if (bad !== undefined) return bad;
    }
  }
  return collect(query, pairs) ?? pairs;
}

/** Whether a body of `type` is a form. */
function isUrlencoded(type: string): boolean | BadRequest {
  // As nearly everybody writes it.
  if (type === URLENCODED) return true;
  if (type === "") return false;
  const [media = ""] = type.split(";", 1);
  const problem = mediaTypeProblem(type, media);
  if (problem !== undefined) return { code: 210, cause: `mime: ${problem}` };
  return media.trim().toLowerCase() === URLENCODED;
}

/** What is wrong with a `type` that begins with `media`, in the words of Go's `mime.ParseMediaType`. */
function mediaTypeProblem(type: string, media: string): string | undefined {
  const [, name, slash, subtype, rest] = MEDIA_TYPE.exec(media.trim())!;
  if (name === "") return "no media type";
  if (slash === undefined) {
    if (rest !== "") return "expected slash after first token";
  } else {
    if (subtype === "") return "expected token after slash";
    if (rest !== "") return "unexpected content after media subtype";
  }
  const names = new Set<string>();
  for (let left = type.slice(media.length).trimEnd(); left !== "" && left.trim() !== ";";) {
    const [parameter, given] = PARAMETER.exec(left) ?? [];
    if (parameter === undefined || given === undefined) return "invalid media parameter";
    if (names.has(given.toLowerCase())) return "duplicate parameter name";
    names.add(given.toLowerCase());
    left = left.slice(parameter.length);
  }
  return undefined;
}

function collect(text: string, pairs: Map<string, ByteString>): BadRequest | undefined {
  for (let start = 0; start < text.length;) {
    let end = text.indexOf("&", start);
    if (end < 0) end = text.length;
    if (end > start) {
      // Not beyond the pair: a form may be megabytes of pairs without one.
      const pair = text.slice(start, end);
      const equals = pair.indexOf("=");
      const name = unescape(equals < 0 ? pair : pair.slice(0, equals));
      const value = unescape(equals < 0 ? "" : pair.slice(equals + 1));
      for (const part of [name, value]) if (typeof part !== "string") return part;
      if (!pairs.has(name as string)) pairs.set(name as string, value as string);
    }
    start = end + 1;
  }
  return undefined;
}

const MALFORMED_ESCAPE = /%(?![0-9a-fA-F]{2})/;

/** The bytes that `text` stands for. */
function unescape(text: string): ByteString | BadRequest {
  const spaced = byteStringOf(text.includes("+") ? text.replaceAll("+", " ") : text);
  if (!spaced.includes("%")) return spaced;
  const bad = MALFORMED_ESCAPE.exec(text);
  if (bad !== null) {
    const found = text.slice(bad.index, bad.index + 3);
    return { code: 210, cause: `invalid URL escape ${JSON.stringify(found)}` };
  }
  return unescapedBytes(spaced);
}

const PERCENT = 0x25;

/** Byte by byte: a form may be megabytes of escapes. */
function unescapedBytes(text: ByteString): ByteString {
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === PERCENT) {
      bytes[length++] = hexValue(text.charCodeAt(at + 1)) << 4 | hexValue(text.charCodeAt(at + 2));
      at += 2;
    } else {
      bytes[length++] = code;
    }
  }
  return bytes.toString("latin1", 0, length);
}

/** Of one of 0-9, A-F and a-f: a letter's low bits count from 1. */
function hexValue(code: number): number {
  return code < 0x40 ? code & 0xf : (code & 0xf) + 9;
}
