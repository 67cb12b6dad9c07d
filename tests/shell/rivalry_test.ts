/** Two nodes with copies of one data directory: which of them ends, and when. */
import { assertEquals } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { newSession, Rivalry } from "../../src/member/rivalry.ts";

/** Refused because of `rival` at each of these seconds; what was logged, and when it ended. */
function story(rival: number, seconds: readonly number[]) {
  let nowMs = 0;
  let errors = 0;
  let stories = 0;
  let endedMs: number | undefined;
  const rivalry = new Rivalry({
    session: 100,
    clock: { monotonicMs: () => nowMs, wallMs: () => 0 },
    logger: { ...silentLogger, error: () => errors++ },
    patienceMs: 10_000,
    onRival: () => stories++,
    onLost: () => endedMs ??= nowMs,
  });
  for (const second of seconds) {
    nowMs = second * 1000;
    rivalry.refused("two nodes", rival);
  }
  return { errors, stories, endedMs };
}

const EVERY_SECOND = Array.from({ length: 20 }, (_, second) => second);

Deno.test("Rivalry ends the node that started later, once the other is known to live", () => {
  assertEquals(story(99, EVERY_SECOND), { errors: 1, stories: 1, endedMs: 11_000 });
});

Deno.test("Rivalry lets the node that started first go on", () => {
  assertEquals(story(101, EVERY_SECOND), { errors: 1, stories: 1, endedMs: undefined });
});

Deno.test("Rivalry forgives what the stream of a process before leaves behind", () => {
  assertEquals(story(99, [0, 1, 2, 60, 61, 120]), { errors: 3, stories: 3, endedMs: undefined });
});

Deno.test("newSession() grows with time and stays a safe integer", () => {
  const nowMs = Date.UTC(2200, 0, 1);
  assertEquals(Number.isSafeInteger(newSession(nowMs, () => 0.999)), true);
  assertEquals(newSession(nowMs, () => 0.999) < newSession(nowMs + 1, () => 0), true);
});
