/** What a member tells the leader of addresses: its own, and those of others that called. */
import { assertEquals } from "@std/assert";
import type { Call } from "../../src/node/calls/peer_message.ts";
import { encodeMembershipOutcome } from "../../src/node/membership/outcome.ts";
import { leading, leadingWith, member } from "./leading.ts";

Deno.test("callService() records where a member is that called from another address than the log says", () => {
  const { heartbeat, service, moved, sent, proposed } = leading(member(2, true), member(3, true));
  heartbeat();
  assertEquals(sent, []);
  moved.push({ id: 3, url: "http://elsewhere:7001" });
  heartbeat();
  const [told, ...more] = sent as Call[];
  assertEquals([told?.kind, more], ["announce", []]);
  service.called(1, told!);
  heartbeat();
  assertEquals(
    proposed[0]?.members.map(({ peerUrls, clientUrls }) => [...peerUrls, ...clientUrls]),
    [
      ["http://n1:7001", "http://n1:4001"],
      ["http://n2:7001", "http://n2:4001"],
      ["http://elsewhere:7001", "http://n3:4001"],
    ],
  );
});

Deno.test("callService() answers at once who reports that a member moved once more", () => {
  const { heartbeat, service, sent, proposed } = leading(member(2, true), member(3, true));
  const tell = (id: number, url: string) => {
    const wish = { id: 3, name: "", peerUrls: [url], clientUrls: [] };
    const payload = new TextEncoder().encode(JSON.stringify(wish));
    service.called(2, { type: "call", session: 1, id, kind: "announce", payload });
    heartbeat();
  };
  tell(1, "http://copy:7001");
  assertEquals([proposed.length, sent.length], [1, 0]);
  tell(2, "http://other:7001");
  assertEquals([proposed.length, sent.length], [1, 1]);
});

/** Member 1, whose addresses the log has otherwise; 2 and 3 follow. */
function assigned(log: { readonly lastIndex?: number } = {}) {
  const leader = leadingWith(log, member(2, true), member(3, true));
  const { core } = leader;
  const own = core.configuration;
  const [first, ...others] = own.members;
  const elsewhere = { ...first!, peerUrls: ["http://elsewhere:7001"], assigned: true as const };
  const configure = (members: typeof own.members) => {
    core.configuration = core.committedConfiguration = { members, removed: [] };
    leader.heartbeat();
  };
  return { ...leader, own: own.members, elsewhere, others, configure };
}

Deno.test("callService() leaves the addresses that were assigned to this member while it runs", () => {
  const { configure, own, elsewhere, others, sent } = assigned();
  configure(own);
  configure([elsewhere, ...others]);
  assertEquals(sent, []);
});

Deno.test("callService() tells its own addresses once when it starts, whatever its log has of them", () => {
  for (const isKnown of [true, false]) {
    const { calls, configure, own, elsewhere, others, sent } = assigned({ lastIndex: 1 });
    // What it has of the log may be older than what an operator said while it was away.
    configure(isKnown ? [elsewhere, ...others] : own);
    const [announce, ...more] = sent as Call[];
    assertEquals([announce?.kind, more], ["announce", []]);
    const configuration = { members: own, removed: [] };
    const payload = encodeMembershipOutcome({ ok: true, value: { index: 2, configuration } });
    const { session, id } = announce!;
    calls.replied(1, { type: "callReply", session, id, led: true, payload }, 1);
    // What is said from here on was said after its own word.
    configure([elsewhere, ...others]);
    assertEquals(sent.length, 1);
  }
});

Deno.test("callService() tells its own addresses again when nobody has taken them", () => {
  const { calls, configure, own, sent } = assigned({ lastIndex: 1 });
  configure(own);
  const failure = { ok: false, reason: "noLeader", cause: "nobody leads" } as const;
  const { session, id } = (sent as Call[])[0]!;
  const payload = encodeMembershipOutcome(failure);
  calls.replied(1, { type: "callReply", session, id, led: true, payload }, 1);
  configure(own);
  assertEquals(sent.map((message) => message.type === "call" && message.kind), [
    "announce",
    "announce",
  ]);
});

Deno.test("callService() reports nobody who is elsewhere than it was assigned to", () => {
  const { configure, own, moved, sent } = assigned();
  const [first, second, third] = own;
  moved.push({ id: 3, url: "http://n3:7001" });
  configure([first!, second!, { ...third!, peerUrls: ["http://new:7001"], assigned: true }]);
  assertEquals(sent, []);
});
