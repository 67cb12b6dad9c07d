/** When the leader takes a member out: not while too few of the others are known to live. */
import { assertEquals } from "@std/assert";
import type { Call } from "../../src/node/calls/peer_message.ts";
import { HEARTBEAT_TICKS, leading, member } from "./leading.ts";

function removalOf(name: string): Call {
  const payload = new TextEncoder().encode(JSON.stringify({ name }));
  return { type: "call", session: 7, id: 1, kind: "remove", payload };
}

/** Of three members, whose leader has heard nobody for long when it is asked to remove one. */
function silentCluster() {
  const { core, service, heartbeat, proposed } = leading(member(2, true), member(3, true));
  core.ticksSinceHeard = 100 * HEARTBEAT_TICKS;
  service.called(2, removalOf("n3"));
  return { core, heartbeat, proposed };
}

Deno.test("callService() removes a member once those that it needs answer a heartbeat", () => {
  const { core, heartbeat, proposed } = silentCluster();
  heartbeat();
  assertEquals(proposed.length, 0);
  core.ticksSinceHeard = 0;
  heartbeat();
  assertEquals(proposed[0]?.members.map(({ name }) => name), ["n1", "n2"]);
});

Deno.test("callService() does not count on a member that has not answered since the election", () => {
  const { core, service, heartbeat, proposed } = leading(member(2, true), member(3, true));
  core.hasAnswered = false;
  service.called(2, removalOf("n2"));
  for (let i = 0; i < 4; i++) heartbeat();
  assertEquals(proposed.length, 0);
});

Deno.test("callService() does not count on a member whose disk does not keep up", () => {
  const { core, service, heartbeat, proposed } = leading(member(2, true), member(3, true));
  core.commitIndex = 10;
  core.match = 9;
  for (let i = 0; i < 3; i++) heartbeat();
  service.called(2, removalOf("n2"));
  heartbeat();
  assertEquals(proposed.length, 0);
  core.match = 10;
  heartbeat();
  assertEquals(proposed.length, 1);
});

Deno.test("callService() counts on a member that is two heartbeats of writes behind", () => {
  const { core, service, heartbeat, proposed } = leading(member(2, true), member(3, true));
  for (let beat = 1; beat < 10; beat++) {
    if (beat === 9) service.called(2, removalOf("n2"));
    core.commitIndex = 100 * beat;
    core.match = 100 * (beat - 2);
    heartbeat();
  }
  assertEquals(proposed.length, 1);
});

Deno.test("callService() does not count on its own disk while that has less than the others", () => {
  const { core, service, heartbeat, proposed } = leading(member(2, true), member(3, true));
  Object.assign(core, { commitIndex: 10, match: 10, savedIndex: 9 });
  service.called(2, removalOf("n2"));
  heartbeat();
  assertEquals(proposed.length, 0);
  core.savedIndex = 10;
  heartbeat();
  assertEquals(proposed.length, 1);
});

Deno.test("callService() refuses to remove a member when nobody answers three heartbeats", () => {
  const { core, heartbeat, proposed } = silentCluster();
  for (let i = 0; i < 4; i++) heartbeat();
  core.ticksSinceHeard = 0;
  heartbeat();
  assertEquals(proposed.length, 0);
});
