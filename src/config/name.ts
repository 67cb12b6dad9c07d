/** The name of a node, for the node itself and for the command that makes its data directory. */
import { basename, resolve } from "node:path";
import type { Settings } from "./command_line.ts";
import type { Flag } from "./flags.ts";
import { printable, UsageError } from "./usage_error.ts";

/**
 * That of `-n`, else one made from `-d`. A name stands in paths, URLs and logs:
 * ASCII letters, digits, `.`, `_` and `-`. Throws `UsageError`.
 */
export function makeName(settings: Settings<Flag>): string {
  if (!settings.isGiven("n")) {
    const name = basename(resolve(settings.text("d"))).replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[._-]+/, "").slice(0, 64);
    return name === "" ? "node" : name;
  }
  const name = settings.text("n");
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new UsageError(
    `${settings.label("n")} expects up to 64 letters, digits, ".", "_" or "-", ` +
      `the first a letter or digit, found "${printable(name)}"`,
  );
}
