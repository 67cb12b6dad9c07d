/** What version 1.0 wrote is read for ever, and members agree about it wherever they began. */
import { assert, assertEquals } from "@std/assert";
import { byteStringOf, textOf } from "../../src/store/byte_string.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, NOBODY } from "../../src/store/command/command.ts";
import { Store } from "../../src/store/store.ts";
import { watchFirst } from "../../src/store/watch/first.ts";
import { COMMANDS } from "./commands.ts";
import { slices } from "./log.ts";
import { v1EventOf, type V1Result, v1ResultOf } from "./v1_words.ts";

interface Story {
  readonly timeMs: number;
  /** All that is there at the end: `key=value` for files, `key/` for directories. */
  readonly files: readonly string[];
  /** By the index of the entry that they are as of, in hexadecimal digits. */
  readonly images: Readonly<Record<string, string>>;
  readonly steps: readonly {
    readonly index: number;
    readonly command: string;
    readonly result: V1Result;
    readonly storeIndex: number;
  }[];
}

const STORY: Story = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/store/v1.json", import.meta.url)),
);

const LAST_INDEX = STORY.steps.at(-1)!.index;

/** A store that restored the image as of `from`, or began empty, and went on by the log. */
async function replayed(from: number, until: number): Promise<Store> {
  const store = new Store();
  const image = STORY.images[from];
  if (image !== undefined) await store.restore([Uint8Array.fromHex(image)]);
  for (const { index, command, result, storeIndex } of STORY.steps) {
    if (index <= from || index > until) continue;
    const found = v1ResultOf(store.apply(index, Uint8Array.fromHex(command)));
    assertEquals(found, result, `from ${from}, entry ${index}`);
    assertEquals(store.index, storeIndex);
  }
  return store;
}

function files(store: Store, directory = "/"): string[] {
  return [...store.list(byteStringOf(directory), STORY.timeMs)].flatMap((item) => {
    const key = textOf(item.key);
    return item.isDirectory ? [`${key}/`, ...files(store, key)] : [`${key}=${item.value}`];
  });
}

/** Where a member may begin: empty, or with any of the images. */
const STARTS = [0, ...Object.keys(STORY.images).map(Number)];

Deno.test("a log of version 1 does what it did, whichever image it is replayed upon", async () => {
  for (const from of STARTS) {
    const store = await replayed(from, LAST_INDEX);
    assertEquals(files(store), STORY.files);
  }
});

Deno.test("members agree at every index whichever image of version 1 each restored", async () => {
  for (const until of STORY.steps.map(({ index }) => index).filter((index) => index % 3 === 0)) {
    const starts = STARTS.filter((from) => from <= until);
    const stores = await Promise.all(starts.map((from) => replayed(from, until)));
    assertEquals(new Set(stores.map((store) => store.digest())).size, 1, `at ${until}`);
  }
});

Deno.test("restore() tells the digest that the image of version 1 holds", async () => {
  for (const image of Object.values(STORY.images)) {
    const bytes = Uint8Array.fromHex(image);
    const digest = await new Store().restore([bytes]);
    assert(new TextDecoder("latin1").decode(bytes).includes(digest));
  }
});

Deno.test("members agree about what follows version 1, and about images of it", async () => {
  const stores = await Promise.all(STARTS.map((from) => replayed(from, LAST_INDEX)));
  const keys = ["/d/y", "/a/./b", "/☃", "/new/key"].map(byteStringOf);
  const commands: Command[] = [
    ...COMMANDS.filter(({ type }) => type !== "compact"),
    ...keys.map((key): Command => ({ type: "delete", key })),
    ...COMMANDS,
  ];
  let index = LAST_INDEX;
  for (const command of commands) {
    index++;
    const bytes = encodeCommand(command, NOBODY, STORY.timeMs + index);
    const results = stores.map((store) => store.apply(index, bytes));
    for (const result of results) assertEquals(result.kind, results[0]!.kind);
    assertEquals(new Set(stores.map((store) => store.digest())).size, 1, command.type);
  }
  for (const store of stores) {
    const copy = new Store();
    assertEquals(await copy.restore(slices(store)), store.digest());
    assertEquals(copy.digest(), store.digest());
  }
});

Deno.test("watches look back into the history of an image of version 1", async () => {
  const view = { kind: "path", api: "v1", path: "/", recursive: true } as const;
  for (const from of STARTS.slice(1)) {
    const { watches } = await replayed(from, LAST_INDEX);
    let since = watches.clearedOf("path").logIndex + 1;
    assert(since < from, "some events lie before the image");
    const expected = STORY.steps.filter(({ index, result }) =>
      "action" in result && index >= since
    );
    for (const { result } of expected) {
      const first = watchFirst(watches, view, since, { onEvent: () => {}, onCleared: () => {} });
      assert(first.kind === "event");
      const event = v1EventOf(first.event);
      since = event.index + 1;
      assertEquals(event, result as V1Result);
    }
    const { logIndex } = watches.clearedOf("path");
    if (logIndex === 0) continue;
    const tooEarly = watches.watch(view, logIndex, { onEvents: () => {}, onBehind: () => {} });
    assertEquals(tooEarly.read(1), { kind: "cleared" });
  }
});
