/** Every story in `fixtures/raft/` goes as it is told there. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { retell } from "./transcript.ts";

const folder = new URL("../../fixtures/raft/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("transcripts() tell the protocol's stories", () => {
  assertGreaterOrEqual(names.length, 13);
});

for (const name of names) {
  Deno.test(`retell() agrees with ${name}`, () => {
    const text = Deno.readTextFileSync(new URL(name, folder));
    assertEquals(retell(text), text);
  });
}
