/**
 * The peer URLs of a member as a client names them, by the rules of etcd's `types.NewURLs`
 * and with its texts, which are part of v2.
 */
import { isUrlList } from "../raft/configuration_json.ts";

/** Sorted, as etcd keeps them; or what is wrong. */
export type PeerUrls =
  | { readonly ok: true; readonly urls: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** `scheme://authority` and what follows. */
const SHAPE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i;

/** A host, perhaps in brackets, and a port. */
const HOST_AND_PORT = /^(\[[^\]]+\]|[^:[\]]*):\d{1,5}$/;

/** Reads `given`; white space around a URL is no part of it. */
export function readPeerUrls(given: readonly string[]): PeerUrls {
  const urls = given.map((url) => url.trim());
  if (urls.length === 0) return { ok: false, problem: "no valid URLs given" };
  const problem = urls.map(problemOf).find((problem) => problem !== undefined);
  if (problem !== undefined) return { ok: false, problem };
  if (!isUrlList(urls)) return { ok: false, problem: "too many or too long URLs given" };
  return { ok: true, urls: urls.toSorted() };
}

function problemOf(url: string): string | undefined {
  const [, scheme = "", authority = "", rest = ""] = SHAPE.exec(url) ?? [];
  // Members dial each other at sockets of the network alone.
  if (!/^https?$/i.test(scheme)) {
    return `URL scheme must be http, https, unix, or unixs: ${url}`;
  }
  if (!HOST_AND_PORT.test(authority)) {
    return `URL address does not have the form "host:port": ${url}`;
  }
  if (rest !== "") return `URL must not contain a path: ${url}`;
  return URL.canParse(url) ? undefined : `invalid URL: ${url}`;
}
