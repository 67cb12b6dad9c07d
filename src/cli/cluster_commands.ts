/** The rows of the commands about the members of a cluster. */
import type { Command } from "./command.ts";
import { CONNECTION_FLAGS, OUTPUT_FLAG } from "./connection_flags.ts";

/** In the order of the help text. */
export const CLUSTER_COMMANDS: readonly Command[] = [
  {
    name: "members",
    group: "Cluster",
    summary: "list the members: name, role, addresses",
    operands: [],
    description: [
      "One server tells who they are, each of them its role; one that gives no answer is there with the reason. The status is 1 when there is no leader.",
    ],
    flags: [OUTPUT_FLAG, ...CONNECTION_FLAGS],
    examples: [
      { line: "etcd members", says: "asks the member at 127.0.0.1:4001" },
      { line: "etcd members -peers 10.0.0.1:4001,10.0.0.2:4001", says: "the first that answers" },
    ],
    load: async () => (await import("./members.ts")).runMembers,
  },
  {
    name: "member remove",
    group: "Cluster",
    summary: "take a member out of the cluster for good",
    operands: [{ name: "NAME" }],
    description: [
      "Dead or alive. It is refused when the members that are up would be no majority without it. The node stops; to take it in again, start it with -f and -C.",
    ],
    flags: [OUTPUT_FLAG, ...CONNECTION_FLAGS],
    examples: [{ line: "etcd member remove node3", says: 'names are those of "etcd members"' }],
    load: async () => (await import("./members.ts")).runRemoveMember,
  },
  {
    name: "gateway",
    group: "Cluster",
    summary: "listen at one address, and pass connections on to the members",
    operands: [{ name: "ACTION", choices: ["start"] }],
    description: [
      "For clients that know one address only. Each connection goes to the next member that can be reached. The gateway looks at nothing: certificates are those of the members, and a member sees the gateway's address.",
    ],
    flags: [
      {
        name: "endpoints",
        kind: "text",
        value: "LIST",
        initial: "127.0.0.1:2379",
        help: "client addresses of the members, separated by commas",
      },
      {
        name: "listen-addr",
        kind: "text",
        value: "ADDRESS",
        initial: "127.0.0.1:23790",
        help: "address to listen on",
      },
      {
        name: "retry-delay",
        kind: "duration",
        value: "TIME",
        initial: 60_000,
        shown: "1m0s",
        help: "how long a member that could not be reached is passed over",
      },
    ],
    examples: [
      {
        line: "etcd gateway start --endpoints 10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379",
        says: "clients ask 127.0.0.1:23790",
      },
    ],
    load: async () => (await import("./tcp_gateway.ts")).runTcpGateway,
  },
];
