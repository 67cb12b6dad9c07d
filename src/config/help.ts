/** The help text, made from the tables of flags so that it cannot be out of date. */
import { ETCD_FLAGS } from "./etcd_flags.ts";
import type { EtcdFlag, Flag } from "./flag.ts";
import { COMPATIBLE_VERSION } from "../version.ts";
import { FLAGS, GROUPS } from "./flags.ts";

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
    etcdGroup(),
    EXAMPLES,
    'Flags take one or two dashes, "-flag value" or "-flag=value". A flag wins over its variable.\n',
  ].join("\n");
}

/** The text of `-version`, its first line as etcd's. */
export function versionText(version: string): string {
  return `etcd Version: ${COMPATIBLE_VERSION}\netcd for Deno Version: ${version}\n` +
    `Deno Version: ${Deno.version.deno}\nDeno OS/Arch: ${Deno.build.os}/${Deno.build.arch}\n`;
}

/** A row of etcd's flags for people: its names, and what it says or whose other name it is. */
export interface EtcdRow {
  readonly name: string;
  readonly flag: Flag;
  /** As one types it, with its value. */
  readonly usage: string;
  readonly help: string;
  /** The default in words; perhaps empty. */
  readonly initial: string;
}

/** etcd's flags that are followed, by name; those that are other names of ours say of which. */
export function etcdRows(): readonly EtcdRow[] {
  const others: readonly Flag[] = FLAGS.filter((flag) => "etcd" in flag);
  const followed: readonly EtcdFlag[] = ETCD_FLAGS.filter(({ stance }) => stance === "follow");
  const rows = [
    ...others.map((flag) => ({ name: flag.etcd!, flag, help: `the same as -${flag.name}` })),
    ...followed.map((flag) => ({ name: flag.name, flag, help: flag.help })),
  ];
  return rows.sort((a, b) => a.name < b.name ? -1 : 1).map(({ name, flag, help }) => ({
    name,
    flag,
    usage: flag.kind === "boolean" ? `--${name}` : `--${name} ${flag.value}`,
    help,
    initial: "stance" in flag ? defaultText(flag).replace(/^on,.*/, "on") : "",
  }));
}

/** etcd's flags that do nothing here, by what is said of them, and those that are refused. */
export function etcdRest(stance: "ignore" | "refuse"): ReadonlyMap<string, readonly string[]> {
  const rows: readonly EtcdFlag[] = ETCD_FLAGS.filter((flag) => flag.stance === stance);
  return new Map(
    [...Map.groupBy(rows, ({ help }) => help)].map(([help, some]) =>
      [help, some.map(({ name }) => name)] as const
    ),
  );
}

/** Said above etcd's flags. */
export const ETCD_INTRODUCTION =
  "They are named as in etcd 3.4 to 3.6; each has its variable, such as ETCD_DATA_DIR. Where they " +
  "stand without -n, -d, -c, -s and -C, the node is placed as etcd is: ports 2379 and 2380, the " +
  'name "default", the directory NAME.etcd.';

function etcdGroup(): string {
  const rows = etcdRows().map(({ usage, help, initial }) => {
    const note = initial === "" ? "" : ` (${initial})`;
    const line = usage.length > USAGE_WIDTH
      ? `  ${usage}\n${" ".repeat(USAGE_WIDTH + 4)}${help}`
      : `  ${usage.padEnd(USAGE_WIDTH)}  ${help}`;
    return `${line}${note}\n`;
  });
  const rest = (stance: "ignore" | "refuse") =>
    [...etcdRest(stance)].map(([why, names]) =>
      `${wrap(`${names.map((name) => `--${name}`).join(", ")}: ${why}`)}\n`
    ).join("");
  return `Flags of etcd 3:\n${wrap(ETCD_INTRODUCTION)}\n\n${rows.join("")}\n` +
    `Flags of etcd 3 that do nothing here:\n${rest("ignore")}\n` +
    `Flags of etcd 3 that are refused, when they ask for more than nothing:\n${rest("refuse")}`;
}

const USAGE_WIDTH = 34;

/** Lines of at most 98 columns. */
function wrap(text: string): string {
  const lines = ["  "];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last.length + word.length > 97) lines.push(`    ${word}`);
    else lines[lines.length - 1] = last.trim() === "" ? `${last}${word}` : `${last} ${word}`;
  }
  return lines.join("\n");
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
    case "duration":
      return `${flag.initial}ms`;
    case "integer":
      return String(flag.initial);
    case "text":
      return flag.initial;
  }
}
