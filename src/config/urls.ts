/** Lists of URLs as etcd's flags take them: scheme, host and port, and nothing else. */
import { type Address, formatAddress, parseAddress } from "./address.ts";
import { printable, UsageError } from "./usage_error.ts";

/** An address, and whether TLS is spoken there. */
export interface ParsedUrl extends Address {
  readonly secure: boolean;
  /** As others write it, without a final slash. */
  readonly url: string;
}

/** Each once, in the order of the list; see `parseAddress` for `portMin`. Throws `UsageError`. */
export function parseUrls(list: string, label: string, portMin = 1): readonly ParsedUrl[] {
  const items = list.split(",").map((item) => item.trim()).filter((item) => item !== "");
  if (items.length === 0) throw new UsageError(`${label} expects URLs, found none`);
  const urls = items.map((item) => parseUrl(item, label, portMin));
  return [...new Map(urls.map((url) => [url.url, url])).values()];
}

function parseUrl(text: string, label: string, portMin: number): ParsedUrl {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/i.exec(text) ?? [];
  const secure = scheme.toLowerCase() === "https";
  if (/^unixs?$/i.test(scheme)) {
    throw new UsageError(
      `${label} "${printable(text)}": unix sockets are not served, give an address of TCP`,
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
