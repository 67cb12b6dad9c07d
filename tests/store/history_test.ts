/** How many events are kept, by number and by size. */
import { assert, assertEquals, assertLess } from "@std/assert";
import type { Event } from "../../src/store/event.ts";
import { History } from "../../src/store/history.ts";
import { Log } from "./log.ts";

function event(index: number, value = ""): Event {
  return { action: "SET", key: "/k", value, newKey: false, index };
}

/** Pushes events of these sizes, with indexes from 10 on; what is kept. */
function kept(history: History, sizes: readonly number[]): number[] {
  sizes.forEach((size, i) => history.push(event(10 + i, "x".repeat(size))));
  assertEquals(history.toArray(), [...history.since(0)]);
  assertEquals(history.size, history.toArray().length);
  return history.toArray().map(({ index }) => index);
}

Deno.test("History keeps the newest events, up to a number", () => {
  const history = new History(3);
  assertEquals(kept(history, [1, 1]), [10, 11]);
  assertEquals(history.clearedBefore, 0);
  history.push(event(15));
  history.push(event(17));
  assertEquals(history.toArray().map(({ index }) => index), [11, 15, 17]);
  assertEquals([...history.since(12)].map(({ index }) => index), [15, 17]);
  assertEquals([history.clearedBefore, history.newestIndex], [11, 17]);
});

Deno.test("History keeps no more characters than it may, keys and former values included", () => {
  const history = new History(100, 50);
  assertEquals(kept(history, [10, 10, 10, 10, 10]), [11, 12, 13, 14]);
  assertEquals(history.clearedBefore, 11);
  const former = { ...event(20), prevValue: "y".repeat(40) };
  history.push(former);
  assertEquals(history.toArray(), [former]);
  assertEquals(history.clearedBefore, 15);
});

Deno.test("History keeps nothing of an event that is too large for it, and knows that", () => {
  const history = new History(100, 50);
  assertEquals(kept(history, [10, 60]), []);
  assertEquals([history.clearedBefore, history.newestIndex], [12, 0]);
  history.push(event(12));
  assertEquals(history.size, 1);
});

Deno.test("History keeps nothing when it has no room for an event", () => {
  const history = new History(0);
  assertEquals(kept(history, [1, 1]), []);
  assertEquals(history.clearedBefore, 12);
});

Deno.test("History goes on in the same way however many it has dropped", () => {
  const history = new History(7);
  for (let index = 1; index <= 5000; index++) {
    history.push(event(index));
    const first = Math.max(1, index - 6);
    assertEquals([...history.since(0)].map(({ index }) => index)[0], first);
    assertEquals(history.clearedBefore, first === 1 ? 0 : first);
  }
});

Deno.test("a snapshot of one large value that changed often is not much larger than the values kept", () => {
  const log = new Log(1024);
  for (let i = 0; i < 200; i++) log.set("/k", "x".repeat(1_000_000) + i);
  let bytes = 0;
  for (const slice of log.store.snapshot()) bytes += slice.length;
  assertLess(bytes, 40_000_000);
  assert(log.store.stats().historyEvents > 10);
});
