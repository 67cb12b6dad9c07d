/** Calls through the JSON gateway, beside what was recorded: their time limits, and how they end. */
import { assert, assertEquals } from "@std/assert";
import { bidi, type Handler, type StreamCall } from "../../../src/api/v3/call.ts";
import { answerStream } from "../../../src/api/v3/gateway/stream_call.ts";
import type { WatchResponse } from "../../../src/api/v3/messages/watch.ts";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { countersOfAll } from "../../../src/api/v3/metrics.ts";
import type { OpenCalls } from "../../../src/api/v3/open_calls.ts";
import type { Method } from "../../../src/api/v3/methods.ts";
import type { Reply, ReplyOrFault } from "../../../src/http/exchange.ts";
import type { LeaseKeeper } from "../../../src/service/lease_keeper.ts";
import { PostExchange, turns, V3Member } from "./harness.ts";

const { range } = METHODS.kv;
const { watch } = METHODS.watch;
const { keepAlive } = METHODS.lease;

const LATE = "context deadline exceeded";

function begin(
  member: V3Member,
  method: Method,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<ReplyOrFault> {
  return member.post(method, body, new PostExchange(body, headers));
}

async function told(reply: Promise<ReplyOrFault>): Promise<[number, unknown]> {
  const found = await reply;
  assert("body" in found && typeof found.body === "string");
  return [found.status, JSON.parse(found.body)];
}

/** The lines of a stream that has begun. */
function linesOf({ body }: Reply): AsyncIterator<string> {
  assert(typeof body === "object" && Symbol.asyncIterator in body);
  return (body as AsyncIterable<string>)[Symbol.asyncIterator]();
}

Deno.test("a call through the gateway whose Grpc-Timeout has passed is ended", async () => {
  using member = new V3Member();
  member.node.silent = true;
  const late = begin(member, range, '{"key":"YQ=="}', { "grpc-timeout": "50m" });
  member.clock.advance(51);
  assertEquals(await told(late), [504, { error: LATE, message: LATE, code: 4 }]);
});

Deno.test("a Grpc-Timeout that is none is refused before the body is looked at", async () => {
  using member = new V3Member();
  const message = "invalid grpc-timeout: soon";
  for (const method of [range, watch]) {
    const reply = begin(member, method, "no JSON", { "grpc-timeout": "soon" });
    assertEquals(await told(reply), [400, { error: message, message, code: 3 }]);
  }
});

Deno.test("a stream through the gateway says in its last line that its time has passed", async () => {
  using member = new V3Member();
  const body = '{"create_request":{"key":"YQ=="}}';
  const reply = await begin(member, watch, body, { "grpc-timeout": "1S" });
  assert("body" in reply);
  const lines = linesOf(reply);
  const { value: created } = await lines.next();
  assert(JSON.parse(created).result.created);
  member.clock.advance(1_001);
  const { value: last } = await lines.next();
  assertEquals(JSON.parse(last), {
    error: {
      grpc_code: 4,
      http_code: 504,
      message: LATE,
      http_status: "Gateway Timeout",
    },
  });
  assert((await lines.next()).done);
  assertEquals(member.store.watches.size, 0);
});

Deno.test("a stream through the gateway that requires a leader ends without one", async () => {
  using member = new V3Member();
  const body = '{"create_request":{"key":"YQ=="}}';
  const reply = await begin(member, watch, body, { "grpc-metadata-hasleader": "true" });
  assert("body" in reply);
  const lines = linesOf(reply);
  await lines.next();
  member.node.leading = undefined;
  const last = lines.next();
  member.clock.advance(3_001);
  const { value } = await last;
  assertEquals(JSON.parse(value).error.message, "etcdserver: no leader");
});

Deno.test("a body of many keep-alives is held back while a thousand are under way", async () => {
  using member = new V3Member();
  const renewals: Parameters<LeaseKeeper["renew"]>[1][] = [];
  member.leases.renew = (_, done) => void renewals.push(done);
  const begun = begin(member, keepAlive, '{"ID":1}\n'.repeat(2_500), {});
  const answered: number[] = [];
  for (let next = 0; next < renewals.length; next++) {
    answered.push(renewals.length);
    renewals[next]!({ ok: true, value: 5 });
  }
  assertEquals([answered[0], answered[1], answered.length], [1_000, 1_001, 2_500]);
  const reply = await begun;
  assert("body" in reply);
  const lines = linesOf(reply);
  let text = "";
  for (let line = await lines.next(); !line.done; line = await lines.next()) text += line.value;
  assertEquals(text.trim().split("\n").length, 2_500);
});

/** Watches of nothing that happens, and a first one of the key "a". */
function creates(count: number): string {
  return '{"create_request":{"key":"YQ=="}}' +
    '{"create_request":{"key":"Yg=="}}'.repeat(count - 1);
}

const countOf = (lines: string, text: string) => lines.split(text).length - 1;

Deno.test("a body of very many messages is taken a few in a turn: others have theirs", async () => {
  using member = new V3Member({ watchesMax: 10_000 });
  const lines = linesOf(await member.post(watch, creates(2_000)) as Reply);
  const { value: first } = await lines.next();
  const count = countOf(first, '"created":true');
  assert(count <= 1_024, `${count} of 2,000 in the first turn`);
  let all: string = first;
  while (countOf(all, '"created":true') < 2_000) all += (await lines.next()).value;
  assertEquals(member.store.watches.size, 2_000);
  await lines.return?.();
  assertEquals(member.store.watches.size, 0);
});

Deno.test("what is left of a body is not looked at when its client has gone", async () => {
  using member = new V3Member({ watchesMax: 10_000 });
  const exchange = new PostExchange(creates(2_000));
  const reply = await member.post(watch, exchange.body, exchange) as Reply;
  exchange.gone();
  await turns(20);
  assertEquals(member.store.watches.size, 0);
  await linesOf(reply).return?.();
});

Deno.test("who was slow is called back, whatever was sent while it was slow", async () => {
  using member = new V3Member();
  let call: StreamCall<WatchResponse> | undefined;
  let drains = 0;
  const handler = bidi(watch, (opened) => {
    call = opened;
    return {
      onMessage: () => {},
      onHalfClose: () => {},
      onDrain: () => drains++,
      onGone: () => {},
    };
  }) as Extract<Handler, { readonly kind: "bidi" }>;
  const shared = {
    service: member.service,
    messageBytesMax: 1_000,
    callsMax: undefined,
    open: { add: () => {}, delete: () => {} } as unknown as OpenCalls,
    nowMs: () => 0,
  };
  const exchange = new PostExchange('{"create_request":{}}');
  const counters = countersOfAll().get(watch)!;
  const reply = answerStream(shared, handler, counters, exchange, () => {});
  assertEquals(call!.send({ cancelReason: "x".repeat(300_000) }), false);
  const lines = linesOf(await reply);
  await lines.next();
  call!.send({ watchId: 1 });
  assertEquals(drains, 0);
  await lines.next();
  assertEquals(drains, 1);
  await lines.return?.();
});
