/** What the leader answers to members that call. */
import { assertEquals } from "@std/assert";
import type { CallReply } from "../../src/node/calls/peer_message.ts";
import { leading, member } from "./leading.ts";

Deno.test("called() says that nothing was done when the leadership ends as the request is taken", () => {
  const { service, sent, handled } = leading(member(2, true));
  const call = { type: "call", session: 7, id: 1, kind: "request" } as const;
  const payload = Uint8Array.of(1);
  handled.reply = Uint8Array.of(9);
  service.called(2, { ...call, payload });
  handled.reply = undefined;
  service.called(2, { ...call, id: 2, payload });
  assertEquals(
    (sent as CallReply[]).map(({ id, led, payload: [first] }) => ({ id, led, first })),
    [{ id: 1, led: true, first: 9 }, { id: 2, led: false, first: undefined }],
  );
});

Deno.test("called() does nothing on a member that does not lead", () => {
  const { core, service, sent, handled, proposed, heartbeat } = leading(member(2, true));
  core.role = "follower";
  handled.reply = Uint8Array.of(9);
  const payload = new TextEncoder().encode(JSON.stringify({ name: "n2" }));
  service.called(2, { type: "call", session: 7, id: 1, kind: "remove", payload });
  service.called(2, { type: "call", session: 7, id: 2, kind: "request", payload });
  heartbeat();
  assertEquals(proposed, []);
  assertEquals((sent as CallReply[]).map(({ led }) => led), [false, false]);
});
