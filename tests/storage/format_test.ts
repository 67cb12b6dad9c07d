/** The small pieces of the format, each by itself. */
import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { CorruptionError, refuseAt } from "../../src/storage/errors.ts";
import {
  decodeFrameHeader,
  encodeFrameHeader,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  provenSequence,
} from "../../src/storage/frame.ts";
import { LogShape } from "../../src/storage/log_shape.ts";
import {
  isNodeFile,
  isTemporary,
  parseSegmentName,
  parseSnapshotName,
  receivedName,
  segmentName,
  snapshotName,
  spareName,
} from "../../src/storage/names.ts";
import { type Batch, batchBytes, decodeBatch, encodeBatch } from "../../src/storage/record.ts";
import { SegmentSupply } from "../../src/storage/segment.ts";
import { entries, entryOf, smallOptions } from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

const HEADER: FrameHeader = {
  kind: "batch",
  sequence: 2 ** 40 + 3,
  payloadBytes: 4096,
  payloadCrc: 0xfedcba98,
};

function framed(header: FrameHeader, offset: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  encodeFrameHeader(bytes, header, offset, salt);
  return bytes;
}

function unframed(bytes: Uint8Array, offset: number, salt: number): FrameHeader | undefined {
  return decodeFrameHeader(new DataView(bytes.buffer), 0, offset, salt);
}

Deno.test("decodeFrameHeader() gives back what was written when place and salt are the same", () => {
  for (const kind of ["batch", "seal", "mark"] as const) {
    const header = { ...HEADER, kind };
    assertEquals(unframed(framed(header, 512, 7), 512, 7), header);
  }
});

Deno.test("decodeFrameHeader() finds nothing when place, salt or any bit differs", () => {
  const bytes = framed(HEADER, 512, 7);
  assertEquals(unframed(bytes, 520, 7), undefined);
  assertEquals(unframed(bytes, 512, 8), undefined);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(unframed(flipped, 512, 7), undefined);
  }
});

Deno.test("provenSequence() is the frame before for a batch and a seal, its own for a mark", () => {
  assertEquals(provenSequence({ ...HEADER, kind: "batch", sequence: 9 }), 8);
  assertEquals(provenSequence({ ...HEADER, kind: "seal", sequence: 9 }), 8);
  assertEquals(provenSequence({ ...HEADER, kind: "mark", sequence: 9 }), 9);
});

const BATCHES: readonly Batch[] = [
  { start: undefined, hardState: undefined, previousTerm: 0, entries: [] },
  {
    start: { last: { index: 7, term: 2 }, reset: true },
    hardState: { term: Number.MAX_SAFE_INTEGER, vote: 3, commitIndex: 0 },
    previousTerm: 0,
    entries: [],
  },
  {
    start: { last: { index: 0, term: 0 }, reset: false },
    hardState: { term: 1, vote: 0, commitIndex: 2 ** 52 },
    previousTerm: 5,
    entries: entries(8, 10, 6),
  },
  {
    start: undefined,
    hardState: undefined,
    previousTerm: 1,
    entries: [
      entryOf("noop", 1, 1, new Uint8Array(0)),
      entryOf("config", 2, 1, new Uint8Array([1])),
      entryOf("command", 3, 2, new Uint8Array(1000).fill(255)),
    ],
  },
];

function encoded(batch: Batch): Uint8Array {
  // Old bytes in the room must not shine through.
  const bytes = new Uint8Array(batchBytes(batch)).fill(0xaa);
  encodeBatch(batch, bytes);
  return bytes;
}

Deno.test("decodeBatch() gives back what encodeBatch() wrote", () => {
  for (const batch of BATCHES) {
    assertEquals(encoded(batch).length % 8, 0);
    assertEquals(decodeBatch(encoded(batch), refuseAt("/a", 0)), batch);
  }
});

Deno.test("decodeBatch() refuses with file and offset when the content makes no sense", () => {
  const sound = encoded(BATCHES[3]!);
  const change = (at: number, value: number) => {
    const bytes = sound.slice();
    new DataView(bytes.buffer).setUint32(at, value);
    return bytes;
  };
  const wrong = [
    change(0, 8), // unknown flag
    change(4, 4), // more entries than there are
    change(4, 2), // fewer
    change(8, 2 ** 21), // an index beyond 2^53
    change(32, 2 ** 31), // data past the end
    change(36, 4), // unknown kind
    sound.subarray(0, 4),
  ];
  for (const bytes of wrong) {
    const error = assertThrows(() => decodeBatch(bytes, refuseAt("/a", 64)), CorruptionError);
    assertEquals([error.file, error.offset], ["/a", 64]);
  }
});

