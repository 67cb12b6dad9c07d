/** The two ways to an executable: `deno compile`, and a bundle beside a runtime; what both tasks share. */
import { existsSync } from "@std/fs/exists";
import { RUN_FLAGS } from "./node_flags.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

export type Compiled =
  | { readonly kind: "made" }
  /** Deno's runtime for executables is not there and can't be downloaded. */
  | { readonly kind: "noRuntime" }
  | { readonly kind: "failed"; readonly said: string };

/**
 * Runs `deno compile` for `target`. It refuses to replace what it has not made itself, such as a
 * self-unpacking file of an earlier time: that stands aside, and is back when nothing was made.
 */
export async function denoCompile(target: string, output: string): Promise<Compiled> {
  const aside = `${output}.old`;
  const stoodThere = existsSync(output);
  if (stoodThere) await Deno.rename(output, aside);
  const { ok, said } = await runDeno([
    "compile",
    ...RUN_FLAGS,
    ...["--target", target, "--output", output, MAIN],
  ]);
  if (stoodThere) await (ok ? Deno.remove(aside) : Deno.rename(aside, output));
  if (ok) return { kind: "made" };
  return /denort|base binary/i.test(said) ? { kind: "noRuntime" } : { kind: "failed", said };
}

/** Writes the program as one JavaScript file; the text of what went wrong, if anything did. */
export async function bundleProgram(output: string): Promise<string | undefined> {
  const { ok, said } = await runDeno(["bundle", "--quiet", "--output", output, MAIN]);
  return ok ? undefined : said.trimEnd();
}

/** Runs the deno in hand; `said` is what it printed on standard error. */
async function runDeno(args: string[]): Promise<{ readonly ok: boolean; readonly said: string }> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return { ok: success, said: new TextDecoder().decode(stderr) };
}
