/** What the tests of bbolt files share. */
import type { BoltFile } from "../../src/bolt/page_file.ts";
import { type BoltEntry, type BucketSource, planBolt } from "../../src/bolt/writer.ts";
import { ROOT } from "../tidy/source.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function entry(key: string, value: string): BoltEntry {
  return { key: bytesOf(key), value: bytesOf(value) };
}

export function bucket(name: string, entries: readonly BoltEntry[]): BucketSource {
  return { name: bytesOf(name), entries: () => entries };
}

/** The event loop need not run between portions of a test. */
export function pause(): Promise<void> {
  return Promise.resolve();
}

export function memoryFile(bytes: Uint8Array): BoltFile {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

export async function joined(
  portions: AsyncIterable<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const blob = new Blob(await Array.fromAsync(portions));
  return new Uint8Array(await blob.arrayBuffer());
}

/** The whole file. */
export async function written(
  ...buckets: readonly BucketSource[]
): Promise<Uint8Array<ArrayBuffer>> {
  return await joined((await planBolt(buckets, pause)).portions());
}

/** A file of `fixtures/etcd/`. */
export async function fixture(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(`${ROOT}fixtures/etcd/${name}`);
}
