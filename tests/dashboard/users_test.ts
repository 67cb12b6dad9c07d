/** Logins at the dashboard, and users and roles by its page. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TestNode } from "../api/harness.ts";
import { changeUsers, enableUsers } from "../api/users.ts";
import { OWN, startDashboard } from "./harness.ts";

const API = "/dashboard/api";

function as(cookie: string) {
  return { headers: { ...OWN.headers, cookie } };
}

async function login(node: TestNode, user: string): Promise<string> {
  const { headers, status } = await node.ask(
    "POST",
    `${API}/session`,
    { user, password: user },
    OWN,
  );
  assertEquals(status, 200);
  return headers.get("set-cookie")!;
}

function tokenIn(cookie: string): string {
  return cookie.split(";")[0]!;
}

Deno.test("a login is a cookie that no script reads and no other site sends", async () => {
  await using node = await startDashboard();
  await enableUsers(node.service);
  const cookie = await login(node, "ann");
  assertMatch(cookie, /^etcd-token=[^;]+; Path=\/dashboard; HttpOnly; SameSite=Strict$/);
  const view = await node.ask("GET", `${API}/session`, undefined, as(tokenIn(cookie)));
  assertEquals(JSON.parse(view.text), { isOn: true, user: "ann", isRoot: false });
  const out = await node.ask("DELETE", `${API}/session`, undefined, OWN);
  assertMatch(out.headers.get("set-cookie")!, /^etcd-token=; .*Max-Age=0$/);
  const wrong = await node.ask("POST", `${API}/session`, { user: "ann", password: "x" }, OWN);
  assertEquals([wrong.status, wrong.headers.get("set-cookie")], [401, null]);
  const foreign = await node.ask("POST", `${API}/session`, { user: "ann", password: "ann" });
  assertEquals(foreign.status, 403, "without the page's header");
});

Deno.test("a login is Secure under TLS", async () => {
  await using node = await startDashboard({ kind: "tls" });
  await enableUsers(node.service);
  assertMatch(await login(node, "ann"), /; Secure$/);
});

Deno.test("a listing goes past the children that its user may not see", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 450; i++) await node.set(`/b/${String(i).padStart(3, "0")}`, "hidden");
  await node.set("/b/last", "seen");
  await enableUsers(node.service);
  const permission = { type: "read", key: "/b/last", rangeEnd: "" } as const;
  await changeUsers(node.service, [{ type: "roleGrantPermission", role: "a", permission }]);
  const ann = as(tokenIn(await login(node, "ann")));
  const { text } = await node.ask("GET", `${API}/keys/b`, undefined, ann);
  const { children, more } = JSON.parse(text);
  assertEquals([children.map(({ name }: { name: string }) => name), more], [["last"], false]);
});

Deno.test("the page shows and changes what its user may", async () => {
  await using node = await startDashboard();
  await node.set("/a/1", "one");
  await node.set("/b/1", "two");
  await enableUsers(node.service);
  const ann = as(tokenIn(await login(node, "ann")));
  const root = await node.ask("GET", `${API}/keys/`, undefined, ann);
  const { children } = JSON.parse(root.text);
  assertEquals(children.map(({ name }: { name: string }) => name), ["_etcd", "a"]);
  for (const [path, expected] of [["/a/1", 200], ["/b/1", 403], ["/b", 403], ["/a", 200]]) {
    const { status } = await node.ask("GET", `${API}/keys${path}`, undefined, ann);
    assertEquals(status, expected, String(path));
  }
  assertEquals((await node.ask("POST", `${API}/keys/b/1`, { value: "x" }, ann)).status, 403);
  assertEquals((await node.ask("POST", `${API}/keys/a/1`, { value: "x" }, ann)).status, 200);
  const events = await node.ask("GET", `${API}/events?path=%2F`, undefined, ann);
  const keys = JSON.parse(events.text).events.map(({ key }: { key: string }) => key);
  assertEquals(keys, ["/a/1", "/a/1"]);
  assertEquals((await node.ask("GET", `${API}/events?path=%2Fb`, undefined, ann)).status, 403);
  assertEquals((await node.ask("GET", `${API}/users`, undefined, ann)).status, 403);
  assertEquals((await node.ask("GET", `${API}/keys/`)).status, 403, "a guest");
});

Deno.test("root makes users and roles, and asks what they may do", async () => {
  await using node = await startDashboard();
  await enableUsers(node.service);
  const root = as(tokenIn(await login(node, "root")));
  const change = async (fields: Record<string, string>) =>
    (await node.ask("POST", `${API}/users`, fields, root)).status;
  const may = async (user: string, key: string): Promise<string[]> => {
    const query = new URLSearchParams({ user, key });
    const { text } = await node.ask("GET", `${API}/may?${query}`, undefined, root);
    return JSON.parse(text).sentences;
  };
  assertEquals(await change({ action: "addUser", user: "eve", password: "pw" }), 200);
  assertEquals(await change({ action: "addUser", user: "eve", password: "pw" }), 409);
  assertEquals(await change({ action: "addUser", user: "eve2" }), 400);
  assertEquals(await change({ action: "addRole", role: "r" }), 200);
  assertEquals(
    await change({ action: "grant", role: "r", type: "read", keys: "/app/*" }),
    200,
  );
  assertEquals(await change({ action: "grant", role: "r", type: "all", keys: "/app/*" }), 400);
  assertEquals(await change({ action: "grantRole", user: "eve", role: "r" }), 200);
  assertEquals(await may("eve", "/app/x"), [
    '"eve" may read "/app/x", by the role "r".',
    '"eve" may not write "/app/x".',
  ]);
  assertEquals(await may("nobody", "/app/x"), ['There is no user "nobody".']);
  assertEquals(await may("root", "/x"), ['"root" may do everything, by the role "root".']);
  assertEquals((await may("", "/x"))[0], 'A guest of v1 and v2 may not read "/x".');
  const { text } = await node.ask("GET", `${API}/users`, undefined, root);
  const { roles } = JSON.parse(text);
  const { permissions: [permission] } = roles.find(({ name }: { name: string }) => name === "r");
  assertEquals(permission.keys, "/app/*");
  assertEquals(await change({ action: "revoke", role: "r", id: "no id" }), 400);
  assertEquals(await change({ action: "revoke", role: "r", id: permission.id }), 200);
  assertEquals(await change({ action: "revokeRole", user: "eve", role: "r" }), 200);
  assertEquals(await change({ action: "deleteRole", role: "r" }), 200);
  assertEquals(await change({ action: "setPassword", user: "eve", password: "other" }), 200);
  assertEquals(await change({ action: "deleteUser", user: "eve" }), 200);
  assertEquals(await change({ action: "deleteUser", user: "root" }), 409);
  assertEquals(await change({ action: "dance" }), 400);
  assert(!text.includes("scrypt"), "no hash is shown");
  const ann = as(tokenIn(await login(node, "ann")));
  const denied = await node.ask("POST", `${API}/users`, { action: "disable" }, ann);
  assertEquals(denied.status, 403);
  assertEquals(await change({ action: "disable" }), 200);
  assertEquals((await node.ask("GET", `${API}/users`)).status, 200, "nobody is asked now");
});

Deno.test("a dashboard that is read-only changes no user, but lets users in", async () => {
  await using node = await startDashboard({ mode: "readonly" });
  await enableUsers(node.service);
  const root = as(tokenIn(await login(node, "root")));
  const { status } = await node.ask("POST", `${API}/users`, { action: "disable" }, root);
  assertEquals(status, 403);
  assert(node.store.auth.isEnabled);
});

Deno.test("a stranger's password is not hashed, and no key of the cluster's own is written", async () => {
  await using node = await startDashboard();
  await enableUsers(node.service);
  const ann = as(tokenIn(await login(node, "ann")));
  const { authenticator } = node.service;
  const hash = authenticator.hashPassword.bind(authenticator);
  let hashes = 0;
  authenticator.hashPassword = (password) => {
    hashes++;
    return hash(password);
  };
  const fields = { action: "addUser", user: "eve", password: "pw" };
  assertEquals((await node.ask("POST", `${API}/users`, fields, ann)).status, 403);
  assertEquals(hashes, 0);
  const root = as(tokenIn(await login(node, "root")));
  assertEquals((await node.ask("POST", `${API}/users`, fields, root)).status, 200);
  assertEquals(hashes, 1);
  const reserved = await node.ask("POST", `${API}/keys/_etcd/machines/a`, { value: "x" }, root);
  assertEquals([reserved.status, reserved.text.includes("that clients may write")], [400, true]);
});

Deno.test("nobody keeps what the dashboard shows, and no other page loads it", async () => {
  await using node = await startDashboard();
  for (const path of ["status", "keys/", "samples", "session", "flat", "events?path=/"]) {
    const { headers } = await node.ask("GET", `${API}/${path}`, undefined, OWN);
    const told = ["cache-control", "cross-origin-resource-policy", "x-content-type-options"]
      .map((name) => headers.get(name));
    assertEquals(told, ["no-store", "same-origin", "nosniff"], path);
  }
});
