/** What the target lacks, has otherwise or has too much, page by page of the source. */
import type { ByteString } from "../../store/byte_string.ts";
import { FIRST_KEY, type Item } from "./items.ts";
import type { RangeReader } from "./range.ts";
import type { Write } from "./target.ts";

/** Of one page of the source. */
export interface Difference {
  /** Keys of the source that were looked at. */
  readonly keys: number;
  /** What makes the target equal, no two of one key. */
  readonly writes: readonly Write[];
}

export interface DifferenceOptions {
  readonly source: RangeReader;
  readonly target: RangeReader;
  /** Of the source; 0: each page as of the moment when it is asked for. */
  readonly revision: number;
  /** The target has nothing yet, so it is not asked. */
  readonly isTargetEmpty: boolean;
}

/** Each is made when it is asked for. */
export async function* differences(
  { source, target, revision, isTargetEmpty }: DifferenceOptions,
): AsyncGenerator<Difference, void> {
  let from: ByteString | undefined = FIRST_KEY;
  while (from !== undefined) {
    const { items, next }: Awaited<ReturnType<RangeReader["page"]>> = await source.page(
      from,
      FIRST_KEY,
      revision,
    );
    const writes = isTargetEmpty
      ? items.map((item): Write => ({ kind: "put", item }))
      : await writesFor(items, target, from, next);
    yield { keys: items.length, writes };
    from = next;
  }
}

async function writesFor(
  items: readonly Item[],
  target: RangeReader,
  from: ByteString,
  end: ByteString | undefined,
): Promise<Write[]> {
  const wanted = new Map(items.map((item) => [item.key, item]));
  const writes: Write[] = [];
  let at: ByteString | undefined = from;
  while (at !== undefined) {
    const page: Awaited<ReturnType<RangeReader["page"]>> = await target.page(at, end ?? FIRST_KEY);
    for (const found of page.items) {
      const item = wanted.get(found.key);
      if (item === undefined) writes.push({ kind: "delete", key: found.key });
      else if (!isSame(item, found)) writes.push({ kind: "put", item });
      wanted.delete(found.key);
    }
    at = page.next;
  }
  for (const item of wanted.values()) writes.push({ kind: "put", item });
  return writes;
}

function isSame(a: Item, b: Item): boolean {
  return a.value === b.value && a.lease === b.lease;
}
