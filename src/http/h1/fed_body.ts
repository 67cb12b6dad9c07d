/**
 * Bodies that come by themselves: each is sent when something has come, many of them in
 * one turn of the event loop, and no promise is made.
 */
import { Buffer } from "node:buffer";
import { inLaterTurn } from "../../base/turns.ts";
import type { TextFeed } from "../exchange.ts";
import { chunkOf, LAST_CHUNK } from "./chunk.ts";
import type { SliceSink } from "./slices.ts";

/** Bodies that are sent in one turn, at some 10 µs each: one event may answer ten thousand watches. */
const BODIES_A_TURN = 500;

/** The bodies of a port that have something to send. */
export class FedBodies {
  #due: FedBody[] = [];

  /** Sends what `body` has in one of the next turns. */
  add(body: FedBody): void {
    this.#due.push(body);
    if (this.#due.length === 1) inLaterTurn(this.#sendSome);
  }

  readonly #sendSome = (): void => {
    const due = this.#due;
    this.#due = due.splice(BODIES_A_TURN);
    if (this.#due.length > 0) inLaterTurn(this.#sendSome);
    for (const body of due) body.send();
  };
}

/** One body under way. */
export class FedBody {
  readonly #feed: TextFeed;
  readonly #isChunked: boolean;
  readonly #sink: SliceSink;
  readonly #bodies: FedBodies;
  readonly #onSent: () => void;
  #isDue = false;
  #isBlocked = false;
  #isOver = false;

  /** Sends `feed` to `sink`, in chunks or as it is. `onSent` is called when all is written. */
  constructor(
    feed: TextFeed,
    isChunked: boolean,
    sink: SliceSink,
    bodies: FedBodies,
    onSent: () => void,
  ) {
    this.#feed = feed;
    this.#isChunked = isChunked;
    this.#sink = sink;
    this.#bodies = bodies;
    this.#onSent = onSent;
    feed.follow(this.#onNews);
    // What came before somebody followed it.
    this.#onNews();
  }

  readonly #onNews = (): void => {
    if (this.#isDue || this.#isBlocked || this.#isOver) return;
    this.#isDue = true;
    this.#bodies.add(this);
  };

  /** Writes what has come. */
  send(): void {
    this.#isDue = false;
    if (this.#isOver) return;
    const texts = this.#feed.take();
    const isLast = this.#feed.isOver;
    const bytes = this.#isChunked ? chunksOf(texts, isLast) : Buffer.from(texts.join(""));
    const isTaken = bytes.length === 0 || this.#sink.write(bytes);
    if (isLast) {
      this.#isOver = true;
      this.#onSent();
    } else if (!isTaken) {
      this.#isBlocked = true;
      void this.#sink.drained().then(() => {
        this.#isBlocked = false;
        this.#onNews();
      });
    }
  }

  /** Nobody takes any longer. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#feed.cancel();
  }
}

const NOTHING = Buffer.alloc(0);

/** The one small text that was framed last: ten thousand watches may be told the same. */
let latest: { readonly text: string; readonly isLast: boolean; readonly bytes: Buffer } = {
  text: "",
  isLast: false,
  bytes: NOTHING,
};

/** A chunk for each of `texts` (RFC 9112 §7.1), and with `isLast` the last one. */
function chunksOf(texts: readonly string[], isLast: boolean): Buffer {
  const [text] = texts;
  if (text === undefined || texts.length > 1) return framed(texts, isLast);
  if (latest.text !== text || latest.isLast !== isLast) {
    latest = { text, isLast, bytes: framed(texts, isLast) };
  }
  return latest.bytes;
}

function framed(texts: readonly string[], isLast: boolean): Buffer {
  const chunks = texts.map((text) => chunkOf(text));
  if (isLast) chunks.push(LAST_CHUNK);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
