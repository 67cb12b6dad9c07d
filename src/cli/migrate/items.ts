/** Keys as v3's JSON has them: values stay in base64, because nothing here looks into them. */
import type { ByteString } from "../../store/byte_string.ts";
import { CommandError } from "../command.ts";
import type { Fields } from "../gateway.ts";

/** A key that is there. */
export interface Item {
  readonly key: ByteString;
  /** Base64. */
  readonly value: string;
  /** As text, because it has 64 bits; "0" is none. */
  readonly lease: string;
}

/** The lowest key of all, and as the end of a range: all from its begin on. */
export const FIRST_KEY: ByteString = "\0";

/** The key that follows `key` at once. */
export function after(key: ByteString): ByteString {
  return `${key}\0`;
}

/** Base64 of a key. */
export function encoded(key: ByteString): string {
  return btoa(key);
}

/** Of a `KeyValue` in JSON. */
export function itemOf(fields: Fields): Item {
  return {
    key: atob(textOf(fields, "key")),
    value: textOf(fields, "value"),
    lease: textOf(fields, "lease") || "0",
  };
}

/** Bytes that a value or key in base64 stands for, about. */
export function bytesOf({ key, value }: Item): number {
  return key.length + value.length * 3 / 4;
}

/** A text, or a number as text; "" for what is left out. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw unexpected(name, value);
}

/** A number below 2^53, which JSON has as text; 0 for what is left out. */
export function numberOf(fields: Fields, name: string): number {
  const value = Number(textOf(fields, name));
  if (Number.isSafeInteger(value)) return value;
  throw unexpected(name, fields[name]);
}

/** An object; empty for what is left out. */
export function fieldsOf(fields: Fields, name: string): Fields {
  const value = fields[name] ?? {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Fields;
  throw unexpected(name, value);
}

/** A list of objects; empty for what is left out. */
export function listOf(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value)) return value as readonly Fields[];
  throw unexpected(name, value);
}

function unexpected(name: string, value: unknown): CommandError {
  return new CommandError(
    `Expected v3's "${name}" in the answer, found ${JSON.stringify(value).slice(0, 80)}`,
  );
}
