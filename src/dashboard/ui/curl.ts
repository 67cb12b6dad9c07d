/**
 * The curl line of what the page does, to be pasted into a shell: whatever is in
 * a key or a value, it stays one argument and nothing in it can act on a
 * terminal. Pure.
 */

export interface CurlRequest {
  readonly method?: "DELETE";
  /** Of the v1 API or of v3's gateway, encoded. */
  readonly path: string;
  /** Sent as it is, which makes it a POST: v3's gateway takes that. */
  readonly json?: string;
  /** Sent as a form, which makes it a POST. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

/** Whom it talks to. */
export interface CurlTarget {
  /** E.g. `https://127.0.0.1:4001`. */
  readonly origin: string;
  readonly tls: "none" | "server" | "mutual";
}

/** Longer values are shown as the name of a file. */
const VALUE_LENGTH_MAX = 2000;

const OPTIONS = {
  none: "",
  server: " --cacert ca.crt",
  mutual: " --cacert ca.crt --cert client.crt --key client.key",
};

/** One line. */
export function curlLine({ origin, tls }: CurlTarget, request: CurlRequest): string {
  const { method, path, json, fields = [] } = request;
  const verb = method === undefined ? "" : ` -X ${method}`;
  const data = fields.map(([name, value]) => ` ${dataOption(name, value)}`).join("");
  const body = json === undefined ? "" : ` -d ${quote(json)}`;
  return `curl${OPTIONS[tls]}${verb} ${quote(origin + path)}${data}${body}`;
}

/** `/a b` as a path of the v1 API: `/a%20b`. */
export function encodeKey(key: string): string {
  return key.split("/").map(encodeSegment).join("/");
}

function encodeSegment(segment: string): string {
  // What encodeURIComponent leaves alone and a shell does not.
  return encodeURIComponent(wellFormed(segment)).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A lone surrogate has no encoding. */
function wellFormed(text: string): string {
  return text.replace(
    /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g,
    "\uFFFD",
  );
}

/** Means the same inside a form and outside, and nothing to a shell. */
const PLAIN = /^[A-Za-z0-9_.,:/-]*$/;

/** Controls, formats such as the bidirectional ones, line ends: not for a terminal. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

function dataOption(name: string, value: string): string {
  if (value.length > VALUE_LENGTH_MAX) return `--data-urlencode ${name}@${name}.txt`;
  if (PLAIN.test(value)) return `-d ${name}=${value}`;
  if (UNPRINTABLE.test(value)) return `-d ${name}=${encodeSegment(value)}`;
  return `--data-urlencode ${quote(`${name}=${value}`)}`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  if (/^[A-Za-z0-9_.,:/=%@-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
