/** The commands on keys, against real nodes. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeKey } from "../../src/cli/items.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";
import { etcd, LocalNode, MUTUAL_TLS } from "./harness.ts";

const OK = { status: 0, err: "" };

Deno.test("etcd set, get and rm do what curl does, and say the index", async () => {
  await using node = await LocalNode.start();
  const set = await node.etcd(["set", "message", "Hello world"]);
  assertEquals({ ...set, out: "" }, { ...OK, out: "" });
  assertMatch(set.out, /^Set "\/message", a new key, index \d+\n$/);
  assertEquals(await node.etcd(["get", "message"]), { ...OK, out: "Hello world\n" });
  assertEquals((await node.etcd(["get", "/message", "-stale"])).out, "Hello world\n");
  const removed = await node.etcd(["rm", "message", "-o", "json"]);
  const { action, key, prevValue } = JSON.parse(removed.out);
  assertEquals([action, key, prevValue], ["DELETE", "/message", "Hello world"]);
  const missing = await node.etcd(["get", "message"]);
  assertEquals([missing.status, missing.out], [1, ""]);
  assertEquals(missing.err, 'etcd get: Key Not Found: "/message" (error 100)\n');
});

Deno.test("etcd set takes its value from standard input to the last byte", async () => {
  await using node = await LocalNode.start();
  const value = "\u{feff}a = 1\nüñí & b=+%\n\n";
  assertEquals((await node.etcd(["set", "config", "-"], { input: value })).status, 0);
  const { out } = await node.etcd(["get", "config", "-o", "json"]);
  assertEquals(JSON.parse(out).value, value);
  assertEquals((await node.etcd(["get", "config"])).out, value);
  const binary = await node.etcd(["set", "config", "-"], { input: new Uint8Array([0xff]) });
  assertEquals(binary.status, 2);
  assert(binary.err.includes("Expected UTF-8"), binary.err);
  assertEquals((await node.etcd(["set", "config", "-"])).status, 2);
  assertEquals((await node.etcd(["set", "n", "--", "-5"])).status, 2);
  assertEquals((await etcd(["set", "-peers", node.address, "n", "--", "-5"])).status, 0);
});

Deno.test("etcd set gives a time to live, and takes it away", async () => {
  await using node = await LocalNode.start();
  const ttl = async () => JSON.parse((await node.etcd(["get", "k", "-o", "json"])).out).ttl;
  assertEquals((await node.etcd(["set", "k", "v", "-ttl", "100"])).status, 0);
  assert(await ttl() > 90);
  assertEquals((await node.etcd(["set", "k", "v"])).status, 0);
  assertEquals(await ttl(), undefined);
  assertEquals((await node.etcd(["set", "k", "v", "-ttl", "0"])).status, 2);
});

Deno.test("etcd cas sets only what is as expected", async () => {
  await using node = await LocalNode.start();
  await node.etcd(["set", "lock", "free"]);
  const taken = await node.etcd(["cas", "lock", "free", "node1"]);
  assertMatch(taken.out, /^Set "\/lock", index \d+\n$/);
  const again = await node.etcd(["cas", "lock", "free", "node2"]);
  assertEquals([again.status, again.out], [1, ""]);
  assert(again.err.includes("node1!=free"), again.err);
  assertEquals((await node.etcd(["cas", "none", "a", "b"])).status, 1);
  // The API would take it for no condition at all.
  assertEquals((await node.etcd(["cas", "lock", "", "stolen"])).status, 2);
  assertEquals((await node.etcd(["get", "lock"])).out, "node1\n");
});

Deno.test("etcd ls lists a directory, or everything under it", async () => {
  await using node = await LocalNode.start();
  for (const key of ["a/x", "a/y/deep/z", "a/w", "b"]) await node.etcd(["set", key, `v ${key}`]);
  assertEquals((await node.etcd(["ls", "a"])).out, "/a/w\n/a/x\n/a/y/\n");
  assertEquals((await node.etcd(["ls"])).out, "/_etcd/\n/a/\n/b\n");
  const recursive = "/a/w\n/a/x\n/a/y/\n/a/y/deep/\n/a/y/deep/z\n";
  assertEquals((await node.etcd(["ls", "-r", "a"])).out, recursive);
  assertEquals((await node.etcd(["ls", "-r", "-stale", "a/"])).out, recursive);
  assertEquals((await node.etcd(["ls", "b"])).out, "/b\n");
  const items = JSON.parse((await node.etcd(["ls", "-r", "-o", "json", "a"])).out);
  assertEquals(items.map(({ value }: { value?: string }) => value), [
    ...["v a/w", "v a/x", undefined, undefined, "v a/y/deep/z"],
  ]);
  assertEquals((await node.etcd(["ls", "c"])).status, 1);
  const directory = await node.etcd(["get", "a"]);
  assertEquals(directory.status, 1);
  assert(directory.err.includes("etcd ls"), directory.err);
});

Deno.test("etcd rm deletes several keys, and with -r all that is in a directory", async () => {
  await using node = await LocalNode.start();
  for (const key of ["a/x", "a/y/z", "b", "c", "d"]) await node.etcd(["set", key, "v"]);
  assertMatch(
    (await node.etcd(["rm", "b", "c"])).out,
    /^Deleted "\/b", index \d+\nDeleted "\/c", index \d+\n$/,
  );
  const directory = await node.etcd(["rm", "a"]);
  assertEquals([directory.status, directory.err.includes('give "-r"')], [1, true], directory.err);
  assertEquals((await node.etcd(["rm", "-r", "a"])).status, 0);
  assertEquals((await node.etcd(["ls", "-r", "a"])).out, "/a/y/\n");
  assertEquals((await node.etcd(["get", "d"])).status, 0);
  assertMatch((await node.etcd(["rm", "-r", "/"])).out, /^Deleted "\/d", index \d+\n$/);
  assertEquals((await node.etcd(["rm", "-r", "b"])).status, 1);
});

Deno.test("a command tries the members in turn, and tells why when none answers", async () => {
  await using node = await LocalNode.start();
  const [one, two] = [freePort(), freePort()];
  const peers = `127.0.0.1:${one},${node.address}`;
  assertEquals((await etcd(["set", "k", "v", "-peers", peers])).status, 0);
  const environment = { ETCDCTL_PEERS: peers };
  assertEquals((await etcd(["get", "k"], { environment })).out, "v\n");
  const down = await etcd(["get", "k", "-peers", `${one},${two}`]);
  assertEquals([down.status, down.out], [3, ""]);
  for (const port of [one, two]) {
    assert(down.err.includes(`"http://127.0.0.1:${port}": connection refused`), down.err);
  }
});

Deno.test("commands over mutual TLS need the authority and a certificate", async () => {
  await using node = await LocalNode.start(...MUTUAL_TLS.node);
  assertEquals((await node.etcd(["set", "k", "v", ...MUTUAL_TLS.client])).status, 0);
  const environment = {
    ETCDCTL_PEERS: `https://${node.address}`,
    ETCDCTL_CA_FILE: fixture("ca.crt"),
    ETCDCTL_CERT_FILE: fixture("client.crt"),
    ETCDCTL_KEY_FILE: fixture("client.key.insecure"),
  };
  assertEquals((await etcd(["get", "k"], { environment })).out, "v\n");
  const cases: [string[], number, RegExp][] = [
    [["-cacert", fixture("ca.crt")], 3, /give "-cert" and "-key"/],
    [["-cacert", fixture("foreign-ca.crt")], 3, /give "-cacert"/],
    [[], 3, /https:\/\//],
    [["-cert", fixture("client.crt")], 2, /needs "-key"/],
    [["-cacert", "missing.crt"], 2, /no such file/],
  ];
  for (const [flags, status, says] of cases) {
    const refused = await node.etcd(["get", "k", ...flags]);
    assertEquals(refused.status, status, refused.err);
    assertMatch(refused.err, says);
  }
});

Deno.test("runCli() tells what is wrong with a command line, and ends with 2", async () => {
  const cases: [string[], RegExp][] = [
    [["gett", "k"], /did you mean "get"/],
    [["get"], /Expected KEY, found nothing/],
    [["set", "k"], /Expected KEY VALUE, found only "k"/],
    [["set", "k", "a", "b"], /found "b" too/],
    [["get", "-o", "yaml", "k"], /"text" or "json", found "yaml"/],
    [["get", "-pers", "x", "k"], /did you mean "-peers"/],
    [["get", "-peers", "host", "k"], /-peers expects/],
  ];
  for (const [args, says] of cases) {
    const { status, out, err } = await etcd(args);
    assertEquals([status, out], [2, ""], args.join(" "));
    assertMatch(err, says);
  }
});

Deno.test("encodeKey() cleans a key by the server's rules, so that no path leads out of the keys", () => {
  assertEquals(encodeKey("foo"), "/foo");
  assertEquals(encodeKey("/foo//bar/"), "/foo/bar");
  assertEquals(encodeKey("../../a/./b/../c"), "/a/c");
  assertEquals(encodeKey("/"), "/");
  assertEquals(encodeKey("a b/ü?#%"), "/a%20b/%C3%BC%3F%23%25");
});
