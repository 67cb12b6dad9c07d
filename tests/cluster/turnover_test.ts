/** A share of `turnover_run.ts`: one member killed, one wiped and replaced, while clients write. */
import { assert, assertEquals } from "@std/assert";
import { Turnover } from "./turnover.ts";

Deno.test("members that are killed, wiped and replaced under load lose nothing", async () => {
  await using turnover = new Turnover();
  await turnover.form(["m3", "m1", "m2"]);
  await turnover.kill("m1");
  await turnover.replace("m3");
  const { lost, acknowledged, kills, replacements } = await turnover.finish();
  assertEquals([lost, kills, replacements], [[], 2, 1]);
  assert(acknowledged >= 100);
});
