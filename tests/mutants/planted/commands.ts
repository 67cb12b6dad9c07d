/** Planted bugs of the commands: what they do when a server, a stream or an argument is bad. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const BAD_PATHS = "tests/cli/bad_paths_test.ts";
const STREAMS = "tests/cli/streams_test.ts";
const WATCH = "tests/cli/watch_test.ts";
const DEFAULTS = "tests/shell/defaults_test.ts";

export const COMMAND_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/cli/client.ts", "tests/cli/migrate_test.ts", [
    [
      "a login brings an empty token",
      "etcd lets a user in who has no token yet",
      '    if (token === "") return {};\n',
      "",
    ],
    [
      "advice names flags of another server",
      "who follows advice gets on",
      "options.names ?? OWN_NAMES",
      "OWN_NAMES",
    ],
  ]),
  ...mutantsOf("src/cli/migrate/source_watch.ts", "tests/cli/migrate_test.ts", [
    [
      "half a revision counts as all of it",
      "what the comparison is about has come over",
      "upTo: result.fragment === true ? undefined : changes.at(-1)?.revision",
      "upTo: changes.at(-1)?.revision",
    ],
  ]),
  ...mutantsOf("src/cli/migrate/migrate.ts", "tests/cli/migrate_test.ts", [
    [
      "only leases of keys that are written are renewed",
      "a key that was copied before does not end with its lease",
      "      await leases.settle();\n      await this.#copy(follow);",
      "      await this.#copy(follow);",
    ],
    [
      "a cluster that holds something else is made a copy",
      "nothing is deleted that nobody has given up",
      'if (keys === 0 || this.#invocation.settings.boolean("again")) return;',
      "if (keys >= 0) return;",
    ],
    [
      "differences are told, and taken for a success",
      "a copy that differs fails",
      "    return EXIT.failed;\n  }\n\n  /** Whoever still wrote",
      "    return EXIT.ok;\n  }\n\n  /** Whoever still wrote",
    ],
  ]),
  ...mutantsOf("src/cli/migrate/leases.ts", "tests/cli/migrate_test.ts", [
    [
      "leases that have ended at the source stay",
      "the copy has the leases of the source and no others",
      "[...found].filter((id) => !wanted.has(id))",
      "[...found].filter((id) => !found.has(id))",
    ],
  ]),
  ...mutantsOf("src/cli/client.ts", BAD_PATHS, [
    [
      "a write goes to the next server after a 500",
      "nobody writes twice",
      'return method === "GET" ? status >= 500 : status === 503;',
      "return status >= 500;",
    ],
    [
      "a gateway's 503 counts as a member's",
      "nobody writes twice",
      'return method === "GET" || parseFault(body)?.errorCode === UNAVAILABLE;',
      "return true;",
    ],
    [
      "a write goes on after its connection was lost",
      "nobody writes twice",
      'if (request.method !== "GET" && !why.unsent) {',
      'if (request.method === "HEAD") {',
    ],
    [
      "an answer that is no HTTP counts as none",
      "nobody writes twice",
      "|| HANDSHAKE_ALERT.test(message);",
      "|| /fatal alert|HTTP version/.test(message);",
    ],
    [
      "a write whose fate is unknown was refused",
      "a script is not told that the lock is not free",
      "mayBeDone ? EXIT.unreachable : EXIT.failed",
      "EXIT.failed",
    ],
    [
      "-timeout is ignored",
      "a silent server is given up when the user said",
      '"timeoutMs" in rest ? rest.timeoutMs : this.#options.timeoutMs;',
      "undefined;",
    ],
    [
      "a stopping server is not left for another",
      "a write that was refused unseen is done elsewhere",
      "if (!isForAnother(request, answer)) {",
      "if (answer.status > 0) {",
    ],
    [
      "proxies of the environment are gone through",
      "members are inside of the network",
      "  ignoreProxies();\n  const proxy",
      "  const proxy",
      STREAMS,
    ],
    [
      "-proxy is ignored",
      "the proxy that was asked for is used",
      "      ...proxy,\n",
      "",
      STREAMS,
    ],
  ]),
  ...mutantsOf("src/cli/body.ts", "tests/cli/backup_test.ts", [
    [
      "a body that falls silent is waited for",
      "a silent server is given up when the user said",
      '  signal.addEventListener("abort", end);\n',
      "",
    ],
  ]),
  ...mutantsOf("src/cli/listing.ts", BAD_PATHS, [
    [
      "ls -o json loses a comma at each portion",
      "JSON is JSON, however much of it there is",
      'count === 0 ? "" : ",\\n"',
      'text === "" || count === 0 ? "" : ",\\n"',
    ],
    [
      "ls shows keys on a screen as they are",
      "nothing that a client wrote moves the cursor",
      "terminal.isScreen ? onOneLine",
      "terminal.columns < 0 ? onOneLine",
      STREAMS,
    ],
  ]),
  ...mutantsOf("src/cli/backup.ts", BAD_PATHS, [
    [
      "a backup has its name before it is proven",
      "the good one stays until the new one is proven",
      "return await spoken(() => prove(part));",
      "if (part !== file) Deno.renameSync(part, file);\n  return await spoken(() => prove(file));",
    ],
    [
      "a backup may be read by everybody",
      "a backup is for its owner alone",
      "create: true, mode: 0o600 }",
      "create: true, mode: 0o644 }",
      DEFAULTS,
    ],
    [
      "a backup goes to standard output unproven",
      "what a pipe has got can't be taken back",
      "    const proven = await take(invocation, { file: part, part, output, stallMs });\n" +
      "    const input = await locally(`read ${file}`, () => Deno.open(part));\n" +
      "    for await (const portion of input.readable) terminal.writeBytes(portion);\n",
      "    const input = await locally(`read ${file}`, () => Deno.open(part));\n" +
      "    const proving = take(invocation, { file: part, part, output, stallMs });\n" +
      "    await proving.catch(() => {});\n" +
      "    for await (const portion of input.readable) terminal.writeBytes(portion);\n" +
      "    const proven = await proving;\n",
    ],
  ]),
  ...mutantsOf("src/cli/certs_init.ts", DEFAULTS, [
    [
      "a private key may be read by everybody",
      "a key is for its owner alone",
      'format: "pem" })), 0o600);',
      'format: "pem" })), 0o644);',
    ],
  ]),
  ...mutantsOf("src/cli/terminal.ts", STREAMS, [
    [
      "rm ends at the first key that it can't tell of",
      "what was asked for is done, whoever hears of it",
      "this.#failure = error;",
      "throw error;",
    ],
    [
      "escapes go to a screen",
      "nothing that a client wrote moves the cursor",
      "isScreen ? visible(text) : text",
      "text",
    ],
    [
      "a full standard error ends a command",
      "a command goes on without standard error",
      "    // The exit status still tells.\n",
      '        throw new Error("full");\n',
    ],
  ]),
  ...mutantsOf("src/cli/cli.ts", STREAMS, [
    [
      "a result that was not told is a success",
      "who reads nothing is told so by the status",
      "if (error instanceof OutputError) return EXIT.untold;",
      "if (error instanceof OutputError) return EXIT.ok;",
    ],
  ]),
  ...mutantsOf("src/cli/cli.ts", "tests/cli/help_test.ts", [
    [
      "help knows nothing of itself",
      "who asks for help gets it",
      'first === "help" || HELP.test(first)',
      "args.length === 0",
    ],
  ]),
  ...mutantsOf("src/cli/cli.ts", "tests/cli/tcp_gateway_test.ts", [
    [
      "the first word that is expected is not named",
      "a wrong word is answered by the right ones",
      'choices.map((choice) => `"${choice}"`)',
      'choices.slice(1).map((choice) => `"${choice}"`)',
    ],
  ]),
  ...mutantsOf("src/cli/watch.ts", WATCH, [
    [
      "a watch learns nothing while it waits",
      "a quiet key is followed beside busy ones",
      "if (status === 204) this.#nothingUpTo(index);",
      "",
    ],
    [
      "a watch learns nothing when its server stops",
      "a quiet key is followed beside busy ones",
      "if (error instanceof ServerError) this.#nothingUpTo(error.index);",
      "",
    ],
    [
      "an event that the connection lost is lost",
      "every event is seen once",
      "if (status === 200) found(body);",
      "",
    ],
    [
      "a watch begins again where it began",
      "every event is seen once",
      "    since = event.index + 1;",
      "    since = event.index;",
    ],
  ]),
  ...mutantsOf("src/cli/terminal.ts", "tests/cli/secret_line_test.ts", [
    [
      "a password shows while it is typed",
      "nobody who looks on learns it",
      "  Deno.stdin.setRaw(true);\n",
      "",
    ],
  ]),
  ...mutantsOf("src/cli/raw_watch.ts", "tests/cli/raw_keys_test.ts", [
    [
      "a watch of raw keys begins again where it began",
      "every event is seen once",
      "if (message.created !== true) this.#from = BigInt(revisionOf(message)) + 1n;",
      "",
    ],
  ]),
  ...mutantsOf("src/cli/raw_keys.ts", "tests/cli/raw_keys_test.ts", [
    [
      "a listing of raw keys ends after its first page",
      "no key is invisible",
      "if (answer.more !== true || last === undefined) return;",
      "return;",
    ],
  ]),
  ...mutantsOf("src/config/command_line.ts", STREAMS, [
    [
      "bytes that are no UTF-8 become others",
      "what is set, deleted and opened is what was typed",
      'if (!arg.includes("\\u{FFFD}")) return;',
      "if (arg.length >= 0) return;",
    ],
    [
      "a variable that is no UTF-8 is a stack trace",
      "a wrong command line is one line",
      "if (error instanceof Deno.errors.InvalidData) {",
      "if (error instanceof RangeError) {",
    ],
  ]),
  ...mutantsOf("src/cli/tcp_gateway.ts", "tests/cli/tcp_gateway_test.ts", [
    [
      "a client that has said all gets no answer through the gateway",
      "each half of a connection ends by itself",
      "createServer({ allowHalfOpen: true }, (client)",
      "createServer({ allowHalfOpen: false }, (client)",
    ],
    [
      "a member that is away is the first to be tried again and again",
      "clients do not wait for a member that is away",
      "member.awayUntilMs = nowMs() + retryMs;",
      "",
    ],
    [
      "clients are turned away while members may be back",
      "whoever can be reached is reached",
      "...all.filter(isAway)];",
      "];",
    ],
    [
      "a member keeps the connection of a client that has gone",
      "what is over on one side is over on the other",
      'from.on("close", () => to.destroy());',
      "",
    ],
    [
      "all connections go to the first member",
      "members have their turns",
      "this.#turn++ %",
      "this.#turn %",
    ],
  ]),
  ...mutantsOf("tools/cluster.ts", "tests/shell/cluster_test.ts", [
    [
      "a cluster is healthy by what others answer",
      "the nodes that were started are those that are healthy",
      "await Promise.race([late, Promise.all(nodes.map(({ serving }) => serving))]);",
      "",
    ],
  ]),
];
