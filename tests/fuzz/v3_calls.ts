/**
 * Calls of the v3 API, a few in a row on a fresh member: whatever they ask, gRPC and
 * the gateway answer them alike, and nothing throws.
 */
import { isFault } from "../../src/http/fault.ts";
import { decode, encode } from "../../src/api/v3/messages/codec.ts";
import { encodeJson } from "../../src/api/v3/messages/json_encode.ts";
import { MessageError } from "../../src/api/v3/messages/message_error.ts";
import { WireWriter } from "../../src/api/v3/messages/wire_writer.ts";
import { type Method, METHODS } from "../../src/api/v3/methods.ts";
import { framedBytes, type TestCall, V3Member } from "../api/v3/harness.ts";
import { randomMessage } from "../api/v3/random_message.ts";
import { joined, mutated } from "./mutate.ts";
import { expectSame, FuzzError, type Subject } from "./subject.ts";

const { kv, lease } = METHODS;
const CALLED: readonly Method[] = [
  ...[kv.range, kv.put, kv.deleteRange, kv.txn, kv.compact],
  ...[lease.grant, lease.revoke, lease.timeToLive, lease.leases],
];

const CALLS_MAX = 4;
const HEAD_BYTES = 3;

export const v3Calls: Subject = {
  name: "v3 calls",
  promise: "gRPC and the gateway answer alike, and nothing throws",
  make(random) {
    const calls = Array.from({ length: random.integer(1, CALLS_MAX) }, () => {
      const number = random.integer(0, CALLED.length - 1);
      const { request } = CALLED[number]!;
      const writer = new WireWriter();
      encode(request, randomMessage(request, random), writer);
      const bytes = random.chance(0.3) ? mutated(writer.written(), random) : writer.written();
      return joined(Uint8Array.of(number, bytes.length >> 8, bytes.length), bytes);
    });
    return joined(...calls);
  },
  async check([input]) {
    using byGrpc = new V3Member();
    using byJson = new V3Member();
    for (const { method, bytes } of callsOf(input!)) {
      const { code, message, response } = await call(byGrpc, method, bytes);
      const json = asJson(method, bytes);
      // Protobuf refuses what JSON can't say.
      if (json === undefined) continue;
      const expected = code === 0
        ? encodeJson(method.response, response!)
        : JSON.stringify({ error: message, message, code });
      expectSame(normal(await post(byJson, method, json)), normal(expected), method.path);
    }
    expectSame(byJson.store.digest(), byGrpc.store.digest(), "the state");
  },
};

interface Call {
  readonly method: Method;
  readonly bytes: Uint8Array;
}

function callsOf(input: Uint8Array): Call[] {
  const calls: Call[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= input.length && calls.length < CALLS_MAX) {
    const length = input[at + 1]! << 8 | input[at + 2]!;
    const start = at + HEAD_BYTES;
    at = start + length;
    calls.push({
      method: CALLED[input[start - HEAD_BYTES]! % CALLED.length]!,
      bytes: input.subarray(start, at),
    });
  }
  return calls;
}

async function call(member: V3Member, method: Method, bytes: Uint8Array) {
  const call: TestCall<object, object> = member.open(method);
  call.stream.say(framedBytes(bytes));
  call.halfClose();
  return await call.reply();
}

function asJson(method: Method, bytes: Uint8Array): string | undefined {
  try {
    return encodeJson(method.request, decode(method.request, bytes));
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}

async function post(member: V3Member, method: Method, body: string): Promise<string> {
  const reply = await member.post(method, body);
  if (isFault(reply) || typeof reply.body !== "string") {
    throw new FuzzError(`${method.path}: expected a reply with text`);
  }
  return reply.body;
}

/** The same value has the same text. */
function normal(json: string): string {
  return JSON.stringify(JSON.parse(json));
}
