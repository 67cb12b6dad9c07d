/** Commands of v1 as bytes, for tests that need something in the log. */
import { byteStringOf } from "../../src/store/byte_string.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { NOBODY, type SetCommand } from "../../src/store/command/command.ts";

/** The bytes of a set of `key`, stamped with `timeMs`. */
export function setting(
  key: string,
  value: string,
  timeMs: number,
  rest: Partial<Pick<SetCommand, "prevValue" | "ttlSeconds">> = {},
): Uint8Array {
  const command = {
    type: "set",
    key: byteStringOf(key),
    value,
    ...NO_CONDITIONS,
    ...rest,
  } as const;
  return encodeCommand(command, NOBODY, timeMs);
}

const NO_CONDITIONS = { prevValue: undefined, ttlSeconds: undefined };
