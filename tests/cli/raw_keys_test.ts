/** The commands on keys that are bytes and need not be a path, against real nodes. */
import { assertEquals, assertMatch } from "@std/assert";
import { ClosedPipeError } from "../../src/cli/terminal.ts";
import { freePort } from "../cluster/ports.ts";
import { until } from "../cluster/wait.ts";
import { etcd, LocalNode, type Typed } from "./harness.ts";

/** What a command says that has to succeed. */
async function out(node: LocalNode, args: readonly string[], typed?: Typed): Promise<string> {
  const { status, out, err } = await node.etcd(args, typed);
  assertEquals([status, err], [0, ""], args.join(" "));
  return out;
}

Deno.test("etcd set, get and rm -raw have the key that etcdctl has, beside the path of that name", async () => {
  await using node = await LocalNode.start();
  assertEquals(await out(node, ["set", "-raw", "foo", "bar"]), 'Set "foo", revision 2\n');
  await out(node, ["set", "foo", "path"]);
  assertEquals(await out(node, ["get", "-raw", "foo"]), "bar\n");
  assertEquals(await out(node, ["get", "-raw", "-stale", "foo"]), "bar\n");
  assertEquals(await out(node, ["get", "-raw", "/foo"]), "path\n");
  const { key, version, mod_revision } = JSON.parse(
    await out(node, ["get", "-raw", "foo", "-o", "json"]),
  );
  assertEquals([key, version, mod_revision], ["Zm9v", "1", "2"]);
  await out(node, ["set", "-raw", "a//b", ""]);
  assertEquals(await out(node, ["get", "-raw", "a//b"]), "\n");
  assertEquals(
    await out(node, ["rm", "-raw", "foo", "a//b"]),
    [
      'Deleted "foo", revision 5\n',
      'Deleted "a//b", revision 6\n',
    ].join(""),
  );
  const missing = await node.etcd(["get", "-raw", "foo"]);
  assertEquals(missing, { status: 1, out: "", err: 'etcd get: Key not found: "foo"\n' });
  assertEquals((await node.etcd(["rm", "-raw", "foo"])).status, 1);
  assertEquals(await out(node, ["get", "foo"]), "path\n");
});

Deno.test("etcd get of a path that is not there tells of the raw key of that name", async () => {
  await using node = await LocalNode.start();
  await out(node, ["set", "-raw", "foo", "bar"]);
  const { status, err } = await node.etcd(["get", "foo"]);
  assertEquals(status, 1);
  assertMatch(err, /: "foo", without a slash, is there: give "-raw"\n$/);
  assertMatch((await node.etcd(["get", "/foo"])).err, /\(error 100\)\n$/);
});

Deno.test("keys and values that are no text pass through -hex to the last byte", async () => {
  await using node = await LocalNode.start();
  const value = Uint8Array.of(0, 0xff, 0xf0);
  assertEquals(
    await out(node, ["set", "-hex", "00ff0a", "-"], { input: value }),
    'Set "00ff0a", revision 2\n',
  );
  assertEquals(await out(node, ["get", "-hex", "00FF0A"]), "\0\xff\xf0\n");
  assertEquals(await out(node, ["ls", "-hex"]), "00ff0a\n");
  // A program gets the bytes; on a screen they are spelt out.
  assertEquals(await out(node, ["ls", "-raw"]), "\0\xff\n\n");
  assertEquals(await out(node, ["ls", "-raw"], { isScreen: true }), '"\\x00\\xff\\x0a"\n');
  const odd = await node.etcd(["get", "-hex", "abc"]);
  assertEquals([odd.status, odd.out], [2, ""]);
  assertMatch(odd.err, /Expected with -hex a key like "2f666f6f", found "abc"/);
  assertEquals(await out(node, ["rm", "-hex", "00ff0a"]), 'Deleted "00ff0a", revision 3\n');
});

Deno.test("etcd ls -raw has every key that begins with a prefix, in as many pages as it takes", async () => {
  await using node = await LocalNode.start();
  const success = (from: number) =>
    Array.from({ length: 100 }, (_, i) => ({
      request_put: { key: btoa(`p${String(from + i).padStart(4, "0")}`), value: "dg==" },
    }));
  for (let from = 0; from < 1_100; from += 100) {
    const body = JSON.stringify({ success: success(from) });
    const answer = await fetch(`http://${node.address}/v3/kv/txn`, { method: "POST", body });
    assertEquals(answer.status, 200, await answer.text());
  }
  await out(node, ["set", "/path", "v"]);
  const keys = (await out(node, ["ls", "-raw", "p"])).trimEnd().split("\n");
  assertEquals([keys.length, keys[0], keys.at(-1)], [1_100, "p0000", "p1099"]);
  const everything = await out(node, ["ls", "-raw"]);
  assertEquals(everything.startsWith("/path\np0000\n"), true);
  const json = JSON.parse(await out(node, ["ls", "-raw", "p00", "-o", "json"]));
  assertEquals([json.length, json[0].key, json[99].value], [100, btoa("p0000"), "dg=="]);
  assertEquals(await out(node, ["rm", "-raw", "-r", "p"]), 'Deleted 1100 under "p", revision 14\n');
  assertEquals(await out(node, ["ls", "-raw"]), "/path\n");
  assertEquals(await out(node, ["ls", "-raw", "nothing", "-o", "json"]), "[]\n");
});

