/**
 * Reads the log of a data directory that `etcdctl snapshot restore` has made and in which
 * no etcd has run: who the member is, and who its cluster is. etcd writes to the log as
 * soon as it runs, an election at the least, so everything else in it is refused. What is
 * in the records: `walpb.Record`, `raftpb`, and `etcdserverpb.Metadata` of etcd.
 */
import { crc32c } from "../base/crc32c.ts";
import { readU64, viewOf } from "./bytes.ts";
import type { EtcdMember } from "./etcd_content.ts";
import { decodeMember } from "./etcd_records.ts";
import type { BoltFile } from "./page_file.ts";
import { WireReader } from "./wire.ts";

/** What a restored directory says of its cluster. */
export interface RestoredLog {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** The member itself among them. */
  readonly members: readonly EtcdMember[];
}

/** The log is not that of a directory that was restored and never used. */
export class EtcdLogError extends Error {
  override readonly name = "EtcdLogError";

  constructor(offset: number, expected: string, found: string) {
    super(`expected ${expected} at offset ${offset} of the log, found ${found}`);
  }
}

/** Far more than the records of any restored log have together. */
const RECORDS_BYTES_MAX = 1024 * 1024;
const PORTION_BYTES = 1024 * 1024;

const LENGTH_BYTES = 8;
/** The highest byte of a length: whether padding follows, and how much. */
const PADDED = 0x80;
const PADDING = 0x07;

/** The types of records. */
const [METADATA, ENTRY, STATE, CHECKSUM, SNAPSHOT] = [1n, 2n, 3n, 4n, 5n];
/** Of an entry that changes who is in the cluster; adding a member is change 0. */
const CONFIGURATION_CHANGE = 1n;
/** All that a restore writes is of it. */
const TERM = 1n;

/** Throws `EtcdLogError`. */
export async function readRestoredLog(file: BoltFile): Promise<RestoredLog> {
  const log = new RecordReader(await file.read(0, Math.min(file.size, RECORDS_BYTES_MAX)));
  log.next("the first checksum", CHECKSUM);
  const metadata = log.next("who the member is", METADATA);
  log.next("the snapshot before all", SNAPSHOT).expect({ 1: 0n, 2: 0n });
  const members: EtcdMember[] = [];
  let record = log.next("a member", ENTRY);
  for (; record.type === ENTRY; record = log.next("a member or the state", ENTRY, STATE)) {
    members.push(memberOf(record, BigInt(members.length + 1)));
  }
  const index = BigInt(members.length);
  record.expect({ 1: TERM, 3: index });
  log.next("the snapshot", SNAPSHOT).expect({ 1: index, 2: TERM });
  await expectZeros(file, log.end);
  const memberId = metadata.integer(1);
  if (!members.some(({ id }) => id === memberId)) metadata.refuse("one of the members", "another");
  return { memberId, clusterId: metadata.integer(2), members };
}

function memberOf(entry: Message, index: bigint): EtcdMember {
  entry.expect({ 1: CONFIGURATION_CHANGE, 2: TERM, 3: index });
  const change = entry.message(4);
  change.expect({ 2: 0n });
  const id = new TextEncoder().encode(change.integer(3).toString(16));
  return decodeMember(`the log's entry ${index}`, id, change.bytes(4));
}

/** What etcd allots beforehand is empty; anything else was written by one that ran. */
async function expectZeros(file: BoltFile, begin: number): Promise<void> {
  for (let at = begin; at < file.size; at += PORTION_BYTES) {
    const portion = await file.read(at, Math.min(PORTION_BYTES, file.size - at));
    const first = portion.findIndex((byte) => byte !== 0);
    if (first >= 0) throw new EtcdLogError(at + first, "no more records", "another one");
  }
}

/** Reads one record after the other, and proves the checksum of each. */
class RecordReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Of all data so far. */
  #sum = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Where the last record has ended. */
  get end(): number {
    return this.#at;
  }

  /** The data of the next record, which is `what`, of one of `types`. */
  next(what: string, ...types: readonly (bigint | undefined)[]): Message & { type: bigint } {
    const begin = this.#at;
    const frame = this.#frame(what);
    const record = new Message(frame, begin);
    const data = record.bytes(3);
    this.#sum = crc32c(data, this.#sum);
    if (record.integer(2) !== BigInt(this.#sum)) record.refuse("a right checksum", "a wrong one");
    const type = record.integer(1);
    if (!types.includes(type)) record.refuse(what, `a record of type ${type}`);
    return Object.assign(new Message(data, begin), { type });
  }

  #frame(what: string): Uint8Array {
    const begin = this.#at;
    const left = this.#bytes.length - begin - LENGTH_BYTES;
    const refuse = (found: string): never => {
      throw new EtcdLogError(begin, what, found);
    };
    if (left < 0) return refuse("its end");
    const head = this.#bytes.slice(begin, begin + LENGTH_BYTES);
    const flags = head[LENGTH_BYTES - 1]!;
    head[LENGTH_BYTES - 1] = 0;
    const length = readU64(viewOf(head), 0);
    if (length === 0) return refuse("its end");
    const padding = (flags & PADDED) === 0 ? 0 : flags & PADDING;
    if (length + padding > left) return refuse("a record that was cut short");
    this.#at += LENGTH_BYTES + length + padding;
    return this.#bytes.subarray(begin + LENGTH_BYTES, begin + LENGTH_BYTES + length);
  }
}

/** A message of a few fields, by their numbers. */
class Message {
  readonly #integers = new Map<number, bigint>();
  readonly #bytes = new Map<number, Uint8Array>();
  readonly #offset: number;

  /** `offset`: of the record that it is in. */
  constructor(bytes: Uint8Array, offset: number) {
    this.#offset = offset;
    const reader = new WireReader(bytes, (expected, found) => this.refuse(expected, found));
    for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
      const [field, type] = [tag >> 3, tag & 7];
      if (type === 0) this.#integers.set(field, reader.bits());
      else if (type === 2) this.#bytes.set(field, reader.bytes());
      else reader.skip(tag);
    }
  }

  integer(field: number): bigint {
    return this.#integers.get(field) ?? 0n;
  }

  bytes(field: number): Uint8Array {
    return this.#bytes.get(field) ?? new Uint8Array(0);
  }

  message(field: number): Message {
    return new Message(this.bytes(field), this.#offset);
  }

  /** Refuses other integers than `fields` has. */
  expect(fields: Readonly<Record<number, bigint>>): void {
    for (const [field, expected] of Object.entries(fields)) {
      const found = this.integer(Number(field));
      if (found === expected) continue;
      this.refuse(`${expected} as field ${field} of what a restore writes`, `${found}`);
    }
  }

  refuse(expected: string, found: string): never {
    throw new EtcdLogError(this.#offset, expected, found);
  }
}
