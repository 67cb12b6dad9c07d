/**
 * The logger of a real process: one line a record on standard error, as text for
 * people or as JSON for machines. Never throws and never waits: a node goes on
 * when nobody reads what it prints, and says later how much of it was left out.
 */
import { type Clock, systemClock } from "./clock.ts";
import { LineWriter } from "./line_writer.ts";
import type { Fields, Logger, LogLevel, LogRecord } from "./logger.ts";

/** From the loudest to the quietest. */
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

export interface ConsoleLoggerOptions {
  readonly node: string;
  /** The quietest level that is still shown. */
  readonly level: LogLevel;
  /** `zap`: JSON with the keys of Go's logger of that name, as etcd writes it. */
  readonly format: "text" | "json" | "zap";
  /** Default: standard error is a terminal and `NO_COLOR` is not set. */
  readonly color?: boolean;
  readonly clock?: Clock;
  /** Takes some of the bytes at least and resolves with how many; default standard error. */
  readonly write?: (bytes: Uint8Array) => Promise<number>;
  /** The same for the last word, before anything else runs; default standard error. */
  readonly writeSync?: (bytes: Uint8Array) => number;
}

/** A logger whose lines leave by themselves. */
export interface ConsoleLogger extends Logger {
  /** Resolves when all lines have left, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
  /** Says the last thing of a process that must not go on, at once, if anybody takes its lines. */
  lastWord(message: string): void;
}

/** Of the lines that wait for a reader: a burst of some thousand. */
const QUEUE_BYTES_MAX = 512 * 1024;

/** How long a target that has no room and does not block is left alone. */
const RETRY_MS = 100;

/** A logger that prints to the console; see `ConsoleLoggerOptions` for its defaults. */
export function consoleLogger(options: ConsoleLoggerOptions): ConsoleLogger {
  const { node, level, format, clock = systemClock } = options;
  const color = options.color ?? wantsColor();
  const shown = LEVELS.indexOf(level);
  const line = (level: LogLevel, message: string, fields: Fields) => {
    const time = new Date(clock.wallMs()).toISOString();
    const record = { time, level, node, message, fields };
    switch (format) {
      case "json":
        return formatJson(record);
      case "zap":
        return formatZap(record);
      case "text":
        return formatText(record, color);
    }
  };
  const writer = new LineWriter({
    write: options.write ?? ((bytes) => Deno.stderr.write(bytes)),
    queueBytesMax: QUEUE_BYTES_MAX,
    retryMs: RETRY_MS,
    clock,
    summary: (lines) =>
      line("warn", "Lines of this log were left out: nobody took them", { lines }),
  });
  const at = (level: LogLevel): Logger["info"] =>
    LEVELS.indexOf(level) > shown
      ? () => {}
      : (message, fields = {}) => writer.write(line(level, message, fields));
  return {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    trace: at("trace"),
    flush: (timeoutMs) => writer.flush(timeoutMs),
    lastWord: (message) => {
      if (writer.isStuck) return;
      const writeSync = options.writeSync ?? ((bytes) => Deno.stderr.writeSync(bytes));
      writeNow(writer.takeWaiting(), writeSync);
      writeNow(new TextEncoder().encode(line("error", message, {})), writeSync);
    },
  };
}

/** Whether standard error is a terminal whose user did not refuse colours (no-color.org). */
function wantsColor(): boolean {
  return Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR");
}

/** One JSON object with a line end: time, level, node, message, then the fields. */
function formatJson({ fields, ...record }: LogRecord): string {
  return `${JSON.stringify({ ...record, ...fields })}\n`;
}

/** As etcd's own logger: `level`, `ts` and `msg` first, then the node and the fields. */
export function formatZap({ time, level, node, message, fields }: LogRecord): string {
  const zapLevel = level === "trace" ? "debug" : level;
  return `${JSON.stringify({ level: zapLevel, ts: time, msg: message, node, ...fields })}\n`;
}

/** The reverse of `formatJson`; undefined for a line that it did not write. */
export function parseJson(line: string): LogRecord | undefined {
  try {
    const { time, level, node, message, ...fields } = JSON.parse(line);
    const isRecord = [time, node, message].every((value) => typeof value === "string") &&
      LEVELS.includes(level);
    return isRecord ? { time, level, node, message, fields } : undefined;
  } catch {
    return undefined;
  }
}

const SGR = { reset: "\x1b[0m", bold: "\x1b[1m", dim: "\x1b[2m" };

const LEVEL_COLORS: Readonly<Record<LogLevel, string>> = {
  error: "\x1b[31m",
  warn: "\x1b[33m",
  info: "\x1b[32m",
  debug: "\x1b[36m",
  trace: "\x1b[2m",
};

/** Told apart on dark and on light grounds. */
const NODE_COLORS = ["\x1b[34m", "\x1b[35m", "\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[31m"];

/** `time LEVEL node message key=value …` with a line end. */
export function formatText(record: LogRecord, color: boolean): string {
  const paint = (style: string, text: string) => color ? `${style}${text}${SGR.reset}` : text;
  const parts = [
    // On a terminal the reader knows the date.
    paint(SGR.dim, color ? record.time.slice(11, 23) : record.time),
    paint(LEVEL_COLORS[record.level], record.level.toUpperCase().padEnd(5)),
    paint(nodeColor(record.node), record.node),
    oneLine(record.message),
    ...Object.entries(record.fields).map(([key, value]) =>
      `${paint(SGR.dim, `${key}=`)}${formatValue(value)}`
    ),
  ];
  return `${parts.join(" ")}\n`;
}

/** The same colour for the same name, in every process. */
function nodeColor(node: string): string {
  // Names that differ in their last digit, the usual case, get different colours.
  let sum = 0;
  for (const character of node) sum += character.codePointAt(0) ?? 0;
  return NODE_COLORS[sum % NODE_COLORS.length] ?? SGR.bold;
}

function formatValue(value: Fields[string]): string {
  const text = String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** Keeps what a client sent from starting a line, or a colour, of its own. */
function oneLine(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

function writeNow(bytes: Uint8Array, writeSync: (bytes: Uint8Array) => number): void {
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(rest));
  } catch {
    // The reader has gone or the disk behind it is full: there is nobody to tell.
  }
}
