/** Advertised URLs of peer ports: what they must look like, and the host they name. */
import { PeerError } from "./peer_error.ts";

/** Scheme, host, perhaps a port. The parser alone would mend what is none, such as `http:/a:7001`. */
const SHAPE = /^https?:\/\/[^\s/?#@\\]+\/?$/i;

/** The URL of a peer port. Throws `PeerError` when it is none or of the other scheme. */
export function parsePeerUrl(url: string, secure: boolean): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw new PeerError("protocol", `Expected a peer URL, found "${url}"`, { cause: error });
  }
  if (!SHAPE.test(url) || parsed.port === "0") {
    throw new PeerError(
      "protocol",
      `Expected a peer URL of http or https without a path, found "${url}"`,
    );
  }
  if ((parsed.protocol === "https:") !== secure) {
    const [expected, found] = secure ? ["TLS", "plain HTTP"] : ["plain HTTP", "TLS"];
    throw new PeerError(
      "tlsMismatch",
      `Peer "${url}" uses ${found}, expected ${expected}: start both with or without -serverCert`,
    );
  }
  return parsed;
}

/** The host as a certificate or a socket names it: an IPv6 address without brackets. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}
