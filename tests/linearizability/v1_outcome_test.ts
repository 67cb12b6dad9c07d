import { assertEquals } from "@std/assert";
import { outcomeOf } from "./v1_outcome.ts";

const event = { action: "SET", key: "/a", prevValue: "old", value: "new", index: 7 };

Deno.test("outcomeOf() finds what was there before a write, and what a read saw", () => {
  assertEquals(outcomeOf("set", undefined, event), { type: "ok", found: "old", index: 7 });
  assertEquals(outcomeOf("read", undefined, event), { type: "ok", found: "new", index: 7 });
});

Deno.test("outcomeOf() reads from a failed comparison what was there, whatever it holds", () => {
  const body = { errorCode: 101, cause: "TestAndSet: a!=b!=c!=b" };
  assertEquals(outcomeOf("set", "b", body), { type: "rejected", found: "a!=b!=c" });
});

Deno.test("outcomeOf() takes a write for refused only when the answer says that nothing was done", () => {
  const lost = { errorCode: 300, cause: "The leader changed, the fate is unknown" };
  const refused = { errorCode: 300, cause: "No leader, nothing was written" };
  // Did not arrive whole in time.
  const late = { errorCode: 408, cause: "Expected a whole request in time, found a part of it" };
  assertEquals(outcomeOf("set", undefined, lost), { type: "unknown" });
  assertEquals(outcomeOf("read", undefined, lost), { type: "refused" });
  for (const body of [refused, late]) {
    assertEquals(outcomeOf("set", undefined, body), { type: "refused" });
  }
});

Deno.test("outcomeOf() knows no outcome when no well-formed request may be told so", () => {
  assertEquals(outcomeOf("set", undefined, { errorCode: 400 }), undefined);
});
