import { assertEquals } from "@std/assert";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { MethodCounters, readingOf } from "../../../src/api/v3/metrics.ts";
import { StatusCode } from "../../../src/api/v3/status.ts";

Deno.test("readingOf() names the method and the codes by which its calls have ended", () => {
  const counters = new MethodCounters(METHODS.watch.watch);
  counters.started = 5;
  counters.messagesReceived = 7;
  counters.messagesSent = 9;
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
    ended: new Map([["OK", 2], ["Unavailable", 2]]),
  });
});
