/** Bodies that come by themselves, for listeners that ask for slices. */
import type { ByteStream, Reply, TextFeed } from "./exchange.ts";

/** The slices of a body that is not whole. */
export function slicesOf(
  body: Exclude<Reply["body"], string | Uint8Array>,
): Iterable<string> | AsyncIterable<string | Uint8Array> {
  return isByteStream(body) ? body.portions : textSlicesOf(body);
}

/** The same of a body of text. */
export function textSlicesOf(
  body: Exclude<Reply["body"], string | Uint8Array | ByteStream>,
): Iterable<string> | AsyncIterable<string> {
  return isFeed(body) ? textsOf(body) : body;
}

/** Whether it comes in portions of bytes. */
export function isByteStream(body: object): body is ByteStream {
  return "portions" in body;
}

/** Whether it comes by itself. */
export function isFeed(body: object): body is TextFeed {
  return "follow" in body;
}

/** The texts of `feed` as they come. The first one is empty, so that the head leaves at once. */
async function* textsOf(feed: TextFeed): AsyncGenerator<string, void> {
  let wake = () => {};
  feed.follow(() => wake());
  try {
    yield "";
    for (;;) {
      const texts = feed.take();
      yield* texts;
      if (texts.length > 0) continue;
      if (feed.isOver) return;
      await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    feed.cancel();
  }
}
