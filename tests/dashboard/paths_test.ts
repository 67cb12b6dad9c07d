/** Which listings of the page an event makes old. */
import { assertEquals } from "@std/assert";
import { changedBy } from "../../src/dashboard/ui/paths.ts";

Deno.test("changedBy() is the directory of a key, and all above where the key came or went", () => {
  const event = (action: "SET" | "DELETE", newKey: boolean, key = "/a/b/c") =>
    changedBy({ action, newKey, key });
  assertEquals(event("SET", false), ["/a/b"]);
  assertEquals(event("SET", true), ["/a/b", "/a", "/"]);
  assertEquals(event("DELETE", false), ["/a/b", "/a", "/"]);
  assertEquals(event("DELETE", false, "/a"), ["/"]);
});