Deno.test("LogShape knows the term of every index when suffixes are replaced", () => {
  const shape = new LogShape({ index: 10, term: 3 });
  for (const [index, term] of [[11, 3], [12, 5], [13, 5], [14, 8], [13, 9]] as const) {
    assert(shape.accepts(index, term));
    shape.append(index, term);
  }
  assertEquals([9, 10, 11, 12, 13, 14].map((index) => shape.termAt(index)), [
    undefined,
    3,
    3,
    5,
    9,
    undefined,
  ]);
  assertEquals(shape.last, { index: 13, term: 9 });
});

Deno.test("LogShape accepts neither a gap, nor a falling term, nor what is before its base", () => {
  const shape = new LogShape({ index: 10, term: 3 });
  shape.append(11, 4);
  assertFalse(shape.accepts(13, 4));
  assertFalse(shape.accepts(12, 3));
  assertFalse(shape.accepts(10, 4));
  assert(shape.accepts(11, 3));
  assertThrows(() => shape.append(13, 4));
});

Deno.test("LogShape begins again when entries follow a place before its base", () => {
  const shape = new LogShape({ index: 10, term: 3 });
  shape.append(11, 3);
  assertFalse(shape.follow({ index: 11, term: 2 }));
  assertFalse(shape.follow({ index: 12, term: 3 }));
  assert(shape.follow({ index: 10, term: 3 }));
  assertEquals(shape.last, { index: 11, term: 3 });
  assert(shape.follow({ index: 7, term: 2 }));
  assertEquals([shape.base, shape.last], [{ index: 7, term: 2 }, { index: 7, term: 2 }]);
});

Deno.test("LogShape forgets up to its end and no further", () => {
  const shape = new LogShape({ index: 0, term: 0 });
  for (let index = 1; index <= 6; index++) shape.append(index, Math.ceil(index / 2));
  shape.forget(3);
  assertEquals([shape.base, shape.termAt(2), shape.termAt(3)], [
    { index: 3, term: 2 },
    undefined,
    2,
  ]);
  shape.forget(2);
  assertEquals(shape.base.index, 3);
  shape.forget(99);
  assertEquals([shape.base, shape.last], [{ index: 6, term: 3 }, { index: 6, term: 3 }]);
  shape.append(7, 3);
  shape.reset({ index: 50, term: 9 });
  assertEquals([shape.base, shape.last], [{ index: 50, term: 9 }, { index: 50, term: 9 }]);
});

Deno.test("SegmentSupply gives a used segment a new salt and nothing else", async () => {
  const disk = new MemoryDisk();
  const supply = new SegmentSupply(disk, smallOptions());
  const first = await supply.make(1, 1024);
  const file = disk.open(first.name);
  file.write(framed(HEADER, 512, first.salt), 512);
  file.close();
  await supply.retire([first]);
  assertEquals(disk.contents().map(([name]) => name), [spareName(1)]);
  const second = await supply.make(2, 1024);
  const [name, content] = disk.contents()[0]!;
  assertEquals([name, second.sequence], [segmentName(2), 2]);
  assertEquals(unframed(content.slice(512, 544), 512, first.salt), HEADER);
  assertEquals(unframed(content.slice(512, 544), 512, second.salt), undefined);
});

Deno.test("SegmentSupply keeps so many spares and removes the others", async () => {
  const disk = new MemoryDisk();
  const supply = new SegmentSupply(disk, smallOptions({ spareSegmentsMax: 2 }));
  const segments = [
    await supply.make(1, 1024),
    await supply.make(2, 4096),
    await supply.make(3, 1024),
    await supply.make(4, 1024),
  ];
  await supply.retire(segments);
  assertEquals(disk.contents().map(([name]) => name), [spareName(1), spareName(3)]);
});

Deno.test("isNodeFile() knows the names that a node writes, and no others", () => {
  const ours = [
    "etcd.identity",
    "etcd.identity.tmp",
    "wal-next.tmp",
    "snapshot-new.tmp",
    segmentName(1),
    spareName(2 ** 52),
    snapshotName(5, 2),
    receivedName(3),
  ];
  for (const name of ours) assert(isNodeFile(name), name);
  const others = [
    "",
    "etcd.lock",
    "identity",
    "wal-1.log",
    "wal-0000000000000001.log.bak",
    "xwal-0000000000000001.log",
    "snapshot-0000000000000001.snap",
    "README.md",
  ];
  for (const name of others) assertFalse(isNodeFile(name), name);
  assertEquals(parseSegmentName(segmentName(2 ** 52)), 2 ** 52);
  assertEquals(parseSnapshotName(snapshotName(12, 3)), { index: 12, term: 3 });
  assertFalse(isTemporary(segmentName(1)));
  assertThrows(() => segmentName(-1));
});
