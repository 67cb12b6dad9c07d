/** Commands of the log, operations of a follower's client and the answers to them. */
import type { Command } from "../../src/store/command.ts";
import { CommandError, decodeCommand, encodeCommand } from "../../src/store/command.ts";
import { AnswerError, decodeOutcome, encodeFailure } from "../../src/service/answer.ts";
import { decodeOperation } from "../../src/store/operation.ts";
import { decodeResult, encodeResult, ResultError } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import type { SeededRandom } from "../sim/random.ts";
import { anyInteger, anyText, joined, mutated } from "./mutate.ts";
import { expectSame, FuzzError, type Subject } from "./subject.ts";

export function anyKey(random: SeededRandom): string {
  const segments = Array.from(
    { length: random.skewed(1, 4) },
    () => anyText(random, 6).replaceAll("/", "") || "k",
  );
  const key = `/${segments.join("/")}`;
  return key.startsWith("/_etcd") ? "/k" : key;
}

export function anyCommand(random: SeededRandom): Command {
  const [key, timeMs] = [anyKey(random), anyInteger(random)];
  switch (random.integer(0, 5)) {
    case 0:
      return { type: "delete", key, timeMs };
    case 1:
      return { type: "expire", key, setIndex: anyInteger(random), timeMs };
    default:
      return {
        type: "set",
        key,
        value: anyText(random, 40),
        prevValue: random.chance(0.3) ? anyText(random, 20) : undefined,
        ttlSeconds: random.chance(0.3) ? random.integer(-5, 100_000) : undefined,
        timeMs,
      };
  }
}

function refusedOr<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    const refusals = [CommandError, ResultError, AnswerError];
    if (refusals.some((refusal) => error instanceof refusal)) return undefined;
    throw error;
  }
}

const VALID = 1;
/** Applies what decodes: no command that gets into a log may stop a member. */
let store = new Store({ historyMax: 10 });
let index = 0;

export const commands: Subject = {
  name: "commands",
  promise: "refused, or the same command again, and one that can be applied",
  make(random) {
    const bytes = encodeCommand(anyCommand(random));
    const isValid = random.chance(0.3);
    return joined(Uint8Array.of(isValid ? VALID : 0), isValid ? bytes : mutated(bytes, random));
  },
  check([input]) {
    const bytes = input!.subarray(1);
    const command = refusedOr(() => decodeCommand(bytes));
    if (command === undefined && input![0] === VALID) throw new FuzzError("Refused");
    const operation = refusedOr(() => decodeOperation(bytes));
    expectSame(operation, command?.type === "expire" ? undefined : command, "The operation");
    checkAnswer(bytes);
    if (command === undefined) return;
    expectSame(decodeCommand(encodeCommand(command)), command, "The command");
    if (store.stats().keys > 1000) store = new Store({ historyMax: 10 });
    store.apply(++index, bytes);
  },
};

/** What a leader may answer to a follower, read from anything. */
function checkAnswer(bytes: Uint8Array): void {
  const result = refusedOr(() => decodeResult(bytes));
  if (result !== undefined) expectSame(decodeResult(encodeResult(result)), result, "The result");
  const outcome = refusedOr(() => decodeOutcome(bytes));
  if (outcome === undefined || outcome.ok) return;
  expectSame(decodeOutcome(encodeFailure(outcome)), outcome, "The failure");
}
