/** Planted bugs of the state machine: what v1's commands do, watches and images. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const STORE = "tests/store";

export const STORE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/store/store.ts", STORE, [
    [
      "a lifetime is told by a clock that is behind",
      "a TTL that was just set is told as it was set",
      "return Math.max(nowMs, this.#head.timeMs);",
      "return nowMs;",
      "tests/api/lifetimes_test.ts",
    ],
    [
      "watches miss what a snapshot jumped over",
      "a watch sees every event, or is told of the gap",
      "this.watches.afterRestore(reached);",
      "",
    ],
    [
      "the store's time goes back",
      "the log is stamped with ascending times",
      "const timeMs = Math.max(this.#head.timeMs, stamped.timeMs);",
      "const timeMs = stamped.timeMs;",
    ],
    [
      "an event is told before the store has its numbers",
      "what a callback reads is as new as the event",
      "this.#advance(stamped, change, result);",
      "this.watches.publish(change.events.splice(0));\n    this.#advance(stamped, change, result);",
    ],
  ]),
  ...mutantsOf("src/store/tree/v1_writes.ts", STORE, [
    [
      "a test-and-set does not test",
      "a test-and-set compares",
      "if (Buffer.compare(bytes.subarray(start, end), expected) !== 0) {",
      "if (end < start) {",
    ],
    [
      "a file may be under a file",
      "the parent of a key is a directory",
      " || keys.fileAbove(key) !== undefined",
      "",
    ],
  ]),
  ...mutantsOf("src/store/tree/v2_writes.ts", STORE, [
    [
      "a late expiry takes a key that was set again",
      "an expiry is guarded by the index of its set",
      "found === undefined || setIndexAt(found.bytes, found.at) !== setIndex",
      "found === undefined",
    ],
  ]),
  ...mutantsOf("src/store/tree/deadline.ts", STORE, [
    [
      "a deadline may be beyond the year 9999",
      "every deadline can be written down (RFC 3339)",
      "return Math.min(timeMs + ttlSeconds * 1000, DEADLINE_MS_MAX);",
      "return timeMs + ttlSeconds * 1000;",
    ],
  ]),
  ...mutantsOf("src/store/tree/listing.ts", STORE, [
    [
      "a reader sees a key past its deadline",
      "a key is gone at its deadline",
      "return deadlineMs !== 0 && deadlineMs <= nowMs;",
      "return deadlineMs !== 0 && deadlineMs <= nowMs - 1;",
    ],
    [
      "a listing shows keys past their deadline",
      "a key is gone at its deadline",
      "if (!isPast(item.deadlineMs, nowMs)) yield item;",
      "yield item;",
    ],
  ]),
  ...mutantsOf("src/store/watch/hub.ts", STORE, [
    [
      "a gap in the history is not told",
      "a watch sees every event, or is told of the gap",
      "watch.isCleared = watch.isCleared || mayHaveMissed;",
      "",
    ],
    [
      "a watch fires before its index",
      "a watch from an index gets nothing older",
      "if (seen === undefined || event[numberOf(watch.view)] < watch.since) continue;",
      "if (seen === undefined || event[numberOf(watch.view)] + 1 < watch.since) continue;",
    ],
    [
      "a cancelled watch is called back",
      "a cancelled watch is over",
      "if (seen !== undefined && watch.isSynced) watch.callbacks.onEvents(seen);",
      "if (seen !== undefined) watch.callbacks.onEvents(seen);",
    ],
  ]),
  ...mutantsOf("src/store/watch/range_index.ts", STORE, [
    [
      "a prefix hides another of its length",
      "a watch of a prefix sees all under it",
      "if (there?.length === start.length) there.count++;",
      "if (there?.length === start.length) return;",
    ],
    [
      "a watch of a prefix is told twice",
      "a watch is told of an event once",
      "if (start.length === length && key.startsWith(start)) visit(watches);",
      "if (key.startsWith(start)) visit(watches);",
    ],
    [
      "a watch of a prefix sees keys that only have its hash",
      "a watch sees its range alone",
      "if (start.length === length && key.startsWith(start)) visit(watches);",
      "if (start.length === length) visit(watches);",
    ],
    [
      "a prefix that nobody watches any longer hides others of its length",
      "a watch of a prefix sees all under it",
      "if (--this.#lengths[place]!.count === 0) this.#lengths.splice(place, 1);",
      "this.#lengths.splice(place, 1);",
    ],
  ]),
  ...mutantsOf("src/store/watch/view.ts", STORE, [
    [
      "a watch covers names that only begin alike",
      "a watch is for its path and what is under it",
      "key.length > path.length && key.startsWith(path) && key.charCodeAt(path.length) === 0x2f",
      "key.length > path.length && key.startsWith(path)",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/keyspace.ts", STORE, [
    [
      "the history claims events that it lets go of",
      "a watch sees every event, or is told of the gap",
      "this.#cleared = this.versions.numbersBefore(place);",
      "this.#cleared = this.versions.cutOff;",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/tally.ts", STORE, [
    [
      "a replaced file's deadline stays",
      "a key lives by its newest TTL",
      "if (deadlineMs !== 0) this.deadlines.delete(deadlineMs, key, false);",
      "",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/record_hash.ts", STORE, [
    [
      "a removed file stays in the digest",
      "equal states have equal digests",
      "this.low = (this.low + sign * low) | 0;",
      "this.low = (this.low + low) | 0;",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/versions.ts", STORE, [
    [
      "the history is bounded in age only",
      "large values cost bounded memory",
      "(!isOld && size <= bytesMax)",
      "!isOld",
    ],
  ]),
  ...mutantsOf("src/store/path.ts", STORE, [
    [
      "a key may have any number of levels",
      "a request costs memory in proportion to its size",
      "return levels > PATH_LEVELS_MAX;",
      "return false;",
    ],
  ]),
  ...mutantsOf("src/store/image/proof.ts", "tests/store/image_proof_test.ts", [
    [
      "the proof of an image counts what was deleted",
      "an image that a store takes in is proven",
      "if ((flagsAt(bytes, at) & TOMBSTONE) === 0) this.hash",
      "this.hash",
    ],
    [
      "an image whose keys come in no order is proven",
      "what is proven, a store takes in",
      "compareKeys(last, lastAt, bytes, at) >= 0",
      "compareKeys(last, lastAt, bytes, at) > 2 ** 32",
    ],
  ]),
  ...mutantsOf("src/store/image/reader.ts", STORE, [
    [
      "a restored state is not compared with its digest",
      "damage is found, never served",
      'expectHash("state", reader.byteString(), digest);',
      "reader.byteString();",
    ],
    [
      "an image without its end is whole",
      "damage is found, never served",
      "this.#head === undefined || this.#kind !== END",
      "this.#head === undefined",
    ],
  ]),
];
