/**
 * A Debian package of the executable: with unit, defaults, man page and completion, in
 * the places where Debian's etcd-server has them, which it takes the place of. Made by
 * `dpkg-deb`, which every Debian has.
 */
import { ensureDir } from "@std/fs/ensure-dir";
import { COMMANDS } from "../src/cli/commands.ts";
import { bashCompletion } from "../src/cli/completion_bash.ts";
import { fishCompletion } from "../src/cli/completion_fish.ts";
import { completionModel } from "../src/cli/completion_model.ts";
import { zshCompletion } from "../src/cli/completion_zsh.ts";
import { VERSION } from "../src/version.ts";

const PACKAGING = new URL("../packaging/", import.meta.url).pathname;
const LICENSE = new URL("../LICENSE", import.meta.url).pathname;

/** What Debian calls the machines of a release, by the first word of the triple. */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["aarch64", "arm64"],
]);

const SCRIPTS = ["postinst", "prerm", "postrm"] as const;

export interface DebOptions {
  /** The executable. */
  readonly program: string;
  /** As `deno compile --target` takes it; Linux. */
  readonly triple: string;
  /** The directory where the package goes. */
  readonly output: string;
  /** An empty directory. */
  readonly work: string;
}

/** The package's name in `output`; undefined where there is no `dpkg-deb`. */
export async function makeDeb({ program, triple, output, work }: DebOptions): Promise<
  string | undefined
> {
  const architecture = ARCHITECTURES.get(triple.split("-")[0]!)!;
  const name = `etcd-for-deno_${VERSION}_${architecture}.deb`;
  await layOut(program, architecture, work);
  try {
    const { success, stderr } = await new Deno.Command("dpkg-deb", {
      args: ["--root-owner-group", "-Zgzip", "--build", work, `${output}/${name}`],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return name;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function layOut(program: string, architecture: string, root: string): Promise<void> {
  const unit = await Deno.readTextFile(`${PACKAGING}etcd.service`);
  const model = completionModel(COMMANDS);
  const share = "usr/share";
  const texts: readonly (readonly [path: string, text: string, mode: number])[] = [
    ["DEBIAN/control", control(architecture), 0o644],
    ["DEBIAN/conffiles", "/etc/default/etcd\n", 0o644],
    ["lib/systemd/system/etcd.service", debianUnit(unit), 0o644],
    ["etc/default/etcd", await Deno.readTextFile(`${PACKAGING}debian/default`), 0o644],
    [`${share}/doc/etcd-for-deno/copyright`, await Deno.readTextFile(LICENSE), 0o644],
    [`${share}/bash-completion/completions/etcd`, bashCompletion(model), 0o644],
    [`${share}/zsh/vendor-completions/_etcd`, zshCompletion(model), 0o644],
    [`${share}/fish/vendor_completions.d/etcd.fish`, fishCompletion(model), 0o644],
  ];
  for (const [path, text, mode] of texts) {
    await ensureDir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`);
    await Deno.writeTextFile(`${root}/${path}`, text);
    await Deno.chmod(`${root}/${path}`, mode);
  }
  for (const script of SCRIPTS) {
    await Deno.copyFile(`${PACKAGING}debian/${script}`, `${root}/DEBIAN/${script}`);
    await Deno.chmod(`${root}/DEBIAN/${script}`, 0o755);
  }
  await ensureDir(`${root}/usr/bin`);
  await Deno.copyFile(program, `${root}/usr/bin/etcd`);
  await Deno.chmod(`${root}/usr/bin/etcd`, 0o755);
  await ensureDir(`${root}/${share}/man/man1`);
  await Deno.writeFile(`${root}/${share}/man/man1/etcd.1.gz`, await manPage());
}

function control(architecture: string): string {
  return [
    "Package: etcd-for-deno",
    `Version: ${VERSION}`,
    `Architecture: ${architecture}`,
    "Maintainer: The maintainers of etcd for Deno <root@localhost>",
    "Section: net",
    "Priority: optional",
    "Depends: libc6, libgcc-s1, passwd, init-system-helpers",
    "Suggests: etcd-client",
    "Provides: etcd-server",
    "Conflicts: etcd-server, etcd",
    "Replaces: etcd-server",
    "Description: highly available key-value store",
    " Serves the APIs v1, v2 and v3 of etcd on one key space, replicated by Raft.",
    "",
  ].join("\n");
}

/** The unit where Debian's is, with its program, its directory and its file of variables. */
export function debianUnit(unit: string): string {
  const body = unit.slice(unit.indexOf("[Unit]"));
  return body
    .replace("EnvironmentFile=-/etc/etcd/etcd.conf\n", "EnvironmentFile=-/etc/default/etcd\n")
    .replace(
      "Environment=ETCD_DATA_DIR=/var/lib/etcd/data ",
      "Environment=DAEMON_ARGS= ETCD_NAME=%H ETCD_DATA_DIR=/var/lib/etcd/default ",
    )
    .replace("ExecStart=/usr/local/bin/etcd\n", "ExecStart=/usr/bin/etcd $DAEMON_ARGS\n");
}

async function manPage(): Promise<Uint8Array> {
  const page = await Deno.readFile(`${PACKAGING}etcd.1`);
  const stream = new Blob([page]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}
