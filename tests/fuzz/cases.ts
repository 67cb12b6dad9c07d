/** Inputs that broke a promise once, each with what was wrong then. */

export interface Case {
  /** The name of the subject. */
  readonly subject: string;
  /** The input, in hex. */
  readonly input: string;
  readonly why: string;
}

const hex = (text: string) => new TextEncoder().encode(text).toHex();

export const CASES: readonly Case[] = [
  {
    subject: "peer frames",
    input:
      "050000001105000000004b0000ffff0000000000a675000000090700000000800000000000000907000000946311e0c90000001503000000001fbf654d00000010e3e3ffffffff157e00000000",
    why: "A reply whose flag was 0x7e was taken for one that says no",
  },
  {
    subject: "peer frames",
    input: "ff0000000a07000000000000000400",
    why: "Bytes behind the end of a message were passed over",
  },
  {
    subject: "handshakes",
    input: hex(JSON.stringify({
      "upgrade": "etcd-peer/3",
      "etcd-cluster": "800000000000004d",
      "etcd-from": "8000000000000009",
      "etcd-to": "8000000000000005",
      "etcd-name": "a",
      "etcd-url": "http:-/[::1]:7001",
      "etcd-version": "1.0.0",
    })),
    why: "A peer URL that only a forgiving parser understands was taken",
  },
  {
    subject: "commands",
    input: "000101efbbbfefbbbf04c3a93d61",
    why: "A reply that was passed on lost the byte order mark it began with",
  },
];
