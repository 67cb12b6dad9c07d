/** What a node prints: for people, for machines, and nothing that a client could forge. */
import { assert, assertEquals } from "@std/assert";
import {
  consoleLogger,
  type ConsoleLoggerOptions,
  formatText,
  formatZap,
  parseJson,
} from "../../src/base/console_logger.ts";
import { PATIENCE_MS } from "../cluster/wait.ts";
import type { Fields } from "../../src/base/logger.ts";

const TIME = "2026-01-02T03:04:05.678Z";

function capture(options: Partial<ConsoleLoggerOptions> = {}) {
  let text = "";
  const logger = consoleLogger({
    node: "node1",
    level: "info",
    format: "text",
    color: false,
    clock: { wallMs: () => Date.parse(TIME), monotonicMs: () => 0 },
    write: (bytes) => {
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
    ...options,
  });
  /** All that has left, with their line ends. */
  const said = async () => {
    await logger.flush(PATIENCE_MS);
    return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  };
  return { logger, said };
}

Deno.test("consoleLogger() prints time, level, node, message and fields", async () => {
  const { logger, said } = capture();
  logger.info("Serving clients", { url: "http://127.0.0.1:4001", members: 3, tls: false });
  logger.warn("Slow disk");
  assertEquals(await said(), [
    `${TIME} INFO  node1 Serving clients url=http://127.0.0.1:4001 members=3 tls=false\n`,
    `${TIME} WARN  node1 Slow disk\n`,
  ]);
});

Deno.test("consoleLogger() shows what its level asks for", async () => {
  const shown = async (level: ConsoleLoggerOptions["level"]) => {
    const { logger, said } = capture({ level });
    for (const one of ["error", "warn", "info", "debug", "trace"] as const) logger[one]("x");
    return (await said()).length;
  };
  assertEquals(await shown("error"), 1);
  assertEquals(await shown("info"), 3);
  assertEquals(await shown("debug"), 4);
  assertEquals(await shown("trace"), 5);
});

Deno.test("the last word follows the lines that wait, though a write is under way", () => {
  let text = "";
  const { logger } = capture({
    write: () => new Promise(() => {}),
    writeSync: (bytes) => {
      text += new TextDecoder().decode(bytes.subarray(0, 7));
      return Math.min(bytes.length, 7);
    },
  });
  for (const line of ["on its way", "waits", "waits, too"]) logger.warn(line);
  logger.lastWord("TypeError: out of luck");
  assertEquals(
    text,
    `${TIME} WARN  node1 waits\n${TIME} WARN  node1 waits, too\n` +
      `${TIME} ERROR node1 TypeError: out of luck\n`,
  );
});

Deno.test("the last word is not waited for where nobody takes lines", () => {
  let now = 0;
  let text = "";
  const { logger } = capture({
    clock: { wallMs: () => 0, monotonicMs: () => now },
    write: () => new Promise(() => {}),
    writeSync: (bytes) => {
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  logger.warn("on its way");
  now = 60_000;
  logger.lastWord("TypeError: out of luck");
  assertEquals(text, "");
});

Deno.test("consoleLogger() keeps a record on its line whatever a client sent", async () => {
  const { logger, said } = capture();
  logger.info("Bad key\nERROR forged\x1b[2J", { key: "a b\n=c", empty: "" });
  assertEquals(await said(), [
    `${TIME} INFO  node1 Bad key\\u000aERROR forged\\u001b[2J key="a b\\n=c" empty=""\n`,
  ]);
});

Deno.test("consoleLogger() prints one JSON object a record when asked to", async () => {
  const { logger, said } = capture({ format: "json" });
  logger.error("Disk failed\n", { file: "000001.wal", offset: 512 });
  const [line = "", ...others] = await said();
  assertEquals(others, []);
  assertEquals(line.indexOf("\n"), line.length - 1);
  assertEquals(JSON.parse(line), {
    time: TIME,
    level: "error",
    node: "node1",
    message: "Disk failed\n",
    file: "000001.wal",
    offset: 512,
  });
});

/** Whether the compiler takes it. */
type IsFields<T> = T extends Fields ? true : false;

Deno.test("Fields of a record can't have the name of one of its parts", () => {
  const judged: readonly [
    kind: IsFields<{ kind: string }>,
    time: IsFields<{ time: string }>,
    level: IsFields<{ level: string }>,
    node: IsFields<{ node: string }>,
    message: IsFields<{ message: string }>,
  ] = [true, false, false, false, false];
  assertEquals(judged.length, 5);
});

Deno.test("parseJson() gives back the record that was printed, and nothing else's", async () => {
  const { logger, said } = capture({ format: "json" });
  logger.info("Elected", { term: 3 });
  assertEquals(parseJson((await said())[0] ?? ""), {
    time: TIME,
    level: "info",
    node: "node1",
    message: "Elected",
    fields: { term: 3 },
  });
  for (const line of ["", "{", "null", "3", "{}", '{"time":1,"level":"info"}', "thread panicked"]) {
    assertEquals(parseJson(line), undefined, line);
  }
});

Deno.test("formatText() paints for a terminal and leaves the words as they are", () => {
  const record = {
    time: TIME,
    level: "info",
    node: "node1",
    message: "Up",
    fields: { a: 1 },
  } as const;
  const painted = formatText(record, true);
  assert(painted.includes("\x1b["));
  // Everything but the colours, and a shorter time for a reader who knows the date.
  const plain = painted.split("\x1b").map((part) => part.replace(/^\[\d*m/, "")).join("");
  assertEquals(plain, "03:04:05.678 INFO  node1 Up a=1\n");
  assert(
    formatText({ ...record, node: "node2" }, true).split("node2")[0] !==
      painted.split("node1")[0],
    "nodes differ in colour",
  );
});

Deno.test("consoleLogger() says in its own format how many lines nobody took", async () => {
  const reader = Promise.withResolvers<number>();
  const texts: string[] = [];
  const { logger } = capture({
    format: "json",
    write: (bytes) => {
      texts.push(new TextDecoder().decode(bytes));
      return texts.length === 1 ? reader.promise : Promise.resolve(bytes.length);
    },
  });
  for (let i = 0; i < 10_000; i++) logger.info(`line ${i}`);
  reader.resolve(texts[0]!.length);
  await logger.flush(PATIENCE_MS);
  const records = texts.join("").trimEnd().split("\n").map(parseJson);
  const { level, fields } = records.at(-1)!;
  assertEquals(level, "warn");
  assertEquals(Number(fields.lines) + records.length - 1, 10_000);
});

Deno.test("formatZap() has the keys of etcd's own log, and no level that it has not", () => {
  const line = formatZap({
    time: "2026-11-29T12:00:00.000Z",
    level: "trace",
    node: "m1",
    message: "ready",
    fields: { address: "a" },
  });
  assertEquals(
    line,
    '{"level":"debug","ts":"2026-11-29T12:00:00.000Z","msg":"ready","node":"m1","address":"a"}\n',
  );
});
