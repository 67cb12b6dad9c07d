/** Planted bugs of what reads and writes snapshots of etcd. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const READER = "tests/bolt/reader_test.ts";
const WRITER = "tests/bolt/writer_test.ts";
const ETCD = "tests/bolt/etcd_test.ts";
const TAKEOVER = "tests/shell/takeover_test.ts";

export const BOLT_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/store/image/foreign.ts", "tests/store/foreign_test.ts", [
    [
      "keys of etcd are counted anew",
      "revisions and versions go on where they were",
      "const counted = { createRevision, version };",
      "const counted = { createRevision: revision, version: 1 };",
    ],
    [
      "what was compacted comes back",
      "a restored state begins at etcd's compaction",
      'keys.compactBefore(keys.versions.lowerBound("revision", compactedRevision));',
      "",
    ],
  ]),
  ...mutantsOf("src/member/etcd_snapshot.ts", "tests/cli/restore_etcd_test.ts", [
    [
      "a revision that no record holds is taken from a file of etcd",
      "etcd restore takes nothing that can't be true",
      "const NUMBER_MAX = 2 ** 47 - 1;",
      "const NUMBER_MAX = 2 ** 47;",
    ],
    [
      "passwords of etcd are left behind",
      "users log in with the passwords that they have",
      "passwordHash: byteStringAt(passwordHash, 0, passwordHash.length),",
      'passwordHash: "",',
    ],
    [
      "a number that no record can hold is taken in",
      "a damaged file of etcd is refused in words",
      "if (found > limit)",
      "if (found > Infinity)",
    ],
    [
      "what is missing of a file is read as zeros",
      "a file that was cut short meanwhile is refused",
      "return bytes.subarray(0, file.read(bytes, offset));",
      "file.read(bytes, offset);\n      return bytes;",
    ],
    [
      "a lease of no time is taken in",
      "a damaged lease takes no keys along",
      "if (ttlSeconds < 1)",
      "if (ttlSeconds < 0)",
    ],
    [
      "members that were restored apart sign with secrets of their own",
      "members that were restored apart have one state",
      "secretOf(digest)",
      "secretOf(undefined)",
      TAKEOVER,
    ],
    [
      "members that were restored apart begin at times of their own",
      "members that were restored apart have one state",
      "new ForeignState(isShared ? 0 : Date.now())",
      "new ForeignState(Date.now())",
      TAKEOVER,
    ],
  ]),
  ...mutantsOf("src/bolt/etcd_wal.ts", "tests/bolt/etcd_wal_test.ts", [
    [
      "a log of etcd is read past a wrong checksum",
      "a directory is taken in only when its log is whole",
      "if (record.integer(2) !== BigInt(this.#sum))",
      "if (record.integer(2) === undefined)",
    ],
    [
      "what etcd has written later is not looked at",
      "a directory in which etcd has run is refused",
      "await expectZeros(file, log.end);",
      "",
    ],
    [
      "a removal in etcd's log is taken for a member",
      "a log that holds anything but a restore's members is refused",
      "change.expect({ 2: 0n });",
      "",
    ],
    [
      "an entry of etcd that changes no member is taken for one that does",
      "a log that holds anything but a restore's members is refused",
      "entry.expect({ 1: CONFIGURATION_CHANGE, 2: TERM, 3: index });",
      "",
    ],
    [
      "a vote in etcd's log is not looked at",
      "a directory in which etcd has run is refused",
      "record.expect({ 1: TERM, 3: index });",
      "",
    ],
  ]),
  ...mutantsOf("src/member/takeover.ts", TAKEOVER, [
    [
      "members of different snapshots are of one cluster",
      "equal logs mean equal states",
      "`cluster ${clusterId} `).update(digest)",
      "`cluster ${clusterId} `)",
    ],
    [
      "a takeover that was cut short is left so",
      "the start after a crash makes the takeover again",
      "return isNew(disk) || disk.list().some(({ name }) => name === UNFINISHED_NAMES.restore);",
      "return isNew(disk);",
    ],
    [
      "the files of etcd stay in its place after a takeover",
      "nobody starts on what a takeover has replaced",
      "await moveAside(disk, logger);",
      "",
    ],
    [
      "a restored member's URLs give way to flags that do not name them",
      "the directory's peer URLs hold, as at etcd",
      "voter: true, assigned: true };",
      "voter: true };",
    ],
    [
      "a second file of etcd's log is not looked at",
      "a directory in which etcd has run is refused",
      "if (only === undefined || more.length > 0)",
      "if (only === undefined)",
    ],
    [
      "a takeover that can't move etcd's files ends the start",
      "what is whole is started",
      "async function moveAside(disk: Disk, logger: Logger): Promise<void> {\n  try {",
      "async function moveAside(disk: Disk, logger: Logger): Promise<void> {\n  disk.rename(THEIRS, ASIDE);\n  try {",
    ],
  ]),
  ...mutantsOf("src/server/data_directory.ts", TAKEOVER, [
    [
      "a node that starts afresh takes in what was restored",
      "-f starts without data",
      "if (fresh) throw",
      "if (!fresh && fresh) throw",
    ],
  ]),
  ...mutantsOf("src/bolt/tree_builder.ts", WRITER, [
    [
      "the last branch of a level has one child",
      "etcd can delete what was written here",
      "const branches = held === undefined ? [open] : balanced(held, open);",
      "const branches = held === undefined ? [open] : [held, open];",
    ],
    [
      "a value that does not fit stays in the leaf",
      "memory holds one large value",
      "this.#leafBytes + bytes > PAGE_BYTES",
      "this.#leafBytes + bytes > 2 ** 30",
    ],
  ]),
  ...mutantsOf("src/bolt/writer.ts", WRITER, [
    [
      "entries that changed between the passes go unnoticed",
      "a file that is no whole one never looks like one",
      "if (root !== meta.root || sink.pageCount !== meta.pageCount) {",
      "if (root === 0) {",
    ],
    [
      "a source that was left is not told",
      "what a stream holds is let go of with it",
      "await iterator.return?.();",
      "",
    ],
  ]),
  ...mutantsOf("src/bolt/page_set.ts", READER, [
    [
      "a page may be reached twice",
      "a walk ends",
      'throw new BoltError(page, "one way to the page", "a second one");',
      "continue;",
    ],
  ]),
  ...mutantsOf("src/bolt/page_file.ts", READER, [
    [
      "the older meta page counts",
      "the last transaction of a file is read",
      "second.transaction > newest.transaction",
      "second.transaction < newest.transaction",
    ],
    [
      "contents may overlap",
      "no file gives out more than it has",
      "if (start >= free && end <= limit) return;",
      "if (end <= limit) return;",
    ],
    [
      "a page reaches beyond the last one",
      "no page is read that does not count",
      "if (id + header.overflow >= pageCount) {",
      "if (id >= pageCount) {",
    ],
  ]),
  ...mutantsOf("src/bolt/reader.ts", READER, [
    [
      "keys may lie outside of their branch",
      "a walk and a search find the same",
      "if (high !== undefined && compareBytes(last.key, high) >= 0) {",
      "if (high !== undefined && compareBytes(last.key, high) > 255) {",
    ],
    [
      "a search goes down almost for ever",
      "a search ends",
      "const LEVELS_MAX = 64;",
      "const LEVELS_MAX = 2 ** 14;",
    ],
  ]),
  ...mutantsOf("src/bolt/etcd_reader.ts", ETCD, [
    [
      "a deleted key lives on",
      "what was deleted stays deleted",
      "if (before !== undefined) isLive.delete(before);",
      "if (before !== undefined && put !== undefined) isLive.delete(before);",
    ],
    [
      "a key that was put twice is there twice",
      "each key is there once",
      "if (before !== undefined) isLive.delete(before);",
      "if (before !== undefined && put === undefined) isLive.delete(before);",
    ],
    [
      "the checksum of a snapshot is not compared",
      "no damaged snapshot is restored",
      "if (compareBytes(stored, found) === 0) return;",
      "if (stored.length === found.length) return;",
    ],
    [
      "a compaction leaves the revision behind",
      "a revision is never given twice",
      "Math.max(revision, facts.compactRevision)",
      "revision",
    ],
  ]),
  ...mutantsOf("src/bolt/etcd_records.ts", ETCD, [
    [
      "a member's id goes through a number",
      "ids keep their 64 bits",
      '`{"id":${id},${fields.slice(1)}`',
      '`{"id":${Number(id)},${fields.slice(1)}`',
    ],
    [
      "a tombstone has no mark",
      "a deletion is one for etcd, too",
      "if (isTombstone) bytes[REVISION_KEY_BYTES] = TOMBSTONE;",
      "",
    ],
  ]),
];
