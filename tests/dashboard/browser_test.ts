/** The dashboard as people use it: in a browser, on a cluster of real processes. */
import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { TestCluster } from "../cluster/harness.ts";
import { enableUsers } from "../api/users.ts";
import { findChromium, TestBrowser, type Visit } from "./browser.ts";
import { startDashboard } from "./harness.ts";

const path = findChromium();

interface Stage {
  readonly browser: TestBrowser;
  readonly cluster: TestCluster;
  /** Of the first node. */
  readonly url: string;
}

/** What a visit must never do. */
function assertWellBehaved({ complaints, asked }: Visit, url: string): void {
  assertEquals(complaints, []);
  assertEquals([...asked], [new URL(url).origin]);
}

const heading = (page: Page, name: string) =>
  page.getByRole("heading", { level: 1, name, exact: true }).waitFor();

const curlOf = (page: Page, label: string) => page.getByLabel(label, { exact: true });

async function overview({ browser, url }: Stage): Promise<void> {
  await browser.visit(`${url}/`, {}, async (visit) => {
    const { page } = visit;
    await page.getByText("Can lose 1").waitFor();
    await page.getByText("3 of 3 members are up; any one of them may fail").waitFor();
    const row = page.getByRole("row", { name: /node1.*this node/ });
    assertEquals(await row.locator(".pill").innerText(), "leader");
    assertEquals(await page.getByRole("row").count(), 4);
    await page.getByRole("row", { name: /node2 follower none .* ms/ }).waitFor();
    assertEquals(await page.locator(".plot canvas").count(), 4);
    assertEquals(
      await curlOf(page, "The members by curl").innerText(),
      `curl ${url}/v1/keys/_etcd/machines`,
    );
    assertWellBehaved(visit, url);
  });
}

async function writing({ browser, url }: Stage): Promise<void> {
  await browser.visit(`${url}/dashboard/#/keys`, {}, async (visit) => {
    const { page } = visit;
    const form = page.getByRole("region", { name: "New key" });
    await form.getByLabel("Key").fill("/config/flags");
    await form.getByLabel("Value").fill('{"beta":true}');
    assertEquals(
      await curlOf(page, "Set by curl").innerText(),
      `curl ${url}/v1/keys/config/flags --data-urlencode 'value={"beta":true}'`,
    );
    await form.getByRole("button", { name: "Set", exact: true }).click();
    await heading(page, "flags");
    await page.getByRole("status").getByText(/^Set at index \d+$/).waitFor();
    assertEquals(
      await page.getByLabel("Value", { exact: true }).innerText(),
      '{\n  "beta": true\n}',
    );
    await page.getByRole("button", { name: "Text" }).click();
    assertEquals(await page.getByLabel("Value", { exact: true }).innerText(), '{"beta":true}');
    await page.getByRole("treeitem", { name: "flags", selected: true }).waitFor();

    await page.getByRole("button", { name: "Test and set" }).first().click();
    const change = page.getByRole("region", { name: "Change" });
    const testAndSet = change.getByRole("button", { name: "Test and set", exact: true });
    await change.getByLabel("Only if it is").fill("something else");
    await change.getByLabel("New value").fill("two");
    await testAndSet.last().click();
    await change.getByRole("alert")
      .getByText('Expected "something else", found "{"beta":true}"').waitFor();
    await change.getByRole("button", { name: "Take that" }).click();
    await testAndSet.last().click();
    await page.locator("pre.value").getByText("two", { exact: true }).waitFor();

    await change.getByRole("button", { name: "Delete", exact: true }).click();
    assertEquals(
      await curlOf(page, "Delete by curl").innerText(),
      `curl -X DELETE ${url}/v1/keys/config/flags`,
    );
    await change.getByRole("button", { name: "Delete this key" }).click();
    await heading(page, "config");
    await page.getByText("This directory is empty").waitFor();
    // The refused test-and-set is the browser's to mention.
    assertEquals(visit.complaints.filter((text) => !text.includes("409 (Conflict)")), []);
  });
}

async function flat({ browser, url }: Stage): Promise<void> {
  for (const key of ["foo", "a//b", "\xff\x00"]) {
    const body = JSON.stringify({ key: btoa(key), value: btoa(`value of ${key}`) });
    const put = await fetch(`${url}/v3/kv/put`, { method: "POST", body });
    assertEquals(put.status, 200, await put.text());
  }
  await browser.visit(`${url}/dashboard/#/keys`, {}, async (visit) => {
    const { page } = visit;
    await page.getByRole("link", { name: "All keys", exact: true }).click();
    await page.getByRole("row", { name: /0xff00/ }).waitFor();
    await page.getByRole("row", { name: /a\/\/b value of a\/\/b 1/ }).waitFor();
    await page.getByLabel("That begin with").fill("fo");
    await page.getByRole("row", { name: /0xff00/ }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "foo", exact: true }).click();
    await page.getByRole("region", { name: "foo", exact: true }).getByText(/Version 1, created/)
      .waitFor();
    assertEquals(
      await curlOf(page, "Read by curl").innerText(),
      `curl ${url}/v3/kv/range -d '{"key":"Zm9v"}'`,
    );
    assertWellBehaved(visit, url);
  });
}

