/** The man page, made again and read by `man` itself. */
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { FLAGS } from "../../src/config/flags.ts";
import { manPage } from "../../tools/man_page.ts";

const PAGE = new URL("../../packaging/etcd.1", import.meta.url);

Deno.test('packaging/etcd.1 is current; "deno task man" makes it', async () => {
  assertEquals(await Deno.readTextFile(PAGE), manPage());
});

Deno.test("manPage() tells every flag and command, and groff finds nothing wrong with it", async () => {
  try {
    const { code, stdout, stderr } = await new Deno.Command("groff", {
      args: ["-man", "-ww", "-Tascii", "-P-cbou", PAGE.pathname],
      stdin: "null",
    }).output();
    const [shown, warnings] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([code, warnings], [0, ""]);
    for (const { name } of FLAGS) assert(shown!.includes(` -${name}`), name);
    for (const { name } of COMMANDS) assert(shown!.includes(` etcd ${name} [flags]`), name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("groff was not found; on Debian: apt-get install groff");
  }
});
