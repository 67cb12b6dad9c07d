/** Commands of the log in both formats, and what a leader answers to a member that passed one on. */
import { byteStringOf } from "../../src/store/byte_string.ts";
import { decodeCommand, encodeCommand } from "../../src/store/command/codec.ts";
import {
  type Command,
  CommandError,
  type Compare,
  type Operation,
} from "../../src/store/command/command.ts";
import {
  AnswerError,
  decodeEntryId,
  decodeOutcome,
  encodeEntryId,
  encodeFailure,
} from "../../src/service/answer.ts";
import { Store } from "../../src/store/store.ts";
import type { SeededRandom } from "../sim/random.ts";
import { encodeCommandV1 } from "../store/command_v1.ts";
import { compare, put, range, setCommand, treePut } from "../store/commands.ts";
import { anyInteger, anyText, joined, mutated, randomBytes } from "./mutate.ts";
import { bytesOf, expectSame, FuzzError, type Subject } from "./subject.ts";

/** A key that v1 and v2 could set, as text. */
export function anyKey(random: SeededRandom): string {
  const segments = Array.from(
    { length: random.skewed(1, 4) },
    () => anyText(random, 6).replaceAll("/", "") || "k",
  );
  const key = `/${segments.join("/")}`;
  return key.startsWith("/_etcd") ? "/k" : key;
}

/** A clean path, or any bytes. */
function anyName(random: SeededRandom): string {
  if (random.chance(0.7)) return byteStringOf(anyKey(random));
  return String.fromCharCode(...randomBytes(random, random.skewed(1, 5)));
}

function anyRangeEnd(random: SeededRandom): string {
  return random.pick(["", "", "\0", anyName(random)]);
}

function anyValue(random: SeededRandom): Uint8Array {
  return random.chance(0.7)
    ? bytesOf(anyText(random, 40))
    : randomBytes(random, random.skewed(0, 20));
}

function anyTtl(random: SeededRandom, min: number): number | undefined {
  return random.chance(0.3) ? random.integer(min, 100_000) : undefined;
}

function anyLease(random: SeededRandom): bigint {
  return random.pick([0n, 1n, 2n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]);
}

function anySet(random: SeededRandom) {
  return setCommand({
    key: byteStringOf(anyKey(random)),
    value: bytesOf(anyText(random, 40)),
    prevValue: random.chance(0.3) ? bytesOf(anyText(random, 20)) : undefined,
    ttlSeconds: anyTtl(random, -5),
  });
}

function anyCompare(random: SeededRandom): Compare {
  const target = random.pick(["version", "create", "mod", "value", "lease"] as const);
  return compare({
    target,
    key: anyName(random),
    rangeEnd: anyRangeEnd(random),
    operator: random.pick(["equal", "greater", "less", "notEqual"] as const),
    ...(target === "value" && { value: anyValue(random) }),
    ...(target === "lease" && { lease: anyLease(random) }),
    ...(target !== "value" && target !== "lease" && {
      number: random.pick([-(2 ** 63), -1, 0, 1, anyInteger(random), 2 ** 63]),
    }),
  });
}

function anyOperation(random: SeededRandom, depth = 0): Operation {
  const yes = () => random.chance(0.3);
  const key = anyName(random);
  switch (random.integer(0, depth < 3 ? 3 : 2)) {
    case 0:
      return put({
        key,
        value: anyValue(random),
        lease: anyLease(random),
        wantsPrevious: yes(),
        ignoreValue: yes(),
        ignoreLease: yes(),
      });
    case 1:
      return { type: "deleteRange", key, rangeEnd: anyRangeEnd(random), wantsPrevious: yes() };
    case 2:
      return range({
        key,
        rangeEnd: anyRangeEnd(random),
        limit: random.skewed(0, 5),
        revision: random.pick([0, 0, 1, anyInteger(random)]),
        sortOrder: random.pick(["none", "ascend", "descend"] as const),
        sortTarget: random.pick(["key", "version", "create", "mod", "value"] as const),
        keysOnly: yes(),
        countOnly: yes(),
        minModRevision: random.skewed(0, 5),
        maxCreateRevision: random.skewed(0, 5),
      });
    default: {
      const some = <T>(make: () => T) => Array.from({ length: random.skewed(0, 3) }, make);
      const branch = () => some(() => anyOperation(random, depth + 1));
      const compares = some(() => anyCompare(random));
      return { type: "txn", compares, success: branch(), failure: branch() };
    }
  }
}

