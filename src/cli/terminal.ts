/** What a command sees of the world it was called from; tests have one of their own. */

/** The three streams. Texts are written as they are, without a line end added. */
export interface Terminal {
  /** Standard output: the result, fit for a pipe. */
  readonly write: (text: string) => void;
  /** Standard error: what is wrong, questions, progress. */
  readonly say: (text: string) => void;
  /** All of standard input, up to its end. */
  readonly readAll: () => Promise<Uint8Array>;
  /** The next line of standard input without its line end; undefined at the end. */
  readonly readLine: () => Promise<string | undefined>;
  /** Whether somebody reads standard error on a screen. */
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly environment: (name: string) => string | undefined;
}

/** Standard output was closed by its reader, as `head` does: nobody wants to read more. */
export class ClosedPipeError extends Error {
  override readonly name = "ClosedPipeError";
}

/** The real one. */
export function systemTerminal(): Terminal {
  const lines = readLines(Deno.stdin.readable);
  return {
    write: (text) => writeAll(Deno.stdout, text),
    say: (text) => writeAll(Deno.stderr, text),
    readAll: async () => await new Response(Deno.stdin.readable).bytes(),
    readLine: async () => (await lines.next()).value ?? undefined,
    isInteractive: Deno.stderr.isTerminal(),
    columns: columns(),
    environment: (name) => Deno.env.get(name),
  };
}

/** Writes every byte before it returns, however short the single writes are. */
function writeAll(stream: typeof Deno.stdout, text: string): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new ClosedPipeError();
    throw error;
  }
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
