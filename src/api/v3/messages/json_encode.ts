/**
 * Messages as the JSON of etcd's gateway, by their tables, byte for byte what
 * golang's `jsonpb` prints with original names: 64-bit integers as strings, enums
 * by name, bytes in padded base64, nothing that is zero.
 */
import { type EnumType, enumValue, type Scalar } from "./scalars.ts";
import type { Draft, Element, MessageType } from "./table.ts";
import { type Loose, presentValues } from "./table_codec.ts";

/** `message` as one line without its end. */
export function encodeJson<T extends object>(type: MessageType<T>, message: Draft<T>): string {
  return printMessage(type, message as Loose);
}

function printMessage(type: MessageType<object>, message: Loose): string {
  let text = "{";
  for (const field of type.fields) {
    const values = presentValues(type, field, message);
    if (values.length === 0) continue;
    if (text.length > 1) text += ",";
    const printed = field.repeated
      ? `[${values.map((value) => printElement(field.element, value)).join(",")}]`
      : printElement(field.element, values[0]);
    text += `"${field.name}":${printed}`;
  }
  return `${text}}`;
}

function printElement(element: Element, value: unknown): string {
  switch (element.type) {
    case "message":
      return printMessage(element.message(), value as Loose);
    case "enum":
      return printEnum(element.enumeration, value as string | number);
    case "scalar":
      return printScalar(element.scalar, value);
  }
}

function printEnum(type: EnumType<string>, value: string | number): string {
  const known = typeof value === "number" ? enumValue(type, value) : value;
  return typeof known === "number" ? `${known}` : `"${known}"`;
}

function printScalar({ kind }: Scalar<unknown>, value: unknown): string {
  switch (kind) {
    case "key":
      return `"${btoa(value as string)}"`;
    case "bytes":
      return `"${(value as Uint8Array).toBase64()}"`;
    case "string":
      return jsonString(value as string);
    case "bool":
    case "uint32":
      return `${value}`;
    case "int64":
    case "uint64":
    case "id":
    case "unsignedId":
    case "watchId":
      return `"${value}"`;
  }
}

/**
 * A string as Go's `encoding/json` writes it: JSON, in which nothing can be
 * mistaken for HTML or ends a line of JavaScript.
 */
export function jsonString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /\\[\\bf]|[<>&\u2028\u2029]/g,
    (found) => GO_ESCAPES.get(found) ?? found,
  );
}

const GO_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["<", "\\u003c"],
  [">", "\\u003e"],
  ["&", "\\u0026"],
  ["\u2028", "\\u2028"],
  ["\u2029", "\\u2029"],
  ["\\b", "\\u0008"],
  ["\\f", "\\u000c"],
]);
