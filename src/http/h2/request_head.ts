/**
 * From a decoded header block to the head of a request, or to why it is malformed
 * (RFC 9113 §8.1.1 to §8.3.1). Heads are shared by all requests whose blocks have the
 * same bytes: clients that index their fields send the same few bytes for each call.
 */
import type { Buffer } from "node:buffer";
import { HpackDecoder } from "./hpack_decoder.ts";
import type { Field, Fields } from "./stream.ts";

/** What a header block says about its request. Never changed: many requests may share it. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly authority: string | undefined;
  /** The fields without pseudo-header fields. */
  readonly fields: Fields;
  /** Of the body, as told; undefined when it isn't. */
  readonly contentLength: number | undefined;
  /** The list is longer than allowed, and what is here is a part of it. */
  readonly isTooLong: boolean;
}

/** Why a request or its trailers are malformed; in few words, for the log. */
export interface Malformed {
  readonly cause: string;
}

/** Longer blocks are hardly ever sent again. */
const CACHED_BLOCK_BYTES_MAX = 128;
const CACHED_MAX = 64;
/** After so many that were not found, nobody looks again before the table changes: the paths are others each time. */
const FRUITLESS_MAX = 256;

/** The header blocks of one connection, in their order. */
export class HeadDecoder {
  readonly #decoder: HpackDecoder;
  readonly #cache = new Map<string, RequestHead | Malformed>();
  #cachedVersion = 0;
  /** Blocks in a row that were not found. */
  #fruitless = 0;
  /** Blocks that were found in the cache. */
  hits = 0;

  /** `listBytesMax` as RFC 9113 §6.5.2 counts. */
  constructor(listBytesMax: number) {
    this.#decoder = new HpackDecoder(listBytesMax);
  }

  /** A block that begins a request. Throws `HpackError`. */
  decodeHead(bytes: Buffer, start: number, end: number): RequestHead | Malformed {
    const version = this.#decoder.version;
    if (version !== this.#cachedVersion) {
      this.#cache.clear();
      this.#cachedVersion = version;
      this.#fruitless = 0;
    }
    if (end - start > CACHED_BLOCK_BYTES_MAX || this.#fruitless > FRUITLESS_MAX) {
      return this.#decode(bytes, start, end);
    }
    const text = bytes.toString("latin1", start, end);
    const known = this.#cache.get(text);
    if (known !== undefined) {
      this.hits++;
      this.#fruitless = 0;
      return known;
    }
    this.#fruitless++;
    const head = this.#decode(bytes, start, end, text);
    // One that has changed the table is forgotten at the next look.
    if (this.#cache.size >= CACHED_MAX) this.#cache.clear();
    this.#cache.set(text, head);
    return head;
  }

  /** A block that ends a request. Throws `HpackError`. */
  decodeTrailers(bytes: Buffer, start: number, end: number): Fields | Malformed {
    const { fields, isTooLong } = this.#decoder.decode(bytes, start, end);
    if (isTooLong) return { cause: "the trailers are too long" };
    for (const field of fields) {
      const cause = field[0].startsWith(":")
        ? `a trailer is called "${field[0]}"`
        : fieldProblem(field);
      if (cause !== undefined) return { cause };
    }
    return fields;
  }

  /** For a block that nobody asks for, which may change the table all the same. Throws `HpackError`. */
  skip(bytes: Buffer, start: number, end: number): void {
    this.#decoder.decode(bytes, start, end);
  }

  #decode(bytes: Buffer, start: number, end: number, text?: string): RequestHead | Malformed {
    const { fields, isTooLong } = this.#decoder.decode(bytes, start, end, text);
    return toHead(fields, isTooLong);
  }
}

/** Pseudo-header fields (RFC 9113 §8.3.1). */
type PseudoName = ":method" | ":path" | ":scheme" | ":authority";

/** All of them are there; undefined are those that have not come. */
type Pseudo = Record<PseudoName, string | undefined>;

