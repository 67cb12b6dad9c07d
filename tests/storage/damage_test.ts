/**
 * Damage at rest: every bit of a small data directory flipped, every file cut at
 * every length, every file lost. Each time the directory opens with exactly what
 * was acknowledged, or is refused with the file and the offset.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../src/storage/errors.ts";
import { encodeFrameHeader, FRAME_HEADER_BYTES } from "../../src/storage/frame.ts";
import { segmentName, snapshotName } from "../../src/storage/names.ts";
import {
  batch,
  describe,
  entries,
  entry,
  entryOf,
  founded,
  FOUNDER,
  image,
  meta,
  receive,
  reload,
  smallOptions,
  snapshotBytes,
} from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

type Files = readonly (readonly [string, Uint8Array])[];

/** What opening the directory comes to: its content, or the file that was refused. */
async function outcome(files: Files): Promise<{ content: string } | { refused: string }> {
  const disk = MemoryDisk.holding(files);
  try {
    const { identity, loaded } = await reload(disk);
    return { content: `${identity?.memberId}\n${describe(loaded)}` };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    assert(error.message.includes(`"${error.file}" at offset ${error.offset}`));
    assert(error.file.startsWith("/memory/"));
    return { refused: error.file.slice("/memory/".length) };
  }
}

async function contentOf(files: Files): Promise<string> {
  const result = await outcome(files);
  assert("content" in result, "An undamaged directory opens");
  return result.content;
}

/** The files with one of them replaced, or lost. */
function withFile(files: Files, name: string, content: Uint8Array | undefined): Files {
  const rest = files.filter(([each]) => each !== name);
  return content === undefined ? rest : [...rest, [name, content]];
}

function* flips(content: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < content.length * 8; bit++) {
    const flipped = content.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield flipped;
  }
}

/** A founder's directory: three segments and an empty next one, a snapshot and one before it. */
async function directory(end: "closed" | "killed" | "power cut"): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const storage = await founded(disk, smallOptions({ segmentBytes: 832 }));
  await storage.save(batch({
    hardState: { term: 1, vote: FOUNDER.memberId, commitIndex: 0 },
    entries: entries(1, 3, 1),
  }));
  await storage.createSnapshot(meta(2, 1), [new Uint8Array(30).fill(2)], 0);
  await storage.save(batch({ hardState: { term: 2, vote: 0, commitIndex: 3 } }));
  await storage.createSnapshot(meta(3, 1), [new Uint8Array(40).fill(3)], 0);
  await storage.save(batch({ entries: entries(4, 6, 2) }));
  await storage.save(batch({ entries: [entry(7, 2)] }));
  if (end === "closed") await storage.close();
  // Nothing unsynced survives: neither does the mark behind the last batch.
  if (end === "power cut") return disk.crashed(() => 0);
  return disk.killed();
}

Deno.test("openStorage() yields exactly what was acknowledged, or refuses, when any bit is flipped", async () => {
  const files = (await directory("closed")).contents();
  assertEquals(files.map(([name]) => name), [
    "etcd.identity",
    snapshotName(2, 1),
    snapshotName(3, 1),
    segmentName(1),
    segmentName(2),
    segmentName(3),
    segmentName(4),
  ]);
  const expected = await contentOf(files);
  const fallback = await contentOf(withFile(files, snapshotName(3, 1), undefined));
  let refused = 0;
  for (const [name, content] of files) {
    for (const flipped of flips(content)) {
      const result = await outcome(withFile(files, name, flipped));
      if ("refused" in result) {
        assertEquals(result.refused, name);
        refused++;
      } else if (name === snapshotName(3, 1)) {
        // The same state by another way: the snapshot before it and a longer log.
        assertEquals(result.content, fallback);
      } else {
        assertEquals(result.content, expected);
      }
    }
  }
  assert(refused > 6000, `Only ${refused} flips were refused`);
});

Deno.test("openStorage() refuses when a bit of any batch is flipped, the last one of a killed process included", async () => {
  const files = (await directory("killed")).contents();
  const name = segmentName(3);
  const content = files.find(([each]) => each === name)![1];
  // The last batch, then its mark.
  const frames = framesOf(content);
  const last = frames.at(-2)!;
  const mark = frames.at(-1)!;
  for (let offset = last; offset < mark; offset++) {
    const flipped = content.slice();
    flipped[offset]! ^= 0x10;
    assertEquals(await outcome(withFile(files, name, flipped)), { refused: name });
  }
});

