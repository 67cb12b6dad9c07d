/** What others do to the keys while somebody looks at them, and what a form makes of a value. */
import type { TestNode } from "../api/harness.ts";
import { findChromium, TestBrowser } from "./browser.ts";
import { startDashboard } from "./harness.ts";
import { put, remove } from "./v3_writes.ts";

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

Deno.test({
  name: "the dashboard keeps up with others, in a browser",
  ignore: path === undefined,
  fn: async (t) => {
    await using node = await startDashboard();
    await using browser = await TestBrowser.start(path!);
    const step = (name: string, body: (stage: Stage) => Promise<void>) =>
      t.step(name, () => body({ browser, node }));
    await step("shows no directory whose last key is gone", emptied);
  },
});
