/**
 * Writes a whole bbolt file as a stream. The meta pages come first and name the
 * root and the count of pages, which are known at the end only: so the entries
 * are read twice, once to lay the pages out and once to write them. Memory holds
 * one batch of entries, one value and a few pages, whatever the size of the file.
 */
import { compareBytes, viewOf, writeU64 } from "./bytes.ts";
import { SourceChangedError } from "./errors.ts";
import {
  BUCKET_ELEMENT,
  BUCKET_HEADER_BYTES,
  encodePageHeader,
  type Meta,
  PAGE_BYTES,
  PAGE_FLAGS,
  PAGE_HEADER_BYTES,
} from "./layout.ts";
import { CountingSink, FREELIST_PAGE, PORTION_BYTES, WritingSink } from "./page_sinks.ts";
import { TreeBuilder } from "./tree_builder.ts";

export interface BoltEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Entries in ascending order of their keys, none twice. Their bytes must stay as they are. */
export type BoltEntries = Iterable<BoltEntry> | AsyncIterable<BoltEntry>;

export interface BucketSource {
  readonly name: Uint8Array;
  /** Called twice, and gives the same entries both times. */
  entries(): BoltEntries;
}

export interface BoltPlan {
  /** Bytes of the file. */
  readonly size: number;
  /**
   * The file from front to back in portions of `PORTION_BYTES` at most. Each has
   * memory of its own. Throws `SourceChangedError` before the end when the entries
   * were other ones than for the plan.
   */
  portions(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** Resolves in a later turn of the event loop. */
export type Pause = () => Promise<void>;

/** What is taken from a source between two turns of the event loop. */
const BATCH_ENTRIES = 256;
const BATCH_BYTES = PORTION_BYTES;

/**
 * Lays the file out: reads all entries once. `pause` is awaited between batches.
 * Throws `InvariantError` when names or keys do not ascend.
 */
export async function planBolt(
  buckets: readonly BucketSource[],
  pause: Pause,
): Promise<BoltPlan> {
  const sorted = buckets.toSorted((a, b) => compareBytes(a.name, b.name));
  const sink = new CountingSink();
  const pages = build(sorted, sink, pause);
  let step = await pages.next();
  while (step.done !== true) step = await pages.next();
  const meta: Meta = {
    pageBytes: PAGE_BYTES,
    root: step.value,
    freelist: FREELIST_PAGE,
    pageCount: sink.pageCount,
    transaction: 1n,
  };
  return {
    size: meta.pageCount * PAGE_BYTES,
    portions: () => writeAll(sorted, meta, pause),
  };
}

async function* writeAll(
  buckets: readonly BucketSource[],
  meta: Meta,
  pause: Pause,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const sink = new WritingSink();
  sink.meta(meta);
  const root = yield* build(buckets, sink, pause);
  if (root !== meta.root || sink.pageCount !== meta.pageCount) {
    throw new SourceChangedError(meta.pageCount, sink.pageCount);
  }
  yield* sink.take("all");
}

/** Passes all entries through `sink`; yields what it has ready, and returns the page of the root. */
async function* build(
  buckets: readonly BucketSource[],
  sink: CountingSink | WritingSink,
  pause: Pause,
): AsyncGenerator<Uint8Array<ArrayBuffer>, number> {
  const roots = new TreeBuilder(sink);
  for (const { name, entries } of buckets) {
    const tree = new TreeBuilder(sink);
    let isEmpty = true;
    for await (const batch of batched(entries(), pause)) {
      isEmpty = false;
      for (const { key, value } of batch) tree.add({ key, value, flags: 0 });
      yield* sink.take("whole");
    }
    const value = isEmpty ? inlineBucket() : bucketValue(tree.finish());
    roots.add({ key: name, value, flags: BUCKET_ELEMENT });
  }
  return roots.finish();
}

/** Never an empty batch. A source that never waits is made to. */
async function* batched(entries: BoltEntries, pause: Pause): AsyncGenerator<BoltEntry[]> {
  let batch: BoltEntry[] = [];
  let bytes = 0;
  const iterator = Symbol.asyncIterator in entries
    ? entries[Symbol.asyncIterator]()
    : entries[Symbol.iterator]();
  try {
    for (;;) {
      // No await for what is there already: it would cost more than the rest.
      const next = iterator.next();
      const { done, value: entry } = next instanceof Promise ? await next : next;
      if (done === true) break;
      batch.push(entry);
      bytes += entry.key.length + entry.value.length;
      if (batch.length < BATCH_ENTRIES && bytes < BATCH_BYTES) continue;
      yield batch;
      batch = [];
      bytes = 0;
      await pause();
    }
    if (batch.length > 0) yield batch;
  } finally {
    // Whoever stops early lets the source release what it holds.
    await iterator.return?.();
  }
}

function bucketValue(root: number): Uint8Array {
  const value = new Uint8Array(BUCKET_HEADER_BYTES);
  writeU64(viewOf(value), 0, root);
  return value;
}

/** An empty bucket, with its page in the value. */
function inlineBucket(): Uint8Array {
  const value = new Uint8Array(BUCKET_HEADER_BYTES + PAGE_HEADER_BYTES);
  const page = viewOf(value.subarray(BUCKET_HEADER_BYTES));
  encodePageHeader(page, { id: 0, flags: PAGE_FLAGS.leaf, count: 0, overflow: 0 });
  return value;
}
