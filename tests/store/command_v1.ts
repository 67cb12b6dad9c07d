/** Commands as version 1.0 wrote them: nothing in the program writes them any longer. */
import { ByteWriter } from "../../src/base/bytes.ts";
import { textOf } from "../../src/store/byte_string.ts";
import type { DeleteCommand, ExpireCommand, SetCommand } from "../../src/store/command/command.ts";
import { asBytes } from "../../src/store/value.ts";

const VERSION = 1;
const KINDS = { set: 1, delete: 2, expire: 3 } as const;
const HAS_PREV_VALUE = 0x10;
const HAS_TTL = 0x20;
const TTL_NEGATIVE = 0x40;

/** The bytes of `command`, whose key and values are UTF-8. */
export function encodeCommandV1(
  command: SetCommand | DeleteCommand | ExpireCommand,
  timeMs: number,
): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(1000 + 3 * JSON.stringify(command).length));
  writer.byte(VERSION);
  writer.byte(KINDS[command.type] | (command.type === "set" ? flagsOf(command) : 0));
  writer.integer(timeMs);
  writer.text(textOf(command.key));
  if (command.type === "expire") writer.integer(command.setIndex);
  if (command.type === "set") {
    const { value, prevValue, ttlSeconds } = command;
    for (const each of prevValue === undefined ? [value] : [value, prevValue]) {
      writer.integer(asBytes(each).length);
      writer.copy(asBytes(each));
    }
    if (ttlSeconds !== undefined) writer.integer(Math.abs(ttlSeconds));
  }
  return writer.bytes.slice(0, writer.offset);
}

function flagsOf({ prevValue, ttlSeconds }: SetCommand): number {
  return (prevValue === undefined ? 0 : HAS_PREV_VALUE) | (ttlSeconds === undefined ? 0 : HAS_TTL) |
    (ttlSeconds !== undefined && ttlSeconds < 0 ? TTL_NEGATIVE : 0);
}
