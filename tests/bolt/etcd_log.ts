/** Writes logs of etcd record by record, for tests of what reads them. */
import { crc32c } from "../../src/base/crc32c.ts";
import { WireWriter } from "../../src/bolt/wire.ts";
import { joinBytes } from "../storage/harness.ts";
import { bytesOf } from "./harness.ts";

export interface LoggedMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrl: string;
}

/** A field of a message: an integer, or bytes. */
type Field = readonly [field: number, value: bigint | Uint8Array];

export function message(...fields: readonly Field[]): Uint8Array {
  const writer = new WireWriter();
  writer.begin(4096);
  for (const [field, value] of fields) {
    if (typeof value === "bigint") writer.bits(field, value);
    else writer.bytes(field, value);
  }
  return writer.end();
}

/** An entry that adds `member`, or does as `change` says instead. */
export function addition(
  { id, name, peerUrl }: LoggedMember,
  index: number,
  change = 0n,
): Uint8Array {
  const context = bytesOf(`{"id":${id},"peerURLs":["${peerUrl}"],"name":"${name}"}`);
  const data = message([2, change], [3, id], [4, context]);
  return message([1, 1n], [2, 1n], [3, BigInt(index)], [4, data]);
}

export type LogRecord = readonly [type: bigint, data: Uint8Array];

/** What `etcdctl snapshot restore` writes for the first of `members`. */
export function restoredRecords(members: readonly LoggedMember[]): LogRecord[] {
  const count = BigInt(members.length);
  return [
    [4n, new Uint8Array(0)],
    [1n, message([1, members[0]!.id], [2, 77n])],
    [5n, message()],
    ...members.toSorted((a, b) => a.id < b.id ? -1 : 1)
      .map((member, i): LogRecord => [2n, addition(member, i + 1)]),
    [3n, message([1, 1n], [2, members[0]!.id], [3, count])],
    [5n, message([1, count], [2, 1n])],
  ];
}

/** The file: each record in a frame, behind it what etcd has allotted. */
export function logOf(records: readonly LogRecord[], allotted = 512): Uint8Array<ArrayBuffer> {
  let sum = 0;
  const frames = records.map(([type, data]) => {
    sum = crc32c(data, sum);
    const record = message([1, type], [2, BigInt(sum)], [3, data]);
    const padding = -record.length & 7;
    const frame = new Uint8Array(8 + record.length + padding);
    new DataView(frame.buffer).setUint32(0, record.length, true);
    frame[7] = padding === 0 ? 0 : 0x80 | padding;
    frame.set(record, 8);
    return frame;
  });
  return joinBytes([...frames, new Uint8Array(allotted)]) as Uint8Array<ArrayBuffer>;
}
