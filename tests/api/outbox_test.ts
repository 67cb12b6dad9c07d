import { assert, assertEquals } from "@std/assert";
import { Outbox } from "../../src/api/v1/outbox.ts";
import { until } from "./harness.ts";

const REPLY = { status: 200, body: "" };

Deno.test("Outbox() sends at once when few are answered", () => {
  const outbox = new Outbox();
  let sent = 0;
  for (let i = 0; i < 10; i++) outbox.send(() => sent++, REPLY);
  assertEquals([sent, outbox.size], [10, 0]);
});

Deno.test("Outbox() sends in portions and in order when many are answered at once", async () => {
  const outbox = new Outbox();
  const sent: number[] = [];
  const count = 3000;
  for (let i = 0; i < count; i++) outbox.send(() => sent.push(i), REPLY);
  assert(sent.length > 0 && sent.length < count, `${sent.length} left at once`);
  assertEquals(outbox.size, count - sent.length);
  let turns = 0;
  await until(() => {
    turns++;
    return outbox.size === 0;
  }, "all to leave");
  assert(turns > 2, "expected others to have their turn");
  assertEquals(sent, Array.from({ length: count }, (_, i) => i));
});
