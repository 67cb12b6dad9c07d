/** `etcd ls`: a directory, or everything under it. */
import { type Client, connect } from "./client.ts";
import { EXIT, type Invocation } from "./command.ts";
import { isMissing, type Item, read } from "./items.ts";
import { onOneLine } from "./terminal.ts";

/** Characters that are written at once: a line each would be a system call each. */
const PORTION_LENGTH = 64 * 1024;

/** `etcd ls [DIRECTORY]` */
export async function runList({ settings, operands, terminal }: Invocation): Promise<number> {
  const top = operands[0] ?? "/";
  const stale = settings.boolean("stale");
  const isJson = settings.text("o") === "json";
  using client = await connect(settings, terminal);
  const items = settings.boolean("r") ? walk(client, top, stale) : list(client, top, stale);
  // Programs get keys as they are; a person gets a line a key, and no escapes that do something.
  const show = terminal.isScreen ? onOneLine : (key: string) => key;
  let text = isJson ? "[" : "";
  let count = 0;
  for await (const item of items) {
    if (isJson) text += `${count === 0 ? "" : ",\n"}${JSON.stringify(item)}`;
    else text += `${show(`${item.key}${item.dir ? "/" : ""}`)}\n`;
    count++;
    if (text.length < PORTION_LENGTH) continue;
    terminal.write(text);
    text = "";
  }
  terminal.write(isJson ? `${text}]\n` : text);
  return EXIT.ok;
}

/** The children of a directory; of a file, itself. */
async function* list(client: Client, key: string, stale: boolean): AsyncGenerator<Item, void> {
  const { found } = await read(client, key, stale);
  if (found.kind === "file") yield found.item;
  else yield* found.children;
}

/** Everything under a directory, itself left out, each directory before what is in it; of a file, itself. */
export async function* walk(
  client: Client,
  top: string,
  stale: boolean,
): AsyncGenerator<Item, void> {
  const ahead = (await Array.fromAsync(list(client, top, stale))).reverse();
  for (let item = ahead.pop(); item !== undefined; item = ahead.pop()) {
    yield item;
    if (!item.dir) continue;
    const children = await childrenNow(client, item.key, stale);
    for (const child of children.reverse()) ahead.push(child);
  }
}

/** None when the directory has gone meanwhile. */
async function childrenNow(client: Client, key: string, stale: boolean): Promise<Item[]> {
  try {
    return await Array.fromAsync(list(client, key, stale));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
