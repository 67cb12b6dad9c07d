/** Addresses as users write them: `4001`, `:4001`, `host:4001`, `[::1]:4001`. */
import { printable, UsageError } from "./usage_error.ts";

/** Where something listens or can be dialled. */
export interface Address {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What a bare port means. */
export const LOOPBACK = "127.0.0.1";

/** One part of a host name between dots. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const IPV6 = /^[0-9a-f:]+(\.\d+){0,3}(%\w+)?$/i;

/**
 * Parses one address. A scheme is tolerated when it says what `secure` says, so
 * that a URL copied from `/machines` works. Port 0 has the system choose one, where
 * `portMin` allows it. Throws `UsageError`.
 */
export function parseAddress(text: string, label: string, secure: boolean, portMin = 1): Address {
  const match = /^(?:(https?):\/\/)?(?:(\[[^\]]*\]|[^:/[\]]*):)?(\d{1,5})\/?$/i.exec(text);
  if (match === null) throw invalidAddress(text, label);
  const [, scheme, rawHost = "", rawPort] = match;
  if (scheme !== undefined) checkScheme(text, label, scheme.toLowerCase() === "https", secure);
  const port = Number(rawPort);
  if (port < portMin || port > 65_535) {
    throw new UsageError(
      `${label} expects a port from ${portMin} to 65535, found "${printable(text)}"`,
    );
  }
  if (rawHost === "") return { host: LOOPBACK, port };
  const host = parseHost(rawHost);
  if (host === undefined) throw invalidAddress(text, label);
  return { host, port };
}

/** Parses a host to listen on, which has no port of its own. Throws `UsageError`. */
export function parseListenHost(text: string, label: string): string {
  const host = parseHost(text) ?? (isIpv6(text) ? text : undefined);
  if (host === undefined) {
    throw new UsageError(
      `${label} expects a host to listen on, without a port, found "${printable(text)}"`,
    );
  }
  return host;
}

/** `host:port` with brackets where IPv6 needs them. */
export function formatAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Whether `host` stands for every interface and so cannot be dialled by others. */
export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]+$/.test(host);
}

/** Whether `host` can be dialled on its own machine only. */
export function isLoopback(host: string): boolean {
  return /^127\./.test(host) || /^(.+\.)?localhost$/i.test(host) || /^[0:]+:0*1$/.test(host);
}

function parseHost(text: string): string | undefined {
  if (text.startsWith("[")) {
    const inner = text.slice(1, -1);
    return text.endsWith("]") && isIpv6(inner) ? inner : undefined;
  }
  // A final dot says that a name is whole (RFC 1034 §3.1). No certificate has it.
  const name = text.replace(/\.$/, "");
  const isName = name.length <= 253 && name.split(".").every((label) => LABEL.test(label));
  return isName && isPlausibleIpv4(name) ? name : undefined;
}

function isIpv6(text: string): boolean {
  return text.includes("::") || text.split(":").length === 8 ? IPV6.test(text) : false;
}

/** Refuses what looks like an IPv4 address and is none, such as `127.0.0.256`. */
function isPlausibleIpv4(text: string): boolean {
  if (!/^[\d.]+$/.test(text)) return true;
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => part !== "" && Number(part) <= 255);
}

function checkScheme(text: string, label: string, https: boolean, secure: boolean): void {
  if (https === secure) return;
  const problem = https
    ? 'asks for TLS, but no certificate is given for that port: give one or write "http://"'
    : 'asks for no TLS, but a certificate is given for that port: write "https://"';
  throw new UsageError(`${label} "${printable(text)}" ${problem}`);
}

function invalidAddress(text: string, label: string): UsageError {
  return new UsageError(
    `${label} expects a port, host:port or [IPv6]:port, found "${printable(text)}"`,
  );
}
