/** The body of an answer, in portions, and the end of it when somebody has waited long enough. */
import { CommandError } from "./command.ts";

/**
 * Portions as they come; a body that nobody reads to its end closes its connection. Throws
 * the reason of `signal`: the runtime forgets the one that `fetch()` was given once its
 * garbage collector has run, and a silent server would then be waited for without end.
 */
export async function* portionsOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  if (body === null) return;
  const reader = body.getReader();
  const end = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", end);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

/** An answer is longer than whoever asked can take. */
export class LongAnswerError extends CommandError {}

/** All of it, as UTF-8. Rejects with `LongAnswerError`. */
export async function textOf(
  portions: AsyncIterable<Uint8Array>,
  bytesMax = Infinity,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const portion of portions) {
    bytes += portion.length;
    if (bytes > bytesMax) {
      throw new LongAnswerError(`Expected an answer of at most ${bytesMax} bytes, found more`);
    }
    text += decoder.decode(portion, { stream: true });
  }
  return text + decoder.decode();
}
