/** Messages of gRPC that come slowly, or never to their end: what they keep is bounded together. */
import { assert, assertEquals } from "@std/assert";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { StatusCode } from "../../../src/api/v3/status.ts";
import { framed, type TestCall, V3Member } from "./harness.ts";

const { put, range } = METHODS.kv;
const { watch } = METHODS.watch;

/** Room for three and a half of the parts below. */
const ROOM = 1024 * 1024;
const PART = 300_000;
const WHOLE = framed(put.request, { key: "a", value: new Uint8Array(PART + 20_000) });
const LONG = framed(put.request, { key: "a", value: new Uint8Array(490_000) });

const start = () => new V3Member({ requestBytesMax: 500_000, arrivingBytesMax: ROOM });

type Put = TestCall<object, object>;

/** A call of which a part has come. */
function begun(member: V3Member, whole = WHOLE): Put {
  const call = member.open(put) as Put;
  call.stream.say(whole.subarray(0, PART));
  return call;
}

async function finished(call: Put): Promise<number> {
  call.stream.say(WHOLE.subarray(PART));
  call.halfClose();
  return (await call.reply()).code;
}

/** As many as there is room for arrive to their end. */
async function assertRoom(member: V3Member): Promise<void> {
  const calls = [begun(member), begun(member), begun(member)];
  for (const call of calls) assert(!call.stream.isClosed);
  for (const call of calls) assertEquals(await finished(call), StatusCode.ok);
}

Deno.test("where too much arrives at once, the call ends whose message began first", async () => {
  using member = start();
  const calls = [begun(member), begun(member), begun(member)];
  // Who goes on keeps its place.
  calls[0]!.stream.say(WHOLE.subarray(PART, PART + 10));
  calls.push(begun(member));
  const { code, message } = await calls[0]!.reply();
  assertEquals([code, message], [
    StatusCode.unavailable,
    "grpc: too many messages are arriving at once, nothing was changed",
  ]);
  for (const call of calls.slice(1)) assertEquals(await finished(call), StatusCode.ok);
});

Deno.test("where too much arrives at once, the first call ends by what comes for itself, too", async () => {
  using member = start();
  const calls = [begun(member, LONG), begun(member), begun(member)];
  calls[0]!.stream.say(LONG.subarray(PART, PART + 1));
  assertEquals((await calls[0]!.reply()).code, StatusCode.unavailable);
  for (const call of calls.slice(1)) assertEquals(await finished(call), StatusCode.ok);
});

Deno.test("streams of messages count with the calls that have one", async () => {
  using member = start();
  const stream = member.open(watch);
  stream.stream.say(WHOLE.subarray(0, PART));
  const calls = [begun(member), begun(member), begun(member)];
  assertEquals((await stream.reply()).code, StatusCode.unavailable);
  for (const call of calls) assertEquals(await finished(call), StatusCode.ok);
});

/** How a call comes to nothing of which a part has come. */
const ENDS: readonly { readonly name: string; readonly end: (member: V3Member) => void }[] = [
  { name: "whose client leaves", end: (member) => begun(member).stream.cut() },
  { name: "whose client ends it in the middle", end: (member) => begun(member).halfClose() },
  {
    name: "that had its message before",
    end: (member) => {
      // It is answered before the rest is looked at.
      const call = member.open(range);
      const small = framed(range.request, { key: "b", serializable: true });
      const both = new Uint8Array(small.length + PART);
      both.set(small);
      both.set(WHOLE.subarray(0, PART), small.length);
      call.stream.say(both);
    },
  },
  {
    name: "that watches, and whose client leaves",
    end: (member) => {
      const { stream } = member.open(watch);
      stream.say(WHOLE.subarray(0, PART));
      stream.cut();
    },
  },
];

for (const { name, end } of ENDS) {
  Deno.test(`a call ${name} gives back what its message kept`, async () => {
    using member = start();
    for (let i = 0; i < 4; i++) end(member);
    await assertRoom(member);
    await assertRoom(member);
  });
}
