/**
 * Messages from bytes and to bytes: by the codec that was written for a message,
 * else by its table.
 */
import { type Draft, type HandCodec, Lengths, type MessageType } from "./table.ts";
import { tableCodec } from "./table_codec.ts";
import { WireReader } from "./wire_reader.ts";
import type { WireWriter } from "./wire_writer.ts";

/** Tables' codecs, made when they are first asked for. */
const tables = new WeakMap<MessageType<object>, HandCodec<object>>();

/**
 * The message that `bytes` are. Values of type `Uint8Array` in it are views of
 * them: whoever keeps those beyond the life of `bytes` copies them. Throws
 * `MessageError`.
 */
export function decode<T extends object>(
  type: MessageType<T>,
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): T {
  return codecOf(type).read(new WireReader(bytes, start, end), 0, undefined);
}

/** A message that has been measured and not been written. */
export interface Prepared {
  /** In bytes. */
  readonly size: number;
  /** Appends those bytes; to be called once, while the message is still the same. */
  write(writer: WireWriter): void;
}

/** Measures `message`. What is zero or left out will not be written. */
export function prepare<T extends object>(type: MessageType<T>, message: Draft<T>): Prepared {
  const codec = codecOf(type);
  const lengths = new Lengths();
  const size = codec.measure(message, lengths);
  return { size, write: (writer) => codec.write(message, writer, lengths) };
}

/** Appends the bytes of `message`; returns how many they are. */
export function encode<T extends object>(
  type: MessageType<T>,
  message: Draft<T>,
  writer: WireWriter,
): number {
  const { size, write } = prepare(type, message);
  writer.reserve(size);
  write(writer);
  return size;
}

/** The codec of a message, by hand if there is one. */
export function codecOf<T extends object>(type: MessageType<T>): HandCodec<T> {
  if (type.byHand !== undefined) return type.byHand;
  const known = tables.get(type);
  if (known !== undefined) return known as HandCodec<T>;
  const codec = tableCodec(type, codecOf);
  tables.set(type, codec);
  return codec as HandCodec<T>;
}