/** A command of today's format. */
export function anyCommand(random: SeededRandom): Command {
  const yes = () => random.chance(0.3);
  const key = byteStringOf(anyKey(random));
  switch (random.integer(0, 9)) {
    case 0:
      return { type: "delete", key };
    case 1:
      return { type: "expire", key, setIndex: anyInteger(random), isDirectory: yes() };
    case 2:
      return anySet(random);
    case 3:
      return treePut({
        key,
        value: anyValue(random),
        isDirectory: yes(),
        inOrder: yes(),
        prevExist: yes() ? random.chance(0.5) : undefined,
        prevValue: yes() ? anyValue(random) : undefined,
        prevIndex: yes() ? anyInteger(random) : 0,
        ttlSeconds: anyTtl(random, 0),
        refresh: yes(),
      });
    case 4: {
      const prevValue = yes() ? anyValue(random) : undefined;
      const prevIndex = yes() ? anyInteger(random) : 0;
      return {
        type: "treeDelete",
        key,
        isDirectory: yes(),
        recursive: yes(),
        prevValue,
        prevIndex,
      };
    }
    case 5: {
      const keepEvents = random.skewed(0, 100);
      return {
        type: "compact",
        revision: random.skewed(0, 50),
        changeIndex: random.pick([0, 0, anyInteger(random)]),
        keepEvents,
      };
    }
    case 6:
      return { type: "leaseGrant", id: anyLease(random) || 5n, ttlSeconds: anyInteger(random) };
    case 7:
      return { type: "leaseRevoke", id: anyLease(random), grantIndex: random.skewed(0, 3) };
    case 8:
      return {
        type: "alarm",
        action: random.pick(["activate", "deactivate"] as const),
        alarm: random.pick(["noSpace", "corrupt"] as const),
        member: BigInt(anyInteger(random)),
      };
    default:
      return anyOperation(random);
  }
}

function anyBytes(random: SeededRandom): Uint8Array {
  if (random.chance(0.2)) return encodeCommandV1(anySet(random), anyInteger(random));
  const requester = random.chance(0.2)
    ? { user: anyName(random), authRevision: anyInteger(random) }
    : undefined;
  return encodeCommand(anyCommand(random), requester, anyInteger(random) % 2 ** 48);
}

function refusedOr<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    const refusals = [CommandError, AnswerError];
    if (refusals.some((refusal) => error instanceof refusal)) return undefined;
    throw error;
  }
}

const VALID = 1;
/** Applies what decodes: no command that gets into a log may stop a member. */
let store = new Store();
let index = 0;

export const commands: Subject = {
  name: "commands",
  promise: "refused, or the same command again, and one that can be applied",
  make(random) {
    const bytes = anyBytes(random);
    const isValid = random.chance(0.3);
    return joined(Uint8Array.of(isValid ? VALID : 0), isValid ? bytes : mutated(bytes, random));
  },
  check([input]) {
    const bytes = input!.subarray(1);
    const stamped = refusedOr(() => decodeCommand(bytes));
    if (stamped === undefined && input![0] === VALID) throw new FuzzError("Refused");
    checkAnswer(bytes);
    if (stamped === undefined) return;
    const { command, requester } = stamped;
    // Format 1 has room for later times.
    const timeMs = stamped.timeMs % 2 ** 48;
    const again = decodeCommand(encodeCommand(command, requester, timeMs));
    expectSame(again, { command, format: 2, timeMs, requester }, "The command");
    if (store.stats().keys > 1000) store = new Store();
    store.apply(++index, bytes);
  },
};

/** What a leader may answer to a follower, read from anything. */
function checkAnswer(bytes: Uint8Array): void {
  const id = refusedOr(() => decodeEntryId(bytes));
  if (id !== undefined) expectSame(encodeEntryId(id), bytes, "The entry");
  const outcome = refusedOr(() => decodeOutcome(bytes));
  if (outcome === undefined || outcome.ok) return;
  expectSame(decodeOutcome(encodeFailure(outcome)), outcome, "The failure");
}
