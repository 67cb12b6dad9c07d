/**
 * The pairs of a query and of an urlencoded body, by the rules of Go's `ParseForm`: of
 * a name that is given twice the first counts, the body's before the query's. Values
 * are byte strings, since an escape can stand for any byte.
 */
import type { Exchange } from "../../http/exchange.ts";
import { type ByteString, byteStringOf } from "../../store/byte_string.ts";
import type { BadRequest } from "./error.ts";

export type Pairs = ReadonlyMap<string, ByteString>;

const URLENCODED = "application/x-www-form-urlencoded";

/** A media type without its parameters, as RFC 9110 §8.3.1 and Go have it. */
const MEDIA_TYPE = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?)\s*(?:;|$)/;

/** The pairs of a request; only the body of a PUT or a POST, and only an urlencoded one, is read. */
export function readPairs(exchange: Exchange, query: string): Pairs | BadRequest {
  const pairs = new Map<string, ByteString>();
  const hasForm = exchange.method === "PUT" || exchange.method === "POST";
  if (hasForm) {
    const type = exchange.header("content-type") ?? "";
    const media = MEDIA_TYPE.exec(type)?.[1];
    if (media === undefined && type !== "") {
      return { code: 210, cause: "mime: expected a media type, found another header" };
    }
    if (media?.toLowerCase() === URLENCODED) {
      const bad = collect(exchange.body, pairs);
      if (bad !== undefined) return bad;
    }
  }
  return collect(query, pairs) ?? pairs;
}

function collect(text: string, pairs: Map<string, ByteString>): BadRequest | undefined {
  for (let start = 0; start < text.length;) {
    let end = text.indexOf("&", start);
    if (end < 0) end = text.length;
    if (end > start) {
      const equals = text.indexOf("=", start);
      const nameEnd = equals < 0 || equals > end ? end : equals;
      const name = unescape(text.slice(start, nameEnd));
      const value = unescape(text.slice(Math.min(nameEnd + 1, end), end));
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
  return spaced.replace(
    /%([0-9a-fA-F]{2})/g,
    (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