async function expiry({ browser, cluster, url }: Stage): Promise<void> {
  await browser.visit(`${url}/dashboard/#/keys/short`, {}, async ({ page }) => {
    await page.getByText("There is no such key").waitFor();
    await cluster.client.set(url, "/short", "lived", { ttl: 100 });
    await page.getByText(/expires in\s*1 min \d\d s/).waitFor();
    await cluster.client.set(url, "/short", "lived", { ttl: 1 });
    await page.getByText("There is no such key").waitFor();
  });
}

async function hostile({ browser, cluster, url }: Stage): Promise<void> {
  const key = "<img src=x onerror=alert(1)>";
  const value = "<script>alert(1)</script>\u202e`id`";
  await cluster.client.ask(`${url}/v1/keys/hostile/${encodeURIComponent(key)}`, {
    method: "POST",
    form: { value },
  });
  await browser.visit(`${url}/dashboard/#/keys/hostile`, {}, async (visit) => {
    const { page } = visit;
    await page.locator(".children").getByRole("link", { name: key }).click();
    await heading(page, key);
    assertEquals(await page.locator("pre.value").textContent(), value);
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByRole("log").getByText("<script>alert(1)</script>·`id`").waitFor();
    assertWellBehaved(visit, url);
  });
}

async function events({ browser, cluster, url }: Stage): Promise<void> {
  await browser.visit(`${url}/dashboard/#/events/jobs`, {}, async (visit) => {
    const { page } = visit;
    await page.getByText("Waiting for a change under /jobs").waitFor();
    assertEquals(
      await curlOf(page, "Wait for the next one by curl").innerText(),
      `curl ${url}/v1/watch/jobs`,
    );
    await cluster.client.set(url, "/jobs/0", "first");
    await page.getByRole("listitem").filter({ hasText: /NEW\s*\/jobs\/0\s*first/ }).waitFor();
    const follower = (await cluster.followers())[0]!;
    await cluster.client.set(url, "/other", "x");
    await cluster.client.set(follower.url, "/jobs/1", "done");
    await cluster.client.delete(follower.url, "/jobs/1");
    await page.getByRole("listitem").filter({ hasText: /DELETE\s*\/jobs\/1/ }).waitFor();
    await page.getByRole("listitem").filter({ hasText: /NEW\s*\/jobs\/1\s*done/ }).waitFor();
    assertEquals(await page.getByRole("listitem").filter({ hasText: "/other" }).count(), 0);
    await assertAligned(page, ".events > li");
    assertWellBehaved(visit, url);
  });
  // What happened before is "earlier", and the words of a row may be longer than another's.
  await browser.visit(`${url}/dashboard/#/events/jobs`, {}, async ({ page }) => {
    await page.getByText("earlier").first().waitFor();
    await cluster.client.set(url, `/jobs/${"long".repeat(40)}`, "value ".repeat(60));
    await page.getByRole("listitem").filter({ hasText: /longlong/ }).waitFor();
    await assertAligned(page, ".events > li");
  });
  await cluster.client.set(url, "/list/a-long-name-of-a-key", "value ".repeat(60), { ttl: 9000 });
  await cluster.client.set(url, "/list/b", "1");
  await cluster.client.set(url, "/list/c/d", "1");
  await browser.visit(`${url}/dashboard/#/keys/list`, {}, async ({ page }) => {
    await page.locator(".children > li").nth(2).waitFor();
    await assertAligned(page, ".children > li > a");
  });
}

/** Whether what has one class begins at one place in every row. */
async function assertAligned(page: Page, rows: string): Promise<void> {
  const places = await page.locator(rows).evaluateAll((found) =>
    found.map((row) =>
      [...row.children].map((cell) =>
        cell.classList.contains("number")
          ? ["end", Math.round(cell.getBoundingClientRect().right)]
          : [cell.classList[0] ?? cell.tagName, Math.round(cell.getBoundingClientRect().left)]
      )
    )
  );
  assert(places.length > 1, `rows of ${rows}`);
  const starts = Map.groupBy(places.flat(), ([name]) => name);
  for (const [name, found] of starts) {
    assertEquals(
      new Set(found.map(([, at]) => at)).size,
      1,
      `${name} in ${JSON.stringify(places)}`,
    );
  }
}

