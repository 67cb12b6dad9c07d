/** Planted bugs in the v3 API and the keeper of leases: each would break what clients of etcd rely on. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const V3 = "tests/api/v3";
const SERVICE = "tests/service";
const KEEPER = "tests/service/lease_keeper_test.ts";

export const V3_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/service/lease_keeper.ts", SERVICE, [
    [
      "a new leader goes by the deadlines of an earlier term",
      "no lease ends before its TTL",
      "if (term !== this.#term) {",
      "if (this.#term === 0) {",
    ],
    [
      "a lease that is about to end is renewed",
      "whoever was told that a lease lives has it",
      "if (ending !== undefined) return void ending.push(() => this.renew(id, done));",
      "",
    ],
    [
      "a lease that nobody has looked at since its deadline is renewed",
      "a lease that has run out is gone, as at etcd",
      "if (deadlineMs !== undefined && deadlineMs <= askedMs) return this.#endLate(lease, done);",
      "",
      KEEPER,
    ],
    [
      "a lease begins when it is looked at first",
      "a lease that has run out is gone, as at etcd",
      "      if (service.node.isLeader()) this.#deadlineOf(lease, clock.monotonicMs());\n",
      "",
      KEEPER,
    ],
    [
      "a renewal is late by the time of its read round",
      "no lease ends before its TTL",
      "deadlineMs <= askedMs",
      "deadlineMs <= nowMs",
      KEEPER,
    ],
    [
      "a lease whose end may still be committed is renewed",
      "whoever was told that a lease lives has it",
      "      if (this.#doomed.has(lease)) return done(MAY_END);\n",
      "",
    ],
    [
      "an end of an earlier term counts in this one",
      "every lease ends",
      "      this.#doomed = new WeakSet();\n",
      "",
    ],
    [
      "an end that failed is not tried again",
      "every lease ends",
      "      this.#ending.delete(lease);\n",
      "",
    ],
    [
      "another member renews by its own reckoning",
      "only the leader counts",
      "if (!this.#service.node.isLeader()) return this.#ask(FORWARDED.leaseRenew, id, done);",
      "",
    ],
  ]),
  ...mutantsOf("src/service/compactor.ts", SERVICE, [
    [
      "followers compact, too",
      "what goes is the leader's decision",
      "if (this.#isUnderWay || !this.#service.node.isLeader()) return;",
      "if (this.#isUnderWay) return;",
    ],
    [
      "what is younger than the period goes",
      "what is to be kept is kept",
      "(sample) => sample.tick <= tick",
      "(sample) => sample.tick <= tick + 10",
    ],
    [
      "nobody compacts in the cluster's name",
      "what is to go goes, whether or not users are asked who they are",
      "this.#isUnderWay = false, CLUSTER);",
      "this.#isUnderWay = false);",
    ],
  ]),
  ...mutantsOf("src/api/v3/waist.ts", V3, [
    [
      "who has lost the quorum gets no snapshot",
      "what is asked of a member needs no others",
      'failure.reason === "noLeader" ? here() : call.fail',
      "failure === undefined ? here() : call.fail",
    ],
  ]),
  ...mutantsOf("src/api/v3/maintenance/snapshot_stream.ts", V3, [
    [
      "who was root gets a snapshot of what is now",
      "rights are judged by what they open",
      "readHere(v3, call, ({ isRoot }) => isRoot, (store) => {",
      "readHere(v3, call, () => true, (store) => {",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watch_stream.ts", V3, [
    [
      "the header of events is of now",
      "who goes on behind what was told misses nothing",
      "this.#v3.headers.at(events.at(-1)!.kv!.modRevision!);",
      "this.#v3.headers.now();",
    ],
    [
      "a slow client's watches go on being told",
      "memory is bounded whatever a client does not take",
      "      watcher.pause();\n",
      "",
    ],
    [
      "a slow client may go on asking",
      "memory is bounded whatever a client does not take",
      "    this.#call.pause();\n",
      "",
    ],
    [
      "progress is told while a watch is behind",
      "progress means that all up to there was sent",
      "if (!this.#owesProgress || this.#behind.size > 0) return;",
      "if (!this.#owesProgress) return;",
    ],
    [
      "an id is given out twice",
      "events belong to one watch",
      "while (this.#watchers.has(this.#nextId)) this.#nextId++;",
      "",
    ],
    [
      "the last fragment says that more follows",
      "a message in fragments ends",
      "fragment: place < parts.length - 1",
      "fragment: true",
    ],
    [
      "who leaves is still watched for",
      "nobody pays for clients that have gone",
      "for (const watcher of this.#watchers.values()) watcher.cancel();",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watcher.ts", V3, [
    [
      "a slice of the past may weigh anything",
      "memory is bounded whatever a client asks for",
      "if (bytes >= SLICE_BYTES_MAX) break;",
      "",
    ],
    [
      "a slice of many events may weigh as much as one of a few",
      "clients get messages of a size that they take",
      "if (bytes >= SLICE_BYTES && messages.length >= EVENTS_TOGETHER) break;",
      "",
    ],
    [
      "what was not sent to a slow client is forgotten",
      "a watch sees every event, or is told of the gap",
      "this.#watch.pause(first);",
      "this.#watch.pause();",
    ],
    [
      "a message has all that is applied in one go",
      "memory is bounded whatever a client asks for",
      "before.bytes + next.bytes <= TOGETHER_BYTES_MAX",
      "before.bytes <= Infinity",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/shared.ts", "tests/api/v3/grpc_test.ts", [
    [
      "a call that waited for its turn has its whole time before it",
      "a call ends when its client no longer waits",
      "nowMs() + timeoutMs - waitedMs",
      "nowMs() + timeoutMs + 0 * waitedMs",
    ],
  ]),
  ...mutantsOf("src/api/v3/grpc/unary_call.ts", V3, [
    [
      "a second message is taken for the first",
      "a call is carried out once",
      "if (this.#hasMessage) throw new StatusError(StatusCode.internal, TWO_MESSAGES);",
      "",
    ],
    [
      "a message in one piece may have any size",
      "memory is bounded whatever a client sends",
      "if (end - start > messageBytesMax) throw",
      "if (end - start > 2 ** 30) throw",
    ],
    [
      "a call is begun after its deadline",
      "a call of which its client has given up hope changes nothing",
      "if (this.deadlineMs !== Infinity && open.endLate(this)) return;",
      "",
      "tests/api/v3/grpc_test.ts",
    ],
    [
      "a call that was answered waits for its client's end for ever",
      "a call ends, whatever its client does",
      "    this.deadlineMs = this.#shared.nowMs() + END_WAIT_MS;\n    this.#list();\n",
      "",
      "tests/api/v3/grpc_test.ts",
    ],
    [
      "a stream ends before the client's end of it",
      "no call is reset that was answered",
      "if (stream.isRemoteEnded) stream.end(SUCCESS);",
      "if (stream.isRemoteEnded || this.#hasMessage) stream.end(SUCCESS);",
    ],
  ]),
  ...mutantsOf("src/api/v3/gateway/unary_call.ts", V3, [
    [
      "a call through the gateway goes on when its time has passed",
      "who sets a limit is told when it has passed",
      "  shared.open.add(call);\n",
      "",
    ],
    [
      "calls through the gateway that fail are not counted",
      "alarms that are set by grpc_server_handled_total see every client",
      "    this.#counters.countFailure(status.code);\n",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/open_calls.ts", V3, [
    [
      "a stream outlives its leader",
      "clients that require a leader notice a partition",
      "if (isLeaderless && call.requiresLeader) call.fail(leaderless);",
      "",
    ],
    [
      "streams end that get along without a leader",
      "watches go on through an election",
      "if (isLeaderless && call.requiresLeader) call.fail(leaderless);",
      "else if (isLeaderless) call.fail(leaderless);",
    ],
  ]),
  ...mutantsOf("src/api/v3/admission.ts", V3, [
    [
      "a learner serves everything",
      "what a learner tells is what it was asked to know",
      "request.serializable === true",
      "true",
    ],
    [
      "who requires a leader is served without one",
      "clients that require a leader notice a partition",
      "return requiresLeader && node.leader() === undefined ? STATUS.noLeader : undefined;",
      "return undefined;",
    ],
  ]),
  ...mutantsOf("src/api/v3/kv/operations.ts", "tests/cluster/v3_recorded_test.ts", [
    [
      "an operand of another kind counts",
      "a compare compares what it names",
      "if (operand === undefined || operand.kind !== OPERANDS[target]) return made;",
      "if (operand === undefined) return made;",
    ],
  ]),
  ...mutantsOf("src/api/v3/kv/duplicates.ts", "tests/cluster/v3_recorded_test.ts", [
    [
      "a key is put and deleted in one transaction",
      "a transaction changes a key once",
      "if (all.puts.has(key) || isDeleted(all, key)) return undefined;",
      "if (all.puts.has(key)) return undefined;",
    ],
  ]),
  ...mutantsOf("src/api/v3/cluster.ts", V3, [
    [
      "a newcomer that catches up is shown as a learner",
      "only who was added as a learner is one for clients",
      "isLearner: learner === true",
      "isLearner: learner === undefined",
    ],
    [
      "any text is a peer URL",
      "what nobody could dial is refused",
      "if (!read.ok) return call.fail(STATUS.badMemberUrls);\n      change(",
      "if (!read.ok) return call.fail(STATUS.memberNotFound);\n      change(",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watch_stream.ts", "tests/api/v3/auth_test.ts", [
    [
      "a watch overtakes the one that was asked for before",
      "watches are answered in the order of their requests",
      "if (this.#isAdmitting) return void this.#later.push(request);",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/concurrency/queue.ts", "tests/cluster/v3_recorded_test.ts", [
    [
      "who leads by no key proclaims one",
      "an empty key is refused everywhere",
      'if (key === "") return failAsClient(call, STATUS.emptyKey);\n  const txn',
      "const txn",
    ],
  ]),
  ...mutantsOf("src/api/v2/members.ts", "tests/api/v2_members_test.ts", [
    [
      "v2 misses a list of URLs whose name is written another way",
      "JSON is read as Go reads it",
      'name.toLowerCase() === "peerurls"',
      'name === "peerURLs"',
    ],
  ]),
  ...mutantsOf("src/api/v2/members.ts", "tests/conformance/v2_test.ts", [
    [
      "a removed member is an unknown one",
      "a removed id is remembered",
      "return refuse(v2, 410, `Member permanently removed: ${text}`);",
      "return refuse(v2, 404, `No such member: ${text}`);",
    ],
  ]),
];
