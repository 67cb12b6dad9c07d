/**
 * `deno task yaml`: bundles the parser of npm's `yaml` into `src/config/yaml.js`, which
 * is committed: a fresh clone reads a configuration file without npm, and a start
 * without one downloads nothing. A test compares the two.
 */
const ROOT = new URL("../", import.meta.url).pathname;
const BUNDLE = `${ROOT}src/config/yaml.js`;

if (import.meta.main) {
  const made = await makeYaml();
  await Deno.writeTextFile(BUNDLE, made);
  console.log(`yaml: Wrote "src/config/yaml.js", ${made.length} characters`);
}

/** The text of the bundle; the same for the same version of the package. */
export async function makeYaml(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-yaml-" });
  try {
    const output = `${directory}/yaml.js`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform", "browser", "--minify", "--output", output],
        "tools/yaml_entry.ts",
      ],
      cwd: ROOT,
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const license = (await Deno.readTextFile(`${ROOT}tools/yaml_license.txt`)).trim();
    return `/*!\nyaml (https://eemeli.org/yaml)\n\n${license}\n*/\n` +
      `// @ts-self-types="./yaml.d.ts"\n${await Deno.readTextFile(output)}`;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