async function keyboard({ browser, cluster, url }: Stage): Promise<void> {
  await cluster.client.set(url, "/a/b/c", "deep");
  await browser.visit(`${url}/dashboard/#/keys`, {}, async ({ page }) => {
    await page.getByRole("treeitem", { name: "a", exact: true }).waitFor();
    await page.keyboard.press("Tab");
    assertEquals(await page.locator(":focus").innerText(), "Skip to the content");
    await page.keyboard.press("Enter");
    // From the content on: both views, the field, its button, the tree.
    for (let i = 0; i < 5; i++) await page.keyboard.press("Tab");
    assertEquals(await page.locator(":focus").getAttribute("role"), "treeitem");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
    await page.getByRole("treeitem", { name: "b", exact: true }).waitFor();
    for (const key of ["ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    await page.getByRole("treeitem", { name: "c", exact: true }).waitFor();
    for (const key of ["ArrowRight", "Enter"]) await page.keyboard.press(key);
    await heading(page, "c");
    await page.locator(":focus").press("ArrowLeft");
    assertEquals(await page.locator(":focus").getAttribute("data-key"), "/a/b");
    await page.keyboard.press("ArrowLeft");
    assertEquals(await page.getByRole("treeitem", { name: "c", exact: true }).count(), 0);
  });
}

async function narrowAndDark({ browser, url }: Stage): Promise<void> {
  await browser.visit(`${url}/dashboard/`, { width: 390, dark: true }, async (visit) => {
    const { page } = visit;
    const background = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    await page.getByText("Can lose 1").waitFor();
    const dark = await background();
    for (const hash of ["#/", "#/keys", "#/keys/a/b/c", "#/flat", "#/events", "#/certificates"]) {
      await page.goto(`${url}/dashboard/${hash}`);
      await page.getByRole("navigation", { name: "Sections" }).waitFor();
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assertEquals(width, 390, hash);
    }
    await page.getByRole("button", { name: "Colours: auto" }).click();
    assert(await background() !== dark);
    await page.reload();
    await page.getByRole("button", { name: "Colours: light" }).waitFor();
    assert(await background() !== dark);
    assertWellBehaved(visit, url);
  });
}

/** A page of somebody else, open in the visitor's browser. */
async function otherSites({ browser, cluster, url }: Stage): Promise<void> {
  const { port } = new URL(url);
  const form = `<form method=post action=${url}/v1/keys/stolen><input name=value value=x></form>`;
  await using site = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(form, { headers: { "content-type": "text/html" } }),
  );
  const evil = `http://evil.example:${site.addr.port}/`;
  await browser.visit(evil, {}, async ({ page }) => {
    const refused = page.waitForResponse(`${url}/v1/keys/stolen`);
    await page.evaluate("document.forms[0].submit()");
    assertEquals((await refused).status(), 403);
  });
  // A name that was pointed here is another site, too.
  await browser.visit(`http://evil.example:${port}/dashboard/`, {}, async ({ page }) => {
    await page.getByRole("alert").getByText("Forbidden").waitFor();
    const status = await page.evaluate(async () => {
      const body = new URLSearchParams({ value: "x" });
      return (await fetch("/v1/keys/stolen", { method: "POST", body })).status;
    });
    assertEquals(status, 403);
  });
  assertEquals((await cluster.client.get(url, "/stolen")).status, 404);
}

async function lossOfMembers({ browser, cluster, url }: Stage): Promise<void> {
  await browser.visit(`${url}/dashboard/`, {}, async ({ page }) => {
    await page.getByText("Can lose 1").waitFor();
    await cluster.nodes[2]!.kill();
    await page.getByText("Can lose none").waitFor();
    await page.getByText('2 of 3 members are up, "node3" is not').waitFor();
    await page.getByRole("row", { name: /node3/ }).getByText("down", { exact: true }).waitFor();
    await cluster.nodes[0]!.kill();
    await page.getByText("What you see is old; trying again.").waitFor();
  });
}

/** On a node of its own, which takes HTTPS and changes nothing. */
async function readonlyOverTls({ browser }: Stage): Promise<void> {
  await using node = await startDashboard({ kind: "tls", mode: "readonly" });
  await node.ask("POST", "/v1/keys/long", { value: "x".repeat(70_000) });
  for (let i = 0; i < 201; i++) await node.ask("POST", `/v1/keys/many/${i}`, { value: "x" });
  await browser.visit(`${node.url}/dashboard/#/keys/long`, {}, async (visit) => {
    const { page } = visit;
    await page.getByText("read-only").waitFor();
    await page.getByText("These are the first 65,536 characters of 70,000.").waitFor();
    assertEquals(
      await curlOf(page, "Read by curl").innerText(),
      `curl --cacert ca.crt ${node.url}/v1/keys/long`,
    );
    await page.getByRole("button", { name: "Load all" }).click();
    await page.getByText("These are the first").waitFor({ state: "detached" });
    assertEquals(await page.getByRole("region", { name: "Change" }).count(), 0);
    await page.goto(`${node.url}/dashboard/#/keys/many`);
    await page.getByText("200 of more entries").waitFor();
    await page.locator(".key-panel").getByRole("button", { name: "Show more" }).click();
    await page.getByText("201 entries").waitFor();
    assertEquals(await page.getByRole("region", { name: "New key" }).count(), 0);
    assertWellBehaved(visit, node.url);
  });
}

/** On a node of its own, where authentication is on. */
async function users({ browser }: Stage): Promise<void> {
  await using node = await startDashboard();
  await node.set("/a/1", "seen");
  await node.set("/b/1", "hidden");
  await enableUsers(node.service);
  const logIn = async (page: Page, user: string, password: string) => {
    await page.getByRole("button", { name: "Log in" }).first().click();
    const form = page.getByRole("region", { name: "Log in" });
    await form.getByLabel("User").fill(user);
    await form.getByLabel("Password").fill(password);
    await form.getByRole("button", { name: "Log in" }).click();
  };
  await browser.visit(`${node.url}/dashboard/#/users`, {}, async ({ page }) => {
    await page.getByText("Users are for root").waitFor();
    await logIn(page, "ann", "wrong");
    await page.getByText("User and password don't belong together").waitFor();
    await page.reload();
    await logIn(page, "ann", "ann");
    await page.getByRole("button", { name: "Log out ann" }).waitFor();
    await page.goto(`${node.url}/dashboard/#/keys`);
    await page.getByRole("treeitem", { name: "a", exact: true }).waitFor();
    assertEquals(await page.getByRole("treeitem", { name: "b", exact: true }).count(), 0);
    assertEquals(await page.evaluate("document.cookie"), "", "no script reads the token");
    await page.getByRole("button", { name: "Log out ann" }).click();
    await page.getByRole("button", { name: "Log in" }).waitFor();

    await logIn(page, "root", "root");
    await page.getByRole("button", { name: "Log out root" }).waitFor();
    await page.goto(`${node.url}/dashboard/#/users`);
    const question = page.getByRole("region", { name: "Who may do what" });
    await question.getByLabel("User").fill("ann");
    await question.getByLabel("Key").fill("/b/1");
    await question.getByRole("button", { name: "Ask" }).click();
    await question.getByText('"ann" may not read "/b/1".').waitFor();
    const role = page.getByRole("region", { name: "Role a", exact: true });
    await role.getByLabel("Key, or a prefix").fill("/b/*");
    await role.getByRole("button", { name: "Allow" }).click();
    await role.getByText("/b/*", { exact: true }).waitFor();
    await question.getByRole("button", { name: "Ask" }).click();
    await question.getByText('"ann" may read "/b/1", by the role "a".').waitFor();
    await page.getByRole("button", { name: "Delete bob" }).click();
    await page.getByRole("region", { name: "User bob" }).waitFor({ state: "detached" });
  });
  assertEquals(node.store.auth.user("bob"), undefined);
}

Deno.test({
  name: "the dashboard works in a browser",
  ignore: path === undefined,
  fn: async (t) => {
    await using cluster = await TestCluster.prepare({ size: 3 });
    const [, browser] = await Promise.all([cluster.start(), TestBrowser.start(path!)]);
    await using _ = browser;
    const stage = { browser, cluster, url: cluster.nodes[0]!.url };
    const step = (name: string, body: (stage: Stage) => Promise<void>) =>
      t.step(name, () => cluster.explain(() => body(stage)));
    await step("shows the members, the margin and the last minutes", overview);
    await step("creates, tests and sets, and deletes a key", writing);
    await step("shows keys that are no path, with their revisions", flat);
    await step("counts down to an expiry and sees it", expiry);
    await step("shows hostile keys and values as text", hostile);
    await step("shows the events of a prefix as they happen", events);
    await step("is used by keyboard alone", keyboard);
    await step("fits a narrow screen, dark and light", narrowAndDark);
    await step("takes nothing from other sites", otherSites);
    await step("offers nothing to change when it is read-only, over TLS", readonlyOverTls);
    await step("lets users in, shows what they may see, and root their rights", users);
    await step("tells when members are lost", lossOfMembers);
  },
});
