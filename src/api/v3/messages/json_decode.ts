/**
 * Messages from the JSON of etcd's gateway, by their tables: what golang's
 * `jsonpb` takes with unknown fields allowed, as grpc-gateway 1.9 uses it, in its
 * words where it refuses. Null is the same as absent, in a oneof and a list, too.
 */
import { byteStringAt } from "../../../store/byte_string.ts";
import { allValues, firstValue, type Json, JsonNumber, onlyValue } from "./json_text.ts";
import { MessageError } from "./message_error.ts";
import { type EnumType, enumValue, NO_BYTES, type ScalarKind, watchId } from "./scalars.ts";
import type { Element, MessageType, TableField } from "./table.ts";
import { deeper } from "./wire_reader.ts";

/** Messages' bodies are decoded as Go does it: what is no UTF-8 becomes U+FFFD. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The message that a body is: its first value, or an empty message if there is
 * none. What follows is not looked at. Throws `MessageError`.
 */
export function decodeJson<T extends object>(type: MessageType<T>, body: Uint8Array | string): T {
  const value = firstValue(typeof body === "string" ? body : decoder.decode(body));
  return readMessage(type, value ?? null, 0) as T;
}

/**
 * The messages that a stream's body is, one after another, up to the first thing that is
 * none. Throws `MessageError` when the body begins with that.
 */
export function decodeMessages<T extends object>(type: MessageType<T>, body: Uint8Array): T[] {
  const messages: T[] = [];
  try {
    for (const json of allValues(decoder.decode(body))) {
      messages.push(readMessage(type, json, 0) as T);
    }
  } catch (error) {
    if (!(error instanceof MessageError) || messages.length === 0) throw error;
  }
  return messages;
}

function readMessage(type: MessageType<object>, json: Json, depth: number): object {
  const message: Record<string, unknown> = { ...type.empty };
  if (json === null) return message;
  if (!(json instanceof Map)) return mismatch(json, "map[string]json.RawMessage");
  if (json.size === 0) return message;
  for (const field of type.fields) {
    const { jsonName, name } = field;
    const value: Json | undefined = json.get(json.has(jsonName) ? jsonName : name);
    if (value === undefined || value === null) continue;
    const { property, oneof } = field;
    if (field.repeated) {
      message[property] = readList(field, value, depth);
    } else if (oneof === undefined) {
      message[property] = readElement(field.element, value, depth);
    } else {
      const member = { kind: property, value: readElement(field.element, value, depth) };
      if (type.isUnion) Object.assign(message, member);
      else message[oneof] = member;
    }
  }
  return message;
}

function readList({ element }: TableField, json: Exclude<Json, null>, depth: number): unknown[] {
  if (element.type === "enum" && typeof json === "string") {
    const { enumeration } = element;
    readEnum(enumeration, json);
    throw new MessageError(`invalid target "slice" for enum ${enumeration.name}`);
  }
  if (!Array.isArray(json)) return mismatch(json, "[]json.RawMessage");
  return json.map((item: Json) => readElement(element, item, depth));
}

function readElement(element: Element, json: Json, depth: number): unknown {
  switch (element.type) {
    case "message":
      return readMessage(element.message(), json, deeper(depth));
    case "enum":
      return readEnum(element.enumeration, json);
    case "scalar":
      return json === null ? element.scalar.zero : readScalar(element.scalar.kind, json);
  }
}

function readEnum(type: EnumType<string>, json: Json): unknown {
  if (typeof json === "string") {
    if (!type.names.includes(json)) {
      throw new MessageError(`unknown value ${JSON.stringify(json)} for enum ${type.name}`);
    }
    return json;
  }
  if (json === null) return type.names[0];
  return enumValue(type, Number(integer(json, INT32, type.name)));
}

