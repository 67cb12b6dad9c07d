/** Planted bugs of the node around the core: calls, reads, time, membership, snapshots on their way. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const NODE = "tests/node";
const SIM = "sim";

export const NODE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/node/node.ts", "tests/node/copies_test.ts", [
    [
      "a leader goes on with another process as with the one before",
      "an acknowledgement is of the disk that has the entry",
      "this.#core.peerRestarted(id);",
      "",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", "tests/node/reads_test.ts", [
    [
      "a read that a leader of before hands on begins to wait again",
      "whoever reads is answered in time",
      "reroute: (id) => this.#followerReads.add(id),",
      "reroute: (id) => this.barrier(this.#readers.take(id)?.done ?? (() => {})),",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", "tests/node/own_removal_test.ts", [
    [
      "a member that was removed leaves before its calls are answered",
      "who asks a member to remove itself is told what became of it",
      "const isAwaiting = this.#isLeaving && this.#calls.size > 0;",
      "const isAwaiting = false;",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", "tests/node/passed_on_test.ts", [
    [
      "a member waits for an entry that it has applied",
      "whoever asks is told when nobody knows any longer what came of it",
      "if (index <= this.#core.appliedIndex) return done(UNANSWERED);",
      "",
    ],
    [
      "an entry of a past term is taken for the one that was asked for",
      "an entry is known by index and term",
      "this.#proposals.add(index, term, this.#deadline(), done);\n  }\n\n  barrierNow",
      "this.#proposals.add(index, this.#core.term, this.#deadline(), done);\n  }\n\n  barrierNow",
    ],
    [
      "a member passes on whatever comes",
      "what waits is bounded",
      "  awaitRefusal(): Failure | undefined {\n    if (this.#proposals.size >= this.#options.limits.waitingMax) return OVERLOADED;",
      "  awaitRefusal(): Failure | undefined {",
    ],
    [
      "who has handed over waits for whatever it passes on",
      "a member that ends leaves as soon as nobody depends on it",
      "!this.#proposals.hasThrough(term),",
      "this.#proposals.size === 0,",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", "tests/node/disk_trouble_test.ts", [
    [
      "a member with a full disk passes writes on",
      "who can't tell what comes of a write has none appended",
      "return this.#space.failure ?? (this.#replica.hangs",
      "return (this.#replica.hangs",
    ],
    [
      "a member whose disk hangs passes writes on",
      "who can't tell what comes of a write has none appended",
      "(this.#replica.hangs ? DISK_HANGS : undefined)",
      "(this.#replica === undefined ? DISK_HANGS : undefined)",
    ],
    [
      "who hands over while the disk fails waits for ever",
      "every wait ends with the node",
      "this.#farewell.end();",
      "",
    ],
  ]),
  ...mutantsOf("src/node/replica.ts", "tests/node/replica_test.ts", [
    [
      "a leader whose snapshot was of no use does not look at the next one",
      "who has damaged memory finds out",
      "const isDoubted = this.#renewalIsDue;",
      "const isDoubted = false;",
    ],
  ]),
  ...mutantsOf("src/node/replica.ts", "tests/node/passed_on_test.ts", [
    [
      "a member that waits for an entry hears of its commit with the next tick",
      "a write through a follower takes as long as its disks",
      "if (first.index <= this.#announcedIndex) this.#commitIsDue = true;",
      "",
    ],
  ]),
  ...mutantsOf("src/node/calls/calls.ts", NODE, [
    [
      "a repeated frame is executed twice",
      "a request takes effect at most once",
      "if (call.id <= sessions.newestId) return false;",
      "",
    ],
    [
      "calls of a past session are executed",
      "a request takes effect at most once",
      "if (sessions.past.has(call.session)) return false;",
      "",
    ],
    [
      "a write without an answer is sent again",
      "a request takes effect at most once",
      "pending.sentTo !== leader && !isRead(pending)",
      "pending.sentTo !== leader && pending === undefined",
    ],
    [
      "a stranger's answer counts",
      "an answer comes from whom was asked",
      "if (pending === undefined || pending.sentTo !== from) return;",
      "if (pending === undefined) return;",
    ],
  ]),
  ...mutantsOf("src/node/waiters.ts", NODE, [
    [
      "a callback is in the list while it is called",
      "every callback is called once",
      "this.take(id)?.done(outcome);",
      "this.get(id)?.done(outcome);\n    this.take(id);",
    ],
    [
      "who has ended with the node waits on",
      "every callback is called once",
      "this.#slots[this.#slotOf(id)] = undefined;",
      "if (this.#closed === undefined) this.#slots[this.#slotOf(id)] = undefined;",
    ],
    [
      "who waits longest is lost when more come than the ring holds",
      "every callback is called once",
      "if (id - this.#oldestId === this.#slots.length) this.#grow();",
      "",
    ],
    [
      "as many wait as come",
      "what waits is bounded",
      "this.size >= this.#options.max ? OVERLOADED : undefined",
      "this.size < 0 ? OVERLOADED : undefined",
    ],
    [
      "who comes when the list is closed waits for ever",
      "every wait ends with the node",
      "const refusal = this.#closed ?? (",
      "const refusal = (",
    ],
  ]),
  ...mutantsOf("src/node/calls/proposals.ts", NODE, [
    [
      "another leader's entry at the index answers the writer",
      "an entry is known by index and term",
      "if (waiter.term === term) waiter.done(",
      "if (waiter.term > 0) waiter.done(",
    ],
    [
      "an entry that has a rival counts as one that never happened",
      "whoever is told that nothing was changed can rely on it",
      "this.#fail(other, REPLACED);",
      "this.#fail(other, SUPERSEDED);",
    ],
    [
      "the late word of a leader of before takes a later entry's place",
      "a write is answered by what comes of it",
      "other.term > term) return",
      "other.term < 0) return",
    ],
    [
      "a waiter is put where its place was before the ring grew",
      "whoever waits is told as soon as there is something to tell",
      "this.#slots[this.#slotOf(index)] = waiter;\n    if (other === undefined) this.#size++;\n" +
      "    else this.#fail(other, REPLACED);",
      "const slot = this.#slotOf(index);\n    if (other === undefined) this.#size++;\n" +
      "    else this.#fail(other, REPLACED);\n    this.#slots[slot] = waiter;",
    ],
  ]),
  ...mutantsOf("src/node/reads/reads.ts", SIM, [
    [
      "reads under a lease that no clock guards",
      "a read is confirmed by a majority",
      "if (!this.#core.isReadableAlone) return undefined;",
      'if (this.#core.role !== "leader") return undefined;',
    ],
    [
      "a read does not wait for what it was promised",
      "a read sees all that was acknowledged before it",
      "const nowMs = read.index > applied ? undefined : expiry.judge(askedMs);",
      "const nowMs = expiry.judge(askedMs);",
    ],
    [
      "a read does not wait for expiries",
      "a key that was found dead never comes back",
      "const nowMs = read.index > applied ? undefined : expiry.judge(askedMs);",
      "const nowMs = read.index > applied ? undefined : askedMs;",
      NODE,
    ],
  ]),
  ...mutantsOf("src/node/membership/liveness.ts", NODE, [
    [
      "a removal counts on who has not answered since the election",
      "a removal is refused when the rest could not go on",
      "peer.hasAnswered && peer.ticksSinceHeard < this.patienceTicks &&",
      "peer.ticksSinceHeard < this.patienceTicks &&",
    ],
    [
      "a removal counts on a leader whose own disk is behind",
      "a removal is refused when the rest could not go on",
      "if (id === this.#core.id) return savedIndex >= commitIndex;",
      "if (id === this.#core.id) return true;",
    ],
  ]),
  ...mutantsOf("src/node/membership/plans.ts", NODE, [
    [
      "a place whose host has capitals is nobody's",
      "a newcomer finds its place by any form of its address",
      "others.has(canonical(url))",
      "b.peerUrls.includes(url)",
    ],
    [
      "new addresses of gRPC are told to nobody",
      "what a member list names can be dialled",
      "hasSameItems(a.grpcUrls ?? [], b.grpcUrls ?? [])",
      "true",
    ],
  ]),
  ...mutantsOf("src/node/membership/id_plans.ts", NODE, [
    [
      "an address that was told twice hides a new one",
      "what an operator says of a member's addresses is recorded",
      "hasSameItems(a.toSorted(), b.toSorted())",
      "a.length === b.length && a.every((url) => b.includes(url))",
    ],
    [
      "a place counts before anybody has taken it",
      "a reserved place affects no quorum",
      '...{ id, name: "", peerUrls, clientUrls: [], voter: false },',
      '...{ id, name: "", peerUrls, clientUrls: [], voter: true },',
    ],
    [
      "places are reserved while too few have started",
      "no more are to vote than those that have started can carry",
      "if (started < needed) {",
      "if (started < 0) {",
    ],
    [
      "places are reserved while too few live",
      "a newcomer that never comes costs no quorum",
      "if (alive >= quorum ||",
      "if (alive >= 0 ||",
    ],
    [
      "a removed id is given out again",
      "a removed id never comes back",
      "if (removed.includes(id) || members.some(",
      "if (members.some(",
    ],
    [
      "a learner that lags is promoted",
      "new members learn first",
      "if (!rules.keepsUp(id)) {",
      "if (id < 0) {",
    ],
    [
      "two members get one address",
      "an address belongs to one member",
      'if (twin !== undefined) return refuse("peerUrlExists", addressTaken(twin, updated));',
      "",
    ],
  ]),
  ...mutantsOf("src/node/membership/administration.ts", NODE, [
    [
      "nobody tells the leader where a member has moved",
      "a member that moved is found by those that it knows",
      "const [other] = moved().filter(",
      "const [other] = moved().slice(1).filter(",
    ],
    [
      "a member takes back what an operator said of its addresses",
      "assigned addresses hold until the member starts again",
      "if (!this.#hasAnnounced || !isRecorded && !recorded.assigned) return announced;",
      "if (!this.#hasAnnounced || !isRecorded) return announced;",
    ],
    [
      "a member that was just recorded takes back what an operator says next",
      "assigned addresses hold until the member starts again",
      "this.#hasAnnounced ||= outcome.ok && announced.id === this.#core.id;",
      "",
    ],
    [
      "a member that has just joined takes back what an operator says next",
      "assigned addresses hold until the member starts again",
      "this.#hasAnnounced = options.core.lastIndex === 0;",
      "this.#hasAnnounced = false;",
    ],
    [
      "a member that starts again leaves the addresses that were assigned",
      "a member is where it says when it starts",
      "if (!this.#hasAnnounced || !isRecorded && !recorded.assigned) return announced;",
      "if (!isRecorded && !recorded.assigned) return announced;",
    ],
    [
      "nobody hears that a member yields to what was assigned",
      "etcd's flags are of the first start, what an operator says comes after them",
      "return yields === true ? { ...given, yields } : given;",
      "return given;",
      "tests/cluster/initial_cluster_test.ts",
    ],
    [
      "a removal is refused before anybody could answer",
      "a leader that stood still asks before it takes others for dead",
      "() => now() < patientUntil,",
      "() => false,",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", SIM, [
    [
      "a follower's read does not wait for the leader's index",
      "a read sees all that was acknowledged before it, on any member",
      "reply(encodeConfirmation(this.#core.appliedIndex, outcome.value.nowMs));",
      "reply(encodeConfirmation(0, outcome.value.nowMs));",
    ],
  ]),
  ...mutantsOf("src/node/calls/desk.ts", NODE, [
    [
      "a member that does not lead carries out what it is asked",
      "what a caller is told was not done was not done",
      "if (leads()) handlers[kind](payload, reply);",
      "if (leads() || true) handlers[kind](payload, reply);",
    ],
  ]),
  ...mutantsOf("src/node/expiry.ts", NODE, [
    [
      "reads judge a TTL by the time of the last write",
      "nobody reads what has run out",
      "machine.nextDeadlineMs() === Infinity ? machine",
      "machine.nextDeadlineMs() > 0 ? machine",
    ],
    [
      "expiries of a past term hold up those of the next",
      "a new leader expires what is due, and is read",
      "this.#batch.inFlight > 0 && this.#batch.term === term",
      "this.#batch.inFlight > 0",
    ],
    [
      "nobody reads on a full disk once a TTL has run out",
      "reads go on while the disk is full",
      "return this.#options.isFull() ? this.#options.machine.nextDeadlineMs() - 1 : undefined;",
      "return undefined;",
    ],
  ]),
  ...mutantsOf("src/node/membership/farewell.ts", NODE, [
    [
      "who asks for the end a second time keeps the first from hearing of it",
      "a node ends once for all who end it",
      "if (this.#ending === undefined) {",
      "{",
    ],
  ]),
  ...mutantsOf("src/node/membership/leadership.ts", NODE, [
    [
      "a leader with a full disk hands over to who can't be elected",
      "reads go on while the disk is full",
      "if (able.length < quorumSize(this.#voters.size)) return;",
      "",
    ],
    [
      "a leader with a full disk asks the same heir for ever",
      "a cluster does not stand still for the disk of one",
      "const heir = this.#handOverTo(able.filter((peer) => timesAsked(peer) === least));",
      "const heir = this.#handOverTo(able);",
    ],
  ]),
  ...mutantsOf("src/node/reads/follower_reads.ts", NODE, [
    [
      "a read joins a call that was under way before it came",
      "a read is confirmed by answers to what was asked after it came",
      "this.#next = [];\n    const deadlineTick",
      "const deadlineTick",
    ],
    [
      "a read waits for an answer that nobody could read",
      "whoever reads is answered in time",
      "if (confirmed === undefined) return waiters.endAll(ids, NOT_CONFIRMED);",
      "if (confirmed === undefined) return;",
    ],
  ]),
  ...mutantsOf("src/node/cluster_clock.ts", NODE, [
    [
      "time by the wall clock",
      "a jump of a wall clock moves no deadline",
      "Math.floor(this.#clock.monotonicMs() + this.#offsetMs)",
      "this.#clock.wallMs()",
    ],
    [
      "an own clock that was ahead holds the time",
      "a key lives as long as its TTL says, whoever leads",
      "if (this.#isOwn) this.#newestMs = 0;",
      "",
    ],
    [
      "time goes back",
      "the cluster's time never goes back on a member",
      "if (now > this.#newestMs) this.#newestMs = now;",
      "this.#newestMs = now;",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", SIM, [
    [
      "a new leader's time is behind the log's",
      "the log is stamped with ascending times",
      'else if (this.#core.role === "leader") this.#clock.lead(this.#options.machine.timeMs);',
      "",
      NODE,
    ],
    [
      "a member speaks for another",
      "a message comes from whom it names",
      "if (message.message.from !== from) return;",
      "",
      NODE,
    ],
    [
      "a command comes before what was due",
      "what is due is gone when the next command comes to it",
      "if (this.#options.machine.nextDeadlineMs() !== Infinity) this.#expiry.run(this.#clock.nowMs());",
      "",
      NODE,
    ],
    [
      "a removed member is let in again",
      "who was removed is told and stops",
      "return this.#roster.isRemoved(id) ?",
      "return id < 0 ?",
    ],
  ]),
  ...mutantsOf("src/node/replica.ts", "tests/node/replica_test.ts", [
    [
      "a quiet node takes a snapshot of next to nothing",
      "a large store is not written again for a few entries",
      "this.#logBytes >= Math.max(quietLogBytesMin, this.#snapshotBytes * QUIET_LOG_SHARE);",
      "this.#logBytes > 0;",
    ],
    [
      "a leader with peers waits for its disk on the event loop",
      "a disk that makes a leader wait stops no heartbeats",
      " &&\n      this.#core.configuration.members.length === 1;",
      ";",
    ],
    [
      "a client that writes while others read stops the event loop",
      "who writes alone is served sooner, and at nobody's expense",
      " && this.#isPrompt &&",
      " &&",
    ],
  ]),
  ...mutantsOf("src/node/replica.ts", SIM, [
    [
      "a snapshot under load is made as fast as it can be",
      "the log's batches do not wait behind a snapshot",
      "if (!isBusy || this.#slicesOfTick < slicesMax) return;",
      "return;",
      NODE,
    ],
    [
      "a snapshot rests while nobody writes",
      "the log's batches do not wait behind a snapshot, and nothing else does",
      "if (!isBusy || this.#slicesOfTick < slicesMax) return;",
      "if (this.#slicesOfTick < slicesMax) return;",
      NODE,
    ],
    [
      "a snapshot that rests keeps its node from stopping",
      "a stop ends",
      "this.#stopped = true;\n    this.#resume?.();",
      "this.#stopped = true;",
      NODE,
    ],
    [
      "all members take their snapshots at the same moment",
      "a majority has no snapshot to make",
      "this.#attemptedIndex = core.appliedIndex - headStart;",
      "this.#attemptedIndex = core.appliedIndex;",
      NODE,
    ],
    [
      "a batch of any size waits for all who may come",
      "clients and disk work side by side",
      "const mayGrow = grew && !isAlone && !isEnough;",
      "const mayGrow = grew && !isAlone;",
      NODE,
    ],
    [
      "a promise leaves before its batch is durable",
      "an acknowledgement follows the sync",
      "this.#saving = this.#persist(batch, mayBlock).then(() => {",
      "this.#core.saved(batch); batch.messages.forEach(this.#hooks.send); " +
      "this.#saving = this.#persist(batch, mayBlock).then(() => {",
    ],
    [
      "a saved batch sends promises of a past term",
      "an acknowledgement speaks of the log of its own term",
      "if (message.term >= this.#core.term) this.#hooks.send(message);",
      "this.#hooks.send(message);",
      NODE,
    ],
    [
      "a save that hangs is waited for for ever",
      "a cluster does not stand still for the disk of one",
      "if (this.hangs) {\n      this.#hooks.cannotSave(this.#savingIndex);",
      "if (this.hangs) {",
      NODE,
    ],
    [
      "others do not get the log while a save hangs",
      "a cluster does not stand still for the disk of one",
      "const appends = this.#saving === undefined || this.hangs;",
      "const appends = this.#saving === undefined;",
      NODE,
    ],
    [
      "a snapshot is restored in one turn",
      "no bulk work holds up everybody else",
      "await this.#machine.restore(inTurns(reader.data(), this.#scheduler));",
      "await this.#machine.restore(reader.data());",
      NODE,
    ],
    [
      "a snapshot counts before the store has taken it in",
      "a member that was sent a snapshot stands where it says",
      "await this.#machine.restore(inTurns(reader.data(), this.#scheduler));",
      "",
    ],
  ]),
  ...mutantsOf("src/node/membership/plans.ts", NODE, [
    [
      "a removal costs the quorum",
      "a removal is refused when the rest could not go on",
      "if (removed.voter && alive < quorum) {",
      "if (removed.voter && alive < 0) {",
    ],
    [
      "a newcomer replaces a living member",
      "a name that lives is taken",
      "if (namesake !== undefined && isAlive(namesake.id)) {",
      "if (namesake !== undefined && namesake.id < 0) {",
    ],
    [
      "a newcomer's other address is not taken",
      "a newcomer is called where it is",
      "if (known.voter || sameAddresses(known, asking)) return",
      "if (known.id > 0) return",
    ],
    [
      "a newcomer votes at once",
      "new members learn first",
      "const voter = kept.length === 0;",
      "const voter = true;",
    ],
    [
      "a place is given out twice",
      "a reserved place is taken once, by one incarnation",
      "const taken = { ...place, ...member, id: place.id, takenBy: member.id };",
      'const taken = { ...place, ...member, id: place.id, name: "" };',
    ],
    [
      "who asks again for its place gets another",
      "a newcomer whose answer was lost is told the same again",
      "member.id === id && !isReserved(member) || member.takenBy === id",
      "member.id === id && !isReserved(member)",
    ],
    [
      "a learner that waits for its promotion votes by itself",
      "a learner stays one until it is promoted",
      "if (learner === undefined || learner.voter || learner.learner) return",
      "if (learner === undefined || learner.voter) return",
    ],
    [
      "removed ids are forgotten",
      "a removed id never comes back",
      "return [...removed, id].slice(-REMOVED_MAX);",
      "return [...removed];",
    ],
  ]),
  ...mutantsOf("src/node/snapshots/transfer.ts", NODE, [
    [
      "a file that is refused is sent for ever",
      "a snapshot that nobody can use is made again",
      "if (this.#acknowledged > 0 || isAtOnce) this.#restarts++;",
      "",
    ],
    [
      "a full disk under a snapshot ends the node",
      "a full disk is outlived",
      "if (error instanceof DiskFullError) {",
      "if (error instanceof TypeError) {",
    ],
    [
      "a failed disk under a snapshot is the sender's fault",
      "a node whose disk has failed ends",
      "this.#options.broken(error);\n      }",
      "throw error;\n      }",
    ],
    [
      "a snapshot that could not be synced is taken for a damaged one",
      "a node whose disk has failed ends",
      "if (!(error instanceof DamagedTransferError)) return this.#options.broken(error);",
      "",
    ],
    [
      "a file that can't be read is the receiver's fault",
      "a node whose disk has failed ends",
      "      // Neither the acknowledgement nor the stream that it came on is at fault.\n" +
      "      this.#options.broken(error);",
      "      throw error;",
    ],
    [
      "a chunk is taken at any offset",
      "a snapshot arrives whole whatever the network does",
      "if (chunk.offset === incoming?.writer.size) incoming",
      "if (incoming !== undefined) incoming",
    ],
  ]),
];