Deno.test("openStorage() marks the last batch again when a power cut took its mark", async () => {
  const disk = await directory("power cut");
  await reload(disk);
  const files = disk.contents();
  const name = segmentName(3);
  const content = files.find(([each]) => each === name)![1].slice();
  content[framesOf(content).at(-2)! + 40]! ^= 1;
  assertEquals(await outcome(withFile(files, name, content)), { refused: name });
});

Deno.test("openStorage() refuses when a seal is damaged and the next segment was used", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk, smallOptions({ segmentBytes: 2048 }));
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await storage.save(batch({ hardState, entries: entries(1, 62, 1) }));
  await storage.save(batch({ entries: entries(63, 66, 1) }));
  await storage.close();
  const files = disk.contents();
  assertEquals(files.length, 3);
  const [name, content] = files[1]!;
  const damaged = content.slice();
  damaged[framesOf(content).at(-1)! + 9]! ^= 1;
  assertEquals(await outcome(withFile(files, name, damaged)), { refused: name });
});

Deno.test("openStorage() takes no client's bytes for a proof when the last batch is torn", async () => {
  const torn = async (guessedSalt: number) => {
    const disk = new MemoryDisk();
    const storage = await founded(disk);
    await storage.save(batch({ hardState: { term: 1, vote: 0, commitIndex: 0 } }));
    const data = marksAt(FORGED_OFFSET, guessedSalt);
    await storage.save(batch({ entries: [entryOf("command", 1, 1, data)] }));
    const files = disk.killed().contents();
    const content = files.find(([name]) => name === segmentName(1))![1].slice();
    assertEquals(content.subarray(FORGED_OFFSET, FORGED_OFFSET + data.length), data);
    // The batch never got its end, nor its mark.
    content.fill(0, FORGED_OFFSET + data.length - 16);
    return { files: withFile(files, segmentName(1), content), content };
  };
  const guess = await torn(12345);
  const result = await outcome(guess.files);
  assert("content" in result && !result.content.includes("command"));
  // Only who can read the salt could do it.
  const salt = new DataView(guess.content.buffer).getUint32(12);
  assertEquals(await outcome((await torn(salt)).files), { refused: segmentName(1) });
});

/** Where the data of the first entry lies: after a start, a hard state, and a batch's prefixes. */
const FORGED_OFFSET = 728;

/** A value full of marks, made for the place where they will lie and for a salt. */
function marksAt(offset: number, salt: number): Uint8Array {
  const data = new Uint8Array(200);
  for (let at = 0; at + FRAME_HEADER_BYTES <= data.length; at += FRAME_HEADER_BYTES) {
    const header = { kind: "mark", sequence: 99, payloadBytes: 0, payloadCrc: 0 } as const;
    encodeFrameHeader(data.subarray(at), header, offset + at, salt);
  }
  return data;
}

Deno.test("openStorage() may lose the last batch to a flipped bit only when a power cut took its mark", async () => {
  const files = (await directory("power cut")).contents();
  const expected = await contentOf(files);
  assert(expected.includes("7/2"), "The last batch was synced");
  const shorter = expected.replace(/\n7\/2.*$/, "");
  const name = segmentName(3);
  const content = files.find(([each]) => each === name)![1];
  const last = framesOf(content).at(-1)!;
  const seen = new Set<string>();
  for (let offset = 512; offset < content.length; offset++) {
    const flipped = content.slice();
    flipped[offset]! ^= 0x10;
    const result = await outcome(withFile(files, name, flipped));
    if (offset < last) assertEquals(result, { refused: name });
    else seen.add("content" in result ? result.content : result.refused);
  }
  assertEquals([...seen].sort(), [expected, shorter].sort());
});

Deno.test("openStorage() yields exactly what was acknowledged, or refuses, when any file is cut at any length", async () => {
  const files = (await directory("closed")).contents();
  const expected = await contentOf(files);
  const fallback = await contentOf(withFile(files, snapshotName(3, 1), undefined));
  for (const [name, content] of files) {
    for (let length = 0; length < content.length; length++) {
      const result = await outcome(withFile(files, name, content.subarray(0, length)));
      if (name === snapshotName(2, 1)) assertEquals(result, { content: expected });
      else if (name === snapshotName(3, 1)) assertEquals(result, { content: fallback });
      else assertEquals(result, { refused: name });
    }
  }
});

