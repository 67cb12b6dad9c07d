/** `etcd restore`: what it calls the member, and whether the lines that it prints start it. */
import { assert, assertEquals } from "@std/assert";
import { type Config, parseFlags } from "../../src/config.ts";
import { backupBytes } from "../../src/storage/backup_file.ts";
import { Store } from "../../src/store/store.ts";
import { joinBytes, meta } from "../storage/harness.ts";
import { setting } from "../store/setting.ts";
import { etcd } from "./harness.ts";

/** A backup of one key. */
function backup(): Uint8Array {
  const store = new Store();
  store.apply(1, setting("/k", "v", 1000));
  const description = {
    ...{ cluster: "abc", member: "node1", version: "1.0.0", index: 1, term: 1 },
    ...{ time: "2030-01-01T00:00:00.000Z", digest: store.digest() },
  };
  return joinBytes([...backupBytes(description, meta(1, 1), store.snapshot())]);
}

/** `file` is a backup, `directory` an empty directory. */
async function withBackup(
  test: (file: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await Deno.mkdir(`${directory}/empty`);
    await Deno.writeFile(`${directory}/a.backup`, backup());
    await test(`${directory}/a.backup`, `${directory}/empty`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What a node makes of the line that `out` says to start it with, as a shell reads it. */
async function started(out: string): Promise<Config> {
  const line = /Start it with +etcd (.*)\n/.exec(out)![1]!;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${line}`] })
    .output();
  const args = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const invocation = parseFlags(args, () => undefined);
  assert(invocation.kind === "run", JSON.stringify(invocation));
  return invocation.config;
}

Deno.test("etcd restore prints the lines that start the member and others, whatever it was given", async () => {
  await withBackup(async (file, directory) => {
    const data = `${directory}/it's my data!`;
    const addresses = ["-c", "10.0.0.1:4001", "-s", "[::1]:7001"];
    const { status, out, err } = await etcd(["restore", file, "-d", data, ...addresses]);
    assertEquals([status, err], [0, ""]);
    const { name, dataDirectory, client, peer } = await started(out);
    assertEquals([name, dataDirectory], ["it-s-my-data-", data]);
    assertEquals([client.url, peer.url], ["http://10.0.0.1:4001", "http://[::1]:7001"]);
    assert(out.includes(`the first member, "${name}"`), out);
    assert(out.includes("etcd -C '[::1]:7001' and their own -d, -c and -s"), out);
  });
});

Deno.test("etcd restore prints no addresses that it was not given", async () => {
  await withBackup(async (file, directory) => {
    const { out } = await etcd(["restore", file, "-d", directory, "-n", "first"]);
    assert(out.includes('the first member, "first"'), out);
    assert(out.includes(`Start it with     etcd -d ${directory}\n`), out);
    assert(out.includes("and others with   etcd -C 127.0.0.1:7001 and"), out);
  });
});

Deno.test("etcd restore refuses the names and addresses that a node refuses, and makes nothing", async () => {
  await withBackup(async (file, directory) => {
    const data = `${directory}/data`;
    for (const wrong of [["-n", "a/b"], ["-n", "_etcd"], ["-c", "nowhere"]]) {
      const { status, out, err } = await etcd(["restore", file, "-d", data, ...wrong]);
      assertEquals([status, out], [2, ""], wrong.join(" "));
      assert(err.startsWith(`etcd restore: ${wrong[0]} expects`), err);
    }
    assertEquals(Array.from(Deno.readDirSync(directory)), []);
  });
});
