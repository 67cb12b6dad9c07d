/** What a command sees of the world it was called from; tests have one of their own. */
import { messageOf } from "../base/errors.ts";
import { SecretLine } from "./secret_line.ts";

/** The three streams. Texts are written as they are, without a line end added. */
export interface Terminal {
  /**
   * Standard output: the result, fit for a pipe; on a screen made visible, see `visible()`.
   * Throws `ClosedPipeError` and `OutputError`.
   */
  readonly write: (text: string) => void;
  /** The same for bytes, which are left as they are. */
  readonly writeBytes: (bytes: Uint8Array) => void;
  /** Standard error: what is wrong, questions, progress. Never throws: there is no other place to tell. */
  readonly say: (text: string) => void;
  /** All of standard input, up to its end. Throws `InputError` when that is more than `bytesMax`. */
  readonly readAll: (bytesMax: number) => Promise<Uint8Array>;
  /** The next line of standard input without its line end; undefined at the end. Throws `InputError`. */
  readonly readLine: () => Promise<string | undefined>;
  /**
   * Like `readLine`, after `question` on standard error, and nothing that is typed shows.
   * Where standard input is no keyboard nobody is asked. Rejects with `InterruptedError`.
   */
  readonly readSecret: (question: string) => Promise<string | undefined>;
  /** Whether standard input is a keyboard. */
  readonly hasKeyboard: boolean;
  /** Whether somebody reads standard output on a screen. */
  readonly isScreen: boolean;
  /** Whether somebody reads standard error on a screen. */
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly environment: (name: string) => string | undefined;
}

/** Standard output was closed by its reader, as `head` does: nobody wants to read more. */
export class ClosedPipeError extends Error {
  override readonly name = "ClosedPipeError";
}

/** Standard output takes nothing: the disk behind it is full, say. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

/** Standard input gives nothing that can be used: it is a directory, or too long. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** Whoever was asked wants none of it. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** Control characters but tabs and line ends, and those that turn the order of others round. */
const INVISIBLE = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * `text` for a screen: what would move the cursor, change colours or reorder
 * the line is spelt out as JSON does it, because anybody may have written it.
 */
export function visible(text: string): string {
  return text.replace(
    INVISIBLE,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A key where each has a line, or a place in one: in quotes when it would not keep to it. */
export function onOneLine(key: string): string {
  return /[\t\n]/.test(key) || visible(key) !== key ? visible(JSON.stringify(key)) : key;
}

/** Tells of several changes: one that can't be told keeps none of the others from being made. */
export class Report {
  readonly #terminal: Terminal;
  #failure: ClosedPipeError | OutputError | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  write(text: string): void {
    if (this.#failure !== undefined) return;
    try {
      this.#terminal.write(text);
    } catch (error) {
      if (!(error instanceof ClosedPipeError || error instanceof OutputError)) throw error;
      this.#failure = error;
    }
  }

  /** Throws what `Terminal.write()` has thrown first, if anything. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The real one. */
export function systemTerminal(): Terminal {
  const lines = readLines(Deno.stdin.readable);
  const isScreen = Deno.stdout.isTerminal();
  const hasKeyboard = Deno.stdin.isTerminal();
  const readLine = async () => (await withInput(() => lines.next())).value ?? undefined;
  return {
    write: (text) => writeOut(new TextEncoder().encode(isScreen ? visible(text) : text)),
    writeBytes: writeOut,
    say,
    readAll: (bytesMax) => readAll(Deno.stdin.readable, bytesMax),
    readLine,
    readSecret: async (question) =>
      hasKeyboard ? await withInput(() => askSecretly(question)) : await readLine(),
    hasKeyboard,
    isScreen,
    isInteractive: Deno.stderr.isTerminal(),
    columns: columns(),
    environment: (name) => Deno.env.get(name),
  };
}

function say(text: string): void {
  try {
    writeAll(Deno.stderr, new TextEncoder().encode(text));
  } catch {
    // The exit status still tells.
  }
}

function writeOut(bytes: Uint8Array): void {
  try {
    writeAll(Deno.stdout, bytes);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new ClosedPipeError();
    throw new OutputError(`Cannot write to standard output: ${reasonOf(error)}`);
  }
}

/** How long a stream that takes nothing for now is left alone. */
const BUSY_MS = 5;

/** Writes every byte before it returns, however short the single writes are. */
function writeAll(stream: typeof Deno.stdout, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    try {
      rest = rest.subarray(stream.writeSync(rest));
    } catch (error) {
      // Whoever shares the pipe has made it non-blocking; what waits here is this process alone.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    }
  }
}

async function readAll(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  bytesMax: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  await withInput(async () => {
    for await (const part of input) {
      parts.push(part);
      size += part.length;
      if (size > bytesMax) {
        throw new InputError(`Expected at most ${bytesMax} bytes on standard input, found more`);
      }
    }
  });
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function withInput<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InputError || error instanceof InterruptedError) throw error;
    throw new InputError(`Cannot read standard input: ${reasonOf(error)}`);
  }
}

/** The terminal shows nothing of what is typed, and is as it was before when this is over. */
async function askSecretly(question: string): Promise<string | undefined> {
  const line = new SecretLine();
  const buffer = new Uint8Array(256);
  // Before the question, or the first keys of the answer could show.
  Deno.stdin.setRaw(true);
  try {
    say(question);
    for (;;) {
      const count = await Deno.stdin.read(buffer);
      if (count === null) return line.end();
      const state = line.type(buffer.subarray(0, count));
      if (state.kind === "done") return state.text;
      if (state.kind === "interrupted") throw new InterruptedError("Interrupted");
    }
  } finally {
    Deno.stdin.setRaw(false);
    say("\n");
  }
}

/** What the system says, without its number. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/ \(os error \d+\).*$/s, "");
}

async function* readLines(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of input.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}
