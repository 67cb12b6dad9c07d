import { assertEquals } from "@std/assert";
import { isAppend } from "../../src/node/counters.ts";
import type { Message } from "../../src/raft/types.ts";

Deno.test("isAppend() is so of entries and of heartbeats, which the original did not tell apart", () => {
  const types: readonly Message["type"][] = [
    "append",
    "heartbeat",
    "appendReply",
    "snapshot",
    "vote",
  ];
  const told = types.map((type) => isAppend({ type } as Message));
  assertEquals(told, [true, true, false, false, false]);
});
