/** Planted bugs of the log and the snapshots on disk. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const CRASH = "tests/storage/crash_test.ts";
const DAMAGE = "tests/storage/damage_test.ts";
const FAULTS = "tests/storage/disk_fault_test.ts";
const STORAGE = "tests/storage";

export const STORAGE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/storage/real_disk.ts", "tests/storage/real_disk_test.ts", [
    [
      "after a write that broke off the next one goes wherever the file stands",
      "what was acknowledged is where it is looked for",
      "    this.#position = undefined;\n    if (!isThere)",
      "    if (!isThere)",
    ],
    [
      "a file that vanishes ends the node",
      "others may come and go beside the files of a node",
      "if (error instanceof Deno.errors.NotFound) return undefined;\n    throw error;",
      "throw error;",
    ],
    [
      "the event loop waits for a slow disk",
      "one client alone never stops everybody else for long",
      "isQuick ? this.#quickSyncs + 1 : 0",
      "this.#quickSyncs + 1",
    ],
  ]),
  ...mutantsOf("src/storage/presence.ts", "tests/storage/presence_test.ts", [
    [
      "a directory in the place of the data's counts as it",
      "nothing is acknowledged that a restart won't find",
      "if (directory.ino !== ino || directory.dev !== dev) {",
      "if (directory.ino === -1) {",
    ],
    [
      "a file that the node gave up counts as lost",
      "no healthy node stops serving",
      "if (sizeMinNow === undefined || found",
      "if (found",
    ],
    [
      "a file that the node has replaced is held to what was there before",
      "no healthy node stops serving",
      "if (found.size < Math.min(sizeMin, sizeMinNow)) {",
      "if (found.size < sizeMin) {",
    ],
  ]),
  ...mutantsOf("src/storage/storage.ts", "tests/storage/presence_test.ts", [
    [
      "an identity that has become shorter counts as cut short",
      "no healthy node stops serving",
      "sizeMin: 0 }",
      "sizeMin: name === IDENTITY_NAME ? 50 : 0 }",
    ],
  ]),
  ...mutantsOf("src/storage/incoming_snapshot.ts", FAULTS, [
    [
      "after a failed write of a snapshot the log is written",
      "after a failure of the disk nothing is written",
      "this.#fuse.blow(error);\n      throw error;\n    }\n    this.#size",
      "throw error;\n    }\n    this.#size",
    ],
  ]),
  ...mutantsOf("src/storage/snapshot_file.ts", "tests/storage/image_proof_test.ts", [
    [
      "a snapshot is adopted for its checksums alone",
      "nothing is given up for a state that nobody can take in",
      "if (fault !== undefined) {",
      'if (fault === "") {',
    ],
    [
      "a proof that left off half-way counts",
      "nothing is given up for a state that nobody can take in",
      "isRead = false;",
      "isRead = true;",
    ],
  ]),
  ...mutantsOf("src/storage/snapshot_store.ts", "tests/storage/image_proof_test.ts", [
    [
      "the snapshot before a wrong one is not gone back to",
      "a start finds what the log and an older snapshot make up for",
      "named === all.at(-1) ? undefined : options.faultOfImage",
      "undefined",
    ],
  ]),
  ...mutantsOf("src/storage/rebuild.ts", "tests/storage/rebuild_test.ts", [
    [
      "a recovery goes on by a marker that may not be on disk",
      "a power cut in a recovery leaves what it began with, or its end",
      "that it replaces.\n    await disk.syncDirectory();",
      "that it replaces.",
    ],
  ]),
  ...mutantsOf("src/storage/wal.ts", CRASH, [
    [
      "a batch counts before it is synced",
      "what was acknowledged survives a power cut",
      "await this.#write(frame);\n    await this.#file.sync(mayBlock);",
      "await this.#write(frame);",
    ],
    [
      "the log goes on before its seal is synced",
      "a torn write is told from damage",
      'await this.#write(this.#bareFrame("seal", sequence));\n    await this.#file.sync();',
      'await this.#write(this.#bareFrame("seal", sequence));',
    ],
    [
      "one segment too many is given up",
      "no entry leaves the disk before a snapshot stands for it",
      "(segment) => segment.lastIndex > index)",
      "(segment) => segment.lastIndex > index + 1)",
      STORAGE,
    ],
    [
      "what a killed process left in the page cache counts as durable",
      "what was acknowledged survives a power cut",
      "await wal.#file.sync();",
      "",
    ],
    [
      "a sync that failed before a restart counts as done",
      "a failed sync is never taken back",
      "if (log.unproven !== undefined) rewrite(disk, log.unproven);",
      "",
      FAULTS,
    ],
    [
      "a received snapshot leaves the old log in effect",
      "after a snapshot the log begins where it stands",
      "if (batch.start?.reset) {",
      "if (batch.start === undefined) {",
      STORAGE,
    ],
  ]),
  ...mutantsOf("src/storage/record.ts", CRASH, [
    [
      "the vote is forgotten at a restart",
      "one vote a term, restarts included",
      "vote: reader.u53(),",
      "vote: reader.u53() * 0,",
      STORAGE,
    ],
    [
      "the term is forgotten at a restart",
      "the term never goes back, restarts included",
      "const term = reader.u53();\n  const length",
      "const term = reader.u53() && 1;\n  const length",
      STORAGE,
    ],
  ]),
  ...mutantsOf("src/storage/directory.ts", DAMAGE, [
    [
      "a log of before makes up for a snapshot of the leader's",
      "nothing that was acknowledged is missing after a start",
      "log.shape.termAt(newest.index) === newest.term;",
      "log.shape.last.index >= newest.index;",
    ],
  ]),
  ...mutantsOf("src/storage/replay.ts", DAMAGE, [
    [
      "the checksum of a batch is not checked",
      "damage is found, never served",
      'return crc32(payload) === header.payloadCrc ? undefined : "torn";',
      "return undefined;",
    ],
    [
      "damage in the middle passes for a torn end",
      "a node refuses to start when acknowledged data is damaged",
      "if (later === undefined) return sequence;",
      "return sequence;",
    ],
  ]),
  ...mutantsOf("src/storage/frame.ts", DAMAGE, [
    [
      "the checksum of a frame's header is not checked",
      "damage is found, never served",
      "if (view.getUint32(at + 28) !== crc32(checked, salt)) return undefined;",
      "",
    ],
    [
      "a frame may stand at any offset",
      "a client's bytes never pass for a frame",
      "if (kind === undefined || view.getUint32(at + 24) * FRAME_ALIGNMENT !== offset) {",
      "if (kind === undefined) {",
      STORAGE,
    ],
  ]),
  ...mutantsOf("src/storage/segment.ts", CRASH, [
    [
      "every segment has the same salt",
      "a recycled segment brings nothing back",
      "const salt = Math.floor(this.#options.random() * 2 ** 32);",
      "const salt = 7;",
      STORAGE,
    ],
    [
      "a segment's name is not synced",
      "what was acknowledged survives a power cut",
      "await disk.syncDirectory();\n    return segment;",
      "return segment;",
    ],
    [
      "a segment's content is not synced",
      "what was acknowledged survives a power cut",
      "await file.sync();\n      } finally",
      "} finally",
    ],
    [
      "a retired segment is written over before its old name is gone",
      "a recycled segment brings nothing back",
      "await this.#disk.syncDirectory();\n    this.#spares.push(...spares);",
      "this.#spares.push(...spares);",
    ],
  ]),
  ...mutantsOf("src/storage/snapshot_store.ts", "tests/storage/snapshot_test.ts", [
    [
      "a snapshot that was cut short is sent for ever",
      "a file that is no longer whole ends the node",
      "const isThere = file.read(bytes, offset) === bytes.length;",
      "const isThere = file.read(bytes, offset) >= 0;",
    ],
  ]),
  ...mutantsOf("src/storage/snapshot_store.ts", CRASH, [
    [
      "a received snapshot is lost when its rename finds the disk full",
      "a full disk is outlived",
      "await this.#publish(incoming.name, received);\n    // Not before: on a full disk it is tried again.\n    this.#incoming = undefined;",
      "this.#incoming = undefined;\n    await this.#publish(incoming.name, received);",
      FAULTS,
    ],
    [
      "a snapshot is renamed without a sync of the directory",
      "a snapshot that stands for the log survives a power cut",
      "this.#disk.rename(temporary, name);\n    await this.#disk.syncDirectory();",
      "this.#disk.rename(temporary, name);",
    ],
    [
      "the previous snapshot goes at once",
      "the previous snapshot stays until the log no longer reaches back to it",
      "previous.index >= logBaseIndex ? previous : undefined;",
      "previous.index < 0 ? previous : undefined;",
      STORAGE,
    ],
    [
      "a damaged snapshot is not told from a sound one",
      "damage to the newest snapshot is made up for by the one before",
      "damaged.push({ ...named, error });",
      "throw error;",
      STORAGE,
    ],
  ]),
  ...mutantsOf("src/storage/snapshot_file.ts", CRASH, [
    [
      "a snapshot is not synced",
      "a snapshot that stands for the log survives a power cut",
      "await output.flush();\n  await file.sync();",
      "await output.flush();",
    ],
    [
      "the checksum of a slice is not checked",
      "damage is found, never served",
      "if (!hasSameItems(expected, header)) {",
      "if (expected.length < 0) {",
      DAMAGE,
    ],
    [
      "a snapshot that was cut short is whole",
      "damage is found, never served",
      "if (!hasSameItems(trailer, chain.trailer())) {",
      "if (trailer.length < 0) {",
      STORAGE,
    ],
  ]),
  ...mutantsOf("src/storage/disk.ts", CRASH, [
    [
      "an identity is renamed without a sync of the directory",
      "a member never comes back as another",
      "disk.rename(temporary, name);\n  await disk.syncDirectory();",
      "disk.rename(temporary, name);",
      STORAGE,
    ],
  ]),
  ...mutantsOf("src/storage/fuse.ts", FAULTS, [
    [
      "a failed sync is tried again",
      "after a failed sync nothing is written any longer",
      "this.#blown ??= error;",
      "",
    ],
  ]),
];
