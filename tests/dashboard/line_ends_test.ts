/** Values with line ends that a text area does not keep. */
import { assertEquals } from "@std/assert";
import { hasMixedEnds, withEndsOf, withLineFeeds } from "../../src/dashboard/ui/line_ends.ts";

Deno.test("withEndsOf() ends lines as they did, where they did alike", () => {
  const typed = (before: string) => withEndsOf(before, `${withLineFeeds(before)}\nmore`);
  assertEquals(typed("a\r\nb\r\n"), "a\r\nb\r\n\r\nmore");
  assertEquals(typed("a\nb"), "a\nb\nmore");
  assertEquals(typed("a"), "a\nmore");
  assertEquals(typed("a\r\nb\nc\rd"), "a\nb\nc\nd\nmore");
});

Deno.test("hasMixedEnds() is of what a text area would change", () => {
  const mixed = ["a\r\nb\nc", "a\rb", "a\r", "a\r\r\n"];
  assertEquals(mixed.filter(hasMixedEnds), mixed);
  assertEquals(["", "a", "a\nb\n", "a\r\nb\r\n"].filter(hasMixedEnds), []);
});
