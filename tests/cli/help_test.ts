/** What the program says of its commands. */
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { etcd } from "./harness.ts";

Deno.test("etcd help, and -h behind a command, tell of every command", async () => {
  const { out } = await etcd(["help"]);
  for (const word of ["help", "-h", "--help"]) assertEquals((await etcd(["help", word])).out, out);
  for (const { name, summary } of COMMANDS) {
    assert(out.includes(summary), name);
    const asked = await etcd([...name.split(" "), "-h"]);
    assertEquals([asked.status, asked.err], [0, ""]);
    assert(asked.out.includes(`Usage: etcd ${name} `), name);
    assertEquals((await etcd(["help", ...name.split(" ")])).out, asked.out);
  }
});

Deno.test("the first word of several commands lists them when it is asked for help", async () => {
  for (const args of [["certs", "-h"], ["certs", "--help"], ["help", "certs"]]) {
    const { status, out } = await etcd(args);
    assertEquals(status, 0);
    assert(out.includes("certs init") && out.includes("certs check"), out);
    assert(!out.includes("backup"), out);
  }
  // Where the first word is a command, too, it is that one's help.
  assert((await etcd(["members", "-h"])).out.includes("Usage: etcd members "));
  const { status, err } = await etcd(["certs", "make"]);
  assertEquals(status, 2);
  assertEquals(err, 'etcd: Expected "etcd certs init" or "etcd certs check", found "make"\n');
});
