/** The help text, made from the table in `flags.ts` so that it cannot be out of date. */
import { type Flag, FLAGS, GROUPS } from "./flags.ts";

/** Lines to copy, of the help text and the man page. */
export const EXAMPLES = `\
Examples:
  etcd -d data                                    one node, clients on 127.0.0.1:4001
  etcd -s 7001 -c 4001 -d nodes/node1             the first of a cluster
  etcd -s 7002 -c 4002 -C 127.0.0.1:7001 -d nodes/node2
                                                  one more
  etcd -c node1.example.org:4001 -cl 0.0.0.0 -d data
                                                  reachable from other machines
  etcd -clientCert server.crt -clientKey server.key -clientCAFile ca.crt -d data
                                                  with client certificates

  curl http://127.0.0.1:4001/v1/keys/message -d value="Hello world"
  curl http://127.0.0.1:4001/v1/keys/message
`;

/** The text of `-h`, at most 100 columns wide. */
export function helpText(version: string): string {
  const groups = GROUPS.map((group) => {
    const rows = FLAGS.filter((flag) => flag.group === group).map(describe);
    return `${group}:\n${rows.join("")}`;
  });
  return [
    `etcd ${version}: a distributed, durable key-value store\n`,
    "Usage: etcd [flags]                        runs a node\n" +
    '       etcd COMMAND [flags] [arguments]    get, set, watch, certs ...: see "etcd help"\n',
    ...groups,
    EXAMPLES,
    'Flags take one or two dashes, "-flag value" or "-flag=value". A flag wins over its variable.\n',
  ].join("\n");
}

function describe(flag: Flag): string {
  const usage = flag.kind === "boolean" ? `-${flag.name}` : `-${flag.name} ${flag.value}`;
  const shown = defaultText(flag);
  const notes = [
    ...(shown === "" ? [] : [`default: ${shown}`]),
    ...(flag.env === undefined ? [] : [flag.env]),
  ];
  const line = `  ${usage.padEnd(20)}  ${flag.help}\n`;
  return notes.length === 0 ? line : `${line}${" ".repeat(24)}(${notes.join("; ")})\n`;
}

/** The default in words; empty when there is none worth a word. */
function defaultText(flag: Flag): string {
  if (flag.shown !== undefined) return flag.shown;
  switch (flag.kind) {
    case "boolean":
      return flag.initial ? `on, off with -${flag.name}=false` : "";
    case "integer":
      return String(flag.initial);
    case "text":
      return flag.initial;
  }
}
