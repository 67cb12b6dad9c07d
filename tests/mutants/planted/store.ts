/** Planted bugs of the state machine. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const STORE = "tests/store";

export const STORE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/store/store.ts", STORE, [
    [
      "a late expiry takes a key that was set again",
      "an expiry is guarded by the index of its set",
      "item === DIRECTORY || item.setIndex !== setIndex) return NOTHING;",
      "item === DIRECTORY) return NOTHING;",
    ],
    [
      "watches miss what a snapshot jumped over",
      "a watch sees every event, or is told of the gap",
      "this.watches.catchUp(appliedIndex);",
      "",
    ],
    [
      "a test-and-set does not test",
      "a test-and-set compares",
      "if (item.value !== prevValue) return testFailed(key, prevValue, item.value);",
      "",
    ],
    [
      "a reader sees a key past its deadline",
      "a key is gone at its deadline",
      "item.deadlineMs <= nowMs;",
      "item.deadlineMs <= nowMs - 1;",
    ],
    [
      "the store's time goes back",
      "the log is stamped with ascending times",
      "head.timeMs = Math.max(head.timeMs, command.timeMs);",
      "head.timeMs = command.timeMs;",
    ],
    [
      "an event is told before the history has it",
      "what a callback watches finds the event in the history",
      "this.#history.push(event);\n    this.watches.publish(event);",
      "this.watches.publish(event);\n    this.#history.push(event);",
    ],
    [
      "a deadline may be beyond the year 9999",
      "every deadline can be written down (RFC 3339)",
      "return Math.min(timeMs + ttlSeconds * 1000, DEADLINE_MS_MAX);",
      "return timeMs + ttlSeconds * 1000;",
    ],
  ]),
  ...mutantsOf("src/store/watch_hub.ts", STORE, [
    [
      "a gap in the history is not told",
      "a watch sees every event, or is told of the gap",
      "const missed = clearedBefore > index + 1 ? this.#takeMissed(clearedBefore) : [];",
      "const missed: Waiter[] = [];",
    ],
    [
      "a watch covers names that only begin alike",
      "a watch is for its path and what is under it",
      "return key.startsWith(path) && key.charCodeAt(path.length) === SLASH;",
      "return key.startsWith(path);",
    ],
    [
      "a watch fires before its index",
      "a watch from an index gets nothing older",
      "if (first.since > index) return;",
      "if (first.since > index + 1) return;",
    ],
    [
      "a cancelled watch is called back",
      "a cancelled watch is over",
      "if (waiter.over) continue;",
      "",
    ],
  ]),
  ...mutantsOf("src/store/history.ts", STORE, [
    [
      "the history claims one event that it dropped",
      "a watch sees every event, or is told of the gap",
      "this.#clearedBefore = oldest.index + 1;",
      "this.#clearedBefore = oldest.index;",
    ],
    [
      "the history is bounded in number only",
      "large values cost bounded memory",
      "(this.#chars > this.#charsMax && this.size > 0)",
      "false",
    ],
  ]),
  ...mutantsOf("src/store/key.ts", STORE, [
    [
      "a key may have any number of levels",
      "a request costs memory in proportion to its size",
      "return levels > KEY_LEVELS_MAX;",
      "return false;",
    ],
  ]),
  ...mutantsOf("src/store/tree.ts", STORE, [
    [
      "a replaced file's deadline stays",
      "a key lives by its newest TTL",
      "if (before !== undefined) this.#uncountFile(key, before);",
      "if (before !== undefined) this.#count(before.bytes.subarray(before.at, recordEnd(before.bytes, before.at)), -1);",
    ],
    [
      "a removed file stays in the digest",
      "equal states have equal digests",
      "this.#hashLow = (this.#hashLow + sign * low) | 0;",
      "this.#hashLow = (this.#hashLow + low) | 0;",
    ],
    [
      "a listing shows keys past their deadline",
      "a key is gone at its deadline",
      "if (deadlineMs === 0 || deadlineMs > nowMs) {",
      "if (deadlineMs >= 0) {",
    ],
    [
      "a file may be under a file",
      "the parent of a key is a directory",
      "else return false;",
      "else break;",
    ],
  ]),
  ...mutantsOf("src/store/image_reader.ts", STORE, [
    [
      "a restored state is not compared with its digest",
      "damage is found, never served",
      'expectHash("state", reader.text(), digestOf(this.#head!, this.#tree.hash));',
      "reader.text();",
    ],
    [
      "an image without its end is whole",
      "damage is found, never served",
      "this.#head === undefined || this.#kind !== END || this.#blocks.size > 0",
      "this.#head === undefined",
    ],
  ]),
];
