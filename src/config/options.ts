/** Settings that stand for themselves: times, limits, what is kept, what is logged. */
import { tokenConfig } from "./auth_token.ts";
import type { Settings } from "./command_line.ts";
import { parseDuration } from "./duration.ts";
import { FEATURE_GATES } from "./etcd_flags.ts";
import { LIMITS } from "./limits.ts";
import type { AuthConfig, CompactionConfig, LogConfig, V3Config } from "./model.ts";
import { printable, UsageError } from "./usage_error.ts";

/** An election takes a few heartbeats to notice; fewer would elect on every hiccup. */
const HEARTBEATS_PER_ELECTION = 5;

const HOUR_MS = 3_600_000;

/** Raft's times. Throws `UsageError`. */
export function timing(settings: Settings): { heartbeatMs: number; electionMs: number } {
  const heartbeatMs = settings.integer("heartbeat");
  const electionMs = settings.integer("election");
  const least = heartbeatMs * HEARTBEATS_PER_ELECTION;
  if (electionMs < least) {
    throw new UsageError(
      `${settings.label("election")} expects at least ${HEARTBEATS_PER_ELECTION} heartbeats of ` +
        `${heartbeatMs} ms, which is ${least}, found "${electionMs}"`,
    );
  }
  return { heartbeatMs, electionMs };
}

/** Whether the web page is served, and whether it may change anything. Throws `UsageError`. */
export function dashboardMode(settings: Settings): "on" | "readonly" | "off" {
  const mode = settings.text("dashboard");
  if (mode === "on" || mode === "readonly" || mode === "off") return mode;
  throw new UsageError(
    `${settings.label("dashboard")} expects "on", "readonly" or "off", found "${printable(mode)}"`,
  );
}

/** What v3 takes. */
export function v3Config(settings: Settings): V3Config {
  return Object.freeze({
    requestBytesMax: settings.integer("max-request-bytes"),
    txnOperationsMax: settings.integer("max-txn-ops"),
    progressNotifyMs: settings.duration("watch-progress-notify-interval"),
    hasGateway: settings.boolean("enable-grpc-gateway"),
    // As many as four billion, etcd's default, is no bound.
    streamsMax: settings.isGiven("max-concurrent-streams")
      ? settings.integer("max-concurrent-streams")
      : undefined,
    pingMinTimeMs: settings.duration("grpc-keepalive-min-time"),
    pingIntervalMs: settings.duration("grpc-keepalive-interval"),
    pingTimeoutMs: settings.duration("grpc-keepalive-timeout"),
  });
}

/** How users prove who they are. Throws `UsageError`. */
export function authConfig(settings: Settings): AuthConfig {
  return Object.freeze({
    token: tokenConfig(settings),
    bcryptCost: settings.integer("bcrypt-cost"),
    audit: settings.text("audit") || undefined,
  });
}

/** Bytes of data above which there is an alarm; 0 is what etcd has, less is no bound. */
export function quotaBytes(settings: Settings): number | undefined {
  const bytes = settings.integer("quota-backend-bytes");
  return bytes < 0 ? undefined : bytes === 0 ? LIMITS.store.quotaBytes : bytes;
}

/** What is kept of the past: as etcd's flags say, or by the limits of this program. Throws `UsageError`. */
export function compactionConfig(settings: Settings): CompactionConfig {
  const name = "auto-compaction-retention";
  if (!settings.isGiven(name)) return { kind: "limits" };
  const text = settings.text(name);
  const isCount = /^\d{1,15}$/.test(text);
  if (isCount && Number(text) === 0) return { kind: "never" };
  if (settings.text("auto-compaction-mode") === "revision") {
    if (isCount) return { kind: "revisions", retention: Number(text) };
    throw new UsageError(
      `${settings.label(name)} expects a number of revisions, found "${printable(text)}"`,
    );
  }
  const retentionMs = isCount ? Number(text) * HOUR_MS : parseDuration(text);
  if (retentionMs === 0) return { kind: "never" };
  if (retentionMs !== undefined) return { kind: "periodic", retentionMs };
  throw new UsageError(
    `${settings.label(name)} expects hours, or a time such as "5m", found "${printable(text)}"`,
  );
}

/** The switches of 3.6 do nothing here, but a misspelt one is told. Throws `UsageError`. */
export function checkFeatureGates(settings: Settings): void {
  const label = settings.label("feature-gates");
  for (const item of settings.text("feature-gates").split(",").filter((item) => item !== "")) {
    const [, name = ""] = /^\s*(\w+)=(true|false|1|0|t|f)\s*$/i.exec(item) ?? [];
    if (FEATURE_GATES.includes(name)) continue;
    throw new UsageError(
      `${label} expects switches of etcd such as "InitialCorruptCheck=true", ` +
        `found "${printable(item)}"`,
    );
  }
}

/** Names that a plain request may use; undefined for any. */
export function hostWhitelist(settings: Settings): readonly string[] | undefined {
  const names = settings.text("host-whitelist").split(/[\s,]+/).filter((item) => item !== "");
  if (names.length === 0 || names.includes("*")) return undefined;
  return Object.freeze(names.map((name) => name.toLowerCase()));
}

/** What is logged, how and where. Throws `UsageError`. */
export function logConfig(settings: Settings): LogConfig {
  return Object.freeze({
    level: logLevel(settings),
    format: logFormat(settings),
    outputs: Object.freeze(logOutputs(settings)),
  });
}

function logLevel(settings: Settings): LogConfig["level"] {
  if (settings.boolean("vv")) return "trace";
  if (settings.boolean("v") || settings.boolean("debug")) return "debug";
  switch (settings.text("log-level")) {
    case "debug":
      return "debug";
    case "warn":
      return "warn";
    case "error":
    case "panic":
    case "fatal":
      return "error";
    default:
      return "info";
  }
}

function logFormat(settings: Settings): LogConfig["format"] {
  const format = settings.text("logFormat");
  const isZap = settings.text("logger") === "zap";
  if (!settings.isGiven("logFormat")) return isZap ? "zap" : "text";
  if (format === "json") return isZap ? "zap" : "json";
  if (format === "text") return "text";
  // What etcd calls it.
  if (format === "console") return "text";
  throw new UsageError(
    `${settings.label("logFormat")} expects "text" or "json", found "${printable(format)}"`,
  );
}

function logOutputs(settings: Settings): string[] {
  const items = settings.text("log-outputs").split(",").map((item) => item.trim());
  // What goes to standard error is systemd's journal under systemd.
  const places = items.filter((item) => item !== "")
    .map((item) => item === "default" || item === "systemd/journal" ? "stderr" : item);
  if (places.length > 0) return [...new Set(places)];
  throw new UsageError(`${settings.label("log-outputs")} expects a place, found none`);
}
