/**
 * Reads all keys of a cluster in pages, whose size follows that of the values: the memory
 * of both sides is bounded.
 */
import type { ByteString } from "../../store/byte_string.ts";
import { LongAnswerError } from "../body.ts";
import type { Fields, GatewayPort } from "../gateway.ts";
import {
  after,
  bytesOf,
  encoded,
  fieldsOf,
  FIRST_KEY,
  type Item,
  itemOf,
  listOf,
  numberOf,
} from "./items.ts";

export interface Page {
  readonly items: readonly Item[];
  /** Where the next page begins; undefined behind the last one. */
  readonly next: ByteString | undefined;
}

/** So that the transactions of a page share a few syncs at the target. */
const PAGE_KEYS_MAX = 5_000;
/** What a page should have. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** See `RangeReader`: a value of the largest request that etcd takes fits many times. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** So much smaller is the next try then. */
const SMALLER = 8;

export class RangeReader {
  readonly #gateway: GatewayPort;
  readonly #answerBytesMax: number;
  /** Of the next page. */
  #limit = 100;

  /** A longer answer, in JSON, is not read to its end: then it asks for fewer keys. */
  constructor(gateway: GatewayPort, answerBytesMax = ANSWER_BYTES_MAX) {
    this.#gateway = gateway;
    this.#answerBytesMax = answerBytesMax;
  }

  /** The keys from `from` up to `end`; at `revision`, or as of now when it is 0. */
  async page(from: ByteString, end: ByteString = FIRST_KEY, revision = 0): Promise<Page> {
    for (;;) {
      const limit = this.#limit;
      try {
        const answer = await this.#gateway.ask("kv/range", {
          key: encoded(from),
          range_end: encoded(end),
          limit: String(limit),
          ...(revision > 0 && { revision: String(revision) }),
        }, this.#answerBytesMax);
        const items = listOf(answer, "kvs").map(itemOf);
        const last = items.at(-1);
        const next = answer.more === true && last !== undefined ? after(last.key) : undefined;
        this.#fit(items);
        return { items, next };
      } catch (error) {
        if (!(error instanceof LongAnswerError) || limit === 1) throw error;
        this.#limit = Math.max(1, Math.floor(limit / SMALLER));
      }
    }
  }

  /** How many keys there are, and the revision of now. */
  async state(): Promise<{ readonly keys: number; readonly revision: number }> {
    const answer: Fields = await this.#gateway.ask("kv/range", {
      key: encoded(FIRST_KEY),
      range_end: encoded(FIRST_KEY),
      count_only: true,
    });
    return {
      keys: numberOf(answer, "count"),
      revision: numberOf(fieldsOf(answer, "header"), "revision"),
    };
  }

  #fit(items: readonly Item[]): void {
    if (items.length === 0) return;
    const bytes = items.reduce((sum, item) => sum + bytesOf(item), 0);
    const fitting = Math.floor(PAGE_BYTES / (bytes / items.length));
    this.#limit = Math.max(1, Math.min(fitting, PAGE_KEYS_MAX, 2 * this.#limit));
  }
}
