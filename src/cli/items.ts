/** What the v1 API says of keys, as the commands read it. */
import { type Client, ServerError, unexpectedBody } from "./client.ts";

/** A file, a directory, or what happened to one; fields that are empty are absent. */
export interface Item {
  readonly action: string;
  readonly key: string;
  readonly dir?: boolean;
  readonly prevValue?: string;
  readonly value?: string;
  readonly newKey?: boolean;
  readonly ttl?: number;
  readonly index: number;
}

const NO_SUCH_KEY = 100;

/** What is at a key. */
export type Found =
  | { readonly kind: "file"; readonly item: Item }
  | { readonly kind: "directory"; readonly children: readonly Item[] };

/** Reads a key, by a quorum or as one server knows it. Throws `ServerError` when there is none. */
export async function read(
  client: Client,
  key: string,
  stale: boolean,
): Promise<{ readonly body: string; readonly found: Found }> {
  const path = `${keyPath(key)}${stale ? "?stale=true" : ""}`;
  const body = await client.get({ method: "GET", path });
  const parsed = parseJson(body);
  const found: Found = Array.isArray(parsed)
    ? { kind: "directory", children: parsed.map((item) => checkItem(item, body)) }
    : { kind: "file", item: checkItem(parsed, body) };
  return { body, found };
}

/** The one item or event of an answer. */
export function parseItem(body: string): Item {
  return checkItem(parseJson(body), body);
}

/** Whether `error` is the server's word that there is no such key. */
export function isMissing(error: unknown): boolean {
  return error instanceof ServerError && error.code === NO_SUCH_KEY;
}

/** Where a key is, as users write it, with or without its first slash. */
export function keyPath(key: string): string {
  return `/v1/keys${encodeKey(key)}`;
}

/**
 * A key as the path of a URL, cleaned by the server's rules: here because `fetch`
 * would resolve `..` against the whole path and ask for something else.
 */
export function encodeKey(key: string): string {
  const segments: string[] = [];
  for (const segment of key.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(encodeURIComponent(segment));
  }
  return `/${segments.join("/")}`;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw unexpectedBody(body);
  }
}

function checkItem(value: unknown, body: string): Item {
  if (
    typeof value === "object" && value !== null && "key" in value && "index" in value &&
    typeof value.key === "string" && typeof value.index === "number"
  ) return value as Item;
  throw unexpectedBody(body);
}
