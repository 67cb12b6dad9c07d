/** Planted bugs of the node around the core: calls, reads, time, membership, snapshots on their way. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const NODE = "tests/node";
const SIM = "sim";

export const NODE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/node/calls.ts", NODE, [
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
  ...mutantsOf("src/node/proposals.ts", NODE, [
    [
      "another leader's entry at the index answers the writer",
      "an entry is known by index and term",
      "if (waiter.term === term) waiter.done(",
      "if (waiter.term > 0) waiter.done(",
    ],
  ]),
  ...mutantsOf("src/node/reads.ts", SIM, [
    [
      "reads under a lease that no clock guards",
      "a read is confirmed by a majority",
      "if (!this.#core.isReadableAlone) return undefined;",
      'if (this.#core.role !== "leader") return undefined;',
    ],
    [
      "a read does not wait for what it was promised",
      "a read sees all that was acknowledged before it",
      "if (read.index > applied || this.#expiring(read.group.nowMs)) {",
      "if (this.#expiring(read.group.nowMs)) {",
    ],
    [
      "a read does not wait for expiries",
      "a key that was found dead never comes back",
      "if (read.index > applied || this.#expiring(read.group.nowMs)) {",
      "if (read.index > applied) {",
      NODE,
    ],
  ]),
  ...mutantsOf("src/node/call_service.ts", SIM, [
    [
      "a follower's read does not wait for the leader's index",
      "a read sees all that was acknowledged before it, on any member",
      "const numbers = [this.#core.appliedIndex, outcome.value.nowMs];",
      "const numbers = [0, outcome.value.nowMs];",
    ],
  ]),
  ...mutantsOf("src/node/follower_reads.ts", NODE, [
    [
      "a read joins a call that was under way before it came",
      "a read is confirmed by answers to what was asked after it came",
      "this.#next.push({ done, deadlineTick });",
      "(this.#isCalling ? this.#called : this.#next).push({ done, deadlineTick });",
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
      'else if (this.#core.role === "leader") this.#clock.raiseTo(this.#options.machine.timeMs);',
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
  ...mutantsOf("src/node/replica.ts", SIM, [
    [
      "a promise leaves before its batch is durable",
      "an acknowledgement follows the sync",
      "this.#saving = this.#persist(batch).then(() => {",
      "this.#core.saved(batch); batch.messages.forEach(this.#hooks.send); " +
      "this.#saving = this.#persist(batch).then(() => {",
    ],
    [
      "a saved batch sends promises of a past term",
      "an acknowledgement speaks of the log of its own term",
      "if (message.term >= this.#core.term) this.#hooks.send(message);",
      "this.#hooks.send(message);",
      NODE,
    ],
    [
      "a snapshot counts before the store has taken it in",
      "a member that was sent a snapshot stands where it says",
      "await this.#machine.restore(reader.data());",
      "",
    ],
  ]),
  ...mutantsOf("src/node/membership_plans.ts", NODE, [
    [
      "a removal costs the quorum",
      "a removal is refused when the rest could not go on",
      "if (alive < quorum) {",
      "if (alive < 0) {",
    ],
    [
      "a newcomer replaces a living member",
      "a name that lives is taken",
      "if (replaced !== undefined && isAlive(replaced.id)) {",
      "if (replaced !== undefined && replaced.id < 0) {",
    ],
    [
      "a newcomer votes at once",
      "new members learn first",
      "voter: kept.length === 0 }",
      "voter: true }",
    ],
    [
      "removed ids are forgotten",
      "a removed id never comes back",
      "return [...removed, id].slice(-REMOVED_MAX);",
      "return [...removed];",
    ],
  ]),
  ...mutantsOf("src/node/snapshot_transfer.ts", NODE, [
    [
      "a chunk is taken at any offset",
      "a snapshot arrives whole whatever the network does",
      "if (chunk.offset === incoming.writer.size) incoming",
      "incoming",
    ],
  ]),
];
