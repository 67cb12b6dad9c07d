/**
 * Transcripts: stories of a cluster that read like prose and run as tests. In
 * a file of `fixtures/raft/`
 *
 *     # explains,
 *     > campaign 1        is a command to the cluster, and
 *       1 is candidate    (indented) is what came of it.
 *
 * The commands are those of `COMMANDS` below. Servers have a least election
 * time-out of 10 ticks, to which server 1 adds 0, server 2 adds 1 and so on;
 * heartbeats are 3 ticks apart.
 */
import { assert } from "@std/assert";
import { Story, withMember, withoutMember } from "./story.ts";
import type { Selection } from "./story.ts";

/** Words of a command, and its `name=value` options. */
interface Call {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

type Command = (story: Story, call: Call) => void;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  // The cast
  ["cluster", (story, call) => {
    story.cluster(number(call, 0), Number(call.options.get("appendBytes") ?? 1000));
  }],
  ["join", (story, call) => story.join(number(call, 0))],
  // What servers are asked for
  ["tick", (story, call) => story.tick(number(call, 0), number(call, 1))],
  ["campaign", (story, call) => story.campaign(number(call, 0))],
  ["propose", (story, call) => story.propose(number(call, 0), call.words.slice(1))],
  ["read", (story, call) => story.read(number(call, 0), call.words.slice(1).map(Number))],
  ["transfer", (story, call) => story.transfer(number(call, 0), number(call, 1))],
  ["learner", (story, call) => story.change(number(call, 0), withMember(number(call, 1), false))],
  ["voter", (story, call) => story.change(number(call, 0), withMember(number(call, 1), true))],
  ["remove", (story, call) => story.change(number(call, 0), withoutMember(number(call, 1)))],
  ["compact", (story, call) => {
    story.compact(number(call, 0), number(call, 1), Number(call.options.get("trailing") ?? 0));
  }],
  ["snapshot", (story, call) => {
    const [, , outcome] = call.words;
    assert(outcome === "arrived" || outcome === "failed", "snapshot FROM TO arrived|failed");
    story.reportSnapshot(number(call, 0), number(call, 1), outcome === "arrived");
  }],
  // What goes wrong
  ["crash", (story, call) => story.crash(number(call, 0))],
  ["restart", (story, call) => story.restart(number(call, 0))],
  ["slow", (story, call) => story.slowDisk(number(call, 0))],
  ["fast", (story, call) => story.fastDisk(number(call, 0))],
  ["save", (story, call) => story.save(number(call, 0))],
  ["partition", (story, call) => story.partition(call.words.map(numbers))],
  ["heal", (story) => story.partition([])],
  ["lose", (story, call) => story.lose(selection(call))],
  ["repeat", (story, call) => story.repeat(selection(call))],
  ["reverse", (story) => story.reverse()],
  // What arrives
  ["deliver", (story, call) => {
    const drop = numbers(call.options.get("drop") ?? "");
    if (call.words.includes("once")) story.deliverOnce(selection(call), drop);
    else story.deliver(selection(call), drop, call.words.includes("quietly"));
  }],
  // What there is to see
  ["messages", (story, call) => story.showMessages(selection(call))],
  ["log", (story) => story.showLogs()],
  ["status", (story) => story.showStatus()],
  ["progress", (story, call) => story.showProgress(number(call, 0))],
]);

/** The transcript as it should be: every command of `text` with what comes of it now. */
export function retell(text: string): string {
  const story = new Story();
  const told: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("  ")) continue;
    told.push(line.trimEnd());
    if (!line.startsWith("> ")) continue;
    obey(story, line.slice(2));
    told.push(...story.takeLines().map((said) => `  ${said}`));
  }
  return told.join("\n");
}

function obey(story: Story, line: string): void {
  const [name, ...parts] = line.trim().split(/\s+/);
  const command = COMMANDS.get(name ?? "");
  assert(command !== undefined, `There must be a command "${name}"`);
  const words = parts.filter((part) => !part.includes("="));
  const options = new Map(
    parts.filter((part) => part.includes("=")).map((part) => {
      const [key, value] = part.split("=");
      return [key!, value!];
    }),
  );
  try {
    command(story, { words, options });
  } catch (cause) {
    throw new Error(`Command "${line}" failed`, { cause });
  }
}

function number({ words }: Call, at: number): number {
  const value = Number(words[at]);
  assert(Number.isInteger(value), `Word ${at + 1} must be a number, found "${words[at]}"`);
  return value;
}

function numbers(list: string): number[] {
  return list.split(",").filter((word) => word !== "").map(Number);
}

function selection({ options }: Call): Selection {
  const from = options.get("from");
  const to = options.get("to");
  const type = options.get("type");
  return {
    ...(from !== undefined && { from: Number(from) }),
    ...(to !== undefined && { to: Number(to) }),
    ...(type !== undefined && { type }),
  };
}
