/** The rows of the commands that read and write keys. */
import type { Settings } from "../config/command_line.ts";
import type { Flag } from "../config/flags.ts";
import type { Command, Run } from "./command.ts";
import { CONNECTION_FLAGS, OUTPUT_FLAG } from "./connection_flags.ts";

const STALE_FLAG = {
  name: "stale",
  kind: "boolean",
  initial: false,
  help: "read what the server knows by now, without asking the others",
} as const;

const TTL_FLAG: Flag = {
  name: "ttl",
  kind: "integer",
  value: "SECONDS",
  initial: 0,
  shown: "for ever",
  min: 1,
  max: 200_000_000_000,
  help: "time to live: the key is gone when it is over",
};

const RECURSIVE_FLAG = { name: "r", kind: "boolean", initial: false } as const;

const RAW_FLAGS: readonly Flag[] = [
  {
    name: "raw",
    kind: "boolean",
    initial: false,
    help: "KEY is the whole name of a key, as v3 has it, and no path",
  },
  {
    name: "hex",
    kind: "boolean",
    initial: false,
    help: "the same in hexadecimal, for keys that are no text",
  },
];

/** A command on paths, by v1, or with -raw and -hex on keys that are bytes, by v3. */
function either(path: () => Promise<Run>, raw: () => Promise<Run>): () => Promise<Run> {
  return () =>
    Promise.resolve(async (invocation) => {
      const run = await (isRaw(invocation.settings) ? raw() : path());
      return await run(invocation);
    });
}

function isRaw(settings: Settings<Flag>): boolean {
  return settings.boolean("raw") || settings.boolean("hex");
}

const COMMON_FLAGS = [...RAW_FLAGS, OUTPUT_FLAG, ...CONNECTION_FLAGS];

const ABOUT_VALUES = 'The VALUE "-" is standard input, to its last byte. ' +
  'What begins with a dash and is no flag comes after "--".';

const ABOUT_RAW_VALUES =
  "With -raw or -hex a value may be empty or no text, and its time to live is a lease of at least 2 s.";

const READERS: readonly Command[] = [
  {
    name: "get",
    group: "Keys",
    summary: "print the value of a key",
    operands: [{ name: "KEY" }],
    description: [
      "A value that does not end in a line end gets one; -o json shows it exactly. A read asks a quorum, so that it never misses an acknowledged write, unless -stale is given.",
    ],
    flags: [STALE_FLAG, ...COMMON_FLAGS],
    examples: [
      { line: "etcd get message", says: "the value, and nothing else" },
      { line: "etcd get -o json message", says: "all that the server says, as it says it" },
      { line: "etcd get -raw message", says: 'the key "message" of v3, which is not "/message"' },
    ],
    load: either(
      async () => (await import("./keys.ts")).runGet,
      async () => (await import("./raw_keys.ts")).runGet,
    ),
  },
  {
    name: "ls",
    group: "Keys",
    summary: "list the keys in a directory, the root if none is named",
    operands: [{ name: "DIRECTORY", optional: true }],
    description: [
      "One key a line, sorted; directories end in a slash. With -r each directory is read at a moment of its own.",
      "With -raw or -hex all keys that begin with DIRECTORY, whether they are a path or not, as of one moment.",
    ],
    flags: [
      { ...RECURSIVE_FLAG, help: "and what is in the directories, all the way down" },
      STALE_FLAG,
      ...COMMON_FLAGS,
    ],
    examples: [
      { line: "etcd ls services", says: "what is in /services" },
      { line: "etcd ls -r -o json", says: "everything, with values, as one JSON array" },
      { line: "etcd ls -raw", says: "every key of v3" },
    ],
    load: either(
      async () => (await import("./listing.ts")).runList,
      async () => (await import("./raw_keys.ts")).runList,
    ),
  },
  {
    name: "watch",
    group: "Keys",
    summary: "print what happens at a key, or to everything under it",
    operands: [{ name: "KEY" }],
    description: [
      'A line an event, until it is interrupted: index, action, key, value in quotes. "/" is everything. From its start on it sees every event once and in order, also when it has to go on at another server. It ends when no server is in reach for -timeout, and with status 1 when the server no longer has the events that come next.',
      "With -raw or -hex that one key, or with -r all that begin with it; indexes are v3's revisions then.",
    ],
    flags: [
      { ...RECURSIVE_FLAG, help: "with -raw or -hex: all keys that begin with KEY" },
      { name: "once", kind: "boolean", initial: false, help: "end after one event" },
      {
        name: "index",
        kind: "integer",
        value: "N",
        initial: 0,
        shown: "from now on",
        min: 1,
        max: 999_999_999_999_999,
        help: "begin with the first event at index N or a higher one",
      },
      ...COMMON_FLAGS,
    ],
    examples: [
      { line: "etcd watch services", says: "/services, and all under it" },
      { line: "etcd watch -once lock && make deploy", says: "waits for one change" },
      { line: "etcd watch -index 1200 -o json /", says: "everything since, a JSON object a line" },
    ],
    load: either(
      async () => (await import("./watch.ts")).runWatch,
      async () => (await import("./raw_watch.ts")).runWatch,
    ),
  },
];

const WRITERS: readonly Command[] = [
  {
    name: "set",
    group: "Keys",
    summary: "set the value of a key",
    operands: [{ name: "KEY" }, { name: "VALUE" }],
    description: [ABOUT_VALUES, ABOUT_RAW_VALUES],
    flags: [TTL_FLAG, ...COMMON_FLAGS],
    examples: [
      { line: 'etcd set message "Hello world"', says: "it is on the disks of a majority" },
      {
        line: "etcd set -ttl 30 services/web 10.0.0.1:80",
        says: "gone after 30 s, unless set again",
      },
      { line: "etcd set config - <config.toml", says: "a whole file" },
    ],
    load: either(
      async () => (await import("./keys.ts")).runSet,
      async () => (await import("./raw_keys.ts")).runSet,
    ),
  },
  {
    name: "cas",
    group: "Keys",
    summary: "set the value of a key if it is what is expected",
    operands: [{ name: "KEY" }, { name: "EXPECTED" }, { name: "VALUE" }],
    description: [
      "Compared and set in one step that nothing comes between. It fails when the value is another one, or when there is no such key.",
      ABOUT_VALUES,
    ],
    flags: [TTL_FLAG, ...COMMON_FLAGS],
    examples: [
      { line: "etcd cas lock free node1", says: "takes the lock; status 1 if it is not free" },
    ],
    load: either(
      async () => (await import("./keys.ts")).runCas,
      async () => (await import("./raw_keys.ts")).runCas,
    ),
  },
  {
    name: "rm",
    group: "Keys",
    summary: "delete keys",
    operands: [{ name: "KEY", repeated: true }],
    description: [
      "One after the other, and it ends at the first that cannot be deleted. Directories remain, empty: the API has no request that deletes one.",
    ],
    flags: [
      {
        ...RECURSIVE_FLAG,
        help:
          "of a directory, every key in it, one after the other; with -raw or -hex at once all that begin with KEY",
      },
      ...COMMON_FLAGS,
    ],
    examples: [
      { line: "etcd rm message", says: "status 1 if there is no such key" },
      { line: "etcd rm -r services", says: "everything in /services" },
    ],
    load: either(
      async () => (await import("./keys.ts")).runRemove,
      async () => (await import("./raw_keys.ts")).runRemove,
    ),
  },
];

/** In the order of the help text. */
export const KEY_COMMANDS: readonly Command[] = [...READERS, ...WRITERS];
