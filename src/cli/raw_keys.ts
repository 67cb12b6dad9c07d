/**
 * `etcd get`, `set`, `cas`, `rm` and `ls` with -raw or -hex: keys as v3 has them, which are
 * bytes and need not be a path, through the JSON gateway.
 */
import type { Settings } from "../config/command_line.ts";
import type { Flag } from "../config/flags.ts";
import { LIMITS } from "../config/limits.ts";
import { UsageError } from "../config/usage_error.ts";
import { connect, unexpectedBody } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { type Fields, Gateway, isFields } from "./gateway.ts";
import { oneKey, type Range, underPrefix } from "./range.ts";
import { onOneLine, Report, type Terminal, visible } from "./terminal.ts";

/** Keys that are asked for at once. */
const PAGE_KEYS = 1_000;
/** … or with their values, which may have 1.5 MiB each. */
const PAGE_VALUES = 50;

/** `etcd get -raw KEY` */
export async function runGet({ settings, operands, terminal }: Invocation): Promise<number> {
  const key = keyOf(settings, operands[0]!);
  using client = await connect(settings, terminal);
  const serializable = settings.boolean("stale");
  const answer = await new Gateway(client).ask("kv/range", { ...oneKey(key), serializable });
  const [found] = keyValuesOf(answer);
  if (found === undefined) throw missing(settings, key);
  if (settings.text("o") === "json") terminal.write(`${JSON.stringify(found)}\n`);
  else writeLine(terminal, bytesOf(found.value));
  return EXIT.ok;
}

/** `etcd set -raw KEY VALUE` */
export async function runSet(invocation: Invocation): Promise<number> {
  const { settings, operands: [key = "", value = ""], terminal } = invocation;
  const { gateway, put, close } = await prepare(invocation, key, value);
  using _ = close;
  const answer = await gateway.ask("kv/put", put);
  terminal.write(
    settings.text("o") === "json"
      ? `${JSON.stringify(answer)}\n`
      : `Set ${quoted(settings, keyOf(settings, key))}, revision ${revisionOf(answer)}\n`,
  );
  return EXIT.ok;
}

/** `etcd cas -raw KEY EXPECTED VALUE` */
export async function runCas(invocation: Invocation): Promise<number> {
  const { settings, operands: [key = "", expected = "", value = ""], terminal } = invocation;
  const { gateway, put, close } = await prepare(invocation, key, value);
  using _ = close;
  const answer = await gateway.ask("kv/txn", {
    compare: [{ key: put.key, target: "VALUE", result: "EQUAL", value: base64(expected) }],
    success: [{ request_put: put }],
  });
  const shown = quoted(settings, keyOf(settings, key));
  if (answer.succeeded !== true) {
    throw new CommandError(`Compare failed: ${shown} has another value, or there is no such key`);
  }
  terminal.write(
    settings.text("o") === "json"
      ? `${JSON.stringify(answer)}\n`
      : `Set ${shown}, revision ${revisionOf(answer)}\n`,
  );
  return EXIT.ok;
}

/** `etcd rm -raw KEY...` */
export async function runRemove({ settings, operands, terminal }: Invocation): Promise<number> {
  const isPrefix = settings.boolean("r");
  const isJson = settings.text("o") === "json";
  const report = new Report(terminal);
  using client = await connect(settings, terminal);
  const gateway = new Gateway(client);
  for (const operand of operands) {
    const key = keyOf(settings, operand);
    const answer = await gateway.ask("kv/deleterange", isPrefix ? underPrefix(key) : oneKey(key));
    const { deleted } = answer;
    if (deleted === undefined) throw missing(settings, key);
    const what = isPrefix ? `${deleted} under ${quoted(settings, key)}` : quoted(settings, key);
    report.write(
      isJson ? `${JSON.stringify(answer)}\n` : `Deleted ${what}, revision ${revisionOf(answer)}\n`,
    );
  }
  report.end();
  return EXIT.ok;
}

/** `etcd ls -raw [PREFIX]` */
export async function runList({ settings, operands, terminal }: Invocation): Promise<number> {
  const isJson = settings.text("o") === "json";
  const range = underPrefix(keyOf(settings, operands[0] ?? ""));
  using client = await connect(settings, terminal);
  let isFirst = true;
  if (isJson) terminal.write("[");
  for await (const page of pagesOf(new Gateway(client), range, isJson, settings)) {
    for (const found of page) {
      if (isJson) terminal.write(`${isFirst ? "" : ",\n"}${JSON.stringify(found)}`);
      else writeKey(terminal, settings, bytesOf(found.key));
      isFirst = false;
    }
  }
  if (isJson) terminal.write("]\n");
  return EXIT.ok;
}

