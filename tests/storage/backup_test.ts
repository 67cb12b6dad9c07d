/** Backups: what is written is read back, and whatever is cut or turned is refused with its place. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  backupBytes,
  type BackupDescription,
  backupSlices,
  proveBackup,
} from "../../src/storage/backup_file.ts";
import { DamagedBackupError, FormatVersionError } from "../../src/storage/errors.ts";
import { image, joinBytes, meta, smallOptions } from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

const DESCRIPTION: BackupDescription = {
  cluster: "1fffffffffffff",
  member: "node1 \u{1f511}",
  version: "1.0.0",
  index: 9,
  term: 3,
  time: "2030-01-01T00:00:00.000Z",
  digest: "0123456789abcdef",
};

const SNAPSHOT = meta(9, 3);

function bytesOf(description = DESCRIPTION): Uint8Array {
  return joinBytes([...backupBytes(description, SNAPSHOT, image(9))]);
}

async function prove(bytes: Uint8Array) {
  const file = new MemoryDisk().create("a.backup");
  file.write(bytes, 0);
  const proven = await proveBackup(file, "a.backup", smallOptions());
  return { file, proven };
}

Deno.test("proveBackup() reads what backupBytes() made", async () => {
  const { file, proven } = await prove(bytesOf());
  assertEquals(proven.description, DESCRIPTION);
  assertEquals(proven.meta, SNAPSHOT);
  assertEquals(proven.sizeBytes, bytesOf().length);
  const slices = [...backupSlices(file, "a.backup", proven, smallOptions())];
  assertEquals(joinBytes(slices), joinBytes(image(9)));
});

Deno.test("a backup opens with a line that people can read", () => {
  const [line = ""] = new TextDecoder().decode(bytesOf()).split("\n");
  assertEquals(JSON.parse(line.slice(line.indexOf("{"))), DESCRIPTION);
});

Deno.test("proveBackup() refuses every truncation with the offset", async () => {
  const whole = bytesOf();
  for (let length = 0; length < whole.length; length++) {
    const error = await assertRejects(() => prove(whole.slice(0, length)), DamagedBackupError);
    assert(error.offset <= length);
    assert(error.message.includes(`at offset ${error.offset}`), error.message);
  }
});

Deno.test("proveBackup() refuses every flipped bit, and bytes that follow", async () => {
  const whole = bytesOf();
  for (let at = 0; at < whole.length; at++) {
    const damaged = whole.slice();
    damaged[at]! ^= 1 << (at % 8);
    const error = await assertRejects(() => prove(damaged));
    assert(error instanceof DamagedBackupError || error instanceof FormatVersionError, `${error}`);
  }
  await assertRejects(() => prove(joinBytes([whole, new Uint8Array(1)])), DamagedBackupError);
});

Deno.test("proveBackup() refuses a description of another snapshot", async () => {
  await assertRejects(
    () => prove(bytesOf({ ...DESCRIPTION, index: 8 })),
    DamagedBackupError,
    "expected a snapshot of index 8 and term 3, found index 9 and term 3",
  );
});
