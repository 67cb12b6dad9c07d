/** Whom a certificate is for: names of hosts and addresses, as users write them. */
import { isIPv4, isIPv6 } from "node:net";
import type { CertificateFields } from "./fields.ts";

/** An entry of `subjectAltName` (RFC 5280 §4.2.1.6). */
export type AlternativeName =
  | { readonly kind: "dns"; readonly text: string }
  /** Four or sixteen octets. */
  | { readonly kind: "ip"; readonly text: string; readonly octets: Uint8Array };

/** Letters, digits, hyphens; underscores, which are no host name but occur in Docker's. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** Undefined for what is neither a name nor an address; the first label may be `*`. */
export function parseAlternativeName(text: string): AlternativeName | undefined {
  const address = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  if (isIPv4(text)) {
    return { kind: "ip", text, octets: new Uint8Array(text.split(".").map(Number)) };
  }
  if (isIPv6(address) && !address.includes("%")) {
    return { kind: "ip", text: address, octets: ipv6Octets(address) };
  }
  // Certificates have no final dot (RFC 5280 §4.2.1.6).
  const name = text.replace(/\.$/, "");
  const labels = name.replace(/^\*\./, "").split(".");
  const isName = name.length <= 253 && labels.every((label) => LABEL.test(label));
  // Nobody's top level domain is a number: an address with a slip.
  return isName && !/^\d+$/.test(labels.at(-1)!) ? { kind: "dns", text: name } : undefined;
}

/**
 * Whether a certificate with these alternative names is for `host`, a name or an address without
 * brackets. Its common name counts for nothing, and a star is the whole first one of three labels
 * or more (RFC 6125 §6.4), as for those who dial.
 */
export function isForHost(
  { dnsNames, addresses }: Pick<CertificateFields, "dnsNames" | "addresses">,
  host: string,
): boolean {
  const wanted = parseAlternativeName(host);
  switch (wanted?.kind) {
    case "ip":
      return addresses.some((octets) => octets.toHex() === wanted.octets.toHex());
    case "dns":
      return dnsNames.some((name) => matches(name.toLowerCase(), wanted.text.toLowerCase()));
    case undefined:
      return false;
  }
}

/** For people: its alternative names, in one text each. */
export function hostsIn(
  { dnsNames, addresses }: Pick<CertificateFields, "dnsNames" | "addresses">,
): string[] {
  return [...dnsNames, ...addresses.map(addressText)];
}

function addressText(octets: Uint8Array): string {
  if (octets.length !== 16) return octets.join(".");
  const groups = octets.toHex().match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function matches(name: string, host: string): boolean {
  if (name === host) return true;
  const parent = host.slice(host.indexOf(".") + 1);
  return parent.includes(".") && name === `*.${parent}`;
}

/** Of an address that is one. */
function ipv6Octets(address: string): Uint8Array {
  // The URL parser writes a dotted end as two groups.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groupsOf = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return new Uint8Array(
    [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]),
  );
}
