/** `etcd completion`: the scripts, sourced and asked by the shells themselves. */
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { etcd } from "./harness.ts";

/** What bash proposes for the last of `words`, sorted. */
async function propose(words: readonly string[], directory: string): Promise<string[]> {
  const { out: script } = await etcd(["completion", "bash"]);
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const asked = `${script}
    COMP_WORDS=(etcd ${quoted}); COMP_CWORD=${words.length}
    _etcd && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = await run("bash", ["--norc", "-euc", asked], directory);
  assertEquals(said?.err, "");
  return said!.out.split("\n").filter((line) => line !== "").sort();
}

/** What a program said, or undefined where there is none; it must succeed. */
async function run(
  program: string,
  args: readonly string[],
  directory: string,
): Promise<{ readonly out: string; readonly err: string } | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: directory,
      stdin: "null",
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([code, err], [0, ""]);
    return { out: out!, err: err! };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`${program} was not found; on Debian: apt-get install ${program}`);
    return undefined;
  }
}

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await Deno.writeTextFile(`${directory}/two words.crt`, "");
    await Deno.mkdir(`${directory}/twigs`);
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("etcd completion bash completes commands, flags, their values and files", async () => {
  await withDirectory(async (directory) => {
    const cases: [string[], string[]][] = [
      [["ca"], ["cas"]],
      [["member", ""], ["remove"]],
      [["member", "remove", "-ca"], ["-cacert"]],
      [["get", "-o", ""], ["json", "text"]],
      [["get", "k", "--o", "j"], ["json"]],
      [["get", "-cacert", "tw"], ["twigs", "two words.crt"]],
      [["restore", "tw"], ["twigs", "two words.crt"]],
      [["restore", "-d", "tw"], ["twigs"]],
      [["-clientC"], ["-clientCAFile", "-clientCert"]],
      [["-v", "-d", "tw"], ["twigs"]],
      [["completion", ""], ["bash", "fish", "zsh"]],
      [["help", "wat"], ["watch"]],
      [["set", "k"], []],
    ];
    for (const [words, expected] of cases) {
      assertEquals(await propose(words, directory), expected, words.join(" "));
    }
    const firsts = new Set(COMMANDS.map(({ name }) => name.split(" ")[0]!)).add("help");
    assertEquals(await propose([""], directory), [...firsts].sort());
  });
});

Deno.test("etcd completion fish completes what bash does", async () => {
  await withDirectory(async (directory) => {
    const { out: script } = await etcd(["completion", "fish"]);
    await Deno.writeTextFile(`${directory}/etcd.fish`, script);
    const lines = ["etcd wat", "etcd member r", "etcd get -o js", "etcd -clientCAF", "etcd -d tw"];
    const asked = `source etcd.fish; ${lines.map((line) => `complete -C '${line}'`).join("; ")}`;
    const said = await run("fish", ["--no-config", "-c", asked], directory);
    if (said === undefined) return;
    const found = said.out.trimEnd().split("\n").map((line) => line.split("\t")[0]);
    assertEquals(found, ["watch", "remove", "json", "-clientCAFile", "twigs/"]);
  });
});

Deno.test("etcd completion zsh is loaded by zsh", async () => {
  await withDirectory(async (directory) => {
    const { out: script } = await etcd(["completion", "zsh"]);
    await Deno.writeTextFile(`${directory}/_etcd`, script);
    const asked = "autoload -U compinit; compinit -D -u; source ./_etcd; print $_comps[etcd]";
    const said = await run("zsh", ["-fc", asked], directory);
    if (said !== undefined) assertEquals(said.out, "_etcd\n");
  });
});

Deno.test("etcd completion refuses a shell that it does not know", async () => {
  const { status, err } = await etcd(["completion", "tcsh"]);
  assertEquals(status, 2);
  assert(err.includes('"bash", "zsh" or "fish"') && err.includes('"tcsh"'), err);
});