function readScalar(kind: ScalarKind, json: Exclude<Json, null>): unknown {
  switch (kind) {
    case "key":
      if (Array.isArray(json)) return byteStringAt(listedBytes(json), 0, json.length);
      return atob(base64(json));
    case "bytes": {
      if (Array.isArray(json)) return listedBytes(json);
      const text = base64(json);
      return text === "" ? NO_BYTES : Uint8Array.fromBase64(text);
    }
    case "string":
      return typeof json === "string" ? json : mismatch(json, "string");
    case "bool":
      return typeof json === "boolean" ? json : mismatch(json, "bool");
    case "int64":
      return saturated(integer(json, INT64, "int64"));
    case "uint64":
      return saturated(integer(json, UINT64, "uint64"));
    case "uint32":
      return Number(integer(json, UINT32, "uint32"));
    case "id":
      return integer(json, INT64, "int64");
    case "unsignedId":
      return integer(json, UINT64, "uint64");
    case "watchId":
      return watchId(integer(json, INT64, "int64"));
  }
}

type Bounds = readonly [least: bigint, most: bigint];

const UINT8: Bounds = [0n, 2n ** 8n - 1n];
const INT32: Bounds = [-(2n ** 31n), 2n ** 31n - 1n];
const UINT32: Bounds = [0n, 2n ** 32n - 1n];
const INT64: Bounds = [-(2n ** 63n), 2n ** 63n - 1n];
const UINT64: Bounds = [0n, 2n ** 64n - 1n];
/** A sign and the digits of 64 bits: what is longer is out of bounds, however it goes on. */
const INTEGER_TEXT_MAX = 20;

/** An integer, or a string that holds one. */
function integer(json: Exclude<Json, null>, [least, most]: Bounds, type: string): bigint {
  const value = typeof json === "string" ? onlyValue(json) : json;
  if (value === null) return 0n;
  if (!(value instanceof JsonNumber)) return mismatch(value, type);
  const { text } = value;
  if (/^-?\d+$/.test(text) && text.length <= INTEGER_TEXT_MAX) {
    const number = BigInt(text);
    if (number >= least && number <= most) return number;
  }
  throw new MessageError(`json: cannot unmarshal number ${text} into Go value of type ${type}`);
}

/** As `WireReader.int64`: at the bound of exact numbers, what is beyond as well. */
function saturated(value: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}

/** Bytes as a list of numbers, which is what many languages make of bytes. Go takes it as well. */
function listedBytes(json: readonly Json[]): Uint8Array {
  return Uint8Array.from(json, (item) => {
    if (item === null) return 0;
    return item instanceof JsonNumber
      ? Number(integer(item, UINT8, "uint8"))
      : mismatch(item, "uint8");
  });
}

/**
 * Base64 in the standard alphabet, with its padding. Nothing else is taken, or
 * a key that somebody forgot to encode would silently become another one.
 */
function base64(json: Exclude<Json, null>): string {
  if (typeof json !== "string") return mismatch(json, "[]uint8");
  const text = json.replace(/[\r\n]/g, "");
  const data = /^[A-Za-z0-9+/]*/.exec(text)![0].length;
  const rest = data % 4;
  const fault = data < text.length ? faultyPadding(text, data, rest) : rest > 0 ? data - rest : -1;
  if (fault >= 0) throw new MessageError(`illegal base64 data at input byte ${fault}`);
  return text;
}

/** Where what follows the data is wrong, as Go tells it; negative when it is right. */
function faultyPadding(text: string, data: number, rest: number): number {
  if (text[data] !== "=" || rest < 2) return data;
  if (rest === 2 && text[data + 1] !== "=") return data + 1 === text.length ? data + 1 : data;
  const end = data + 4 - rest;
  return end < text.length ? end : -1;
}

function mismatch(json: Exclude<Json, null>, type: string): never {
  throw new MessageError(`json: cannot unmarshal ${kindOf(json)} into Go value of type ${type}`);
}

function kindOf(json: Exclude<Json, null>): string {
  if (typeof json === "string") return "string";
  if (typeof json === "boolean") return "bool";
  if (json instanceof JsonNumber) return "number";
  return Array.isArray(json) ? "array" : "object";
}
