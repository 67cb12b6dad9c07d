/**
 * What a user may set, as one frozen `Config`, from flags, `ETCD_*` variables and
 * etcd's configuration file. Checks everything that can be checked before a port or a
 * data directory is opened; opens neither, and reads no file but that of `-CF`. The
 * tables of flags are `config/flags.ts` and `config/etcd_flags.ts`, the fixed limits
 * `config/limits.ts`, what the settings come to `config/model.ts`.
 */
import { resolve } from "node:path";
import { entry, joinAddresses } from "./config/cluster.ts";
import { type ConfigFile, readSettings, type Settings } from "./config/command_line.ts";
import { idleSettings, isPlacedAsEtcd } from "./config/families.ts";
import { helpText, versionText } from "./config/help.ts";
import type { Config } from "./config/model.ts";
import { makeName } from "./config/name.ts";
import {
  authConfig,
  checkFeatureGates,
  compactionConfig,
  dashboardMode,
  hostWhitelist,
  logConfig,
  quotaBytes,
  timing,
  v3Config,
} from "./config/options.ts";
import { parseOrigins } from "./config/origins.ts";
import { isMetricsWord, makePorts } from "./config/ports.ts";
import { UsageError } from "./config/usage_error.ts";
import { VERSION } from "./version.ts";

export type { Address } from "./config/address.ts";
export { formatAddress, isLoopback, isUnspecified } from "./config/address.ts";
export { LIMITS } from "./config/limits.ts";
export { UsageError } from "./config/usage_error.ts";
export type { Config, InitialMember, ListenAddress, PortConfig, TlsFiles } from "./config/model.ts";

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "run"; readonly config: Config }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version"; readonly text: string }
  /** One line without a line end; the exit status is 2. */
  | { readonly kind: "error"; readonly line: string };

type Environment = (name: string) => string | undefined;

/** Start scripts of 2013 have them. */
const IDLE_FLAGS = ["w", "cpuprofile"] as const;

/** Reads flags and variables, and the file that they name; never rejects for what a user typed. */
export async function parseInvocation(
  args: readonly string[],
  environment: Environment,
): Promise<Invocation> {
  try {
    const settings = readSettings(args, environment);
    if (!settings.isGiven("config-file")) return invoke(settings);
    const { readConfigFile } = await import("./config/config_file.ts");
    const file = await readConfigFile(settings.text("config-file"), settings.label("config-file"));
    return parseFlags(args, environment, file);
  } catch (error) {
    return usageError(error);
  }
}

/** Reads flags and variables, or `file` in their place; never throws for what a user typed. */
export function parseFlags(
  args: readonly string[],
  environment: Environment,
  file?: ConfigFile,
): Invocation {
  try {
    return invoke(readSettings(args, environment, file));
  } catch (error) {
    return usageError(error);
  }
}

/** What `settings` come to, or the file that they name. Rejects with `UsageError`. */
export async function configOf(settings: Settings): Promise<Config> {
  if (!settings.isGiven("config-file")) return makeConfig(settings);
  const { readConfigFile } = await import("./config/config_file.ts");
  const file = await readConfigFile(settings.text("config-file"), settings.label("config-file"));
  return makeConfig(readSettings([], () => undefined, file));
}

function invoke(settings: Settings): Invocation {
  if (settings.boolean("h")) return { kind: "help", text: helpText(VERSION) };
  if (settings.boolean("version")) return { kind: "version", text: versionText(VERSION) };
  return { kind: "run", config: makeConfig(settings) };
}

function usageError(error: unknown): Invocation {
  if (error instanceof UsageError) return { kind: "error", line: error.message };
  throw error;
}

function makeConfig(settings: Settings): Config {
  const asEtcd = isPlacedAsEtcd(settings);
  checkFeatureGates(settings);
  const name = asEtcd && !settings.isGiven("n") ? "default" : makeName(settings);
  const directory = asEtcd && !settings.isGiven("d") ? `${name}.etcd` : settings.text("d");
  const dataDirectory = resolve(directory);
  const idle = idleSettings(settings, dataDirectory);
  const ports = makePorts(settings, { asEtcd, name, dataDirectory });
  return Object.freeze({
    name,
    nameGiven: settings.isGiven("n"),
    dataDirectory,
    fresh: settings.boolean("f"),
    forceNewCluster: settings.boolean("force-new-cluster"),
    ...ports,
    join: joinAddresses(settings, ports.peer),
    joinAttempts: settings.integer("r"),
    ...entry(settings, name, ports.peer),
    membersMax: settings.integer("maxsize"),
    membership: Object.freeze({
      isStrict: settings.boolean("strict-reconfig-check"),
      learnersMax: settings.integer("max-learners"),
    }),
    redirect: settings.boolean("redirect"),
    snapshotEntries: settings.boolean("snapshot") ? settings.integer("snapCount") : undefined,
    historyMax: settings.integer("m"),
    compaction: Object.freeze(compactionConfig(settings)),
    quotaBytes: quotaBytes(settings),
    v3: v3Config(settings),
    auth: authConfig(settings),
    ...timing(settings),
    dashboard: dashboardMode(settings),
    cors: Object.freeze(
      settings.isGiven("cors") ? parseOrigins(settings.text("cors"), settings.label("cors")) : [],
    ),
    hostWhitelist: hostWhitelist(settings),
    idle: Object.freeze([
      ...IDLE_FLAGS.filter((name) => settings.isGiven(name)).map((name) => ({
        flag: settings.label(name),
        why: "it is of 2013",
      })),
      ...settings.isGiven("metrics") && isMetricsWord(settings)
        ? [{ flag: settings.label("metrics"), why: "all metrics are served always" }]
        : [],
      ...idle,
    ]),
    log: logConfig(settings),
  });
}
