/**
 * Makes `fixtures/store/v2.json`: commands of all APIs as they are in the log, the
 * digest of the state after each, and images in between.
 *
 *     deno run --allow-write=fixtures tests/store/make_fixture.ts
 *
 * It must be read for ever. When a format changes, this makes the story of the new
 * version, and that of the old version stays as it is, with its test.
 */
import { decodeCommand, encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, NOBODY, type Requester } from "../../src/store/command/command.ts";
import { Store } from "../../src/store/store.ts";
import { permission, rootChanges, SECRET, userWithRole } from "./auth/setting.ts";
import { put } from "./commands.ts";
import { join, random, slices, START_MS } from "./log.ts";
import { Model } from "./model.ts";
import { Choices, CommandMaker } from "./model_commands.ts";

export const FIXTURE = "fixtures/store/v2.json";

const SEED = 2026;
const COMMANDS = 240;
const COMMANDS_BETWEEN_IMAGES = 80;
const SIZES = [0, 1, 30];

export interface Story {
  readonly steps: readonly {
    readonly index: number;
    /** In hexadecimal digits, as are images. */
    readonly command: string;
    /** Of the state after it. */
    readonly digest: string;
  }[];
  /** By the index of the entry that they are as of. */
  readonly images: Readonly<Record<string, string>>;
}

/** The story as today's program writes it. */
export function makeStory(): Story {
  const store = new Store();
  const model = new Model();
  const choices = new Choices(random(SEED));
  const maker = new CommandMaker(choices, model, SIZES);
  const steps: Story["steps"][number][] = [];
  const images: Record<string, string> = {};
  let timeMs = START_MS;
  const take = (command: Command, requester: Requester = NOBODY) => {
    const index = 3 + steps.length;
    timeMs += choices.integer(0, 300);
    const bytes = encodeCommand(command, requester, timeMs);
    store.apply(index, bytes);
    if (command.type !== "auth") model.apply(index, decodeCommand(bytes));
    steps.push({ index, command: bytes.toHex(), digest: store.digest() });
    if (steps.length % COMMANDS_BETWEEN_IMAGES === 0) images[index] = join(slices(store)).toHex();
  };
  while (steps.length < COMMANDS) take(maker.command());
  for (const [command, requester] of ending()) take(command, requester);
  images[steps.at(-1)!.index] = join(slices(store)).toHex();
  return { steps, images };
}

/** Users and roles come last: then nobody else may do anything. */
function ending(): (readonly [Command, Requester?])[] {
  const changes = [...rootChanges(), ...userWithRole("alice", [permission("readWrite", "a", "b")])];
  const root = { user: "root", authRevision: 3 };
  return [
    [{ type: "auth", changes, ifRevision: 0 }],
    [{ type: "auth", changes: [{ type: "authEnable", secret: SECRET }], ifRevision: 0 }],
    [put({ key: "refused" })],
    [put({ key: "allowed" }), root],
  ];
}

/** The text of the file. */
export function fixtureText(story: Story): string {
  const lines = story.steps.map((step) => JSON.stringify(step)).join(",\n");
  return `{"images": ${JSON.stringify(story.images, null, 1)},\n"steps": [\n${lines}\n]}\n`;
}

if (import.meta.main) Deno.writeTextFileSync(FIXTURE, fixtureText(makeStory()));
