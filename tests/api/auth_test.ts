/** v1, v2 and what root alone may ask for, while authentication is on. */
import { assert, assertEquals } from "@std/assert";
import { patternOfRange, rangeOfPattern } from "../../src/service/auth/patterns.ts";
import { startNode, type TestNode, until } from "./harness.ts";
import { basicOf, changeUsers, enableUsers } from "./users.ts";

async function startWithUsers(): Promise<TestNode> {
  const node = await startNode();
  await node.set("/a/1", "one");
  await node.set("/b/1", "two");
  await node.set("/top", "three");
  await enableUsers(node.service);
  return node;
}

async function status(
  node: TestNode,
  user: string | undefined,
  method: string,
  path: string,
  body?: Record<string, string>,
): Promise<number> {
  const headers = user === undefined ? {} : basicOf(user);
  return (await node.ask(method, path, body, { headers })).status;
}

for (const api of ["v1", "v2"]) {
  const keys = `/${api}/keys`;

  Deno.test(`${api}: a key is there for who may have it, and for nobody else`, async () => {
    await using node = await startWithUsers();
    const write = api === "v1" ? "POST" : "PUT";
    for (
      const [user, own, foreign] of [
        ["root", true, true],
        ["ann", true, false],
        ["bob", false, false],
        [undefined, false, false],
      ] as const
    ) {
      for (const [key, isAllowed] of [["/a/1", own], ["/b/1", foreign]] as const) {
        const what = `${user} ${key}`;
        assertEquals(await status(node, user, "GET", keys + key), isAllowed ? 200 : 401, what);
        const written = await status(node, user, write, keys + key, { value: "x" });
        assertEquals(written, isAllowed ? 200 : 401, what);
      }
      assertEquals(await status(node, user, "GET", `${keys}/none`), user === "root" ? 404 : 401);
    }
    assertEquals(await status(node, "ann", "DELETE", `${keys}/b/1`), 401);
    assertEquals(await status(node, "ann", "DELETE", `${keys}/a/1`), 200);
  });

  Deno.test(`${api}: a wrong password opens nothing, not even what guests may have`, async () => {
    await using node = await startWithUsers();
    await changeUsers(node.service, [
      { type: "roleAdd", role: "guest" },
      {
        type: "roleGrantPermission",
        role: "guest",
        permission: { type: "read", key: "/b/1", rangeEnd: "" },
      },
    ]);
    assertEquals(await status(node, undefined, "GET", `${keys}/b/1`), 200);
    for (const authorization of ["Basic YW5uOng=", "Basic", "Bearer x", "Digest x"]) {
      const { status, text } = await node.ask("GET", `${keys}/b/1`, undefined, {
        headers: { authorization },
      });
      assertEquals([status, JSON.parse(text).errorCode], [401, 110], authorization);
    }
    // As in etcd, who says nothing in the header is a guest as who sends none.
    const nothing = { headers: { authorization: "" } };
    assertEquals((await node.ask("GET", `${keys}/b/1`, undefined, nothing)).status, 200);
  });
}

Deno.test("v1: a listing has what its reader may see", async () => {
  await using node = await startWithUsers();
  const keys = async (user: string, path: string) => {
    const { text, list } = await node.ask("GET", path, undefined, { headers: basicOf(user) });
    return text.startsWith("[") ? list.map(({ key }) => key) : text;
  };
  assertEquals(await keys("ann", "/v1/keys/a"), ["/a/1"]);
  assertEquals(await keys("root", "/v1/keys/"), ["/_etcd", "/a", "/b", "/top"]);
  assertEquals(await status(node, "ann", "GET", "/v1/keys/"), 401);
  await changeUsers(node.service, [{
    type: "roleGrantPermission",
    role: "a",
    permission: { type: "read", key: "/", rangeEnd: "" },
  }]);
  assertEquals(await keys("ann", "/v1/keys/"), ["/_etcd", "/a"]);
});

Deno.test("v2: a path counts as it was sent: /a/* allows /a/, be it a directory or a file, and not /a", async () => {
  await using node = await startWithUsers();
  assertEquals(await status(node, "ann", "GET", "/v2/keys/a/"), 200);
  assertEquals(await status(node, "ann", "GET", "/v2/keys/a%2F"), 200);
  assertEquals(await status(node, "ann", "GET", "/v2/keys/a"), 401);
  assertEquals(await status(node, "ann", "GET", "/v2/keys/a/?recursive=true"), 200);
  await status(node, "root", "DELETE", "/v2/keys/a?recursive=true");
  await node.ask("PUT", "/v2/keys/a", { value: "secret" }, { headers: basicOf("root") });
  // As etcd's own suite wants it (TestV2CurlIssue5182).
  assertEquals(await status(node, "ann", "GET", "/v2/keys/a/"), 200);
  assertEquals(await status(node, "ann", "GET", "/v2/keys/a"), 401);
  assertEquals(await status(node, "bob", "GET", "/v2/keys/a/"), 401);
});

