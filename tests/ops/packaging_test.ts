/** What is packed for other machines, as far as it can be judged on this one. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Flag, FLAGS } from "../../src/config/flags.ts";
import { configOf } from "../shell/flag_node.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../tools/node_flags.ts";
import { debianUnit, makeDeb } from "../../tools/deb.ts";
import { checksumLine, RELEASE_TARGETS, windowsLauncher } from "../../tools/release_targets.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}packaging/${path}`);
}

Deno.test("RELEASE_TARGETS names five platforms, each by its own runtime", () => {
  assertEquals(RELEASE_TARGETS.length, 5);
  for (const key of ["triple", "label", "package"] as const) {
    assertEquals(new Set(RELEASE_TARGETS.map((target) => target[key])).size, 5);
  }
});

Deno.test("checksumLine() agrees with sha256sum", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "abc");
  // FIPS 180-2, appendix B.1.
  const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals(await checksumLine(path, "etcd"), `${digest}  etcd\n`);
  await Deno.remove(path);
});

Deno.test("windowsLauncher() passes arguments on and runs with a node's permissions", () => {
  const lines = windowsLauncher([...PERMISSION_FLAGS, ...UNSTABLE_FLAGS]).split("\r\n");
  const command = lines.find((line) => line.includes("deno.exe"))!;
  assert(command.endsWith(`"%~dp0main.js" %*`));
  for (const flag of PERMISSION_FLAGS) assertStringIncludes(command, `"${flag}"`);
});

Deno.test("release() refuses a target that it does not know", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${ROOT}tools/release.ts`, "--target", "sparc-sun-solaris"],
    stdin: "null",
  }).output();
  assertEquals(code, 2);
  assertMatch(new TextDecoder().decode(stderr), /Expected a target of x86_64-.*, found "sparc/);
});

Deno.test("etcd.service and Containerfile set only variables that a node knows", () => {
  const flags: readonly Flag[] = FLAGS;
  const known = new Set(flags.flatMap(({ env }) => env === undefined ? [] : [env]));
  for (const file of ["etcd.service", "Containerfile"]) {
    const named = read(file).match(/\bETCD_[A-Z_]+/g) ?? [];
    assert(named.length > 0, file);
    assertEquals(named.filter((name) => !known.has(name)), [], file);
  }
});

Deno.test("the examples of etcd.service and Containerfile give a node both addresses that others dial", () => {
  for (const file of ["etcd.service", "Containerfile"]) {
    const examples = read(file).match(/^#.*\bETCD_[A-Z_]+=\S+/gm) ?? [];
    for (const name of ["ETCD_ADDR", "ETCD_PEER_ADDR"]) {
      assert(
        examples.some((line) => line.includes(`${name}=node1.example.org:`)),
        `${file} ${name}`,
      );
    }
  }
});

Deno.test("Containerfile takes the program of the platform that it is built for", async () => {
  const text = read("Containerfile");
  // Under BuildKit a default would stand instead of the platform.
  assertMatch(text, /^ARG TARGETARCH$/m);
  const choice = /^RUN (case .* esac)/m.exec(text)![1];
  for (const [platform, expected] of [["amd64", "x86_64"], ["arm64", "aarch64"], ["", "x86_64"]]) {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `${choice}; echo "$machine"`],
      env: { TARGETARCH: platform! },
    }).output();
    assertEquals(new TextDecoder().decode(stdout), `${expected}\n`, platform);
  }
});

Deno.test("etcd.service passes the checks of systemd-analyze", async () => {
  const directory = await Deno.makeTempDir();
  // The program need not be installed here.
  const unit = read("etcd.service").replace("ExecStart=/usr/local/bin/etcd", "ExecStart=/bin/true");
  await Deno.writeTextFile(`${directory}/etcd.service`, unit);
  try {
    const { code, stderr } = await new Deno.Command("systemd-analyze", {
      // The manual page need not be installed either.
      args: ["verify", "--man=no", `${directory}/etcd.service`],
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("systemd-analyze was not found; on Debian: apt-get install systemd");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** The settings of `/etc/default/etcd` as the unit hands them on. */
function defaults(): Record<string, string> {
  const lines = read("debian/default").split("\n").filter((line) => /^[A-Z]/.test(line));
  return Object.fromEntries(lines.map((line) => {
    const [, name, value] = /^(\w+)="(.*)"$/.exec(line)!;
    return [name!, value!];
  }));
}

Deno.test("the package for Debian places a node where Debian's etcd-server does", () => {
  const unit = debianUnit(read("etcd.service"));
  assertMatch(unit, /^ExecStart=\/usr\/bin\/etcd \$DAEMON_ARGS$/m);
  assertMatch(unit, /^EnvironmentFile=-\/etc\/default\/etcd$/m);
  assertMatch(unit, /^Environment=.*ETCD_DATA_DIR=\/var\/lib\/etcd\/default /m);
  const variables = { ETCD_NAME: "debian", ...defaults() };
  const { client, peer, name } = configOf([], variables);
  assertEquals([name, client.urls, peer.urls], [
    "debian",
    ["http://localhost:2379"],
    ["http://localhost:2380"],
  ]);
});

Deno.test("makeDeb() makes a package with program, unit, defaults, man page and completion", async () => {
  const root = await Deno.makeTempDir();
  await Deno.mkdir(`${root}/work`);
  await Deno.writeTextFile(`${root}/etcd`, "#!/bin/sh\n");
  try {
    const triple = "aarch64-unknown-linux-gnu";
    const options = { program: `${root}/etcd`, triple, output: root, work: `${root}/work` };
    const name = await makeDeb(options);
    if (name === undefined) return console.log("dpkg-deb was not found; it is on every Debian");
    const { stdout } = await new Deno.Command("dpkg-deb", { args: ["-c", `${root}/${name}`] })
      .output();
    const listed = new TextDecoder().decode(stdout);
    for (
      const file of [
        "-rwxr-xr-x root/root +\\d+ .* ./usr/bin/etcd",
        "./lib/systemd/system/etcd.service",
        "./etc/default/etcd",
        "./usr/share/man/man1/etcd.1.gz",
        "./usr/share/bash-completion/completions/etcd",
      ]
    ) assertMatch(listed, new RegExp(`${file}$`, "m"));
    assertMatch(name, /_arm64\.deb$/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
