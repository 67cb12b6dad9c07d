/** `--auth-token`: how tokens are made, in etcd's words. */
import { parseDuration } from "./duration.ts";
import type { Settings } from "./command_line.ts";
import type { TokenConfig } from "./model.ts";
import { printable, UsageError } from "./usage_error.ts";

const OPTIONS = ["sign-method", "pub-key", "priv-key", "ttl"] as const;

type Option = typeof OPTIONS[number];

/** What etcd signs with, and for how long, unless it is told. */
const METHOD = "RS256";
const TTL_MS = 300_000;

/** Throws `UsageError`. */
export function tokenConfig(settings: Settings): TokenConfig {
  const text = settings.text("auth-token");
  if (text === "simple") {
    return { kind: "simple", ttlMs: settings.integer("auth-token-ttl") * 1000 };
  }
  const label = settings.label("auth-token");
  const [kind, ...pairs] = text.split(",");
  if (kind !== "jwt") {
    throw new UsageError(`${label} expects "simple" or "jwt,...", found "${printable(text)}"`);
  }
  const options = optionsIn(pairs, label);
  const ttl = options.get("ttl");
  const ttlMs = ttl === undefined ? TTL_MS : parseDuration(ttl);
  if (ttlMs === undefined || ttlMs < 1000) {
    throw new UsageError(
      `${label} expects a ttl of a second at least, such as "5m", found "${printable(ttl ?? "")}"`,
    );
  }
  const [publicKeyFile, privateKeyFile] = [options.get("pub-key"), options.get("priv-key")];
  if (publicKeyFile === undefined && privateKeyFile === undefined) {
    throw new UsageError(`${label} expects pub-key=FILE or priv-key=FILE with jwt, found neither`);
  }
  const method = options.get("sign-method") ?? METHOD;
  if (!/^(HS|RS|PS|ES)(256|384|512)$/.test(method)) {
    throw new UsageError(
      `${label} expects HS, RS, PS or ES with 256, 384 or 512 for sign-method, ` +
        `found "${printable(method)}"`,
    );
  }
  return { kind: "jwt", method, publicKeyFile, privateKeyFile, ttlMs };
}

function optionsIn(pairs: readonly string[], label: string): ReadonlyMap<Option, string> {
  const options = new Map<Option, string>();
  for (const pair of pairs.filter((pair) => pair !== "")) {
    const equals = pair.indexOf("=");
    const name = OPTIONS.find((option) => option === pair.slice(0, equals));
    if (name === undefined || equals === pair.length - 1) {
      throw new UsageError(
        `${label} expects ${OPTIONS.join("=, ")}= after "jwt,", found "${printable(pair)}"`,
      );
    }
    options.set(name, pair.slice(equals + 1));
  }
  return options;
}
