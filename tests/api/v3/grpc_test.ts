/** gRPC on streams of HTTP/2. */
import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { wideId } from "../../../src/base/ids.ts";
import { isGrpc } from "../../../src/api/v3/grpc/grpc.ts";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { encode } from "../../../src/api/v3/messages/codec.ts";
import { WireWriter } from "../../../src/api/v3/messages/wire_writer.ts";
import { StatusCode } from "../../../src/api/v3/status.ts";
import { until } from "../harness.ts";
import { FakeStream } from "./fake_stream.ts";
import { bytes, framed, framedBytes, text, V3Member } from "./harness.ts";

const { put, range } = METHODS.kv;

Deno.test("a call is answered with a message, and ended by trailers", async () => {
  using member = new V3Member();
  const first = await member.call(put, { key: "a", value: bytes("1") });
  assertEquals([first.code, first.response?.header?.revision], [StatusCode.ok, 2]);
  const { response } = await member.call(range, { key: "a" });
  assertEquals(response?.kvs.map(({ key, value }) => [key, text(value)]), [["a", "1"]]);
  assertEquals(response?.header, {
    clusterId: wideId(1),
    memberId: wideId(1),
    revision: 2,
    raftTerm: 1,
  });
});

Deno.test("a value outlives the bytes that brought it", async () => {
  using member = new V3Member();
  // The stream overwrites what it has delivered.
  await member.call(put, { key: "a", value: bytes("kept") });
  await member.call(METHODS.kv.txn, {
    compare: [{ key: "a", target: "VALUE", operand: { kind: "value", value: bytes("kept") } }],
    success: [{ kind: "range", value: { key: "a" } }],
  }).then(({ response }) => assert(response?.succeeded));
});

Deno.test("a call's end waits for the client's", async () => {
  using member = new V3Member();
  const call = member.open(range);
  call.send({ key: "a", serializable: true });
  assert(!call.stream.isClosed);
  assertEquals((await call.next()).count, 0);
  call.halfClose();
  assertEquals((await call.reply()).code, StatusCode.ok);
});

Deno.test("a call that was answered ends well when the client's end stays away, or the member stops", async () => {
  using member = new V3Member();
  for (const end of [() => member.clock.advance(1_001), () => member.v3.stop()]) {
    const call = member.open(range);
    call.send({ key: "a", serializable: true });
    member.clock.advance(999);
    assert(!call.stream.isClosed);
    end();
    const { code, response } = await call.reply();
    assertEquals([code, response?.count], [StatusCode.ok, 0]);
  }
});

Deno.test("a message may come in any pieces, and compressed", async () => {
  using member = new V3Member();
  const whole = framed(put.request, { key: "a", value: bytes("1") });
  const call = member.open(put);
  for (const byte of whole) call.stream.say(Uint8Array.of(byte));
  call.halfClose();
  assertEquals((await call.reply()).code, StatusCode.ok);

  const writer = new WireWriter();
  encode(put.request, { key: "b", value: bytes("2") }, writer);
  const compressed = member.open(put, [["grpc-encoding", "gzip"]]);
  compressed.stream.say(framedBytes(gzipSync(writer.written()), 1));
  compressed.halfClose();
  assertEquals((await compressed.reply()).code, StatusCode.ok);
  assertEquals((await member.call(range, { key: "b" })).response?.count, 1);
});

Deno.test("a refusal is told by the head alone", async () => {
  using member = new V3Member();
  const { code, message, response } = await member.call(put, {});
  assertEquals([code, message], [3, "etcdserver: key is not provided"]);
  assertEquals(response, undefined);
});

Deno.test("unknown services and methods are unimplemented, in the words of gRPC for Go", async () => {
  using member = new V3Member();
  const ask = async (path: string) => {
    const call = member.open({ ...range, path });
    const { code, message } = await call.reply();
    return [code, message];
  };
  assertEquals(await ask("/etcdserverpb.KV/Nothing"), [
    12,
    "unknown method Nothing for service etcdserverpb.KV",
  ]);
  assertEquals(await ask("/other.Service/Range"), [12, "unknown service other.Service"]);
  assertEquals(await ask("/nothing"), [12, 'malformed method name: "/nothing"']);
});

Deno.test("a message that is too large is refused before it has come", async () => {
  using member = new V3Member();
  const call = member.open(put);
  const head = framedBytes(new Uint8Array(0));
  new DataView(head.buffer).setUint32(1, 2_097_153);
  call.stream.say(head);
  const { code, message } = await call.reply();
  assertEquals([code, message], [
    8,
    "grpc: received message larger than max (2097153 vs. 2097152)",
  ]);
});

Deno.test("a whole message that is too large is refused, too", async () => {
  using member = new V3Member({ requestBytesMax: 10 });
  const { code } = await member.call(put, { key: "a", value: new Uint8Array(600_000) });
  assertEquals(code, 8);
});

Deno.test("a request above the limit of requests is refused by itself, one that just fits is taken", async () => {
  using member = new V3Member();
  // Beside key and value a put has 24 bytes in etcd's log.
  const largest = 1_572_864 - 1 - 24;
  assertEquals((await member.call(put, { key: "a", value: new Uint8Array(largest) })).code, 0);
  const larger = { key: "a", value: new Uint8Array(largest + 1) };
  const { code, message } = await member.call(put, larger);
  assertEquals([code, message], [3, "etcdserver: request is too large"]);
});

