/** `etcd get`, `set`, `cas` and `rm`: one request each. */
import { type Client, connect } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";

/** What the v1 API answers about one item; fields that are empty are absent. */
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

/** `etcd get KEY` */
export async function runGet({ settings, operands, terminal }: Invocation): Promise<number> {
  using client = connect(settings);
  const body = await read(client, operands[0]!, settings.boolean("stale"));
  const found: Item | readonly Item[] = JSON.parse(body);
  if (settings.text("o") === "json") terminal.write(`${body}\n`);
  else if ("value" in found) terminal.write(`${found.value}\n`);
  else {
    throw new CommandError(
      `Expected a key with a value, found the directory "${operands[0]}": see "etcd ls"`,
    );
  }
  return EXIT.ok;
}

/** The body of a GET: an item, or an array of them for a directory. */
export function read(client: Client, key: string, stale: boolean): Promise<string> {
  const path = `/v1/keys${encodeKey(key)}${stale ? "?stale=true" : ""}`;
  return client.get({ method: "GET", path });
}

/** A key as users write it, with or without its first slash, as a path of a URL. */
export function encodeKey(key: string): string {
  return `/${key.replace(/^\/+/, "")}`.split("/").map(encodeURIComponent).join("/");
}
