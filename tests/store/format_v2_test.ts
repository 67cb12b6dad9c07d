/** What version 2 of the formats wrote is read for ever, and comes to the same state. */
import { assertEquals } from "@std/assert";
import { decodeCommand, encodeCommand } from "../../src/store/command/codec.ts";
import { Store } from "../../src/store/store.ts";
import { join, slices } from "./log.ts";
import { FIXTURE, type Story } from "./make_fixture.ts";

const STORY: Story = JSON.parse(
  Deno.readTextFileSync(new URL(`../../${FIXTURE}`, import.meta.url)),
);

Deno.test("commands and images of version 2 come to the states that they came to", async () => {
  for (const from of [0, ...Object.keys(STORY.images).map(Number)]) {
    const store = new Store();
    const image = STORY.images[from];
    if (image !== undefined) await store.restore([Uint8Array.fromHex(image)]);
    for (const { index, command, digest } of STORY.steps) {
      if (index > from) store.apply(index, Uint8Array.fromHex(command));
      if (index >= from) assertEquals(store.digest(), digest, `from ${from}, entry ${index}`);
    }
  }
});

Deno.test("an image of version 2 makes the same image again", async () => {
  for (const image of Object.values(STORY.images)) {
    const store = new Store();
    await store.restore([Uint8Array.fromHex(image)]);
    assertEquals(join(slices(store)).toHex(), image);
  }
});

Deno.test("today's program writes the same bytes: others are a change of a format", () => {
  const store = new Store();
  for (const { index, command: hex } of STORY.steps) {
    const { command, requester, timeMs } = decodeCommand(Uint8Array.fromHex(hex));
    assertEquals(encodeCommand(command, requester, timeMs).toHex(), hex);
    store.apply(index, Uint8Array.fromHex(hex));
    const image = STORY.images[index];
    if (image !== undefined) assertEquals(join(slices(store)).toHex(), image);
  }
});