Deno.test("what is no message is an internal error", async () => {
  using member = new V3Member();
  const cut = framedBytes(Uint8Array.of(0x0a, 0x05, 0x61));
  const broken = member.open(put);
  broken.stream.say(cut);
  const { code, message } = await broken.reply();
  assertEquals(
    [code, message],
    [StatusCode.internal, "grpc: error unmarshalling request: unexpected EOF"],
  );

  for (const stream of [member.open(METHODS.watch.watch), member.open(METHODS.election.observe)]) {
    stream.stream.say(cut);
    const { code, message } = await stream.reply();
    assertEquals(
      [code, message],
      [StatusCode.internal, "grpc: failed to unmarshal the received message unexpected EOF"],
    );
  }

  const none = member.open(put);
  none.halfClose();
  assertEquals((await none.reply()).code, StatusCode.internal);

  const half = member.open(put);
  half.stream.say(framed(put.request, { key: "a" }).subarray(0, 6));
  half.halfClose();
  assertEquals((await half.reply()).code, StatusCode.internal);

  const two = member.open(put);
  two.send({ key: "a" });
  two.send({ key: "b" });
  two.halfClose();
  assertEquals((await two.reply()).code, StatusCode.internal);
});

Deno.test("who requires a leader is refused at once while there is none", async () => {
  using member = new V3Member();
  member.node.leading = undefined;
  const required = [["hasleader", "true"]] as const;
  const unary = await member.call(range, { key: "a", serializable: true }, required);
  assertEquals([unary.code, unary.message], [14, "etcdserver: no leader"]);
  const stream = await member.open(METHODS.watch.watch, required).reply();
  assertEquals([stream.code, stream.message], [14, "etcdserver: no leader"]);
  const { code } = await member.call(range, { key: "a", serializable: true });
  assertEquals(code, StatusCode.ok);
});

Deno.test("a stream that requires a leader ends after three election time-outs without one", async () => {
  using member = new V3Member();
  const required = member.open(METHODS.watch.watch, [["hasleader", "true"]]);
  const content = member.open(METHODS.watch.watch);
  for (const stream of [required, content]) {
    stream.send({ kind: "create", value: { key: "a" } });
    await stream.next();
  }
  member.node.leading = undefined;
  member.clock.advance(3_001);
  const { code, message } = await required.reply();
  assertEquals([code, message], [14, "etcdserver: no leader"]);
  assert(!content.stream.isClosed);
  assertEquals(member.store.watches.size, 1);
});

Deno.test("a learner serves serializable ranges and nothing else of keys", async () => {
  using member = new V3Member();
  member.node.members = [{ ...member.node.members[0]!, voter: false, learner: true }];
  member.node.leading = undefined;
  const linearizable = await member.call(range, { key: "a" });
  assertEquals([linearizable.code, linearizable.message], [
    14,
    "etcdserver: rpc not supported for learner",
  ]);
  assertEquals((await member.call(range, { key: "a", serializable: true })).code, 0);
  assertEquals((await member.call(put, { key: "a" })).code, 14);
  assertEquals((await member.open(METHODS.watch.watch).reply()).code, 14);
});

Deno.test("a call whose deadline has passed is ended", async () => {
  using member = new V3Member();
  member.node.silent = true;
  const call = member.open(range, [["grpc-timeout", "50m"]]);
  call.send({ key: "a" });
  call.halfClose();
  member.clock.advance(51);
  const { code, message } = await call.reply();
  assertEquals([code, message], [4, "context deadline exceeded"]);
  const malformed = await member.call(range, { key: "a" }, [["grpc-timeout", "soon"]]);
  assertEquals(malformed.code, StatusCode.internal);
});

Deno.test("a deadline counts from when the call came, however long it waited for its turn", async () => {
  using member = new V3Member();
  member.node.silent = true;
  for (const { path } of [range, METHODS.watch.watch]) {
    const timeout = [["content-type", "application/grpc"], ["grpc-timeout", "50m"]] as const;
    const stream = new FakeStream(path, timeout);
    stream.waitedMs = 30;
    stream.begin(member.v3.grpc);
    if (path === range.path) stream.say(framed(range.request, { key: "a" }));
    member.clock.advance(21);
    await until(() => stream.isClosed, "the end of the call");
    assertEquals(stream.field("grpc-status"), `${StatusCode.deadlineExceeded}`);
  }
});

Deno.test("a call whose deadline has passed when its message comes changes nothing", async () => {
  using member = new V3Member();
  for (const timeout of ["0S", "0n", "1n", "50m"]) {
    const call = member.open(put, [["grpc-timeout", timeout]]);
    member.clock.advance(timeout === "50m" ? 51 : 0.001);
    call.send({ key: "late" });
    call.halfClose();
    assertEquals((await call.reply()).code, StatusCode.deadlineExceeded, timeout);
  }
  assertEquals(member.store.revision, 1);
});

Deno.test("stop() ends what waits", async () => {
  const member = new V3Member();
  const watch = member.open(METHODS.watch.watch);
  watch.send({ kind: "create", value: { key: "a" } });
  await watch.next();
  member.v3.stop();
  const { code, message } = await watch.reply();
  assertEquals([code, message], [14, "etcdserver: server stopped"]);
  assertEquals(member.store.watches.size, 0);
});

Deno.test("calls are counted by how they end", async () => {
  using member = new V3Member();
  await member.call(put, { key: "a" });
  await member.call(put, {});
  const gone = member.open(put);
  gone.stream.cut();
  const counters = member.v3.counters.get(put)!;
  assertEquals([counters.started, counters.succeeded, counters.messagesReceived], [3, 1, 2]);
  assertEquals([...counters.failed], [[3, 1], [1, 1]]);
});

Deno.test("isGrpc() tells calls from other requests", () => {
  const of = (type: string) => isGrpc(new FakeStream("/x", [["content-type", type]]));
  assert(of("application/grpc"));
  assert(of("application/grpc+proto"));
  assert(!of("application/json"));
  assert(!of("application/grpc-web"));
});
