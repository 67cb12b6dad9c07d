/** The page's files: where they are, that they are current, what a browser may do with them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeBundle } from "../../tools/dashboard.ts";
import { LISTENERS } from "../api/harness.ts";
import { startDashboard } from "./harness.ts";

Deno.test("bundle.ts is what `deno task dashboard` makes", async () => {
  const committed = await Deno.readTextFile(
    new URL("../../src/dashboard/bundle.ts", import.meta.url),
  );
  assert(
    committed === await makeBundle(),
    'Expected "src/dashboard/bundle.ts" to be current, run "deno task dashboard"',
  );
});

for (const kind of LISTENERS) {
  Deno.test(`the page is at /dashboard/, and at / for browsers, on ${kind}`, async () => {
    await using node = await startDashboard({ kind });
    const page = await node.ask("GET", "/dashboard/");
    assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
    assertStringIncludes(page.text, '<script type="module" src="/dashboard/app.js">');
    assertEquals((await node.ask("GET", "/dashboard")).text, page.text);
    const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    const root = await node.ask("GET", "/", undefined, { headers: { accept } });
    assertEquals(root.text, page.text);
    assertEquals((await node.ask("GET", "/")).text, "etcd v1.0.0");
    for (const file of ["app.js", "app.css", "icon.svg"]) {
      assertEquals((await node.ask("GET", `/dashboard/${file}`)).status, 200, file);
    }
    assertEquals((await node.ask("GET", "/dashboard/nothing")).status, 404);
  });
}

Deno.test("the page names no other place than its own node", async () => {
  await using node = await startDashboard();
  const policy = (await node.ask("GET", "/dashboard/")).headers.get("content-security-policy")!;
  assertStringIncludes(policy, "default-src 'none'");
  assert(!/unsafe|https?:|\*/.test(policy), policy);
  for (const file of ["", "app.css"]) {
    const { text } = await node.ask("GET", `/dashboard/${file}`);
    assert(!/https?:|\/\/[a-z]/.test(text), file);
  }
});

Deno.test("a file that the browser has is not sent again", async () => {
  await using node = await startDashboard();
  const etag = (await node.ask("GET", "/dashboard/app.js")).headers.get("etag")!;
  const again = await node.ask("GET", "/dashboard/app.js", undefined, {
    headers: { "if-none-match": etag },
  });
  assertEquals([again.status, again.text], [304, ""]);
});
