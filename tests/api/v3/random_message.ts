/** Messages of any type, made from its table: mostly plain, now and then at an edge. */
import type { Element, MessageType } from "../../../src/api/v3/messages/table.ts";
import { watchId } from "../../../src/api/v3/messages/scalars.ts";
import type { SeededRandom } from "../../sim/random.ts";

const NUMBERS = [0, 1, -1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 42, Number.MAX_SAFE_INTEGER - 1];
const IDS = [0n, 1n, -1n, 2n ** 53n, 2n ** 62n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const TEXTS = ["", "a", "http://127.0.0.1:2379", "é☃𝄞", "<&>", '"\\\n\u0000', "\u2028"];

/** A message that has some of its fields; what is left out has its zero. */
export function randomMessage<T extends object>(
  type: MessageType<T>,
  random: SeededRandom,
  depth = 0,
): T {
  const message: Record<string, unknown> = { ...type.empty };
  const chance = random.pick([0.1, 0.5, 0.9]);
  const value = (element: Element) => randomValue(element, random, depth);
  const taken = new Map<string, string>();
  for (const field of random.shuffled(type.fields)) {
    const { element, property, oneof } = field;
    if (!random.chance(chance) || (element.type === "message" && depth > 4)) continue;
    if (oneof !== undefined && taken.has(oneof)) continue;
    if (field.repeated) {
      message[property] = Array.from({ length: random.skewed(0, 4) }, () => value(element));
    } else if (oneof === undefined) {
      message[property] = value(element);
    } else {
      taken.set(oneof, property);
      const member = { kind: property, value: value(element) };
      if (type.isUnion) return member as unknown as T;
      message[oneof] = member;
    }
  }
  return message as T;
}

function randomValue(element: Element, random: SeededRandom, depth: number): unknown {
  switch (element.type) {
    case "message":
      return randomMessage(element.message(), random, depth + 1);
    case "enum":
      return random.chance(0.1)
        ? random.pick([17, 2 ** 31 - 1, -1])
        : random.pick(element.enumeration.names);
    case "scalar":
      return randomScalar(element.scalar.kind, random);
  }
}

function randomScalar(
  kind: (Element & { type: "scalar" })["scalar"]["kind"],
  random: SeededRandom,
): unknown {
  const length = random.skewed(0, random.chance(0.1) ? 300 : 12);
  const byte = () => random.integer(0, 255);
  switch (kind) {
    case "key":
      return String.fromCharCode(...Array.from({ length }, byte));
    case "bytes":
      return Uint8Array.from({ length }, byte);
    case "string":
      return random.pick(TEXTS);
    case "bool":
      return random.chance(0.5);
    case "int64":
      return random.chance(0.3) ? random.pick(NUMBERS) : random.skewed(0, 2 ** 40);
    case "uint64":
      return random.chance(0.3) ? Math.abs(random.pick(NUMBERS)) : random.skewed(0, 2 ** 40);
    case "uint32":
      return random.skewed(0, 2 ** 32 - 1);
    case "id":
      return random.pick(IDS);
    case "unsignedId":
      return BigInt.asUintN(64, random.pick(IDS));
    case "watchId":
      return watchId(random.pick(IDS));
  }
}
