/** The tests of the tests: a ledger that finds nothing proves something only if it would find it. */
import { assertEquals, assertThrows } from "@std/assert";
import { Ledger } from "./ledger.ts";

const SET = { action: "SET", key: "/a", value: "1", index: 7 };

function found(files: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(files));
}

Deno.test("Ledger.problemsOf() finds a lost write, a refused one and one that nobody made", () => {
  const ledger = new Ledger();
  ledger.wroteFresh("/a", "1", "acknowledged", { ...SET, newKey: true });
  ledger.wroteFresh("/b", "2", "refused");
  ledger.wroteFresh("/c", "3", "unknown");
  assertEquals(ledger.problemsOf(found({ "/a": "1" })), []);
  assertEquals(ledger.problemsOf(found({ "/a": "1", "/c": "3" })), []);
  assertEquals(ledger.problemsOf(found({})).length, 1);
  assertEquals(ledger.problemsOf(found({ "/a": "2" })).length, 1);
  assertEquals(ledger.problemsOf(found({ "/a": "1", "/b": "2" })).length, 1);
  assertEquals(ledger.problemsOf(found({ "/a": "1", "/c": "4" })).length, 1);
  assertEquals(ledger.problemsOf(found({ "/a": "1", "/d": "5" })).length, 1);
  assertEquals([ledger.acknowledged, ledger.unknown], [1, 1]);
});

Deno.test("Ledger.problemsOf() allows in a register what may still come, and nothing older", () => {
  const ledger = new Ledger();
  ledger.overwrote("/r", "1", "acknowledged");
  ledger.overwrote("/r", "2", "unknown");
  ledger.overwrote("/r", "3", "acknowledged");
  assertEquals(ledger.problemsOf(found({ "/r": "3" })), []);
  assertEquals(ledger.problemsOf(found({ "/r": "2" })), []);
  for (const wrong of [{ "/r": "1" }, {}]) {
    assertEquals(ledger.problemsOf(found(wrong)).length, 1);
  }
});

Deno.test("Ledger.exchanged() leaves nothing for a test-and-set that got lost before", () => {
  const ledger = new Ledger();
  ledger.overwrote("/r", "1", "acknowledged");
  ledger.exchanged("/r", "2", "unknown");
  assertEquals(ledger.problemsOf(found({ "/r": "2" })), []);
  ledger.exchanged("/r", "3", "acknowledged");
  assertEquals(ledger.problemsOf(found({ "/r": "2" })).length, 1);
  assertEquals(ledger.valueOf("/r"), "3");
});

Deno.test("Ledger.moved() accepts a lost test-and-set that took place, and nothing else", () => {
  const ledger = new Ledger();
  ledger.overwrote("/r", "1", "acknowledged");
  ledger.exchanged("/r", "2", "unknown");
  assertThrows(() => ledger.moved("/r", "1"), Error, "by nobody's write");
  ledger.moved("/r", "2");
  assertEquals(ledger.valueOf("/r"), "2");
  assertThrows(() => ledger.moved("/r", "2"), Error, "by nobody's write");
});

Deno.test("Ledger refuses an index that goes back and a write that was made twice", () => {
  const ledger = new Ledger();
  ledger.saw(7, 0);
  assertThrows(() => ledger.saw(6, ledger.newestIndex), Error, "went back from 7 to 6");
  assertThrows(() => ledger.wroteFresh("/a", "1", "acknowledged", SET), Error, "written twice");
});
