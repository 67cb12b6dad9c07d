/** Files that a command line names: whether they are there, before anything is opened. */
import { messageOf } from "../base/errors.ts";
import { resolve } from "node:path";
import type { Settings } from "./command_line.ts";
import type { FlagName } from "./flags.ts";
import { printable, UsageError } from "./usage_error.ts";

/** The absolute path of a file that is there; undefined when none is named. Throws `UsageError`. */
export function existingFile(settings: Settings, name: FlagName<"text">): string | undefined {
  if (!settings.isGiven(name)) return undefined;
  const path = settings.text(name);
  const label = settings.label(name);
  try {
    if (Deno.statSync(path).isFile) return resolve(path);
  } catch (error) {
    throw new UsageError(`${label} "${printable(path)}": ${fileProblem(error)}`);
  }
  throw new UsageError(`${label} "${printable(path)}": expected a file, found something else`);
}

/** Why a file can't be read, in few words. */
export function fileProblem(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission to read it";
  return messageOf(error);
}
