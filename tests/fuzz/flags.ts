/**
 * Command lines and environments. An input is arguments and `NAME=value`
 * variables, each ended by a NUL, the variables after an empty one.
 */
import { type Config, parseFlags } from "../../src/config.ts";
import { type Flag, FLAGS } from "../../src/config/flags.ts";
import type { SeededRandom } from "../sim/random.ts";
import { anyText, mutated } from "./mutate.ts";
import { bytesOf, expectSame, FuzzError, type Subject, textOf } from "./subject.ts";

const ALL: readonly Flag[] = FLAGS;
/** Flags whose value can be read off the configuration as it is. */
const READABLE: Readonly<Record<string, (config: Config) => unknown>> = {
  n: (config) => config.name,
  r: (config) => config.joinAttempts,
  maxsize: (config) => config.membersMax,
  m: (config) => config.historyMax,
  redirect: (config) => config.redirect,
  logFormat: (config) => config.log.format,
  heartbeat: (config) => config.heartbeatMs,
};

function valueOf(flag: Flag, random: SeededRandom): string {
  if (random.chance(0.05)) return anyText(random, 12);
  if (flag.kind === "boolean") return random.pick(["true", "false", "1", "0", "T", "f", "maybe"]);
  if (flag.kind === "integer") {
    return random.pick([
      `${random.skewed(flag.min, Math.min(flag.max, 2 ** 31))}`,
      `${flag.min}`,
      `${flag.max}`,
      `${flag.min - 1}`,
      `${flag.max + 1}`,
      `0${flag.min}`,
      "-1",
      "1e3",
      "0x10",
      "",
    ]);
  }
  return textFor(flag, random);
}

function textFor({ name }: Flag, random: SeededRandom): string {
  const port = random.skewed(1, 70_000);
  const host = random.pick([
    "127.0.0.1",
    "localhost",
    "[::1]",
    "a.example",
    "0.0.0.0",
    "999.1.1.1",
  ]);
  switch (name) {
    case "c":
    case "s":
      return random.pick([`${port}`, `:${port}`, `${host}:${port}`, `http://${host}:${port}`]);
    case "cl":
    case "sl":
      return host;
    case "C":
      return Array.from({ length: random.skewed(1, 3) }, () => `${host}:${port}`).join(",");
    case "n":
      return random.pick(["node1", "a.b-c_d", "x".repeat(64), "x".repeat(65), "é", "-a"]);
    case "logFormat":
      return random.pick(["text", "json", "xml"]);
    case "d":
      return random.pick(["data", "/var/lib/etcd", ".", "a b"]);
    default:
      // Files: none of them exists.
      return random.pick(["/none/a.crt", "none.key"]);
  }
}

function anyArguments(random: SeededRandom): string[] {
  const args: string[] = [];
  for (let left = random.skewed(0, 6); left > 0; left--) {
    const flag = random.pick(ALL);
    const dash = random.chance(0.5) ? "-" : "--";
    const value = valueOf(flag, random);
    const isBare = flag.kind === "boolean" && random.chance(0.5);
    if (isBare) args.push(`${dash}${flag.name}`);
    else if (flag.kind === "boolean" || random.chance(0.3)) {
      args.push(`${dash}${flag.name}=${value}`);
    } else args.push(`${dash}${flag.name}`, value);
  }
  return args;
}

export const flags: Subject = {
  name: "flags",
  promise: "the values that were given, or one line that says what is wrong",
  make(random) {
    const variables = Array.from({ length: random.chance(0.3) ? random.skewed(1, 3) : 0 }, () => {
      const flag = random.pick(ALL);
      return `${flag.env ?? "ETCD_NONE"}=${valueOf(flag, random)}`;
    });
    const bytes = bytesOf([...anyArguments(random), "", ...variables].join("\0"));
    return random.chance(0.4) ? mutated(bytes, random) : bytes;
  },
  check([input]) {
    const items = textOf(input!).split("\0");
    const end = items.indexOf("");
    const args = end < 0 ? items : items.slice(0, end);
    // A file of addresses may be anything that a mutation names: none is read here.
    if (args.some((arg) => /^--?CF/.test(arg))) return;
    const variables = new Map(
      (end < 0 ? [] : items.slice(end + 1)).map((item): [string, string] => {
        const [name = "", ...value] = item.split("=");
        return [name, value.join("=")];
      }),
    );
    variables.delete("ETCD_PEERS_FILE");
    const result = parseFlags(args, (name) => variables.get(name));
    if (result.kind === "error") return checkLine(result.line);
    if (result.kind === "run") checkConfig(result.config, args, variables);
  },
};

function checkLine(line: string): void {
  if (line === "" || /\p{Cc}/u.test(line)) {
    throw new FuzzError(`Expected one line, found "${line}"`);
  }
  if (line.length > 600) throw new FuzzError(`Expected a short line, found ${line.length}`);
}

function checkConfig(
  config: Config,
  args: readonly string[],
  variables: Map<string, string>,
): void {
  if (!Object.isFrozen(config)) throw new FuzzError("Expected a frozen configuration");
  for (const { port } of [config.client.listen, config.peer.listen, ...config.join]) {
    if (!(port >= 1 && port <= 65_535)) throw new FuzzError(`Expected a port, found ${port}`);
  }
  if (config.electionMs < 5 * config.heartbeatMs) throw new FuzzError("Too few heartbeats");
  for (const flag of ALL) {
    const read = READABLE[flag.name];
    const given = lastOf(flag, args) ?? (flag.env && variables.get(flag.env)) ?? "";
    if (read === undefined || given === "") continue;
    expectSame(read(config), meant(flag, given), `-${flag.name} ${JSON.stringify(given)}`);
  }
}

/** The value of the last `flag` in `args`, read from left to right. */
function lastOf({ name }: Flag, args: readonly string[]): string | undefined {
  let last: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const [, found, , inline] = /^--?([^=]+)(=(.*))?$/s.exec(args[at]!) ?? [];
    const flag = ALL.find((each) => each.name === found);
    if (flag === undefined) continue;
    const value = inline ?? (flag.kind === "boolean" ? "true" : args[++at]);
    if (flag.name === name) last = value;
  }
  return last;
}

function meant(flag: Flag, given: string): unknown {
  if (flag.kind === "boolean") return /^(1|t|true)$/i.test(given);
  return flag.kind === "integer" ? Number(given) : given;
}
