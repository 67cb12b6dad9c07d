/** Planted bugs of v3 at its limits: the last value that is taken, and what is left when somebody has gone. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const EDGES = "tests/api/v3/edges_test.ts";
const ARRIVING = "tests/api/v3/arriving_test.ts";
const OBSERVE = "tests/api/v3/observe_test.ts";
const PLACES = "tests/api/v3/places_test.ts";

const ETCDS = "what is told is what etcd tells";
const LIMIT = "as much is taken as etcd takes, and no more";
const FREE = "what a client took is free when it is gone";
const BOUNDED = "what waits is bounded";
const COUNTED = "a figure is what its name says";

export const V3_EDGE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/api/v3/lease.ts", EDGES, [
    [
      "the longest lease is refused",
      LIMIT,
      "if (request.ttl > LEASE_TTL_MAX)",
      "if (request.ttl >= LEASE_TTL_MAX)",
    ],
    [
      "a lease ends in an election",
      "a lease outlives an election",
      "Math.ceil(1.5 * limits.electionMs / 1000)",
      "Math.ceil(1.5 * limits.electionMs / 10_000)",
    ],
    [
      "a lease lives a second longer than is told",
      ETCDS,
      "Math.max(0, Math.ceil(remainingMs / 1000) - 1)",
      "Math.max(0, Math.ceil(remainingMs / 1000))",
    ],
    ["keys of a lease come in any order", ETCDS, "[...lease.keys].sort()", "[...lease.keys]"],
    [
      "a renewal is told with a revision at which the lease has ended",
      ETCDS,
      "headers.at(revision),\n        id,\n        ttl: outcome.value",
      "headers.now(),\n        id,\n        ttl: outcome.value",
    ],
    [
      "any number of renewals waits",
      BOUNDED,
      "if (this.#renewals.length >= RENEWALS_MAX) this.#call.pause();",
      "",
    ],
    [
      "a stream of renewals ends before they are answered",
      "each renewal is answered",
      "if (this.#isHalfClosed && this.#renewals.length === 0) this.#call.end();",
      "if (this.#isHalfClosed) this.#call.end();",
    ],
  ]),
  ...mutantsOf("src/api/v3/maintenance/maintenance.ts", EDGES, [
    [
      "an alarm that is there is not told",
      ETCDS,
      "const isTold = changed || isActive;",
      "const isTold = changed;",
    ],
    [
      "who asks for one alarm is told all",
      ETCDS,
      ".filter(({ alarm }) => wanted === undefined || alarm === wanted)",
      ".filter(() => true)",
    ],
    [
      "the compacted revision has no hash",
      LIMIT,
      "if (wanted < store.compactedRevision)",
      "if (wanted <= store.compactedRevision)",
    ],
    [
      "what is committed counts as applied",
      COUNTED,
      "raftAppliedIndex: appliedIndex,",
      "raftAppliedIndex: commitIndex,",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watch_stream.ts", EDGES, [
    [
      "progress waits for a watch that was cancelled",
      "progress is told when all up to there was sent",
      "watchId, canceled: true });\n    this.#payProgress();",
      "watchId, canceled: true });",
    ],
    [
      "progress is told before a watch has begun",
      ETCDS,
      "    if (watcher.startRevision > this.service.revision) this.#future.add(watcher);\n",
      "",
    ],
    [
      "watches of a stream that has gone count",
      FREE,
      "    this.#v3.watches.count -= this.#watchers.size;\n",
      "",
    ],
    [
      "a watch that was cancelled counts",
      FREE,
      "    watcher.cancel();\n    this.#v3.watches.count--;",
      "    watcher.cancel();",
    ],
    [
      "busy watches are told that nothing happens",
      ETCDS,
      "const isDue = watcher.isSynced && !watcher.hasSent;",
      "const isDue = watcher.isSynced;",
    ],
    [
      "a watch of the future is told of today",
      "progress means that all up to there was sent",
      "if (isDue && watcher.startRevision <= this.service.revision) {",
      "if (isDue) {",
    ],
    [
      "a timer outlives its stream",
      FREE,
      "  onGone(): void {\n    clearInterval(this.#timer);",
      "  onGone(): void {",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watcher.ts", EDGES, [
    [
      "the compacted revision can't be watched",
      LIMIT,
      "since < service.compactedRevision",
      "since <= service.compactedRevision",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/events.ts", EDGES, [
    [
      "a watch shows what was compacted",
      ETCDS,
      "revision <= compactedRevision) return { type, kv };",
      "revision < 0) return { type, kv };",
    ],
  ]),
  ...mutantsOf("src/api/v3/kv/kv.ts", EDGES, [
    [
      "a serializable range asks the others",
      "what a member knows is told without the others",
      "request.serializable ? readStale : readFresh",
      "readFresh",
    ],
    [
      "a serializable transaction asks the others",
      "what a member knows is told without the others",
      "isSerializable(request) ? readStale : readFresh",
      "readFresh",
    ],
    [
      "a client's compaction takes the history of v1",
      "the newest events stay whatever else",
      "const keepEvents = limits.eventsMin;",
      "const keepEvents = 0;",
    ],
  ]),
  ...mutantsOf("src/api/v3/kv/operations.ts", EDGES, [
    [
      "the last operation is one too many",
      LIMIT,
      "if (longest > operationsMax)",
      "if (longest >= operationsMax)",
    ],
    [
      "a nested transaction has as many again",
      LIMIT,
      "const left = operationsMax - longest;",
      "const left = operationsMax;",
    ],
    [
      "a bound below zero is none",
      ETCDS,
      "return max < 0 ? Number.MAX_SAFE_INTEGER : Math.max(0, min);",
      "return Math.max(0, min);",
    ],
  ]),
  ...mutantsOf("src/store/frozen.ts", "tests/store/frozen_test.ts", [
    [
      "keys of one revision change their order where two parts meet",
      "a snapshot for etcd has the keys of one revision in their order",
      "values[order[left]!]! <= values[order[right]!]!",
      "values[order[left]!]! < values[order[right]!]!",
    ],
    [
      "the last part of the keys keeps its old order",
      "a snapshot for etcd has the keys by their revisions",
      "const end = Math.min(middle + width, count);",
      "const end = middle;",
    ],
    [
      "all keys are put in order in one turn",
      "nobody waits while a snapshot for etcd begins",
      "if (at % STEP_KEYS === 0) yield;",
      "",
    ],
  ]),
  ...mutantsOf("src/store/frozen.ts", "tests/api/v3/maintenance_test.ts", [
    [
      "a snapshot does not tell the revision that has only deleted",
      "a snapshot ends with the revision that the store has",
      "if (isGone && revision !== this.head.revision) continue;",
      "if (isGone) continue;",
    ],
  ]),
  ...mutantsOf("src/api/v3/maintenance/snapshot_source.ts", "tests/api/v3/maintenance_test.ts", [
    [
      "a snapshot has the permissions of a role as they were granted",
      ETCDS,
      "permissionsInOrder(role).map(",
      "role.permissions.map(",
    ],
  ]),
  ...mutantsOf("src/api/v3/maintenance/snapshot_stream.ts", "tests/api/v3/maintenance_test.ts", [
    [
      "a snapshot that nobody takes is kept",
      BOUNDED,
      "() => this.#call.fail(TOO_SLOW)",
      "() => this.#call.isOver",
    ],
  ]),
  ...mutantsOf("src/api/v3/waist.ts", EDGES, [
    [
      "a request may be twice as large",
      LIMIT,
      "approximateSize(operation) > v3.limits.requestBytesMax",
      "approximateSize(operation) > 2 * v3.limits.requestBytesMax",
    ],
  ]),
  ...mutantsOf("src/api/v3/kv/operations.ts", EDGES, [
    [
      "a key that no record can hold comes into the log",
      LIMIT,
      "operation.key.length > RECORD_KEY_BYTES_MAX",
      "operation.key.length === Infinity",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/arriving.ts", ARRIVING, [
    [
      "messages of gRPC may arrive without end",
      BOUNDED,
      "      if (this.#bytes <= this.#bytesMax) return;",
      "      if (this.#bytes >= 0) return;",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/unary_call.ts", ARRIVING, [
    [
      "a call that is cut off keeps what had come",
      FREE,
      "    if (this.#frames !== undefined) this.#keep(0);\n",
      "",
    ],
    [
      "a call that is answered keeps what comes behind",
      FREE,
      "if (!this.#isOver) this.#shared.arriving.keep(this, bytes);",
      "this.#shared.arriving.keep(this, bytes);",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/stream_call.ts", ARRIVING, [
    [
      "a stream that is cut off keeps what had come",
      FREE,
      "    this.#keep(0);\n    this.#isOver = true;",
      "    this.#isOver = true;",
    ],
  ]),
  ...mutantsOf("src/base/turns.ts", "tests/shell/turns_test.ts", [
    [
      "one slice follows another without end",
      "work in slices keeps nobody waiting",
      "nowMs - rowSinceMs < ROW_MS",
      "nowMs >= 0",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watcher.ts", "tests/api/v3/watch_test.ts", [
    [
      "a watch that is behind counts entries of the log, whatever they have",
      "work in slices keeps nobody waiting",
      "steps += Math.max(1, Math.ceil(reading.scanned / ENTRIES_PER_STEP));",
      "steps++;",
    ],
    [
      "who was told of all counts as too late after a compaction",
      "a watch sees every event",
      "    if (this.#isTooLate) return",
      "    if (this.startRevision !== 0 && this.startRevision < this.#owner.service.compactedRevision) return",
    ],
    [
      "what another program has compacted is passed over in silence",
      "a watch sees every event, or is told of the gap",
      "if (this.#isTooLate) watch.pause();",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/gateway/stream_call.ts", "tests/api/v3/gateway_test.ts", [
    [
      "a handler that pauses is given the rest of the body",
      BOUNDED,
      "while (!this.#isOver && !this.#isPaused &&",
      "while (!this.#isOver &&",
    ],
    [
      "all messages of a body are taken in one turn",
      "one client's body holds up no heartbeat",
      "const enough = this.#given + MESSAGES_A_TURN;",
      "const enough = this.#given + 2 ** 30;",
    ],
    [
      "the rest of a body goes on without its client",
      FREE,
      "while (!this.#isOver && !this.#isPaused &&",
      "while (!this.#isPaused &&",
    ],
    [
      "who was slow is never told again",
      "a watch sees every event",
      "if (isEnough) this.#wantsDrain = true;",
      "this.#wantsDrain = isEnough;",
    ],
  ]),
  ...mutantsOf("src/api/v3/gateway/stream_call.ts", EDGES, [
    [
      "who reads no more keeps its stream",
      FREE,
      "    } finally {\n      this.gone();\n    }",
      "    } finally {\n    }",
    ],
    [
      "a stream keeps its place for ever",
      FREE,
      "        open.delete(over);\n        onOver();",
      "        open.delete(over);",
    ],
    [
      "what is no message keeps its place",
      FREE,
      "    onOver();\n    if (error instanceof StatusError)",
      "    if (error instanceof StatusError)",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/stream_call.ts", EDGES, [
    [
      "a stream says of what is no message what only other calls say",
      ETCDS,
      "grpc: failed to unmarshal the received message",
      "grpc: error unmarshalling request:",
      "tests/api/v3/grpc_test.ts",
    ],
    [
      "a call that fails while it begins keeps what it took",
      FREE,
      "    if (this.#isCut) listener.onGone();\n",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/unary_call.ts", EDGES, [
    [
      "who waits for a lock is not told of the member's end",
      "nobody waits for a member that serves nobody",
      "    if (!this.#isOver) this.#list();\n",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/gateway/gateway.ts", EDGES, [
    [
      "a call that waits for the log keeps its place",
      FREE,
      "if (reply instanceof Promise) return reply.finally(onOver);",
      "if (reply instanceof Promise) return reply;",
    ],
  ]),
  ...mutantsOf("src/api/v3/gateway/shared.ts", "tests/api/v3/auth_test.ts", [
    [
      "a token of another name is none",
      ETCDS,
      'exchange.header("authorization") ?? exchange.header("grpc-metadata-token") ??',
      'exchange.header("authorization") ??',
    ],
    [
      "who requires a leader is not heard",
      "clients that require a leader notice a partition",
      'exchange.header("grpc-metadata-hasleader") === "true"',
      "false",
      EDGES,
    ],
  ]),
  ...mutantsOf("src/api/v3/concurrency/queue.ts", EDGES, [
    [
      "nobody's lease ends in seconds",
      ETCDS,
      "const OWN_LEASE_SECONDS = 60;",
      "const OWN_LEASE_SECONDS = 6;",
    ],
    ["who waits no longer still watches", FREE, "    isDeleted.cancel();\n", ""],
    [
      "who has left holds up the queue",
      FREE,
      "  if (isOurs || isWaiting) giveUp(v3, call, place);\n",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/concurrency/queue.ts", PLACES, [
    [
      "who leaves when its turn has come keeps what it was not told of",
      FREE,
      "      if (call.isOver) break;\n      if (isThere)",
      "      if (isThere)",
    ],
    [
      "who holds a lock and asks for it again may lose it",
      "what a client was told that it holds it holds",
      "if (isOurs || isWaiting) giveUp",
      "giveUp",
    ],
    [
      "a place that was there is never given up",
      FREE,
      "if (isOurs || isWaiting) giveUp",
      "if (isOurs) giveUp",
    ],
    [
      "who gives up waiting takes a later place of its lease along",
      "nobody's place is given up for another's",
      "compares: [createdAt(key, revision)],\n    success: [deletionAt(key)],",
      "compares: [],\n    success: [deletionAt(key)],",
    ],
  ]),
  ...mutantsOf("src/api/v3/concurrency/election.ts", EDGES, [
    [
      "who proclaims and names no lease leads for ever",
      ETCDS,
      "await leaseOf(v3, call, leader.lease)",
      "await Promise.resolve(leader.lease)",
      OBSERVE,
    ],
    [
      "a campaign writes the value that is there",
      ETCDS,
      "place.found !== undefined && !hasSameItems(place.found.version.value, value)",
      "place.found !== undefined",
      OBSERVE,
    ],
  ]),
  ...mutantsOf("src/api/v3/concurrency/queue.ts", OBSERVE, [
    [
      "the key of a negative lease has another name than etcd's",
      ETCDS,
      "lease.toString(16)",
      "BigInt.asUintN(64, lease).toString(16)",
    ],
  ]),
  ...mutantsOf("src/api/v3/concurrency/observer.ts", OBSERVE, [
    [
      "who observes hears only of the newest proclamation",
      "a watch sees every event, or is told of the gap",
      "    return events.every((event) => this.#take(event));",
      "    if (events.length > 0) this.#look();\n    return events.length === 0;",
    ],
    [
      "who observes is not told of a leader whose key is as old as the last one's",
      "a watch sees every event, or is told of the gap",
      "kv?.key === this.#leader && kv?.version",
      "kv?.version",
    ],
    [
      "who observes and is slow is sent all the same",
      BOUNDED,
      "    if (this.#takeAll(events) && this.#isStalled) watch?.pause();",
      "    this.#takeAll(events);",
    ],
    [
      "who observes hears no more once something was compacted",
      "a watch sees every event, or is told of the gap",
      'if (reading.kind === "cleared") return void this.#look();',
      'if (reading.kind === "cleared") return;',
    ],
    [
      "who observes goes on without the right to",
      "no right outlives its revocation",
      "      onAuthChange: guard,\n",
      "",
    ],
    [
      "who observes hears nothing after a snapshot",
      "a watch sees every event, or is told of the gap",
      "onBehind: () => inLaterTurn(() => this.#read()),",
      "onBehind: () => {},",
      EDGES,
    ],
    [
      "who observes no longer still watches",
      FREE,
      "  onGone(): void {\n    this.#watch?.cancel();",
      "  onGone(): void {",
      EDGES,
    ],
  ]),
];
