/** The rows of the commands about a node's data: backup, restore, recovery and diagnosis. */
import { type Flag, FLAGS, type NodeFlag } from "../config/flags.ts";
import type { Command } from "./command.ts";
import { CONNECTION_FLAGS, OUTPUT_FLAG } from "./connection_flags.ts";

/** Flags of a node that mean the same to a command. */
function nodeFlags(...names: readonly string[]): Flag[] {
  return (FLAGS as readonly Flag[]).filter(({ name }) => names.includes(name));
}

/** All of a node's, so that its command line can be copied; but -f, which removes data. */
const DOCTOR_FLAGS: readonly Flag[] = (FLAGS as readonly NodeFlag[]).filter(({ name, group }) =>
  name !== "f" && group !== "Other"
);

/** As of a node. */
const DIRECTORY_FLAG: Flag = {
  name: "d",
  env: "ETCD_DATA_DIR",
  kind: "text",
  value: "DIR",
  initial: ".",
  shown: "the current directory",
  help: "data directory",
};

const FORCE_FLAG = { name: "force", kind: "boolean", initial: false } as const;

/** In the order of the help text. */
export const DATA_COMMANDS: readonly Command[] = [
  {
    name: "backup",
    group: "Data",
    summary: "save all that the cluster holds in one file, from a running member",
    operands: [{ name: "FILE" }],
    description: [
      "The file holds every write that was acknowledged before, and is checked before it has its name. Any member gives it, while it goes on serving; so does curl: GET /admin/backup.",
      'The FILE "-" is standard output: it gets the backup, checked, by way of a temporary file.',
    ],
    flags: [
      {
        name: "stale",
        kind: "boolean",
        initial: false,
        help: "what the member knows by now: works without a quorum",
      },
      { ...FORCE_FLAG, help: "replace FILE if it exists" },
      OUTPUT_FLAG,
      ...CONNECTION_FLAGS,
    ],
    examples: [
      { line: "etcd backup monday.backup", says: "from the member at 127.0.0.1:4001" },
      { line: "etcd backup - | gzip >monday.gz", says: "to a pipe" },
      {
        line: "curl http://127.0.0.1:4001/admin/backup -o monday.backup",
        says: "the same by curl",
      },
    ],
    load: async () => (await import("./backup.ts")).runBackup,
  },
  {
    name: "restore",
    group: "Data",
    summary: "make the data directory of a new cluster from a backup",
    operands: [{ name: "FILE" }],
    description: [
      "Its first member starts with that directory, others join it with -C. It is a new cluster: members of the old one are refused. Indexes go on from those of the backup.",
      "A key with a TTL keeps the date of its end: what has ended since is gone when the node starts.",
    ],
    flags: [DIRECTORY_FLAG, ...nodeFlags("n", "c", "s")],
    examples: [
      { line: "etcd restore monday.backup -d data", says: 'then start it with "etcd -d data"' },
    ],
    load: async () => (await import("./restore.ts")).runRestore,
  },
  {
    name: "recover",
    group: "Data",
    summary: "make a new cluster of one survivor, when a quorum is lost for good",
    operands: [],
    description: [
      "Everything in the survivor's log is kept. What others acknowledged after its last entry is lost, and entries that were never acknowledged may take effect. It says what it will do and asks for the member's name first.",
      "The new cluster has a new id, and refuses the old members: erase their directories with -f and let them join with -C. Of several survivors, recover the one whose last entry has the highest term, then index.",
    ],
    flags: [
      DIRECTORY_FLAG,
      { ...FORCE_FLAG, help: "do not ask" },
      {
        name: "auth-off",
        kind: "boolean",
        initial: false,
        help: "switch authentication off: the way back when nobody knows the password of root",
      },
    ],
    examples: [
      { line: "etcd recover -d data", says: 'then start it with "etcd -d data"' },
      { line: "etcd recover -d data -auth-off", says: "users and roles stay" },
    ],
    load: async () => (await import("./recover.ts")).runRecover,
  },
  {
    name: "doctor",
    group: "Data",
    summary: "check everything that a node needs, and say what to do",
    operands: [],
    description: [
      "Give it the flags of the node, all but -f; what it has no use for is ignored. It verifies log and snapshot without opening them for writing, also while the node runs, and measures the disk with a file of its own. It fails when one of its checks does; a warning is no failure.",
    ],
    flags: [...DOCTOR_FLAGS, OUTPUT_FLAG],
    examples: [{ line: "etcd doctor -d data", says: "disk, data, ports, limits, clock" }],
    load: async () => (await import("./doctor.ts")).runDoctor,
  },
];
