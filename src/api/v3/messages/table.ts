/**
 * The table of fields: what a message is made of, as data. It drives the bytes
 * (`table_codec.ts`) and the JSON of every message; the compiler holds it
 * against the message's interface, so that no property is missing, invented, or
 * of another kind.
 *
 * Properties are the proto's names in camel case, and in the house's way for
 * `ID`, `TTL` and `URL` (`id`, `remainingTtl`, `peerUrls`); a field whose proto
 * name is not its property gives it. A field of an enum holds a name, or a number
 * that has none. A message that is absent is undefined; every other field has its
 * zero. A `oneof` is `{ kind, value }`, or undefined when none is set.
 */
import { assert } from "../../../base/assert.ts";
import {
  BOOL,
  BYTES,
  type Enum,
  type EnumType,
  ID,
  INT64,
  KEY,
  type Scalar,
  STRING,
  UINT32,
  UINT64,
  UNSIGNED_ID,
  WATCH_ID,
  type WatchId,
} from "./scalars.ts";
import type { WireReader } from "./wire_reader.ts";
import type { WireWriter } from "./wire_writer.ts";

/** What one value of a field is. */
export type Element =
  | { readonly type: "scalar"; readonly scalar: Scalar<unknown> }
  | { readonly type: "enum"; readonly enumeration: EnumType<string> }
  | { readonly type: "message"; readonly message: () => MessageType<object> };

/** A field as a message's table gives it. `V` is the type of its property. */
export type Field<V> = SingleField<V> | OneofField<V>;

interface SingleField<V> {
  readonly type: "single";
  readonly number: number;
  /** The proto's name; the property's when left out. */
  readonly name: string | undefined;
  readonly element: Element;
  readonly repeated: boolean;
  readonly zero: V;
}

interface OneofField<V> {
  readonly type: "oneof";
  readonly members: Readonly<Record<string, SingleField<unknown>>>;
  readonly zero: V;
}

/** A field as the codecs use it. */
export interface TableField {
  readonly number: number;
  /** The proto's name, which JSON prints. */
  readonly name: string;
  /** Its camel case, which JSON takes as well. */
  readonly jsonName: string;
  readonly property: string;
  /** The property that holds `{ kind, value }`, whose kind is `property` then. */
  readonly oneof: string | undefined;
  readonly repeated: boolean;
  readonly element: Element;
}

/** A codec written by hand for a message that is read or written all the time. */
export interface HandCodec<T> {
  /** Reads up to the reader's end, over what was read of the same field before. */
  read(reader: WireReader, depth: number, previous: T | undefined): T;
  /** The size; remembers those of parts whose own size is costly. */
  measure(message: Draft<T>, lengths: Lengths): number;
  /** Writes what was measured, and takes the remembered sizes in the same order. */
  write(message: Draft<T>, writer: WireWriter, lengths: Lengths): void;
}

/** A message: its name, its fields by number, and its codec if that is written by hand. */
export interface MessageType<T> {
  /** E.g. `etcdserverpb.PutRequest`. */
  readonly name: string;
  readonly fields: readonly TableField[];
  readonly byNumber: ReadonlyMap<number, TableField>;
  /** A message without any field. */
  readonly empty: Readonly<Record<string, unknown>>;
  /** A message that is nothing but a oneof is `{ kind, value }` itself, or `{ kind: "none" }`. */
  readonly isUnion: boolean;
  readonly byHand: HandCodec<T> | undefined;
}

/** A oneof that is a message of its own. */
export type Union<M extends object> = UnionMember<M> | { readonly kind: "none" };

/** A oneof within a message. */
export type UnionMember<M extends object> = {
  readonly [K in keyof M & string]: { readonly kind: K; readonly value: M[K] };
}[keyof M & string];

/** A message to be written: whatever is left out has its zero. */
export type Draft<T> = T extends string | number | bigint | boolean | Uint8Array | undefined ? T
  : T extends readonly (infer E)[] ? readonly Draft<E>[]
  : T extends { readonly kind: infer K; readonly value: infer V }
    ? { readonly kind: K; readonly value: Draft<V> }
  : T extends { readonly kind: "none" } ? T
  : { readonly [K in keyof T]?: Draft<T[K]> | undefined };

/** Sizes of nested messages, measured once and taken when they are written. */
export class Lengths {
  readonly #values: number[] = [];
  #next = 0;

  /** A place for a size that is known after those of the parts. */
  open(): number {
    return this.#values.push(0) - 1;
  }

  close(place: number, size: number): void {
    this.#values[place] = size;
  }

