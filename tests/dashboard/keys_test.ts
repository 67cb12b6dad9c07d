/** The key tree as the page reads and changes it. */
import { assertEquals } from "@std/assert";
import type { ChildView, KeyView } from "../../src/dashboard/view.ts";
import type { TestNode } from "../api/harness.ts";
import { START_MS } from "../api/fake_node.ts";
import { OWN, startDashboard } from "./harness.ts";
import { grant, put } from "./v3_writes.ts";

async function view(node: TestNode, path: string): Promise<KeyView> {
  const { status, text } = await node.ask("GET", `/dashboard/api/keys${path}`);
  assertEquals(status, 200, text);
  return JSON.parse(text);
}

async function children(node: TestNode, path: string): Promise<readonly ChildView[]> {
  const found = await view(node, path);
  return found.kind === "directory" ? found.children : [];
}

const set = (node: TestNode, key: string, form: Record<string, string>) =>
  node.ask("POST", `/v1/keys${key}`, form);

Deno.test("GET of a key gives its value, its deadline and when it was set", async () => {
  await using node = await startDashboard();
  await set(node, "/foo", { value: "bar", ttl: "10" });
  assertEquals(await view(node, "/foo"), {
    kind: "file",
    key: "/foo",
    value: "bar",
    length: 3,
    setIndex: 3,
    deadlineMs: START_MS + 10_000,
    nowMs: START_MS,
    reserved: false,
    isText: true,
    lease: "",
  });
  node.node.advance(10_000);
  const { status, json } = await node.ask("GET", "/dashboard/api/keys/foo");
  assertEquals([status, json.reason], [404, "keyNotFound"]);
});

Deno.test("GET of a key says when its value is no text, and to which lease it belongs", async () => {
  await using node = await startDashboard();
  await grant(node, 0x1fn);
  await put(node, "/a", new Uint8Array([0x61, 0xff]), 0x1fn);
  const found = await view(node, "/a");
  assertEquals(
    found.kind === "file" && [found.value, found.isText, found.lease],
    ["a\ufffd", false, "1f"],
  );
  await put(node, "/b", "a\ufffd");
  const text = await view(node, "/b");
  assertEquals(text.kind === "file" && [text.isText, text.lease], [true, ""]);
});

Deno.test("the page is told what time it is, by whatever time reads are judged", async () => {
  await using node = await startDashboard();
  node.node.judgedMs = 0;
  await set(node, "/foo", { value: "bar" });
  for (const path of ["keys/", "keys/foo", "keys/_etcd", "flat", "flat?key=2f666f6f"]) {
    const { text } = await node.ask("GET", `/dashboard/api/${path}`);
    assertEquals(JSON.parse(text).nowMs, START_MS, path);
  }
});

Deno.test("GET of a long value gives its beginning, and all of it when asked", async () => {
  await using node = await startDashboard();
  await set(node, "/long", { value: "x".repeat(100_000) });
  const cut = await view(node, "/long");
  assertEquals(cut.kind === "file" && [cut.value.length, cut.length], [65_536, 100_000]);
  const whole = await view(node, "/long?whole=true");
  assertEquals(whole.kind === "file" && whole.value.length, 100_000);
  const [, child] = await children(node, "/");
  assertEquals([child!.length, child!.preview.length], [100_000, 120]);
});

Deno.test("GET of a directory gives a page and says whether there is more", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 250; i++) {
    await set(node, `/dir/${String(i).padStart(3, "0")}/deep`, { value: "x" });
  }
  // Between the directory "100" and what is in it.
  await set(node, "/dir/100!", { value: "x" });
  const first = await view(node, "/dir");
  assertEquals(first.kind === "directory" && [first.children.length, first.more], [200, true]);
  const second = await view(node, "/dir?after=198");
  assertEquals(second.kind === "directory" && [second.children.length, second.more], [51, false]);
  assertEquals((await children(node, "/dir?after=100"))[0]!.name, "100!");
  assertEquals((await children(node, "/dir?after=100!"))[0]!.name, "101");
  assertEquals(await children(node, "/dir?after=999"), []);
});

Deno.test("GET of a directory of large values ends its page early", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 5; i++) await set(node, `/big/${i}`, { value: "x".repeat(500_000) });
  const page = await view(node, "/big");
  assertEquals(page.kind === "directory" && [page.children.length, page.more], [3, true]);
});

Deno.test("GET shows the members as keys that are the cluster's own", async () => {
  await using node = await startDashboard();
  assertEquals((await children(node, "/")).map(({ name, dir }) => [name, dir]), [["_etcd", true]]);
  const found = await view(node, "/_etcd/machines/node1");
  assertEquals(found.kind === "file" && found.reserved, true);
});

Deno.test("GET refuses a place that is no name", async () => {
  await using node = await startDashboard();
  for (const after of ["a%2Fb", "%00", "x".repeat(5000)]) {
    const { status } = await node.ask("GET", `/dashboard/api/keys/foo?after=${after}`);
    assertEquals(Math.floor(status / 100), 4, after);
  }
});

Deno.test("POST and DELETE set, test and delete a key", async () => {
  await using node = await startDashboard();
  const path = "/dashboard/api/keys/a%20b";
  const made = await node.ask("POST", path, { value: "one" }, OWN);
  assertEquals([made.status, made.json.key, made.json.newKey], [200, "/a b", true]);
  const failed = await node.ask("POST", path, { value: "two", prevValue: "x" }, OWN);
  assertEquals([failed.status, failed.json.reason], [409, "testFailed"]);
  assertEquals((await node.ask("DELETE", path, undefined, OWN)).json.prevValue, "one");
});

Deno.test("POST and DELETE are refused without the page's own header", async () => {
  await using node = await startDashboard();
  for (const method of ["POST", "DELETE"]) {
    const { status, json } = await node.ask(method, "/dashboard/api/keys/foo");
    assertEquals([status, json.reason], [403, "fault"]);
  }
});

Deno.test("POST and DELETE are refused to other sites even with the header", async () => {
  await using node = await startDashboard();
  for (
    const headers of [
      { origin: "http://evil.example" },
      { "sec-fetch-site": "cross-site" },
    ]
  ) {
    const init = { headers: { ...OWN.headers, ...headers } };
    const { status } = await node.ask("POST", "/dashboard/api/keys/foo", { value: "x" }, init);
    assertEquals(status, 403, JSON.stringify(headers));
  }
  assertEquals((await node.ask("GET", "/v1/keys/foo")).status, 404);
});

Deno.test("nothing can be changed by a dashboard that is read-only", async () => {
  await using node = await startDashboard({ mode: "readonly" });
  for (const method of ["POST", "DELETE"]) {
    const { status, json } = await node.ask(method, "/dashboard/api/keys/foo", undefined, OWN);
    assertEquals([status, json.reason], [403, "fault"]);
  }
  assertEquals((await node.ask("GET", "/dashboard/api/keys/")).status, 200);
  const status = await node.ask("GET", "/dashboard/api/status");
  assertEquals(JSON.parse(status.text).mode, "readonly");
});
