/** `etcd get`, `set`, `cas` and `rm`: one request for each key. */
import { LIMITS } from "../config/limits.ts";
import { UsageError } from "../config/usage_error.ts";
import { type Client, connect } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { Gateway } from "./gateway.ts";
import { isMissing, type Item, keyPath, parseItem, read } from "./items.ts";
import { walk } from "./listing.ts";
import { oneKey } from "./range.ts";
import { Report, type Terminal, visible } from "./terminal.ts";

/** `etcd get KEY` */
export async function runGet({ settings, operands, terminal }: Invocation): Promise<number> {
  const key = operands[0]!;
  using client = await connect(settings, terminal);
  const { body, found } = await readOrHint(client, key, settings.boolean("stale"));
  if (settings.text("o") === "json") terminal.write(`${body}\n`);
  else if (found.kind === "file") terminal.write(withLineEnd(found.item.value ?? ""));
  else throw new CommandError(`Expected a key, found the directory "${key}": see "etcd ls"`);
  return EXIT.ok;
}

/** Whoever has put `foo` by v3 looks for it under that name, where v1 and v2 have `/foo`. */
async function readOrHint(client: Client, key: string, stale: boolean) {
  try {
    return await read(client, key, stale);
  } catch (error) {
    if (!(error instanceof CommandError) || !isMissing(error) || key.startsWith("/")) throw error;
    const range = oneKey(new TextEncoder().encode(key));
    const raw = await new Gateway(client).ask("kv/range", range).catch(() => undefined);
    if (raw?.kvs === undefined) throw error;
    throw new CommandError(
      `${error.message}: ${quoted(key)}, without a slash, is there: give "-raw"`,
    );
  }
}

/** `etcd set KEY VALUE` */
export async function runSet(invocation: Invocation): Promise<number> {
  const [key = "", value = ""] = invocation.operands;
  return await write(invocation, key, value, {});
}

/** `etcd cas KEY EXPECTED VALUE` */
export async function runCas(invocation: Invocation): Promise<number> {
  const [key = "", prevValue = "", value = ""] = invocation.operands;
  // The API takes an empty one for none, and would set whatever the value is.
  if (prevValue === "") {
    throw new UsageError("EXPECTED is empty, which no value ever is: name the value that is there");
  }
  return await write(invocation, key, value, { prevValue });
}

/** `etcd rm KEY...` */
export async function runRemove({ settings, operands, terminal }: Invocation): Promise<number> {
  const isJson = settings.text("o") === "json";
  // Who can't be told of the first key has asked for the others all the same.
  const report = new Report(terminal);
  const tell = (body: string) => report.write(isJson ? `${body}\n` : deleted(parseItem(body)));
  using client = await connect(settings, terminal);
  for (const key of operands) {
    if (settings.boolean("r")) await removeUnder(client, key, tell);
    else tell(await removeOne(client, key));
  }
  report.end();
  return EXIT.ok;
}

function deleted({ key, index }: Item): string {
  return `Deleted ${quoted(key)}, index ${index}\n`;
}

function quoted(key: string): string {
  return visible(JSON.stringify(key));
}

async function write(
  { settings, terminal }: Invocation,
  key: string,
  value: string,
  condition: Readonly<Record<string, string>>,
): Promise<number> {
  const text = value === "-" ? await readValue(terminal) : value;
  if (text === "") throw new UsageError("VALUE is empty: a key needs a value, found none");
  using client = await connect(settings, terminal);
  const ttl = settings.isGiven("ttl") ? { ttl: String(settings.integer("ttl")) } : {};
  const form = { value: text, ...condition, ...ttl };
  const body = await client.get({ method: "POST", path: keyPath(key), form });
  const item = parseItem(body);
  terminal.write(
    settings.text("o") === "json"
      ? `${body}\n`
      : `Set ${quoted(item.key)}${item.newKey ? ", a new key" : ""}, index ${item.index}\n`,
  );
  return EXIT.ok;
}

async function readValue(terminal: Terminal): Promise<string> {
  const bytes = await terminal.readAll(LIMITS.http.bodyBytesMax);
  try {
    // A byte order mark is a part of the value, too.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(
      'Expected UTF-8 on standard input, found other bytes: encode them, by "base64" for example',
    );
  }
}

async function removeOne(client: Client, key: string): Promise<string> {
  try {
    return await client.get({ method: "DELETE", path: keyPath(key) });
  } catch (error) {
    // To a DELETE the API knows no directories.
    if (!isMissing(error) || !(await isDirectory(client, key))) throw error;
    throw new CommandError(
      `Expected a key, found the directory "${key}": give "-r" to delete every key in it`,
    );
  }
}

async function isDirectory(client: Client, key: string): Promise<boolean> {
  try {
    return (await read(client, key, false)).found.kind === "directory";
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function removeUnder(
  client: Client,
  top: string,
  tell: (body: string) => void,
): Promise<void> {
  for await (const { key, dir } of walk(client, top, false)) {
    // Of the root nobody means the members.
    if (dir || (keyPath(top) === keyPath("/") && key.startsWith("/_etcd/"))) continue;
    try {
      tell(await client.get({ method: "DELETE", path: keyPath(key) }));
    } catch (error) {
      // Somebody else was faster, or its time was over.
      if (!isMissing(error)) throw error;
    }
  }
}

function withLineEnd(value: string): string {
  return value.endsWith("\n") ? value : `${value}\n`;
}