/** All of `range` at one revision. */
async function* pagesOf(
  gateway: Gateway,
  range: Range,
  withValues: boolean,
  settings: Settings<Flag>,
): AsyncGenerator<readonly KeyValue[], void> {
  let ask: Record<string, unknown> = {
    ...range,
    limit: withValues ? PAGE_VALUES : PAGE_KEYS,
    keys_only: !withValues,
    serializable: settings.boolean("stale"),
  };
  for (;;) {
    const answer = await gateway.ask("kv/range", ask);
    const page = keyValuesOf(answer);
    yield page;
    const last = page.at(-1);
    if (answer.more !== true || last === undefined) return;
    const next = new Uint8Array([...bytesOf(last.key), 0]);
    ask = { ...ask, key: next.toBase64(), revision: ask.revision ?? revisionOf(answer) };
  }
}

/** A key as the gateway gives it; what is empty is absent. */
export interface KeyValue {
  /** In base64, as `value` is. */
  readonly key: string;
  readonly value?: string;
  readonly mod_revision?: string;
}

function keyValuesOf({ kvs = [] }: Fields): readonly KeyValue[] {
  if (Array.isArray(kvs) && kvs.every(isKeyValue)) return kvs;
  throw unexpectedBody(JSON.stringify(kvs));
}

/** Whether `value` is a key. */
export function isKeyValue(value: unknown): value is KeyValue {
  return isFields(value) && typeof value.key === "string" &&
    (value.value === undefined || typeof value.value === "string");
}

/** The revision that an answer tells, in decimal. */
export function revisionOf({ header }: Fields): string {
  const revision = isFields(header) ? header.revision : undefined;
  if (typeof revision === "string" && /^[0-9]+$/.test(revision)) return revision;
  throw unexpectedBody(JSON.stringify(header));
}

/** The bytes of a field in base64; none where it is absent. */
export function bytesOf(field: string | undefined): Uint8Array {
  return Uint8Array.fromBase64(field ?? "");
}

/** The bytes that KEY stands for. Throws `UsageError`. */
export function keyOf(settings: Settings<Flag>, operand: string): Uint8Array {
  if (!settings.boolean("hex")) return new TextEncoder().encode(operand);
  if (/^(?:[0-9a-f]{2})*$/i.test(operand)) return Uint8Array.fromHex(operand);
  throw new UsageError(
    `Expected with -hex a key like "2f666f6f", found ${JSON.stringify(operand)}`,
  );
}

/** A line with a key: in hexadecimal with -hex, else its bytes, which are spelt out on a screen. */
function writeKey(terminal: Terminal, settings: Settings<Flag>, key: Uint8Array): void {
  const isText = terminal.isScreen || settings.boolean("hex");
  if (isText) terminal.write(`${keyText(settings, key)}\n`);
  else terminal.writeBytes(new Uint8Array([...key, LINE_FEED]));
}

/** A key on one line, for people. */
export function keyText(settings: Settings<Flag>, key: Uint8Array): string {
  if (settings.boolean("hex")) return key.toHex();
  try {
    return onOneLine(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(key));
  } catch {
    return `"${Array.from(key, spelt).join("")}"`;
  }
}

function quoted(settings: Settings<Flag>, key: Uint8Array): string {
  const text = keyText(settings, key);
  return text.startsWith('"') ? text : visible(JSON.stringify(text));
}

/** A byte of a key that is no text: `a`, or `\xff`. */
function spelt(byte: number): string {
  const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
  return isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
}

function missing(settings: Settings<Flag>, key: Uint8Array): CommandError {
  return new CommandError(`Key not found: ${quoted(settings, key)}`);
}

/** What `set` and `cas` put, once its lease is there. */
async function prepare({ settings, terminal }: Invocation, key: string, value: string) {
  const put = {
    key: keyOf(settings, key).toBase64(),
    value: value === "-"
      ? (await terminal.readAll(LIMITS.http.bodyBytesMax)).toBase64()
      : base64(value),
  };
  const client = await connect(settings, terminal);
  const gateway = new Gateway(client);
  if (!settings.isGiven("ttl")) return { gateway, put, close: client };
  try {
    const { ID } = await gateway.ask("lease/grant", { TTL: settings.integer("ttl") });
    return { gateway, put: { ...put, lease: ID }, close: client };
  } catch (error) {
    client[Symbol.dispose]();
    throw error;
  }
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

const LINE_FEED = 0x0a;

/** Bytes as they are, with a line end where there is none. */
function writeLine(terminal: Terminal, bytes: Uint8Array): void {
  const line = bytes.at(-1) === LINE_FEED ? bytes : new Uint8Array([...bytes, LINE_FEED]);
  if (terminal.isScreen) terminal.write(new TextDecoder().decode(line));
  else terminal.writeBytes(line);
}
