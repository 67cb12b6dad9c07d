/**
 * Proves an image without the memory that its state would take: all that the digest and
 * the order of the records need is read, and nothing is kept but the leases, the users
 * and the last key. What passes here is what a store takes in.
 */
import { compareKeys, flagsAt, keyEnd, TOMBSTONE } from "../keyspace/record.ts";
import { RecordHash } from "../keyspace/record_hash.ts";
import { checkEntry, NOWHERE } from "../keyspace/versions.ts";
import { Leases } from "../lease/leases.ts";
import { ImageError, type ImageTarget } from "./format.ts";
import { ImageReader } from "./reader.ts";

/**
 * Why no store would take in an image, which comes cut in any way; undefined when one
 * would. Rejects with what `chunks` rejects with.
 */
export async function faultOfImage(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string | undefined> {
  const reader = new ImageReader(new ProvenKeys());
  try {
    for await (const chunk of chunks) reader.add(chunk);
    reader.finish();
    return undefined;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return error.message;
  }
}

/** Stands where a key space would be built. */
class ProvenKeys implements ImageTarget {
  readonly hash = new RecordHash();
  readonly leases = new Leases();
  readonly versions = {
    take: (image: Uint8Array, at: number) => ({ place: NOWHERE, next: at + checkEntry(image, at) }),
    append: () => NOWHERE,
  };
  readonly #records = new Ascent();
  readonly #directories = new Ascent();

  startVersionsAt(): void {}

  appendRecords(bytes: Uint8Array, starts: readonly number[]): number | undefined {
    const late = this.#records.pass(bytes, starts);
    if (late !== undefined) return late;
    for (const at of starts) {
      if ((flagsAt(bytes, at) & TOMBSTONE) === 0) this.hash.add(bytes, at);
    }
    return undefined;
  }

  appendDirectories(bytes: Uint8Array, starts: readonly number[]): number | undefined {
    const late = this.#directories.pass(bytes, starts);
    if (late !== undefined) return late;
    for (const at of starts) this.hash.add(bytes, at);
    return undefined;
  }

  pointRecordTo(): void {}

  endRestoring(): void {}
}

/** Records that come in the order of their keys, each key once. */
class Ascent {
  /** A copy of the last record up to the end of its key. */
  #last: Uint8Array | undefined;

  /** Where the first record is whose key does not sort after all before it; see `Keyspace.appendRecords`. */
  pass(bytes: Uint8Array, starts: readonly number[]): number | undefined {
    let last = this.#last;
    let lastAt = 0;
    for (const at of starts) {
      if (last !== undefined && compareKeys(last, lastAt, bytes, at) >= 0) return at;
      last = bytes;
      lastAt = at;
    }
    if (starts.length > 0) this.#last = bytes.slice(lastAt, keyEnd(bytes, lastAt));
    return undefined;
  }
}