Deno.test("v2: who may have all below a directory has no part in a file in its place", async () => {
  await using node = await startWithUsers();
  await status(node, "root", "DELETE", "/v2/keys/a?recursive=true");
  await node.ask("PUT", "/v2/keys/a", { value: "secret" }, { headers: basicOf("root") });
  for (const more of ["", "&prevValue=guess", "&prevExist=true", "&refresh=true&ttl=1"]) {
    assertEquals(await status(node, "ann", "PUT", `/v2/keys/a/?dir=true${more}`), 401, more);
  }
  const watch = node.ask("GET", "/v2/keys/a/?wait=true&recursive=true", undefined, {
    headers: basicOf("ann"),
  });
  await until(() => node.store.watches.size === 1, "a watch");
  assertEquals(await status(node, "root", "PUT", "/v2/keys/a?dir=true"), 200);
  assertEquals(await status(node, "root", "PUT", "/v2/keys/a/1", { value: "x" }), 201);
  assertEquals(JSON.parse((await watch).text).node.key, "/a/1");
});

Deno.test("v2: a directory gets no end from who may write its name alone", async () => {
  await using node = await startWithUsers();
  await changeUsers(node.service, [{
    type: "roleGrantPermission",
    role: "a",
    permission: { type: "readWrite", key: "/b", rangeEnd: "" },
  }]);
  assertEquals(await status(node, "ann", "PUT", "/v2/keys/b?prevExist=true&ttl=1"), 401);
  assertEquals(await status(node, "ann", "PUT", "/v2/keys/b?prevExist=true&ttl=1&dir=true"), 401);
  assertEquals(await status(node, "root", "DELETE", "/v2/keys/b?recursive=true"), 200);
  // Of what is not there it is told that.
  assertEquals(await status(node, "ann", "PUT", "/v2/keys/b?prevExist=true&ttl=1"), 404);
});

Deno.test("v2: a recursive listing within a range has all, one above it is refused", async () => {
  await using node = await startWithUsers();
  await changeUsers(node.service, [{
    type: "roleGrantPermission",
    role: "a",
    permission: { type: "read", key: "/", rangeEnd: "" },
  }]);
  const { text } = await node.ask("GET", "/v2/keys/", undefined, { headers: basicOf("ann") });
  assertEquals(JSON.parse(text).node.nodes.map(({ key }: { key: string }) => key), ["/a"]);
  assertEquals(await status(node, "ann", "GET", "/v2/keys/?recursive=true"), 401);
});

Deno.test("watches of v1 and v2 begin for who may see all of it, and end with the permission", async () => {
  await using node = await startWithUsers();
  const headers = basicOf("ann");
  // Those that may not watch don't wait either.
  for (const path of ["/v1/watch/b?wait=false", "/v1/watch/?wait=false"]) {
    assertEquals(await status(node, "ann", "GET", path), 401, path);
  }
  assertEquals(await status(node, "ann", "GET", "/v2/keys/b?wait=true&recursive=true"), 401);
  const v2 = node.ask("GET", "/v2/keys/a/?wait=true&recursive=true", undefined, { headers });
  const v1 = node.ask("GET", "/v1/watch/a/1", undefined, { headers });
  await until(() => node.store.watches.size === 2, "two watches");
  await changeUsers(node.service, [{ type: "userRevokeRole", user: "ann", role: "a" }]);
  assertEquals((await v1).status, 401);
  assertEquals((await v2).text, "");
  assertEquals(node.store.watches.size, 0);
});

Deno.test("a watch that was open ends for nobody who may go on when users change", async () => {
  await using node = await startWithUsers();
  const watch = node.ask("GET", "/v1/watch/a/1", undefined, { headers: basicOf("ann") });
  await until(() => node.store.watches.size === 1, "the watch");
  await changeUsers(node.service, [{ type: "roleAdd", role: "other" }]);
  await node.ask("POST", "/v1/keys/a/1", { value: "2" }, { headers: basicOf("ann") });
  assertEquals((await watch).json.value, "2");
});

Deno.test("members are removed by root alone, and everybody may know who they are", async () => {
  await using node = await startWithUsers();
  for (const path of ["/v1/machines", "/v2/members", "/v1/keys/_etcd/machines", "/version"]) {
    assertEquals(await status(node, undefined, "GET", path), 200, path);
  }
  assertEquals(await status(node, undefined, "DELETE", "/v1/machines/node1"), 401);
  assertEquals(await status(node, "ann", "DELETE", "/v1/machines/node1"), 403);
  assertEquals(await status(node, "ann", "GET", "/admin/digest"), 403);
  assertEquals(await status(node, "root", "GET", "/admin/digest"), 200);
  assertEquals(node.node.removed, []);
});

Deno.test("a token may stand behind Bearer", async () => {
  await using node = await startWithUsers();
  const login = await node.service.authenticator.login("ann", "ann");
  assert(login.kind === "token");
  const headers = { authorization: `Bearer ${login.token}` };
  assertEquals((await node.ask("GET", "/v1/keys/a/1", undefined, { headers })).status, 200);
  assertEquals((await node.ask("GET", "/v2/keys/b/1", undefined, { headers })).status, 401);
});

Deno.test("a pattern of v2 is a range and comes back as it was", () => {
  for (const pattern of ["/a", "/a*", "/a/*", "/*", "*", "/ü/*", "x", "/a\u{10ffff}*"]) {
    assertEquals(patternOfRange(rangeOfPattern(pattern)), pattern);
  }
  assertEquals(rangeOfPattern("/a/*"), { key: "/a/", rangeEnd: "/a0" });
  assertEquals(rangeOfPattern("\u{ff}*"), { key: "\xc3\xbf", rangeEnd: "\xc3\xc0" });
  for (
    const range of [
      { key: "a", rangeEnd: "c" },
      { key: "a", rangeEnd: "\0" },
      { key: "/a*", rangeEnd: "" },
    ]
  ) assertEquals(patternOfRange(range), undefined, "v2 has no word for it");
});
