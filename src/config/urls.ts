/** Lists of URLs as etcd's flags take them: scheme, host and port, or a unix socket, and nothing else. */
import { type Address, formatAddress, parseAddress } from "./address.ts";
import { printable, UsageError } from "./usage_error.ts";

/** An address, and whether TLS is spoken there. */
export interface ParsedUrl extends Address {
  readonly secure: boolean;
  /** As others write it, without a final slash. */
  readonly url: string;
  /** Of a unix socket; then `host` is the same, and there is no port. */
  readonly path?: string;
}

/** Whether `unix://` is taken. The runtime does not speak TLS on sockets, so `unixs://` never is. */
export type Sockets = "sockets" | "noSockets";

/** Bytes of a socket's path (unix(7), `sun_path`). */
const PATH_BYTES_MAX = 107;

/** Each once, in the order of the list; see `parseAddress` for `portMin`. Throws `UsageError`. */
export function parseUrls(
  list: string,
  label: string,
  sockets: Sockets,
  portMin = 1,
): readonly ParsedUrl[] {
  const items = list.split(",").map((item) => item.trim()).filter((item) => item !== "");
  if (items.length === 0) throw new UsageError(`${label} expects URLs, found none`);
  const urls = items.map((item) => parseUrl(item, label, sockets, portMin));
  return [...new Map(urls.map((url) => [url.url, url])).values()];
}

function parseUrl(text: string, label: string, sockets: Sockets, portMin: number): ParsedUrl {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/i.exec(text) ?? [];
  const secure = scheme.toLowerCase() === "https";
  if (/^unix$/i.test(scheme) && sockets === "sockets") return parseSocket(rest, label);
  if (/^unixs?$/i.test(scheme)) {
    const place = sockets === "sockets" ? "under TLS" : "here";
    throw new UsageError(
      `${label} "${printable(text)}": unix sockets are not served ${place}, give an address of TCP`,
    );
  }
  if (!secure && scheme.toLowerCase() !== "http") {
    throw new UsageError(
      `${label} expects URLs such as "http://10.0.0.1:2379", found "${printable(text)}"`,
    );
  }
  if (!/:\d+\/?$/.test(rest)) {
    throw new UsageError(
      `${label} expects a URL with a host and a port and no path, found "${printable(text)}"`,
    );
  }
  const address = parseAddress(rest, label, secure, portMin);
  const host = address.host.toLowerCase();
  return {
    host,
    port: address.port,
    secure,
    url: `${secure ? "https" : "http"}://${formatAddress({ host, port: address.port })}`,
  };
}

/** Whether `url`, which was parsed before, is of a unix socket. */
export function isSocketUrl(url: string): boolean {
  return url.startsWith("unix:");
}

/** The whole rest is the path, as etcd has it: "unix://a:1" is the file "a:1" in the working directory. */
function parseSocket(path: string, label: string): ParsedUrl {
  const length = new TextEncoder().encode(path).length;
  if (length === 0 || length > PATH_BYTES_MAX || path.endsWith("/")) {
    throw new UsageError(
      `${label} expects the path of a unix socket of at most ${PATH_BYTES_MAX} bytes, found ` +
        `"${printable(path)}"`,
    );
  }
  return { host: path, port: 0, path, secure: false, url: `unix://${path}` };
}
