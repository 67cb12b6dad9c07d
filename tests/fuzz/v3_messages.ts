/** What clients of the v3 API send: protobuf, the gateway's JSON, and gRPC's frames around messages. */
import { MessageFrames } from "../../src/api/v3/framing.ts";
import { codecOf, decode, encode } from "../../src/api/v3/messages/codec.ts";
import { decodeJson, decodeMessages } from "../../src/api/v3/messages/json_decode.ts";
import { encodeJson } from "../../src/api/v3/messages/json_encode.ts";
import { JsonNumber, onlyValue } from "../../src/api/v3/messages/json_text.ts";
import { MessageError } from "../../src/api/v3/messages/message_error.ts";
import type { HandCodec, MessageType } from "../../src/api/v3/messages/table.ts";
import { tableCodec } from "../../src/api/v3/messages/table_codec.ts";
import { WireReader } from "../../src/api/v3/messages/wire_reader.ts";
import { WireWriter } from "../../src/api/v3/messages/wire_writer.ts";
import { ALL_METHODS } from "../../src/api/v3/methods.ts";
import { StatusError } from "../../src/api/v3/status.ts";
import { randomMessage } from "../api/v3/random_message.ts";
import type { SeededRandom } from "../sim/random.ts";
import { joined, mutated, randomBytes } from "./mutate.ts";
import { bytesOf, expectSame, FuzzError, sameBytes, type Subject, textOf } from "./subject.ts";

const TYPES = [...new Set(ALL_METHODS.flatMap(({ request, response }) => [request, response]))];

/** The first byte of an input says which message it is meant to be. */
function typeOf(input: Uint8Array): MessageType<object> {
  return TYPES[(input[0] ?? 0) % TYPES.length]!;
}

function bytesFor(type: MessageType<object>, message: object): Uint8Array {
  const writer = new WireWriter(new Uint8Array(1));
  encode(type, message, writer);
  return writer.written();
}

/** What `parse` returns, or its words when it refuses its input properly. */
function unlessRefused<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MessageError || error instanceof StatusError) return error.message;
    throw error;
  }
}

const byTable = (type: MessageType<object>): HandCodec<object> => tableCodec(type, byTable);

export const protobuf: Subject = {
  name: "protobuf",
  promise: "refused, or the same by hand and by table, and stable",
  make(random) {
    const number = random.integer(0, TYPES.length - 1);
    const bytes = bytesFor(TYPES[number]!, randomMessage(TYPES[number]!, random));
    return joined(
      Uint8Array.of(number),
      random.chance(0.05) ? randomBytes(random, 40) : mutated(bytes, random),
    );
  },
  check([input]) {
    const type = typeOf(input!);
    const bytes = input!.subarray(1);
    const message = unlessRefused(() => decode(type, bytes));
    const expected = unlessRefused(() => byTable(type).read(new WireReader(bytes), 0, undefined));
    if (typeof message === "string" || typeof expected === "string") {
      return expectSame(message, expected, "Refused by one codec and not alike by the other");
    }
    const written = bytesFor(type, message);
    if (!sameBytes(written, bytesFor(type, expected))) {
      throw new FuzzError("The codec by hand read something else than the table");
    }
    if (
      !sameBytes(written, bytesFor(type, codecOf(type).read(new WireReader(written), 0, undefined)))
    ) {
      throw new FuzzError("A message changed when it was written and read again");
    }
  },
};

/** Pieces of random sizes, which are a function of the bytes alone. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = 1 + (bytes[i % bytes.length]! % 7);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** JSON in one form, whoever parsed it. */
function canonical(json: unknown): unknown {
  if (json instanceof JsonNumber) return Number(json.text);
  if (typeof json === "string") return json.toWellFormed();
  if (Array.isArray(json)) return json.map(canonical);
  if (typeof json !== "object" || json === null) return json;
  const entries = json instanceof Map ? [...json] : Object.entries(json);
  return new Map(entries.map(([name, value]) => [name.toWellFormed(), canonical(value)]));
}

/** As text in which names are in order; a `Map` has no form of its own in JSON. */
function show(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map(show)}]`;
  if (!(json instanceof Map)) return JSON.stringify(json);
  return `{${
    [...json].map(([name, value]) => `${JSON.stringify(name)}:${show(value)}`).toSorted()
  }}`;
}

/** The one value of a text, by our parser and by the platform's; undefined when there is none. */
function checkText(text: string): void {
  const ours = unlessRefused(() => show(canonical(onlyValue(text))));
  const isRefused = unlessRefused(() => void onlyValue(text)) !== undefined;
  let theirs: string | undefined;
  try {
    theirs = show(canonical(JSON.parse(text)));
  } catch {
    theirs = undefined;
  }
  if (isRefused && ours === "exceeded max depth") return;
  expectSame(isRefused ? undefined : ours, theirs, "Not what JSON.parse makes of it");
}

export const gatewayJson: Subject = {
  name: "gateway json",
  promise: "refused, or read as JSON.parse would, and stable",
  make(random) {
    const number = random.integer(0, TYPES.length - 1);
    const text = encodeJson(TYPES[number]!, randomMessage(TYPES[number]!, random));
    return joined(Uint8Array.of(number), mutated(bytesOf(text), random));
  },
  check([input]) {
    const type = typeOf(input!);
    const bytes = input!.subarray(1);
    const message = unlessRefused(() => decodeJson(type, bytes));
    if (typeof message !== "string") {
      const printed = encodeJson(type, message);
      expectSame(encodeJson(type, decodeJson(type, printed)), printed, "A message changed");
      checkText(printed);
      checkStream(type, printed, bytes);
    }
    checkText(textOf(bytes));
  },
};

/** A body of two messages has both, and what comes before something that is no message. */
function checkStream(type: MessageType<object>, printed: string, bytes: Uint8Array): void {
  const printedOf = (body: Uint8Array) =>
    decodeMessages(type, body).map((message) => encodeJson(type, message));
  expectSame(printedOf(bytesOf(`${printed} ${printed}`)), [printed, printed], "A message was lost");
  const [first] = printedOf(joined(bytesOf(printed), bytes));
  expectSame(first, printed, "A message hangs on what follows");
}

const FRAME_BYTES_MAX = 200;

export const grpcFrames: Subject = {
  name: "grpc frames",
  promise: "refused, or the same messages however they are cut",
  make(random) {
    const frames = Array.from({ length: random.skewed(1, 6) }, () => anyFrame(random));
    return random.chance(0.2) ? joined(...frames) : mutated(joined(...frames), random);
  },
  check([input]) {
    expectSame(
      received(pieces(input!)),
      received([input!]),
      "Frames were read otherwise in pieces",
    );
  },
};

function anyFrame(random: SeededRandom): Uint8Array {
  const body = randomBytes(random, random.skewed(0, FRAME_BYTES_MAX));
  const prefix = new Uint8Array(5);
  prefix[0] = random.chance(0.05) ? random.integer(0, 255) : 0;
  new DataView(prefix.buffer).setUint32(1, body.length);
  return joined(prefix, body);
}

function received(parts: Iterable<Uint8Array>): unknown {
  const messages: string[] = [];
  const frames = new MessageFrames(FRAME_BYTES_MAX, "gzip", (bytes, start, end) => {
    messages.push(bytes.subarray(start, end).toHex());
  });
  const refused = unlessRefused(() => {
    for (const part of parts) frames.push(part);
    return undefined;
  });
  return { messages, refused, open: refused === undefined && frames.isInMessage };
}
