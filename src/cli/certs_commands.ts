/** The rows of the commands about certificates. */
import type { Flag } from "../config/flags.ts";
import type { Command } from "./command.ts";
import { OUTPUT_FLAG } from "./connection_flags.ts";

const DAYS_MAX = 36_500;

const HOSTS = { name: "hosts", kind: "text", value: "LIST" } as const;

const INIT_FLAGS: readonly Flag[] = [
  {
    ...HOSTS,
    initial: "localhost,127.0.0.1,::1",
    help: "names and addresses of the members, separated by commas",
  },
  {
    name: "out",
    kind: "text",
    value: "DIR",
    initial: "certs",
    help: "where the files go; an authority that is there is used again",
  },
  {
    name: "server",
    kind: "text",
    value: "NAME",
    initial: "server",
    help: "file name of the members' pair, without its ending",
  },
  {
    name: "client",
    kind: "text",
    value: "NAME",
    initial: "client",
    help: "file name of the clients' pair, likewise",
  },
  {
    name: "days",
    kind: "integer",
    value: "N",
    initial: 825,
    min: 1,
    max: DAYS_MAX,
    help: "days until the pairs expire, but not later than the authority",
  },
  {
    name: "caName",
    kind: "text",
    value: "NAME",
    initial: "etcd CA",
    help: "common name of a new authority",
  },
  {
    name: "caDays",
    kind: "integer",
    value: "N",
    initial: 3650,
    min: 1,
    max: DAYS_MAX,
    help: "days until a new authority expires",
  },
];

/** In the order of the help text. */
export const CERTS_COMMANDS: readonly Command[] = [
  {
    name: "certs init",
    group: "Certificates",
    summary:
      "make an authority, a pair for members and one for clients, and print the flags to use",
    operands: [],
    description: [
      "Members dial each other, so theirs is for server and client use. No file is ever overwritten: what is there is used, and said so. With the authority there, other names make further pairs: one for each member, if you like. The keys can be read by their owner only.",
      "Keep ca.key away from the members: whoever has it can be anybody.",
    ],
    flags: INIT_FLAGS,
    examples: [
      {
        line: "etcd certs init --hosts node1.example.org,10.0.0.1,127.0.0.1",
        says: "ca, server and client in certs/",
      },
      {
        line: "etcd certs init --hosts node2.example.org --server node2",
        says: "one more pair of the same authority",
      },
    ],
    load: async () => (await import("./certs_init.ts")).runCertsInit,
  },
  {
    name: "certs check",
    group: "Certificates",
    summary: "compare certificates and keys with what a cluster needs of them",
    operands: [{ name: "FILE", repeated: true }],
    description: [
      "Give it a certificate, its key and the authority together, in any order: it says whom the certificate is for, whether it may be used, for how long, whether the key fits and the authority signed it. It fails when one of its checks does; a warning is no failure.",
    ],
    flags: [
      { ...HOSTS, initial: "", help: "names and addresses that members' certificates must be for" },
      OUTPUT_FLAG,
    ],
    examples: [
      {
        line: "etcd certs check --hosts node1.example.org certs/*",
        says: "everything that was made, against a member's name",
      },
    ],
    load: async () => (await import("./certs_check.ts")).runCertsCheck,
  },
];
