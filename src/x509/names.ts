/** Whom a certificate is for: names of hosts and addresses, as users write them. */
import { isIPv4, isIPv6 } from "node:net";

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