function toHead(all: Fields, isTooLong: boolean): RequestHead | Malformed {
  const pseudo: Pseudo = {
    ":method": undefined,
    ":path": undefined,
    ":scheme": undefined,
    ":authority": undefined,
  };
  let count = 0;
  while (count < all.length && all[count]![0].startsWith(":")) {
    const problem = take(pseudo, all[count]!);
    if (problem !== undefined) return { cause: problem };
    count++;
  }
  const fields = all.slice(count);
  for (const field of fields) {
    const cause = field[0].startsWith(":")
      ? `"${field[0]}" stands behind other fields`
      : fieldProblem(field);
    if (cause !== undefined) return { cause };
  }
  const length = contentLengthOf(fields);
  if (typeof length === "object") return length;
  return assemble(pseudo, fields, length, isTooLong);
}

/** Puts a pseudo-header field at its place; returns why it can't be there. */
function take(pseudo: Pseudo, [name, value]: Field): string | undefined {
  if (!isPseudoName(pseudo, name)) return `no request has a "${name}"`;
  if (pseudo[name] !== undefined) return `"${name}" is there twice`;
  pseudo[name] = value;
  const problem = valueProblem(value);
  return problem === undefined ? undefined : `"${name}" ${problem}`;
}

function isPseudoName(pseudo: Pseudo, name: string): name is PseudoName {
  return Object.hasOwn(pseudo, name);
}

function assemble(
  { ":method": method, ":path": given, ":scheme": scheme, ":authority": authority }: Pseudo,
  fields: Fields,
  contentLength: number | undefined,
  isTooLong: boolean,
): RequestHead | Malformed {
  const isConnect = method === "CONNECT";
  const path = given ?? (isConnect ? "" : undefined);
  if (isTooLong) {
    return { method: method ?? "GET", path: "/", authority, fields, contentLength, isTooLong };
  }
  if (method === undefined || !TOKEN.test(method)) return { cause: "there is no method" };
  // CONNECT has an authority and neither of the others (RFC 9113 §8.5).
  if ((scheme !== undefined) === isConnect) return { cause: '":scheme" is missing or too much' };
  if (path === undefined || (given !== undefined) === isConnect) {
    return { cause: '":path" is missing or too much' };
  }
  if (!isConnect && !PATH.test(path)) return { cause: `":path" is "${path}"` };
  let host: string | undefined;
  for (const [name, value] of fields) {
    if (name !== "host") continue;
    if (host !== undefined) return { cause: '"host" is there twice' };
    host = value;
  }
  if (authority !== undefined && host !== undefined && authority !== host) {
    return { cause: '"host" is another than ":authority"' };
  }
  return { method, path, authority, fields, contentLength, isTooLong };
}

/** RFC 9110 §5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The same in lower case (RFC 9113 §8.2). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Origin-form, or the asterisk of OPTIONS (RFC 9113 §8.3.1); without what could not be in a request line. */
const PATH = /^(?:\/[^\0-\x20\x7f]*|\*)$/;

/** Fields that speak of the connection (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

function fieldProblem([name, value]: Field): string | undefined {
  if (!NAME.test(name)) return `a field is called "${name}"`;
  if (CONNECTION_FIELDS.has(name)) return `"${name}" is not for HTTP/2`;
  if (name === "te" && value.toLowerCase() !== "trailers") return `"te" is "${value}"`;
  const cause = valueProblem(value);
  return cause === undefined ? undefined : `"${name}" ${cause}`;
}

/** What no value may have (RFC 9113 §8.2.1). */
const UNFIT = /[\0\r\n]|^[ \t]|[ \t]$/;

function valueProblem(value: string): string | undefined {
  if (!UNFIT.test(value)) return undefined;
  if (/[\0\r\n]/.test(value)) return "has a NUL or a line end in its value";
  return "has white space around its value";
}

function contentLengthOf(fields: Fields): number | undefined | Malformed {
  let found: string | undefined;
  for (const [name, value] of fields) {
    if (name !== "content-length") continue;
    if (!/^[0-9]{1,15}$/.test(value) || (found !== undefined && found !== value)) {
      return { cause: `"content-length" is "${value}"` };
    }
    found = value;
  }
  return found === undefined ? undefined : Number(found);
}

/** The value of a field by its name in lower case; several are joined (RFC 9110 §5.2, RFC 9113 §8.2.3). */
export function fieldValue(head: RequestHead, name: string): string | undefined {
  let found: string | undefined;
  for (const [other, value] of head.fields) {
    if (other !== name) continue;
    found = found === undefined ? value : found + (name === "cookie" ? "; " : ", ") + value;
  }
  return found === undefined && name === "host" ? head.authority : found;
}
