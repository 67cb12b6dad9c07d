/** The codecs by hand against the tables: the same bytes, the same messages, the same refusals. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode, encode } from "../../../src/api/v3/messages/codec.ts";
import { KeyValue, PutRequest, RangeResponse } from "../../../src/api/v3/messages/kv.ts";
import { MessageError } from "../../../src/api/v3/messages/message_error.ts";
import {
  type Draft,
  type HandCodec,
  Lengths,
  type MessageType,
} from "../../../src/api/v3/messages/table.ts";
import { tableCodec } from "../../../src/api/v3/messages/table_codec.ts";
import { WireReader } from "../../../src/api/v3/messages/wire_reader.ts";
import { WireWriter } from "../../../src/api/v3/messages/wire_writer.ts";
import { WatchResponse } from "../../../src/api/v3/messages/watch.ts";
import { ALL_METHODS } from "../../../src/api/v3/methods.ts";
import { InvariantError } from "../../../src/base/assert.ts";
import { mutated } from "../../fuzz/mutate.ts";
import { SeededRandom } from "../../sim/random.ts";
import { randomMessage } from "./random_message.ts";

const byTable = (type: MessageType<object>): HandCodec<object> => tableCodec(type, byTable);

/** All types that have a codec by hand, wherever they are. */
function typesByHand(): MessageType<object>[] {
  const seen = new Set<MessageType<object>>();
  const visit = (type: MessageType<object>) => {
    if (seen.has(type)) return;
    seen.add(type);
    for (const { element } of type.fields) {
      if (element.type === "message") visit(element.message());
    }
  };
  for (const { request, response } of ALL_METHODS) [request, response].forEach(visit);
  return [...seen].filter(({ byHand }) => byHand !== undefined);
}

function bytesByTable(type: MessageType<object>, message: object): Uint8Array {
  const writer = new WireWriter();
  const lengths = new Lengths();
  byTable(type).measure(message, lengths);
  byTable(type).write(message, writer, lengths);
  return writer.written();
}

/** The message, or the words of the refusal. */
function outcome(codec: HandCodec<object>, bytes: Uint8Array): unknown {
  try {
    return codec.read(new WireReader(bytes), 0, undefined);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return error.message;
  }
}

Deno.test("messages that are read and written all the time have a codec by hand", () => {
  assertEquals(typesByHand().map(({ name }) => name.split(".")[1]).toSorted(), [
    ...["Compare", "DeleteRangeRequest", "DeleteRangeResponse", "Event", "KeyValue"],
    ...["LeaseKeepAliveRequest", "LeaseKeepAliveResponse", "PutRequest", "PutResponse"],
    ...["RangeRequest", "RangeResponse", "RequestOp", "ResponseHeader", "ResponseOp"],
    ...["TxnRequest", "TxnResponse", "WatchResponse"],
  ]);
});

Deno.test("a codec by hand writes what the table writes", () => {
  for (const [stream, type] of typesByHand().entries()) {
    const random = new SeededRandom(3, stream);
    for (let i = 0; i < 300; i++) {
      const message = randomMessage(type, random);
      const writer = new WireWriter();
      encode(type, message, writer);
      assertEquals(writer.written().toHex(), bytesByTable(type, message).toHex(), type.name);
    }
  }
});

Deno.test("a codec by hand reads what the table reads, and refuses what it refuses", () => {
  for (const [stream, type] of typesByHand().entries()) {
    const random = new SeededRandom(4, stream);
    for (let i = 0; i < 500; i++) {
      const bytes = bytesByTable(type, randomMessage(type, random));
      // Twice the same message: fields are merged, lists go on.
      const input = random.chance(0.1)
        ? new Uint8Array([...bytes, ...bytes])
        : mutated(bytes, random);
      assertEquals(outcome(type.byHand!, input), outcome(byTable(type), input), input.toHex());
    }
  }
});

Deno.test("encode() writes thousands of keys and grows its buffer as it needs", () => {
  const kvs = Array.from({ length: 5_000 }, (_, i) => ({
    key: `/registry/pods/${i}`,
    createRevision: i + 1,
    modRevision: 2 ** 40 + i,
    version: 1,
    value: new Uint8Array(i % 300).fill(i),
    lease: i % 3 === 0 ? -1n : 0n,
  }));
  const writer = new WireWriter(new Uint8Array(1));
  encode(RangeResponse, { kvs, count: 5_000 }, writer);
  const decoded = decode(RangeResponse, writer.written());
  assertEquals(decoded, { header: undefined, kvs, more: false, count: 5_000 });
});

Deno.test("encode() refuses to write a character that stands for no byte", () => {
  for (const key of ["ключ", "x".repeat(100) + "\u0100"]) {
    const error = assertThrows(() => encode(PutRequest, { key }, new WireWriter()), InvariantError);
    assert(error.message.includes("byte string"));
  }
  encode(KeyValue, { key: "\u00ff".repeat(100) }, new WireWriter());
});

Deno.test("WatchResponse: a list of events that is sent again has the same bytes, and an equal one too", () => {
  const events = [{
    type: "PUT",
    kv: { key: "a", value: new Uint8Array(300).fill(7), modRevision: 5, version: 1 },
  }] as const;
  const sent = (list: Draft<WatchResponse>["events"], watchId: number) => {
    const writer = new WireWriter();
    encode(WatchResponse, { watchId, events: list }, writer);
    return decode(WatchResponse, writer.written());
  };
  const first = sent(events, 1);
  for (const again of [sent(events, 1), sent(events, 1), sent([...events], 1)]) {
    assertEquals(again, first);
  }
  assertEquals(sent(events, 300).events, first.events);
});
