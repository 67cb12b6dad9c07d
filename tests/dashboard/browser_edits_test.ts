/** What others do to the keys while somebody looks at them, and what a form makes of a value. */
import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import type { TestNode } from "../api/harness.ts";
import { findChromium, TestBrowser } from "./browser.ts";
import { startDashboard } from "./harness.ts";
import { grant, put, putTogether, remove } from "./v3_writes.ts";

const path = findChromium();

interface Stage {
  readonly browser: TestBrowser;
  readonly node: TestNode;
}

/** The directories of v3's keys are there as long as their keys. */
async function emptied({ browser, node }: Stage): Promise<void> {
  await put(node, "/a/b/c", "only one");
  await put(node, "/d", "stays");
  await browser.visit(`${node.url}/dashboard/#/keys/a`, {}, async ({ page }) => {
    const item = (name: string) => page.getByRole("treeitem", { name, exact: true });
    await item("b").click();
    await item("c").waitFor();
    await page.goto(`${node.url}/dashboard/#/keys/a`);
    await remove(node, "/a/b/c");
    for (const name of ["a", "b", "c"]) await item(name).waitFor({ state: "detached" });
    await item("d").waitFor();
    await page.getByText("There is no such key").waitFor();
    await put(node, "/a/b/c", "again");
    await page.getByRole("region", { name: "Directory" }).getByText("1 entry").waitFor();
    await item("a").waitFor();
  });
}

/** A stopped process closes no connection. */
async function standingStill({ browser, node }: Stage): Promise<void> {
  await browser.visit(`${node.url}/dashboard/`, {}, async ({ page }) => {
    await page.getByRole("heading", { name: "Members" }).waitFor();
    await page.route("**/api/status", () => {});
    await page.getByText("What you see is old; trying again.").waitFor();
    await page.getByText("This node does not answer").waitFor();
    await page.unroute("**/api/status");
    await page.getByText("What you see is old; trying again.").waitFor({ state: "detached" });
  });
}

const panel = (page: Page) => page.locator(".key-panel");

const setButton = (page: Page) => page.getByRole("button", { name: "Set", exact: true });

/** What is typed beside another's write would undo it unseen. */
async function overtaken({ browser, node }: Stage): Promise<void> {
  await put(node, "/shared", "one");
  await browser.visit(`${node.url}/dashboard/#/keys/shared`, {}, async ({ page }) => {
    await page.getByLabel("New value").fill("mine");
    await put(node, "/shared", "another's");
    await panel(page).getByText("The key has another value now").waitFor();
    await page.getByRole("button", { name: "Take that" }).click();
    assertEquals(await page.getByLabel("New value").inputValue(), "another's");
    assertEquals(await panel(page).getByText("The key has another value now").count(), 0);
  });
}

async function lineEnds({ browser, node }: Stage): Promise<void> {
  await put(node, "/lines", "a\r\nb\r\nc");
  await browser.visit(`${node.url}/dashboard/#/keys/lines`, {}, async ({ page }) => {
    const field = page.getByLabel("New value");
    await field.press("ControlOrMeta+Home");
    await field.pressSequentially("12");
    await setButton(page).click();
    await page.getByRole("status").getByText(/^Set at index/).waitFor();
  });
  assertEquals(node.store.read("/lines", 0)?.value, "12a\r\nb\r\nc");
}

async function otherBytes({ browser, node }: Stage): Promise<void> {
  await grant(node, 0x1fn);
  await put(node, "/bytes", new Uint8Array([0x61, 0xff]));
  await put(node, "/leased", "text", 0x1fn);
  await browser.visit(`${node.url}/dashboard/#/keys/bytes`, {}, async ({ page }) => {
    await panel(page).getByText("Not all of it is text").waitFor();
    for (const action of ["Edit", "Test and set"]) {
      await page.getByRole("button", { name: action, exact: true }).click();
      await panel(page).getByText("set this value by v3").waitFor();
      assertEquals(await panel(page).locator("textarea").count(), 0);
    }
    await page.goto(`${node.url}/dashboard/#/keys/leased`);
    await panel(page).getByText("does not end with its lease any longer").waitFor();
    await panel(page).getByText("lease 1f").waitFor();
  });
}

/** All keys are more than two pages: each is shown once, however often somebody clicks. */
async function impatience({ browser, node }: Stage): Promise<void> {
  await putTogether(node, Array.from({ length: 450 }, (_, i) => `many${i}`));
  await browser.visit(`${node.url}/dashboard/#/flat`, {}, async ({ page }) => {
    await page.getByLabel("That begin with").fill("many");
    const rows = page.locator("table.flat tbody tr");
    const more = page.getByRole("button", { name: "Show more" });
    await page.getByRole("row", { name: "many0" }).waitFor();
    await page.evaluate("[1, 2].forEach(() => document.querySelector('button.wide').click())");
    await rows.nth(399).waitFor();
    await more.click();
    await more.waitFor({ state: "detached" });
    assertEquals(await rows.count(), 450);
  });
}

Deno.test({
  name: "the dashboard keeps up with others, in a browser",
  ignore: path === undefined,
  fn: async (t) => {
    await using node = await startDashboard();
    await using browser = await TestBrowser.start(path!);
    const step = (name: string, body: (stage: Stage) => Promise<void>) =>
      t.step(name, () => body({ browser, node }));
    await step("shows no directory whose last key is gone", emptied);
    await step("says that the value under a form has changed", overtaken);
    await step("keeps the ends of lines that nobody has touched", lineEnds);
    await step("has no form for bytes that are no text, and tells of a lease", otherBytes);
    await step("says that it is old when its node stands still", standingStill);
    await step("shows each of all keys once, however often somebody asks for more", impatience);
  },
});
