/** The rows of the commands about a node's data: backup, restore, recovery and diagnosis. */
import { type Flag, FLAGS, NODE_FLAGS, type NodeFlag } from "../config/flags.ts";
import type { Command } from "./command.ts";
import { CONNECTION_FLAGS, OUTPUT_FLAG } from "./connection_flags.ts";

/** Flags of a node that mean the same to a command. */
function nodeFlags(...names: readonly string[]): Flag[] {
  return (FLAGS as readonly Flag[]).filter(({ name }) => names.includes(name));
}

/** All of ours that mean something to a doctor. */
const DOCTOR_FLAGS: readonly Flag[] = (FLAGS as readonly NodeFlag[]).filter(({ name, group }) =>
  name !== "f" && group !== "Other"
);

/** The others of a node, so that its command line can be copied. */
const OTHER_NODE_FLAGS: readonly Flag[] = (NODE_FLAGS as readonly Flag[]).filter((flag) =>
  !DOCTOR_FLAGS.includes(flag) && flag.name !== "h"
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

/** How the cluster is reached that is copied. */
const SOURCE_FLAGS: readonly Flag[] = [
  {
    name: "from",
    kind: "text",
    value: "LIST",
    initial: "http://127.0.0.1:2379",
    help: "client addresses of the etcd that is copied, separated by commas",
  },
  {
    name: "from-cacert",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "authority that signed the certificates there; asks for TLS",
  },
  {
    name: "from-cert",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "certificate to show there",
  },
  { name: "from-key", kind: "text", value: "FILE", initial: "", help: "its private key" },
  {
    name: "from-user",
    kind: "text",
    value: "NAME[:PASSWORD]",
    initial: "",
    help: "who asks there: root, where authentication is on",
  },
  {
    name: "from-password",
    env: "ETCD_FROM_PASSWORD",
    kind: "text",
    value: "PASSWORD",
    initial: "",
    help: "the password of -from-user",
  },
];

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
    summary: "make the data directory of a new cluster from a backup, or from a snapshot of etcd",
    operands: [{ name: "FILE" }],
    description: [
      "Its first member starts with that directory, others join it with -C. It is a new cluster: members of the old one are refused. Indexes go on from those of the backup.",
      "A key with a TTL keeps the date of its end: what has ended since is gone when the node starts.",
      'A FILE of "etcdctl snapshot save" (etcd 3.x), or the file member/snap/db of a stopped member, brings its keys with their revisions and history, leases with their full TTL, users, roles and passwords. Revisions go on from there.',
    ],
    flags: [DIRECTORY_FLAG, ...nodeFlags("n", "c", "s")],
    examples: [
      { line: "etcd restore monday.backup -d data", says: 'then start it with "etcd -d data"' },
      { line: "etcd restore old.snap -d data", says: "from a snapshot of etcd" },
    ],
    load: async () => (await import("./restore.ts")).runRestore,
  },
  {
    name: "migrate",
    group: "Data",
    summary: "copy a running etcd into this cluster, and follow it until the clients move",
    operands: [],
    description: [
      'Copies the keys and leases of an etcd 3.4 or later while it is written to, follows its watch until Enter is pressed or standard input ends, and then compares both, key by key. It fails when they differ. Leases keep their ids, and start with their full TTL; revisions begin from the start: who needs them takes a snapshot to "etcd restore".',
      "Users and roles come along where -from-user may read them, with passwords that nobody knows. Authentication stays off until it is switched on here.",
      "The cluster must be without keys, and only this command may write to it. When it was cut short, -again goes on: what is equal is not written again, and what the source does not have is deleted.",
    ],
    flags: [
      ...SOURCE_FLAGS,
      {
        name: "again",
        kind: "boolean",
        initial: false,
        help: "make a cluster that has keys already equal to the source",
      },
      ...CONNECTION_FLAGS,
    ],
    examples: [
      {
        line: "etcd migrate -from http://old1:2379,http://old2:2379 -peers new:2379",
        says: "from an etcd to the cluster at new",
      },
      { line: "etcd migrate -from http://old:2379 </dev/null", says: "once, without following" },
    ],
    load: async () => (await import("./migrate/migrate.ts")).runMigrate,
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
      "Give it the flags of the node, ours or etcd's; -f removes nothing here. It verifies log and snapshot without opening them for writing, also while the node runs, and measures the disk with a file of its own. It fails when one of its checks does; a warning is no failure.",
    ],
    flags: [...DOCTOR_FLAGS, OUTPUT_FLAG],
    unlisted: OTHER_NODE_FLAGS,
    examples: [{ line: "etcd doctor -d data", says: "disk, data, ports, limits, clock" }],
    load: async () => (await import("./doctor.ts")).runDoctor,
  },
];
