import { assert, assertEquals, assertFalse } from "@std/assert";
import { CallFilter, Calls } from "../../src/node/calls/calls.ts";
import { STOPPING } from "../../src/node/failures.ts";
import type { Call } from "../../src/node/calls/peer_message.ts";
import type { Outcome } from "../../src/node/ports.ts";

const PAYLOAD = Uint8Array.of(1, 2, 3);

function caller(isReachable = () => true) {
  const sent: { to: number; call: Call }[] = [];
  const heard: Outcome<Uint8Array>[] = [];
  const calls = new Calls({
    session: 5,
    pendingMax: 2,
    graceTicks: 10,
    repeatTicks: 5,
    send: (to, call) => {
      sent.push({ to, call });
      return isReachable();
    },
  });
  const start = (kind: Call["kind"], leader: number) =>
    calls.start(kind, PAYLOAD, leader, 100, (outcome) => heard.push(outcome));
  const reply = (from: number, led: boolean, leader: number) => {
    const { session, id } = sent.at(-1)!.call;
    calls.replied(from, { type: "callReply", session, id, led, payload: PAYLOAD }, leader);
  };
  const reasons = () => heard.map((outcome) => outcome.ok ? "ok" : outcome.reason);
  return { calls, sent, start, reply, reasons };
}

Deno.test("Calls.start() sends to the leader and relays its answer once", () => {
  const { sent, start, reply, reasons } = caller();
  start("request", 9);
  assertEquals(sent.map(({ to }) => to), [9]);
  reply(9, true, 9);
  reply(9, true, 9);
  assertEquals(reasons(), ["ok"]);
});

Deno.test("Calls.tick() sends what waited when a leader is known", () => {
  const { calls, sent, start } = caller();
  start("request", 0);
  calls.tick(1, 0);
  assertEquals(sent, []);
  calls.tick(2, 9);
  assertEquals(sent.map(({ to }) => to), [9]);
});

Deno.test("Calls.replied() tries the next leader when the receiver did not lead", () => {
  const { calls, sent, start, reply } = caller();
  start("request", 9);
  reply(9, false, 8);
  assertEquals(sent.map(({ to }) => to), [9, 8]);
  assert(sent[1]!.call.id > sent[0]!.call.id, "a call sent again has a new id");
  reply(8, false, 8);
  calls.tick(3, 7);
  assertEquals(sent.map(({ to }) => to), [9, 8, 7]);
});

Deno.test("Calls.replied() ignores an answer of somebody who was not asked", () => {
  const { start, reply, reasons } = caller();
  start("request", 9);
  reply(8, true, 9);
  assertEquals(reasons(), []);
});

Deno.test("Calls.leaderChanged() never repeats a request, and soon calls it unknown", () => {
  const { calls, sent, start, reasons } = caller();
  start("request", 9);
  calls.leaderChanged(8, 20);
  calls.tick(29, 8);
  assertEquals([sent.length, reasons()], [1, []]);
  calls.tick(30, 8);
  assertEquals([sent.length, reasons()], [1, ["unknown"]]);
});

Deno.test("Calls.leaderChanged() repeats a read, which changes nothing", () => {
  const { calls, sent, start } = caller();
  start("barrier", 9);
  calls.leaderChanged(8, 20);
  assertEquals(sent.map(({ to }) => to), [9, 8]);
});

Deno.test("Calls.tick() repeats a read that the leader leaves unanswered, and no request", () => {
  const { calls, sent, start, reply, reasons } = caller();
  calls.tick(20, 9);
  start("barrier", 9);
  start("request", 9);
  calls.tick(24, 9);
  assertEquals(sent.length, 2);
  calls.tick(25, 9);
  assertEquals(sent.map(({ to, call }) => [to, call.kind]), [
    [9, "barrier"],
    [9, "request"],
    [9, "barrier"],
  ]);
  reply(9, true, 9);
  assertEquals(reasons(), ["ok"]);
});

Deno.test("Calls.tick() says noLeader when the call was never sent", () => {
  const { calls, start, reasons } = caller();
  start("request", 0);
  calls.tick(100, 0);
  assertEquals(reasons(), ["noLeader"]);
});

Deno.test("Calls.tick() tries again what certainly never left", () => {
  let reachable = false;
  const { calls, sent, start, reply, reasons } = caller(() => reachable);
  start("request", 9);
  calls.tick(1, 9);
  reachable = true;
  calls.tick(2, 8);
  calls.tick(3, 8);
  assertEquals(sent.map(({ to }) => to), [9, 9, 8]);
  reply(8, true, 8);
  assertEquals(reasons(), ["ok"]);
});

Deno.test("Calls.start() refuses when too many wait", () => {
  const { start, reasons } = caller();
  start("request", 9);
  start("request", 9);
  start("request", 9);
  assertEquals(reasons(), ["overloaded"]);
});

Deno.test("CallFilter.admit() lets a call through once, whatever the network repeats", () => {
  const filter = new CallFilter();
  const call = (session: number, id: number): Call => ({
    type: "call",
    session,
    id,
    kind: "request",
    payload: PAYLOAD,
  });
  assert(filter.admit(1, call(5, 1)));
  assertFalse(filter.admit(1, call(5, 1)), "a repeated frame");
  assert(filter.admit(1, call(5, 3)));
  assertFalse(filter.admit(1, call(5, 2)), "a frame that was overtaken");
  assert(filter.admit(2, call(5, 2)), "another member counts for itself");
  assert(filter.admit(1, call(6, 1)), "a restarted member begins again");
  assertFalse(filter.admit(1, call(5, 4)), "a frame of the process before");
});

Deno.test("Calls.close() says unknown of what was sent, and else what it is told", () => {
  const { calls, start, reasons } = caller();
  start("request", 9);
  start("request", 0);
  calls.close(STOPPING);
  assertEquals(reasons(), ["unknown", "stopping"]);
});

Deno.test("Calls.tick() ends each call once when the callback of one ends the node", () => {
  const { calls, sent } = caller();
  const heard: string[] = [];
  const late = (outcome: Outcome<Uint8Array>) => {
    heard.push(outcome.ok ? "ok" : outcome.reason);
    calls.close(STOPPING);
  };
  calls.start("barrier", PAYLOAD, 0, 1, late);
  calls.start("barrier", PAYLOAD, 0, 1, late);
  calls.tick(1, 9);
  assertEquals(heard, ["noLeader", "stopping"]);
  assertEquals([calls.size, sent], [0, []]);
});
