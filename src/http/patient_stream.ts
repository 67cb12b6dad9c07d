/** Bodies that are made as clients take them, for `Deno.serve`. */

/** A client has taken nothing for too long. */
export class StalledError extends Error {
  override readonly name = "StalledError";
}

/**
 * Encodes slices one at a time. When the next one is not asked for within
 * `stallMs`, the client is cut off, and `slices` is let go of: it may hold much
 * that has changed since. Fails with `StalledError` then.
 */
export function patientStream(
  slices: Iterable<string> | AsyncIterable<string>,
  stallMs: number,
): ReadableStream<Uint8Array> {
  const iterator = Symbol.asyncIterator in slices
    ? slices[Symbol.asyncIterator]()
    : slices[Symbol.iterator]();
  const encoder = new TextEncoder();
  let patience: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(patience);
      const { done, value } = await iterator.next();
      if (done) return controller.close();
      patience = setTimeout(() => {
        controller.error(new StalledError(`The client took nothing for ${stallMs} ms`));
        void iterator.return?.();
      }, stallMs);
      controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      clearTimeout(patience);
      await iterator.return?.();
    },
  }, { highWaterMark: 0 });
}
