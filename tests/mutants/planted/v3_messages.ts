/** Planted bugs in what the v3 API reads from clients and writes to them. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const V3 = "tests/api/v3";
const MESSAGES = "src/api/v3/messages";

export const V3_MESSAGE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf(`${MESSAGES}/wire_reader.ts`, V3, [
    [
      "a revision beyond 2^53 is rounded",
      "numbers of 64 bits are exact or at their bound",
      "if (high >= HIGH_MAX) return Number.MAX_SAFE_INTEGER;",
      "",
    ],
    [
      "a length may reach beyond its message",
      "no message reads the bytes of another",
      'if (length > this.end - this.offset) throw new MessageError("unexpected EOF");',
      'if (length > this.bytes.length - this.offset) throw new MessageError("unexpected EOF");',
    ],
    [
      "transactions may be nested without end",
      "no request exhausts the stack",
      "if (depth >= DEPTH_MAX) {",
      "if (depth < 0) {",
    ],
    [
      "a string that is no UTF-8 is taken with other characters",
      "no name is stored that nobody sent",
      'return text.includes("\\uFFFD") ? strictText',
      'return text.includes("\\uFFFF") ? strictText',
    ],
  ]),
  ...mutantsOf(`${MESSAGES}/scalars.ts`, V3, [
    [
      "a watch's id beyond 2^53 comes back as another one",
      "a client gets the events of the watch that it named",
      "if (Math.abs(value) < Number.MAX_SAFE_INTEGER) return value;",
      "if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;",
    ],
  ]),
  ...mutantsOf(`${MESSAGES}/hand.ts`, V3, [
    [
      "a known field of another wire type is passed over",
      "a codec by hand refuses what the table refuses",
      "if (name !== undefined) wrongWireType(tag, name);",
      "",
    ],
  ]),
  ...mutantsOf(`${MESSAGES}/hand_txn.ts`, V3, [
    [
      "an operand of zero is not written",
      "a comparison with 0 stays one",
      '      return 1 + varintSize(operand.value);\n    case "value":',
      '      return operand.value === 0 ? 0 : 1 + varintSize(operand.value);\n    case "value":',
    ],
  ]),
  ...mutantsOf(`${MESSAGES}/json_decode.ts`, V3, [
    [
      "a lease's id goes through a number",
      "ids keep 64 bits",
      'return integer(json, INT64, "int64");',
      'return BigInt(Number(integer(json, INT64, "int64")));',
    ],
    [
      "a key that was not encoded becomes another one",
      "what is no base64 is refused",
      "if (fault >= 0) throw",
      "if (fault > 4) throw",
    ],
    [
      "a byte in a list may be any number",
      "what is no byte is refused",
      "const UINT8: Bounds = [0n, 2n ** 8n - 1n];",
      "const UINT8: Bounds = [0n, 2n ** 32n - 1n];",
    ],
    [
      "a stream that begins with no message is taken for an empty one",
      "who sends what is no message is told so",
      "|| messages.length === 0) throw error;",
      ") throw error;",
    ],
  ]),
  ...mutantsOf("src/api/v3/framing.ts", V3, [
    [
      "a packed message may be of any size when it is unpacked",
      "memory is bounded whatever a client sends",
      "const result = gunzipped(bytes, bytesMax + 1);",
      "const result = gunzipped(bytes, 2 ** 30);",
    ],
    [
      "a message may be of any length",
      "memory is bounded whatever a client sends",
      "if (length > this.#bytesMax) throw tooLarge(length, this.#bytesMax);",
      "",
    ],
  ]),
];
