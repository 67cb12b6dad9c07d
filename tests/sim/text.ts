/** Bytes, messages and configurations as people can read them. */
import type { Configuration, Message } from "../../src/raft/types.ts";

export function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Characters of a text that a line of a story shows. */
const TEXT_MAX = 200;

export function shorten(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}... ${text.length}` : text;
}

/** JSON with bytes in hexadecimal, long parts cut. */
export function describe(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (part instanceof Uint8Array) return shorten(encodeHex(part));
    if (typeof part === "bigint") return `${part}n`;
    return typeof part === "string" ? shorten(part) : part;
  });
}

/** A consensus message, short. */
export function describeMessage(message: Message): string {
  if (message.type !== "append") return describe(message);
  const { entries, ...rest } = message;
  return describe({
    ...rest,
    entries: entries.map(({ index, term, kind }) => `${index}/${term} ${kind}`),
  });
}

/** The members of a configuration: `n1 n2 (n3)`, learners in brackets. */
export function describeMembers({ members }: Configuration): string {
  return members.map(({ id, name, voter }) => voter ? name : `(${name || id})`).join(" ");
}
