/**
 * `deno task compile`: makes the executable `./etcd`. By `deno compile` where
 * its runtime (denort) is at hand or can be downloaded, else by packing the
 * `deno` that runs this and the bundled program (see `self_unpacking.ts`).
 *
 *     deno task compile [--output FILE] [--target TRIPLE] [--fallback]
 */
import { parseArgs } from "@std/cli/parse-args";
import { bundleProgram, denoCompile } from "./executable.ts";
import { RUN_FLAGS } from "./node_flags.ts";
import { packSelfUnpacking } from "./self_unpacking.ts";

if (import.meta.main) Deno.exit(await compile(Deno.args));

/** Returns the exit status: 0 when made, 1 when not, 2 for a wrong command line. */
export async function compile(args: string[]): Promise<number> {
  let wrong: string | undefined;
  const { output = "etcd", target = Deno.build.target, fallback } = parseArgs(args, {
    string: ["output", "target"],
    boolean: ["fallback"],
    unknown: (arg) => {
      wrong ??= arg;
      return false;
    },
  });
  if (wrong !== undefined) {
    console.error(
      `compile: Unexpected argument "${wrong}", expected --output, --target, --fallback`,
    );
    return 2;
  }
  if (fallback) return await compileFallback(output);
  const compiled = await denoCompile(target, output);
  if (compiled.kind === "made") {
    console.log(`compile: Made "${output}" for ${target} with deno compile`);
    return 0;
  }
  if (compiled.kind === "failed") {
    console.error(compiled.said.trimEnd());
    return 1;
  }
  if (target !== Deno.build.target || Deno.build.os === "windows") {
    console.error(`compile: Deno's runtime for "${target}" cannot be downloaded, try again online`);
    return 1;
  }
  console.log(
    "compile: Deno's runtime (denort) cannot be downloaded, packing the deno in hand instead",
  );
  return await compileFallback(output);
}

async function compileFallback(output: string): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-compile-" });
  try {
    const program = `${directory}/main.js`;
    const problem = await bundleProgram(program);
    if (problem !== undefined) {
      console.error(problem);
      return 1;
    }
    const bytes = await packSelfUnpacking({
      name: "etcd",
      runtime: Deno.execPath(),
      program,
      flags: RUN_FLAGS,
      output,
    });
    const megabytes = (bytes / 1_000_000).toFixed(1);
    console.log(`compile: Made "${output}", ${megabytes} MB, self-unpacking`);
    return 0;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