  take(): number {
    const size = this.#values[this.#next++];
    assert(size !== undefined, "A size must be measured before it is written");
    return size;
  }
}

type Table<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** A message of the proto package `etcdserverpb` unless `name` has its own. */
export function message<T extends object>(
  name: string,
  table: Table<T>,
  byHand?: HandCodec<T>,
): MessageType<T> {
  const entries = Object.entries<Field<unknown>>(table);
  const fields = entries.flatMap(([property, field]) =>
    field.type === "single"
      ? [tableField(property, field, undefined)]
      : Object.entries(field.members).map(([kind, one]) => tableField(kind, one, property))
  );
  const empty = Object.fromEntries(entries.map(([property, { zero }]) => [property, zero]));
  return messageType(name, fields, empty, false, byHand);
}

/** A message that is one oneof and nothing else. */
export function union<M extends object>(
  name: string,
  members: { readonly [K in keyof M]-?: SingleField<M[K] | undefined> },
  byHand?: HandCodec<Union<M>>,
): MessageType<Union<M>> {
  const fields = Object.entries<SingleField<unknown>>(members)
    .map(([kind, field]) => tableField(kind, field, "value"));
  return messageType(name, fields, { kind: "none" }, true, byHand);
}

function messageType<T>(
  name: string,
  fields: readonly TableField[],
  empty: Readonly<Record<string, unknown>>,
  isUnion: boolean,
  byHand: HandCodec<T> | undefined,
): MessageType<T> {
  const byNumber = new Map(fields.map((field) => [field.number, field]));
  assert(byNumber.size === fields.length, "The numbers of a message's fields must differ");
  return {
    name: name.includes(".") ? name : `etcdserverpb.${name}`,
    fields: fields.toSorted((a, b) => a.number - b.number),
    byNumber,
    empty,
    isUnion,
    byHand,
  };
}

function tableField(
  property: string,
  { number, name = property, element, repeated }: SingleField<unknown>,
  oneof: string | undefined,
): TableField {
  const jsonName = name.replace(/_([a-zA-Z])/g, (_, letter: string) => letter.toUpperCase());
  return { number, name, jsonName, property, oneof, repeated, element };
}

type Build<V> = (number: number, name?: string) => SingleField<V>;

function scalar<V>(scalar: Scalar<V>): Build<V> {
  const element: Element = { type: "scalar", scalar: scalar as Scalar<unknown> };
  return (number, name) => ({
    type: "single",
    number,
    name,
    element,
    repeated: false,
    zero: scalar.zero,
  });
}

/** Fields of one scalar each; see `scalars.ts` for what they hold. */
export const key: Build<string> = scalar(KEY);
/** Bytes that are not ordered by. */
export const bytes: Build<Uint8Array> = scalar(BYTES);
/** UTF-8. */
export const string: Build<string> = scalar(STRING);
/** A flag. */
export const bool: Build<boolean> = scalar(BOOL);
/** A signed number. */
export const int64: Build<number> = scalar(INT64);
/** A number without a sign. */
export const uint64: Build<number> = scalar(UINT64);
/** 32 bits without a sign. */
export const uint32: Build<number> = scalar(UINT32);
/** A lease. */
export const id: Build<bigint> = scalar(ID);
/** A member or a cluster. */
export const unsignedId: Build<bigint> = scalar(UNSIGNED_ID);
/** A watch. */
export const watchIdField: Build<WatchId> = scalar(WATCH_ID);

/** A field of an enum. */
export function enumeration<const N extends string>(
  number: number,
  type: EnumType<N>,
  name?: string,
): SingleField<Enum<N>> {
  const element: Element = { type: "enum", enumeration: type };
  return { type: "single", number, name, element, repeated: false, zero: type.names[0]! };
}

/** A message in a message; behind a function, since messages may hold each other. */
export function sub<T extends object>(
  number: number,
  type: () => MessageType<T>,
  name?: string,
): SingleField<T | undefined> {
  const element: Element = { type: "message", message: type as () => MessageType<object> };
  return { type: "single", number, name, element, repeated: false, zero: undefined };
}

const NONE: readonly never[] = Object.freeze([]);

/** A list of what `field` is one of. */
export function repeated<V>(field: SingleField<V>): SingleField<readonly NonNullable<V>[]> {
  return { ...field, repeated: true, zero: NONE };
}

/** At most one of `members`, which share a property. */
export function oneof<M extends object>(
  members: { readonly [K in keyof M]-?: SingleField<M[K] | undefined> },
): OneofField<UnionMember<M> | undefined> {
  return { type: "oneof", members, zero: undefined };
}
