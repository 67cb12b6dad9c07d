/**
 * Fields of a request: the query, and the body as `application/x-www-form-urlencoded`
 * or `multipart/form-data`. As in the original (Go's `FormValue`) the body wins
 * over the query and the first value of a name over later ones.
 *
 * A body counts as urlencoded whatever its Content-Type says, unless it starts
 * as a multipart one and is declared as such: that spares the common case a look
 * at the headers.
 */
import type { Exchange } from "./exchange.ts";

/** Only the fields asked for, decoded; the rest is skipped. */
export type Fields = ReadonlyMap<string, string>;

/** Why fields can't be taken. */
export interface BadForm {
  readonly cause: string;
}

/** Whether the body has to be read by `multipartFields`. */
export function isMultipart(exchange: Exchange): boolean {
  if (!exchange.body.startsWith("--")) return false;
  const type = exchange.header("content-type");
  return type !== undefined && /^multipart\/form-data\b/i.test(type);
}

/** The fields `names` of an urlencoded body and of the query. */
export function urlencodedFields(
  body: string,
  query: string,
  names: ReadonlySet<string>,
): Fields | BadForm {
  const fields = new Map<string, string>();
  if (body !== "") {
    const bad = collect(body, names, fields);
    if (bad !== undefined) return bad;
  }
  if (query !== "") {
    const bad = collect(query, names, fields);
    if (bad !== undefined) return bad;
  }
  return fields;
}

/** The fields `names` of a multipart body, files excepted, and of the query. */
export async function multipartFields(
  exchange: Exchange,
  query: string,
  names: ReadonlySet<string>,
): Promise<Fields | BadForm> {
  const headers = { "content-type": exchange.header("content-type")! };
  const fields = new Map<string, string>();
  try {
    const form = await new Response(exchange.body, { headers }).formData();
    for (const [name, value] of form) {
      if (typeof value !== "string" || !names.has(name) || fields.has(name)) continue;
      fields.set(name, value);
    }
  } catch (error) {
    return { cause: `Expected a multipart form: ${(error as Error).message}` };
  }
  return collect(query, names, fields) ?? fields;
}

/** Adds to `fields` what `text` has of `names`, unless it is there already. */
function collect(
  text: string,
  names: ReadonlySet<string>,
  fields: Map<string, string>,
): BadForm | undefined {
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf("&", start);
    if (end < 0) end = text.length;
    // Not beyond the pair: a form may be a megabyte of pairs without one.
    const pair = text.slice(start, end);
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (name !== undefined && names.has(name) && !fields.has(name)) {
      const value = decode(equals < 0 ? "" : pair.slice(equals + 1));
      if (value === undefined) {
        return { cause: `Expected percent-encoding of two hex digits in the field "${name}"` };
      }
      fields.set(name, value);
    }
    start = end + 1;
  }
  return undefined;
}

/** Undefined when an escape is malformed. Bytes that are no UTF-8 become U+FFFD. */
function decode(text: string): string | undefined {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return decodeLossily(spaced);
  }
}

const MALFORMED_ESCAPE = /%(?![0-9a-fA-F]{2})/;

function decodeLossily(text: string): string | undefined {
  if (MALFORMED_ESCAPE.test(text)) return undefined;
  const encoded = new TextEncoder().encode(text);
  const bytes = new Uint8Array(encoded.length);
  let length = 0;
  for (let i = 0; i < encoded.length; i++) {
    const byte = encoded[i]!;
    if (byte !== 0x25) {
      bytes[length++] = byte;
      continue;
    }
    const digits = String.fromCharCode(encoded[i + 1]!, encoded[i + 2]!);
    bytes[length++] = Number.parseInt(digits, 16);
    i += 2;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, length));
}