Deno.test("openStorage() refuses when a file is lost that nothing makes up for", async () => {
  const files = (await directory("closed")).contents();
  const refusals: [string, string][] = [
    ["etcd.identity", "etcd.identity"],
    // What is left of the log begins too late.
    [segmentName(2), segmentName(3)],
    [segmentName(3), segmentName(4)],
  ];
  for (const [lost, refused] of refusals) {
    assertEquals(await outcome(withFile(files, lost, undefined)), { refused });
  }
  // A segment that nothing was written to is made again.
  const expected = await contentOf(files);
  assertEquals(await outcome(withFile(files, segmentName(4), undefined)), { content: expected });
  const sealed = withFile(withFile(files, segmentName(4), undefined), segmentName(3), undefined);
  assertEquals(await outcome(sealed), { refused: segmentName(3) });
  const logless = files.filter(([name]) => !name.endsWith(".log"));
  assertEquals(await outcome(logless), { refused: segmentName(1) });
  const onlyIdentity = files.filter(([name]) => name === "etcd.identity");
  assertEquals(await outcome(onlyIdentity), { refused: segmentName(1) });
});

Deno.test("openStorage() goes back to the snapshot before a damaged one only when the log reaches from there past it", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  for (let index = 1; index <= 60; index++) {
    await storage.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: index },
      entries: [entry(index, 1)],
    }));
    if (index === 20) await storage.createSnapshot(meta(20, 1), image(20), 10);
    if (index === 50) await storage.createSnapshot(meta(50, 1), image(50), 40);
  }
  await storage.close();
  const files = disk.contents();
  // The log was cut behind the older one, which is gone with it.
  assertEquals(files.filter(([name]) => name.endsWith(".snap")).map(([name]) => name), [
    snapshotName(50, 1),
  ]);
  const [name, content] = files.find(([each]) => each === snapshotName(50, 1))!;
  const damaged = withFile(files, name, content.subarray(1));
  assertEquals(await outcome(damaged), { refused: name });
  const missing = await outcome(withFile(files, name, undefined));
  assert("refused" in missing && missing.refused.endsWith(".log"));
});

Deno.test("openStorage() refuses a damaged snapshot of the leader's whose place in the log another entry has", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  for (let index = 1; index <= 6; index++) {
    const hardState = { term: 1, vote: 0, commitIndex: Math.min(index, 3) };
    await storage.save(batch({ hardState, entries: [entry(index, 1)] }));
    if (index === 3) await storage.createSnapshot(meta(2, 1), image(2), 0);
  }
  await storage.close();
  const other = new MemoryDisk();
  const sender = await founded(other);
  await receive(sender, meta(5, 3), await snapshotBytes(meta(5, 3)));
  await sender.save(batch({ snapshot: meta(5, 3) }));
  await sender.close();
  const received = other.contents().find(([name]) => name === snapshotName(5, 3))!;
  // Its process ended after the rename and before the log was reset.
  const files = [...disk.contents(), received];
  const whole = await outcome(files);
  assert("content" in whole);
  const damaged = withFile(files, received[0], received[1].subarray(1));
  assertEquals(await outcome(damaged), { refused: snapshotName(5, 3) });
});

Deno.test("createSnapshot() never leaves a damaged snapshot as the one to go back to", async () => {
  const disk = await directory("closed");
  const newest = disk.contents().find(([name]) => name === snapshotName(3, 1))![1];
  disk.put(snapshotName(3, 1), newest.subarray(0, -1));
  const { openStorage } = await import("../../src/storage/storage.ts");
  const { storage, loaded } = await openStorage(disk, smallOptions());
  assertEquals(loaded.snapshot.index, 2);
  await storage.createSnapshot(meta(6, 2), image(6), 0);
  await storage.close();
  assertEquals(disk.contents().map(([name]) => name).filter((name) => name.endsWith(".snap")), [
    snapshotName(2, 1),
    snapshotName(6, 2),
  ]);
});

Deno.test("openStorage() refuses a format of the future by its version, not as damage", async () => {
  const files = (await directory("closed")).contents();
  const { crc32 } = await import("node:zlib");
  const at: [name: string, crcAt: number, version: number][] = [
    ["etcd.identity", -1, 2],
    [segmentName(1), 36, 1],
    [snapshotName(3, 1), 44, 1],
  ];
  for (const [name, crcAt, version] of at) {
    const content = files.find(([each]) => each === name)![1].slice();
    const view = new DataView(content.buffer);
    view.setUint32(8, version + 1);
    const end = crcAt < 0 ? content.length - 4 : crcAt;
    view.setUint32(end, crc32(content.subarray(0, end)));
    await assertRejects(
      () => reload(MemoryDisk.holding(withFile(files, name, content))),
      Error,
      `Expected format version ${version}`,
    );
  }
});

/** Offsets of whatever begins like a frame. */
function framesOf(segment: Uint8Array): number[] {
  const view = new DataView(segment.buffer);
  const found: number[] = [];
  for (let offset = 512; offset + 32 <= segment.length; offset += 8) {
    if (view.getUint32(offset) === 0x4546524d) found.push(offset);
  }
  return found;
}
