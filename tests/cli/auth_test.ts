/** `etcd auth`, `etcd user` and `etcd role`, and every other command as somebody. */
import { assertEquals, assertMatch } from "@std/assert";
import { etcd, LocalNode, type Said } from "./harness.ts";

const ROOT = { ETCDCTL_USER: "root", ETCDCTL_PASSWORD: "rpw" };

function run(node: LocalNode, line: string, environment = {}, input?: string): Promise<Said> {
  return etcd([...line.split(" "), "-peers", node.address], {
    environment,
    ...(input !== undefined && { line: input }),
  });
}

async function out(node: LocalNode, line: string, environment = {}): Promise<string> {
  const { status, out, err } = await run(node, line, environment);
  assertEquals([status, err], [0, ""], line);
  return out;
}

Deno.test("users and roles are made, used and taken away with etcdctl's words", async () => {
  await using node = await LocalNode.start();
  assertEquals(await out(node, "auth status"), "Authentication is off, revision 1\n");
  await out(node, "set /a/1 one");
  await out(node, "set /b one");
  const init = await run(node, "auth init", {}, "rpw");
  assertEquals(init.out, 'Authentication is on; log in with "-user root"\n');
  assertMatch((await run(node, "get /a/1")).err, /requires user authentication/);

  await out(node, "role add a", ROOT);
  await out(node, "role grant-permission a readwrite /a/ -prefix", ROOT);
  await out(node, "role grant-permission a read x z", ROOT);
  await out(node, "role grant-permission a write one", ROOT);
  await out(node, "role add all", ROOT);
  await out(node, "role grant-permission all write y -from-key", ROOT);
  assertEquals(
    await out(node, "role get all", ROOT),
    "TYPE   KEYS\nwrite  y and all after it\n",
  );
  await out(node, "role revoke-permission all y -from-key", ROOT);
  assertEquals(await out(node, "role get all", ROOT), "");
  await out(node, "role delete all", ROOT);
  assertEquals(
    await out(node, "role get a", ROOT),
    "TYPE       KEYS\nreadwrite  /a/*\nwrite      one\nread       x up to z\n",
  );
  await out(node, "user add ann:apw", ROOT);
  await out(node, "user grant-role ann a", ROOT);
  assertEquals(await out(node, "user list", ROOT), "ann\nroot\n");
  assertEquals(await out(node, "role list -o json", ROOT), '{"roles":["a","root"]}\n');

  const ann = { ETCDCTL_USER: "ann:apw" };
  assertEquals(await out(node, "get /a/1", ann), "one\n");
  assertEquals((await run(node, "get /b", ann)).status, 1);
  assertEquals(await out(node, "user get ann", ann), "a\n");
  const denied = await run(node, "user list", ann);
  assertEquals(denied.err, "etcd user list: etcdserver: permission denied\n");

  await out(node, "role revoke-permission a /a/ -prefix", ROOT);
  assertEquals((await run(node, "get /a/1", ann)).status, 1);
  await out(node, "user passwd ann new", ROOT);
  assertMatch((await run(node, "user get ann", ann)).err, /invalid user ID or password/);
  await out(node, "user revoke-role ann a", ROOT);
  await out(node, "role delete a", ROOT);
  await out(node, "user delete ann", ROOT);
  await out(node, "auth disable", ROOT);
  assertEquals(await out(node, "get /b"), "one\n");
});

Deno.test("auth init does nothing when there is a root already", async () => {
  await using node = await LocalNode.start();
  await run(node, "user add root:other");
  const { status, err } = await run(node, "auth init", {}, "rpw");
  assertEquals(status, 1);
  assertMatch(err, /a user root already/);
  assertMatch(await out(node, "auth status"), /off/);
});

Deno.test("a command that can't be followed asks nobody", async () => {
  const said = async (...args: string[]) => (await etcd(args)).err;
  assertMatch(await said("auth"), /"etcd auth init" or "etcd auth enable"/);
  assertMatch(await said("user", "add", "ann"), /Expected a password on standard input/);
  assertMatch(
    await said("user", "add", "ann:pw", "-no-password"),
    /Expected a name alone with -no-password/,
  );
  assertMatch(
    await said("role", "grant-permission", "a", "read", "x", "y", "-prefix"),
    /found more than one of them/,
  );
  assertMatch(await said("role", "grant-permission", "a", "all", "x"), /"read", "write" or/);
  assertMatch(await said("get", "/a", "-user", "ann"), /expects NAME:PASSWORD/);
});

Deno.test("whoever has the machine comes back in when nobody knows the password of root", async () => {
  await using node = await LocalNode.start();
  await out(node, "set /a one");
  await run(node, "auth init", {}, "forgotten");
  assertEquals((await run(node, "get /a")).status, 1);
  await node.stop();
  const recovered = await etcd(["recover", "-d", node.directory, "-force", "-auth-off"]);
  assertEquals(recovered.status, 0, recovered.err);
  await node.start();
  assertEquals(await out(node, "get /a"), "one\n");
  assertMatch(await out(node, "auth status"), /off/);
  assertEquals(await out(node, "user list"), "root\n");
});

Deno.test("a password that is typed does not show, and a new one is typed twice", async () => {
  await using node = await LocalNode.start();
  const user = (...secrets: string[]) => node.etcd(["user", "add", "root"], { secrets });
  const differing = await user("one", "two");
  assertEquals([differing.status, differing.out], [2, ""]);
  assertMatch(differing.err, /Expected the same password twice, found two\n$/);
  assertMatch((await user("")).err, /Expected a password on standard input, found none\n$/);
  assertEquals(await user("rpw", "rpw"), {
    status: 0,
    out: 'Made the user "root"\n',
    err: "Password of root: The same again: ",
  });
  await run(node, "role add root");
  await run(node, "user grant-role root root");
  await run(node, "auth enable");
  const known = await node.etcd(["user", "list", "-user", "root"], { secrets: ["rpw"] });
  assertEquals(known, { status: 0, out: "root\n", err: "Password of root: " });
  const none = await node.etcd(["user", "list", "-user", "root"], { secrets: [] });
  assertMatch(none.err, /expects NAME:PASSWORD/);
});
