import { assertEquals } from "@std/assert";
import { isTooDeep, PATH_LEVELS_MAX } from "../../src/store/path.ts";

Deno.test("isTooDeep() counts levels, however long they are", () => {
  for (const level of ["/a", "/abc", "/☃"]) {
    assertEquals(isTooDeep(level.repeat(PATH_LEVELS_MAX)), false, level);
    assertEquals(isTooDeep(level.repeat(PATH_LEVELS_MAX + 1)), true, level);
  }
  assertEquals(isTooDeep(`/${"k".repeat(4000)}`), false);
  assertEquals(isTooDeep("/"), false);
});
