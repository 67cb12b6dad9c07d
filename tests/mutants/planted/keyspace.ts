/** Planted bugs of versions, compaction, directories, watches that fall back, transactions and leases. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const STORE = "tests/store";

export const KEYSPACE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/store/kv/range.ts", `${STORE}/keyspace_test.ts`, [
    [
      "a part of a range costs as much as all of it",
      "one request keeps nobody else waiting",
      "if (found.length >= max) break;",
      "if (found.length > max) found.pop();",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/versions.ts", `${STORE}/versions_test.ts`, [
    [
      "what was cut off stays in memory",
      "memory is bounded whatever a client asks for",
      "this.#chunks[this.#firstChunk++] = NO_CHUNK;",
      "this.#firstChunk++;",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/versions.ts", STORE, [
    [
      "a version does not know what came after it",
      "an event of the past tells what it left",
      "const previous = placeAt(before, beforeAt);\n      if (this.has(previous)) this.#setNext(previous, this.#end);",
      "",
    ],
    [
      "an image loses the links between versions",
      "an event of the past tells what it left",
      "const previous = placeAt(image, at + CONTENT_AT);\n      if (this.has(previous)) this.#setNext(previous, this.#end);",
      "",
    ],
    [
      "the list forgets that it has cut something off",
      "a watch sees every event, or is told of the gap",
      "this.#cutOff = numbersAt(entry);",
      "",
    ],
  ]),
  ...mutantsOf("src/store/head.ts", "tests/store/tree_test.ts", [
    [
      "the index of a new cluster means from now on",
      "who waits behind the index misses nothing",
      "FRESH_CHANGE_INDEX = 3",
      "FRESH_CHANGE_INDEX = 0",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/history.ts", STORE, [
    [
      "a read at a revision sees the one before",
      "a read at a revision sees what was there then",
      "while (modRevisionAt(bytes, at) > revision) {",
      "while (modRevisionAt(bytes, at) >= revision) {",
    ],
    [
      "a read of the past sees keys that were deleted",
      "a read at a revision sees what was there then",
      "return isTombstoneAt(bytes, at) ? undefined : versionAt(bytes, at);",
      "return versionAt(bytes, at);",
    ],
    [
      "an update of a directory has another index in the history",
      "an event is the same, live and from the history",
      "after: after && isDirectory ? withIndex(after, head.changeIndex) : after,",
      "after,",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/keyspace.ts", STORE, [
    [
      "a key that is created again goes on counting its versions",
      "a key that was deleted begins with version 1",
      "const continues = isLive && change.format !== 1;",
      "const continues = found !== undefined && change.format !== 1;",
    ],
    [
      "compaction forgets deletions that it should keep",
      "a read at a revision sees what was there then",
      "if (placeAt(found.bytes, found.at) === place) this.#records.delete(key);",
      "this.#records.delete(key);",
    ],
    [
      "only some deletions are forgotten",
      "what was compacted takes no memory",
      "if (!isDeletionAt(entry)) return;",
      "if (!isDeletionAt(entry) || place % 2 === 0) return;",
    ],
    [
      "a restored state does not know what v3 hides",
      "v1 and v2 write nothing below a file",
      "if (this.findFile(cursor.key()) !== undefined) this.#hiddenCount++;",
      "",
    ],
    [
      "tombstones stay for ever",
      "what was compacted takes no memory",
      "if (placeAt(found.bytes, found.at) === place) this.#records.delete(key);",
      "",
    ],
    [
      "a directory that goes leaves its last file",
      "a directory goes with all that is below it",
      "for (const key of keysBelow(this.#records.cursor(), path, FILE)) {",
      "for (const key of keysBelow(this.#records.cursor(), path, FILE).slice(0, -1)) {",
    ],
    [
      "what goes with a directory counts as changes of their own",
      "a recursive delete is one change of v2",
      "this.delete(change, key, action, changeIndex);",
      "this.delete(change, key, action);",
    ],
    [
      "a directory that v2 made goes with its last file",
      "what v1 or v2 made stays when it is emptied",
      "if (found === undefined || isMade(found) || !this.#children.went(path)) return;",
      "if (found === undefined || !this.#children.went(path)) return;",
    ],
    [
      "a directory of v3's files stays when they are gone",
      "what nobody made is there as long as something is in it",
      "if (isFile) this.#removeFile(key);",
      "",
    ],
    [
      "a restored state counts the directories in a directory alone",
      "what nobody made is there as long as something is in it",
      "if (isFile) this.#childCame(parentOf(keyAt(bytes, at)));",
      "",
    ],
    [
      "a restored state counts the files in a directory alone",
      "what nobody made is there as long as something is in it",
      "      this.#childCame(parentOf(path));\n    }",
      "    }",
    ],
    [
      "a directory that comes again is counted on from what it had",
      "what nobody made is there as long as something is in it",
      "    this.#children.forget(path);\n",
      "",
    ],
    [
      "a directory in place of a file is not counted above",
      "what nobody made is there as long as something is in it",
      "    this.#childCame(parentOf(key));\n    this.delete(",
      "    this.delete(",
    ],
    [
      "a write below a file passes when v3 has been there",
      "v1 and v2 write nothing below a file",
      "if (this.#hiddenCount === 0 && this.findFile(key) !== undefined) return undefined;",
      "if (this.findFile(key) !== undefined) return undefined;",
    ],
    [
      "a directory that a file hid is forgotten without a word",
      "an event is the same, live and from the history",
      'this.#removeDirectoryRecord(change, key, "delete", changeIndex, true);',
      "this.#tally.removeDirectory(key, this.#directories.get(key)!);\n      this.#hiddenCount--;",
    ],
    [
      "an update of a directory makes it again",
      "createdIndex is of when it was created",
      "const createdIndex = found === undefined ? changeIndex : createdIndexAt(found.bytes, found.at);",
      "const createdIndex = changeIndex;",
    ],
  ]),
  ...mutantsOf("src/store/keyspace/tally.ts", STORE, [
    [
      "directories take no room",
      "the quota counts what a key takes with all directories above it",
      "addDirectory(bytes: Uint8Array, at: number): void {\n    this.liveBytes += recordEnd(bytes, at) - at;",
      "addDirectory(bytes: Uint8Array, at: number): void {",
    ],
    [
      "a directory's deadline is not kept",
      "a directory lives by its newest TTL",
      "if (deadlineMs !== 0) this.deadlines.add(deadlineMs, keyAt(bytes, at), true);",
      "",
    ],
    [
      "a lease keeps keys that were put without it",
      "a key has the lease of its last put",
      "if (lease !== 0n) this.leases.detach(lease, key);",
      "",
    ],
  ]),
  ...mutantsOf("src/store/store.ts", STORE, [
    [
      "compaction takes events that it was told to keep",
      "so many of the newest events stay for v1 and v2",
      "this.#keys.compactBefore(Math.min(place, versions.fromEnd(keepEvents)));",
      "this.#keys.compactBefore(place);",
    ],
    [
      "an idle leader lets go of the same history every second",
      "what is gone is not let go of again",
      "if (last === undefined || last.logIndex <= this.#keys.cleared.logIndex) return undefined;",
      "if (last === undefined) return undefined;",
    ],
    [
      "what is compacted can be compacted again",
      "a compaction below the last one is refused",
      "if (isOfClient && revision <= this.#head.compactedRevision) {",
      "if (isOfClient && revision < 0) {",
    ],
    [
      "the compacted revision itself can't be read",
      "the state at the compacted revision can be read",
      "revision < head.compactedRevision",
      "revision <= head.compactedRevision",
    ],
    [
      "a transaction of three puts counts one change",
      "a v2 watcher who goes on at N + 1 misses nothing",
      "changeIndex: change.changeIndex,\n      compactedRevision: before.compactedRevision,",
      "changeIndex: before.changeIndex + (change.events.length > 0 ? 1 : 0),\n      compactedRevision: before.compactedRevision,",
    ],
  ]),
  ...mutantsOf("src/store/image/writer.ts", STORE, [
    [
      "an image forgets what was deleted",
      "a restored state tells the same past",
      "if (isTombstone && placeAt(bytes, at) < oldestPlace) continue;",
      "if (isTombstone) continue;",
    ],
  ]),
  ...mutantsOf("src/store/tree/v2_writes.ts", STORE, [
    [
      "a key in order has the index before its own",
      "POST names a key by its own index",
      "String(change.changeIndex + 1)",
      "String(change.changeIndex)",
    ],
    [
      "a compare-and-swap makes a key again",
      "createdIndex is of when it was created",
      'keepsCreatedIndex: action === "update" || action === "compareAndSwap",',
      'keepsCreatedIndex: action === "update",',
    ],
    [
      "a directory that is not empty is deleted without asking",
      "only a recursive delete takes what is below",
      "if (!recursive && hasChildren(keys.directoryCursor(), keys.cursor(), key)) {",
      "if (!recursive && key.length === 0) {",
    ],
    [
      "a refresh is told",
      "a refresh is not told to watches",
      "isQuiet: refreshes,",
      "isQuiet: false,",
    ],
    [
      "a comparison of indexes holds always",
      "prevIndex is compared",
      "if (prevIndex !== 0 && prevIndex !== modifiedIndex) {",
      "if (prevIndex < 0) {",
    ],
  ]),
  ...mutantsOf("src/api/v2/auth/patterns.ts", "tests/conformance/v2_test.ts", [
    [
      "the patterns of a role stand as they were granted",
      "roles are in order from their first change on",
      "const kept = moved < 0 ? were.length : moved;",
      "const kept = were.length;",
    ],
  ]),
  ...mutantsOf("src/api/v2/auth/plans.ts", "tests/conformance/v2_test.ts", [
    [
      "v2 takes the role root from the user root",
      "the user root has the role root",
      "revoked.filter((role) => name !== ROOT_NAME || role !== ROOT_NAME)",
      "revoked",
    ],
  ]),
  ...mutantsOf("src/api/v2/keys.ts", "tests/conformance/v2_test.ts", [
    [
      "v2 empties a file that is updated as a directory",
      "an update is of what is there, whatever dir says",
      "    value: valueOf(parameters.value),",
      '    value: isDirectory ? "" : valueOf(parameters.value),',
    ],
  ]),
  ...mutantsOf("src/store/tree/listing.ts", STORE, [
    [
      "a reader sees what is in a directory past its deadline",
      "a directory is gone at its deadline, with all below it",
      "if (found !== undefined && isPast(deadlineAt(found.bytes, found.at), nowMs)) return true;",
      "",
    ],
  ]),
  ...mutantsOf("src/store/watch/hub.ts", STORE, [
    [
      "a recursive delete of many keys clears the history for v2",
      "a watch can look back as many changes as -m says",
      'versions.lowerBound("changeIndex", firstChange),',
      "Infinity,",
    ],
    [
      "a paused watch misses the entry that pauses it",
      "a watch sees every event, or is told of the gap",
      "const place = first === undefined ? versions.end",
      "const place = first !== null ? versions.end",
    ],
    [
      "a slow watch goes on as if nothing were lost",
      "a watch sees every event, or is told of the gap",
      "return place < oldestPlace && since <= cleared[numberOf(view)];",
      "return false;",
    ],
    [
      "a slow watch gets half an entry",
      "all events of a revision come together",
      "if (logIndex !== entry && scanned >= entriesMax) break;",
      "if (scanned >= entriesMax) break;",
    ],
    [
      "a watch catches up before it has read all",
      "a watch sees every event, or is told of the gap",
      "const isSynced = place >= versions.end;",
      "const isSynced = events.length === 0;",
    ],
    [
      "a restore passes over the entry after the last",
      "a watch sees every event once",
      'versions.lowerBound("logIndex", logIndex + 1)',
      'versions.lowerBound("logIndex", logIndex + 2)',
    ],
  ]),
  ...mutantsOf("src/store/watch/view.ts", STORE, [
    [
      "who watches inside a hidden directory sees nothing",
      "a hidden key is seen by who watches it, or what it is in",
      'key.indexOf("/_", path === ROOT ? 0 : path.length)',
      'key.indexOf("/_")',
    ],
    [
      "who watches a key is not told that its directory went",
      "the delete of a directory is told below it",
      "return top !== undefined && isBelow(top.key, view.path) ? top : undefined;",
      "return undefined;",
    ],
  ]),
  ...mutantsOf("src/store/kv/writes.ts", STORE, [
    [
      "a condition on a range without keys holds always",
      "no key at all counts as a missing key",
      "return isEmpty ? holdsFor(compare, undefined) : true;",
      "return true;",
    ],
    [
      "a value that is missing is not equal to any",
      "of the value of a missing key nothing holds",
      "return found !== undefined &&\n        isOrdered(",
      "return isOrdered(",
    ],
    [
      "a transaction puts under a lease that is not there",
      "a transaction is carried out entirely or not at all",
      "missingKey(keys, inner) ?? missingLease(keys, inner)",
      "missingKey(keys, inner)",
    ],
    [
      "a transaction reads what it has written as the past",
      "a read at a revision sees what was there then",
      "const now = change.hasRevision ? change.revision : revision;",
      "const now = revision;",
    ],
    [
      "ignore_lease takes the lease away",
      "ignore_lease keeps the lease",
      "lease: ignoreLease && found !== undefined ? leaseAt(found.bytes, found.at) : operation.lease,",
      "lease: operation.lease,",
    ],
    [
      "a late end of a lease takes a later grant",
      "the end of a lease names its grant",
      "(grantIndex !== 0 && lease.grantIndex !== grantIndex)",
      "(grantIndex !== 0 && lease.grantIndex < grantIndex)",
    ],
    [
      "the keys of a lease go in the order in which they came",
      "the keys of a lease go in the order of their bytes",
      "of [...lease.keys].sort())",
      "of [...lease.keys])",
    ],
  ]),
  ...mutantsOf("src/store/kv/range.ts", STORE, [
    [
      "a page of a range does not say that more follows",
      "more says that the limit has cut something",
      "isCut ? count > kvs.length : kvs.length > limit",
      "!isCut && kvs.length > limit",
    ],
    [
      "bounds of revisions are applied after the limit",
      "the limit cuts what the bounds have left",
      "return !isInOrder || hasBounds(operation);",
      "return !isInOrder;",
    ],
  ]),
  ...mutantsOf("src/store/lease/leases.ts", STORE, [
    [
      "a lease that ended stays in the digest",
      "equal states have equal digests",
      "this.#count(id, lease.ttlSeconds, lease.grantIndex, -1);",
      "",
    ],
  ]),
  ...mutantsOf("src/store/command/operation_codec.ts", STORE, [
    [
      "a comparison with the largest number turns its sign",
      "a number of 64 bits is what the client sent",
      "return number >= 2 ** 63 ? INT64_MAX : BigInt(number);",
      "return BigInt(number);",
    ],
  ]),
];