Deno.test("etcd set -raw -ttl gives the key a lease, and cas -raw compares in one step", async () => {
  await using node = await LocalNode.start();
  await out(node, ["set", "-raw", "k", "one", "-ttl", "100"]);
  const { lease } = JSON.parse(await out(node, ["get", "-raw", "k", "-o", "json"]));
  assertMatch(lease, /^[1-9][0-9]+$/);
  assertEquals(await out(node, ["cas", "-raw", "k", "one", ""]), 'Set "k", revision 3\n');
  const { status, err } = await node.etcd(["cas", "-raw", "k", "one", "two"]);
  assertEquals(status, 1);
  assertMatch(err, /^etcd cas: Compare failed: "k" has another value, or there is no such key\n$/);
  assertEquals(await out(node, ["cas", "-raw", "k", "", "two"]), 'Set "k", revision 4\n');
});

/** An `onWrite` that ends the command, as `head -n` does, at the given line. */
function head(lines: number): (text: string) => void {
  let seen = 0;
  return () => {
    if (++seen >= lines) throw new ClosedPipeError();
  };
}

Deno.test("etcd watch -raw sees a key, or with -r all that begin with it, and goes on after a restart", async () => {
  await using node = await LocalNode.start();
  await out(node, ["set", "-raw", "foo", "1"]);
  await out(node, ["set", "-raw", "foobar", "2"]);
  await out(node, ["rm", "-raw", "foo"]);
  const past = ["watch", "-raw", "-index", "1", "foo"];
  assertEquals((await node.etcd(past, { onWrite: head(2) })).out, '2 SET foo "1"\n4 DELETE foo\n');
  assertEquals(
    await out(node, ["watch", "-hex", "-r", "-once", "-index", "3", "666f"]),
    '3 SET 666f6f626172 "2"\n',
  );
  assertEquals(
    JSON.parse(await out(node, ["watch", "-raw", "-once", "-index", "4", "-o=json", "foo"])),
    { type: "DELETE", kv: { key: "Zm9v", mod_revision: "4" } },
  );

  let lines = 0;
  const isOver = head(2);
  const watching = node.etcd(["watch", "-raw", "-r", "f", "-index", "5", "-timeout", "60"], {
    onWrite: (text) => {
      lines++;
      isOver(text);
    },
  });
  await out(node, ["set", "-raw", "f1", "before"]);
  await until("the event to be seen", () => lines === 1);
  await node.stop();
  await node.start();
  await out(node, ["set", "-raw", "f2", "after"]);
  const { status, out: seen, err } = await watching;
  assertEquals([status, seen], [0, '5 SET f1 "before"\n6 SET f2 "after"\n']);
  assertMatch(err, /: going on from revision 6\n$/);
});

Deno.test("etcd watch -raw tells of a history that is gone, and of a cluster that is", async () => {
  await using node = await LocalNode.start();
  await out(node, ["set", "-raw", "k", "1"]);
  await out(node, ["set", "-raw", "k", "2"]);
  await fetch(`http://${node.address}/v3/kv/compaction`, {
    method: "POST",
    body: '{"revision":3}',
  }).then((answer) => answer.body?.cancel());
  const { status, err } = await node.etcd(["watch", "-raw", "-index", "1", "k"]);
  assertEquals(status, 1);
  assertMatch(err, /^etcd watch: The history begins at revision 3: /);
  const nobody = ["watch", "-raw", "-index", "1", "k", "-timeout", "1", "-peers", `${freePort()}`];
  assertEquals((await etcd(nobody)).status, 3);
});

Deno.test("-raw keys are asked for as whoever -user names", async () => {
  await using node = await LocalNode.start();
  await out(node, ["set", "-raw", "k", "v"]);
  await node.etcd(["auth", "init", "rpw"]);
  const hint = /: authentication is on, say who you are with "-user"\n$/;
  assertMatch((await node.etcd(["get", "-raw", "k"])).err, hint);
  assertMatch((await node.etcd(["get", "k"])).err, hint);
  assertMatch((await node.etcd(["watch", "-raw", "-index", "1", "k"])).err, /user name is empty/);
  const root = ["-user", "root:rpw"];
  assertEquals(await out(node, ["get", "-raw", "k", ...root]), "v\n");
  assertEquals(
    await out(node, ["watch", "-raw", "-once", "-index", "1", "k", ...root]),
    '2 SET k "v"\n',
  );
});
