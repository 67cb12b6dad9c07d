/**
 * `deno task release`: executables for five platforms and their checksums, in
 * `dist/`. By `deno compile` where its runtimes can be downloaded, else from the
 * `deno` of each platform, which npm has: self-unpacking files for Linux and
 * macOS (see `self_unpacking.ts`), an archive with a launcher for Windows. On a Debian,
 * packages for Debian are made of those for Linux (see `deb.ts`).
 *
 *     deno task release [--output DIR] [--target TRIPLE,…] [--fallback]
 */
import { parseArgs } from "@std/cli/parse-args";
import { ensureDir } from "@std/fs/ensure-dir";
import { VERSION } from "../src/version.ts";
import { makeDeb } from "./deb.ts";
import { bundleProgram, denoCompile } from "./executable.ts";
import { RUN_FLAGS } from "./node_flags.ts";
import {
  checksumLine,
  RELEASE_TARGETS,
  type ReleaseTarget,
  windowsLauncher,
} from "./release_targets.ts";
import { packSelfUnpacking } from "./self_unpacking.ts";

if (import.meta.main) Deno.exit(await release(Deno.args));

/** A release can't be made; the message is for the user. */
class ReleaseError extends Error {
  override readonly name = "ReleaseError";
}

interface Request {
  readonly output: string;
  readonly targets: readonly ReleaseTarget[];
  /** Not even try `deno compile`. */
  readonly fallback: boolean;
}

/** Returns the exit status: 0 when all were made, 1 when not, 2 for a wrong command line. */
export async function release(args: string[]): Promise<number> {
  const request = parseRequest(args);
  if (typeof request === "string") {
    console.error(`release: ${request}`);
    return 2;
  }
  const work = await Deno.makeTempDir({ prefix: "etcd-release-" });
  try {
    await makeAll(request, work);
    return 0;
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    console.error(`release: ${error.message}`);
    return 1;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** What is asked for, or what is wrong with the command line. */
function parseRequest(args: string[]): Request | string {
  let wrong: string | undefined;
  const parsed = parseArgs(args, {
    string: ["output", "target"],
    boolean: ["fallback"],
    unknown: (arg) => {
      wrong ??= arg;
      return false;
    },
  });
  if (wrong !== undefined) {
    return `Unexpected argument "${wrong}", expected --output, --target, --fallback`;
  }
  const wanted = (parsed.target ?? "").split(",").filter((triple) => triple !== "");
  const known = RELEASE_TARGETS.map(({ triple }) => triple);
  const stranger = wanted.find((triple) => !known.includes(triple));
  if (stranger !== undefined) {
    return `Expected a target of ${known.join(", ")}, found "${stranger}"`;
  }
  return {
    output: parsed.output ?? "dist",
    targets: RELEASE_TARGETS.filter(({ triple }) => wanted.length === 0 || wanted.includes(triple)),
    fallback: parsed.fallback === true,
  };
}

async function makeAll({ output, targets, fallback }: Request, work: string): Promise<void> {
  await ensureDir(output);
  let canCompile = !fallback;
  const names: string[] = [];
  for (const target of targets) {
    const compiled = canCompile ? await compileTarget(target, output) : undefined;
    // What one runtime can't be downloaded from, another can't either.
    if (compiled === undefined) canCompile = false;
    const name = compiled ?? await packTarget(target, output, work);
    const deb = await packageForDebian(target, { name, output, work });
    for (const made of [name, ...deb]) {
      names.push(made);
      console.log(`release: Made "${output}/${made}"`);
    }
  }
  const lines = await Promise.all(names.map((name) => checksumLine(`${output}/${name}`, name)));
  await Deno.writeTextFile(`${output}/SHA256SUMS`, lines.join(""));
  console.log(`release: Made "${output}/SHA256SUMS", check with: sha256sum -c SHA256SUMS`);
}

/** The name of the executable; undefined when Deno's runtime for it can't be downloaded. */
async function compileTarget(target: ReleaseTarget, output: string): Promise<string | undefined> {
  const name = `${baseName(target)}${target.isWindows ? ".exe" : ""}`;
  const compiled = await denoCompile(target.triple, `${output}/${name}`);
  if (compiled.kind === "failed") throw new ReleaseError(compiled.said.trimEnd());
  if (compiled.kind === "made") return name;
  console.log(
    "release: Deno's runtimes (denort) cannot be downloaded, packing the deno that npm has instead",
  );
  return undefined;
}

/** The name of the file that holds the bundled program and the runtime of `target`. */
async function packTarget(target: ReleaseTarget, output: string, work: string): Promise<string> {
  const program = `${work}/main.js`;
  const problem = await bundleProgram(program);
  if (problem !== undefined) throw new ReleaseError(problem);
  const directory = `${work}/${target.label}`;
  await ensureDir(directory);
  const runtime = await fetchRuntime(target, directory);
  if (target.isWindows) return await archiveForWindows(target, { output, work, program, runtime });
  const name = baseName(target);
  await packSelfUnpacking({
    name: "etcd",
    runtime,
    program,
    flags: RUN_FLAGS,
    output: `${output}/${name}`,
  });
  return name;
}

async function packageForDebian(
  { triple, label }: ReleaseTarget,
  { name, output, work }: { readonly name: string; readonly output: string; readonly work: string },
): Promise<readonly string[]> {
  if (!triple.includes("-linux-")) return [];
  const root = `${work}/${label}-deb`;
  await ensureDir(root);
  const deb = await makeDeb({ program: `${output}/${name}`, triple, output, work: root });
  if (deb !== undefined) return [deb];
  console.log("release: Made no package for Debian, because dpkg-deb was not found");
  return [];
}

/** The path of the runtime, of this deno's version; npm checks its integrity. */
async function fetchRuntime(target: ReleaseTarget, directory: string): Promise<string> {
  if (target.triple === Deno.build.target) return Deno.execPath();
  const wanted = `${target.package}@${Deno.version.deno}`;
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", directory, wanted]);
  const archive = `${directory}/${packed.trim().split("\n").at(-1)}`;
  await run("tar", ["-xzf", archive, "-C", directory, target.runtime]);
  return `${directory}/${target.runtime}`;
}

/** One archive, because a single file that unpacks itself needs a shell that Windows lacks. */
async function archiveForWindows(
  target: ReleaseTarget,
  files: {
    readonly output: string;
    readonly work: string;
    readonly program: string;
    readonly runtime: string;
  },
): Promise<string> {
  const name = `${baseName(target)}.tar.gz`;
  const root = `${files.work}/${baseName(target)}`;
  await ensureDir(root);
  await Deno.copyFile(files.program, `${root}/main.js`);
  await Deno.copyFile(files.runtime, `${root}/deno.exe`);
  await Deno.writeTextFile(`${root}/etcd.cmd`, windowsLauncher(RUN_FLAGS));
  await run("tar", ["-czf", `${files.output}/${name}`, "-C", files.work, baseName(target)]);
  return name;
}

function baseName({ label }: ReleaseTarget): string {
  return `etcd-${VERSION}-${label}`;
}

/** What the program printed. Rejects with what it said when it fails. */
async function run(program: string, args: readonly string[]): Promise<string> {
  try {
    const command = new Deno.Command(program, { args: [...args], stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (success) return decode(stdout);
    throw new ReleaseError(`"${program} ${args.join(" ")}" failed: ${decode(stderr).trim()}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new ReleaseError(`"${program}" is needed and was not found, install it`);
  }
}
