import { assert, assertEquals } from "@std/assert";
import { prepare } from "../../../src/api/v3/messages/codec.ts";
import { type Method, METHODS } from "../../../src/api/v3/methods.ts";
import { MethodCounters, readingOf } from "../../../src/api/v3/metrics.ts";
import { StatusCode } from "../../../src/api/v3/status.ts";
import { PostExchange, turns, V3Member } from "./harness.ts";

Deno.test("readingOf() names the method and the codes by which its calls have ended", () => {
  const counters = new MethodCounters(METHODS.watch.watch);
  counters.started = 5;
  counters.messagesReceived = 7;
  counters.messagesSent = 9;
  counters.bytesReceived = 70;
  counters.bytesSent = 90;
  counters.succeeded = 2;
  counters.countFailure(StatusCode.unavailable);
  counters.countFailure(StatusCode.unavailable);
  assertEquals(readingOf(counters), {
    service: "etcdserverpb.Watch",
    name: "Watch",
    type: "bidi_stream",
    started: 5,
    messagesReceived: 7,
    messagesSent: 9,
    bytesReceived: 70,
    bytesSent: 90,
    ended: new Map([["OK", 2], ["Unavailable", 2]]),
  });
});

/** What is counted of `method`. */
function counted(member: V3Member, method: Method) {
  const { started, messagesReceived, messagesSent, ended } = readingOf(
    member.v3.counters.get(method)!,
  );
  return [started, messagesReceived, messagesSent, [...ended]];
}

Deno.test("calls through the gateway are counted as calls of gRPC, by how they end", async () => {
  using member = new V3Member();
  const { put } = METHODS.kv;
  await member.post(put, '{"key":"YQ=="}');
  await member.post(put, "{}");
  assertEquals(counted(member, put), [2, 2, 1, [["OK", 1], ["InvalidArgument", 1]]]);
  // What is no message never comes to a method.
  await member.post(put, "{");
  assertEquals(counted(member, put)[0], 2);

  member.node.silent = true;
  const body = '{"key":"YQ=="}';
  const leaving = new PostExchange(body);
  const late = member.post(put, body, leaving);
  leaving.gone();
  await late;
  assertEquals(counted(member, put)[3], [["OK", 1], ["InvalidArgument", 1], ["Canceled", 1]]);
});

Deno.test("bytes are counted of messages, without what frames them", async () => {
  using member = new V3Member();
  const { put } = METHODS.kv;
  await member.call(put, { key: "a", value: new Uint8Array(1_000) });
  const { bytesReceived, bytesSent } = readingOf(member.v3.counters.get(put)!);
  const { response } = await member.call(put, { key: "a", value: new Uint8Array(1_000) });
  const sizes = [
    prepare(put.request, { key: "a", value: new Uint8Array(1_000) }).size,
    prepare(put.response, response!).size,
  ];
  assertEquals([bytesReceived, bytesSent], sizes);

  using other = new V3Member();
  const body = '{"key":"YQ=="}';
  const reply = await other.post(put, body);
  assert("body" in reply && typeof reply.body === "string");
  const json = readingOf(other.v3.counters.get(put)!);
  assertEquals([json.bytesReceived, json.bytesSent], [body.length, reply.body.length]);
});

Deno.test("streams through the gateway are counted with every message", async () => {
  using member = new V3Member();
  const { watch } = METHODS.watch;
  const body = '{"create_request":{"key":"YQ=="}}{"create_request":{"key":"Yg=="}}';
  const exchange = new PostExchange(body);
  await member.post(watch, body, exchange);
  assertEquals(counted(member, watch), [1, 2, 2, [["OK", 0]]]);
  exchange.gone();
  assertEquals(counted(member, watch)[3], [["OK", 0], ["Canceled", 1]]);
});

Deno.test("leases are counted as they come and go", async () => {
  using member = new V3Member();
  const { grant, revoke } = METHODS.lease;
  for (const id of [1n, 2n]) await member.call(grant, { id, ttl: 10 });
  await member.call(grant, { id: 1n, ttl: 10 });
  for (const id of [1n, 1n]) await member.call(revoke, { id });
  member.leases.tick();
  member.clock.advance(11_000);
  member.leases.tick();
  await turns();
  const { leasesGranted, leasesRevoked, leasesExpired } = member.store.counters;
  assertEquals([leasesGranted, leasesRevoked, leasesExpired], [2, 2, 1]);
});
