/** Planted bugs of the consensus core. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const RAFT = "tests/raft";

export const RAFT_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/raft/progress.ts", "tests/raft", [
    [
      "what one process acknowledged is counted for another",
      "an acknowledgement is of the disk that has the entry",
      "this.#match = 0;\n    this.#become",
      "this.#become",
    ],
  ]),
  ...mutantsOf("src/raft/saves.ts", RAFT, [
    [
      "acknowledges before its disk has it",
      "an acknowledgement follows the sync",
      "return !acknowledges || message.index <= this.#savedIndex;",
      "return true;",
    ],
    [
      "votes before the vote is saved",
      "term and vote are on disk before a reply leaves",
      "if (!this.isVoteSaved(term, vote)) return false;",
      "",
    ],
    [
      "a save counts although the log was cut meanwhile",
      "only what is on disk and still in the log is acknowledged",
      "batch.entries.findLast(({ index, term }) => log.matches(index, term))",
      "batch.entries.at(-1)",
    ],
    [
      "a cut does not lower what is saved",
      "only what is on disk and still in the log is acknowledged",
      "this.#savedIndex = Math.min(this.#savedIndex, index - 1);",
      "",
    ],
  ]),
  ...mutantsOf("src/raft/leader.ts", RAFT, [
    [
      "commits by counting an old term",
      "only entries of its own term are counted (paper figure 8)",
      "if (index <= state.commitIndex || !log.matches(index, term)) return;",
      "if (index <= state.commitIndex) return;",
    ],
    [
      "the leader counts what its disk does not have",
      "the leader counts itself when its own disk has it",
      "voter === id ? saves.savedIndex",
      "voter === id ? log.lastIndex",
    ],
    [
      "no entry opens a term",
      "a leader appends a no-op when elected",
      'appendOwn(state, leadership, "noop", NO_DATA);',
      "",
    ],
    [
      "a new leader reads before it knows the newest commit",
      "a read sees all that was acknowledged before it",
      "return reads.canStart && isEstablished(state);",
      "return reads.canStart;",
    ],
    [
      "reads are confirmed by nobody",
      "a read is confirmed by a majority",
      "if (reads.current > 0 && isQuorum(voters, confirms))",
      "if (reads.current > 0)",
    ],
    [
      "leads on without hearing a majority",
      "a leader that is cut off steps down",
      "return peer !== undefined && peer.ticksSinceHeard < options.electionTicks;",
      "return peer !== undefined;",
    ],
    [
      "hands over to one whose log is behind",
      "leadership is handed to one that has all of the log",
      "if (peer.id === transferee && peer.match === state.log.lastIndex) {",
      "if (peer.id === transferee) {",
    ],
    [
      "an acknowledgement beyond the log counts",
      "what was never sent can't be acknowledged",
      "if (peer === undefined || index > state.log.lastIndex) return;",
      "if (peer === undefined) return;",
    ],
  ]),
  ...mutantsOf("src/raft/read_rounds.ts", RAFT, [
    [
      "an answer to an earlier round confirms this one",
      "a read is confirmed by answers to what was asked after it came",
      "if (number === this.#round?.number) this.#round.confirmedBy.add(from);",
      "this.#round?.confirmedBy.add(from);",
    ],
  ]),
  ...mutantsOf("src/raft/follower.ts", RAFT, [
    [
      "a reordered append cuts the suffix",
      "a follower truncates only at a real conflict",
      "if (first === undefined) return;",
      "if (first === undefined) { const end = Math.max(prevIndex + entries.length, state.commitIndex); " +
      "if (end < log.lastIndex) state.truncateFrom(end + 1); return; }",
    ],
    [
      "commits what the leader has not confirmed",
      "a follower commits only what it shares with the leader",
      "state.commitTo(Math.min(message.commitIndex, lastNewIndex));",
      "state.commitTo(Math.min(message.commitIndex, log.lastIndex));",
    ],
    [
      "appends behind an entry that does not match",
      "logs agree up to what is appended to (Log Matching)",
      "} else if (!log.matches(prevIndex, prevTerm)) {",
      "} else if (prevIndex > log.lastIndex) {",
    ],
  ]),
  ...mutantsOf("src/raft/candidate.ts", RAFT, [
    [
      "votes twice in a term",
      "one vote a term",
      "const isFree = state.vote === NONE || state.vote === from;",
      "const isFree = true;",
    ],
    [
      "votes for a log that lacks commits",
      "only one who has all that is committed is elected",
      "const granted = isFree && state.log.isUpToDate(lastIndex, lastTerm);",
      "const granted = isFree;",
    ],
    [
      "grants a PreVote while a leader lives",
      "a member that was cut off does not disturb a healthy leader",
      "term > state.term && !state.isLed && state.log",
      "term > state.term && state.log",
    ],
    [
      "counts its own vote before it is saved",
      "its own vote counts when it is on disk",
      'if (state.role === "candidate" && state.saves.isVoteSaved(state.term, state.id)) {',
      'if (state.role === "candidate") {',
    ],
    [
      "campaigns while a snapshot is not in place",
      "a log that is neither old nor new wins no election",
      'role !== "leader" && saves.pendingSnapshot === undefined &&',
      'role !== "leader" && saves !== undefined &&',
    ],
  ]),
  ...mutantsOf("src/raft/quorum.ts", RAFT, [
    [
      "half is a majority of an even number",
      "two majorities overlap, for even sizes, too",
      "return Math.floor(voters / 2) + 1;",
      "return Math.ceil(voters / 2);",
    ],
    [
      "votes of others than voters count",
      "a removed member or a learner elects nobody",
      'if (isQuorum(voters, (id) => votes.get(id) === true)) return "won";',
      'if ([...votes.values()].filter(Boolean).length >= quorumSize(voters.length)) return "won";',
    ],
  ]),
  ...mutantsOf("src/raft/validation.ts", RAFT, [
    [
      "a removed member's answer changes the term",
      "who was removed disturbs nobody",
      'return isRequest || isMember ? undefined : "It answers, but is no member";',
      "return undefined;",
    ],
  ]),
  ...mutantsOf("src/raft/step.ts", RAFT, [
    [
      "a removed member's campaign deposes the leader",
      "who was removed disturbs nobody",
      'if (message.type === "vote" && !message.transfer && state.isLed) return false;',
      "",
    ],
  ]),
  ...mutantsOf("src/raft/membership.ts", RAFT, [
    [
      "a change is judged before it is encoded",
      "what a leader appends every member takes",
      "changeFault(configuration, decodeConfiguration(data))",
      "changeFault(configuration, next)",
    ],
    [
      "two membership changes at once",
      "one change at a time",
      "if (latestIndex > commitIndex) {",
      "if (latestIndex < 0) {",
    ],
    [
      "changes the membership before its own term has a commit",
      "the 2015 bug of single-server changes stays mended",
      "if (!isEstablished(state)) {",
      "if (state.term < 0) {",
    ],
  ]),
  ...mutantsOf("src/raft/configuration.ts", RAFT, [
    [
      "two voters change in one entry",
      "majorities of two configurations overlap",
      "return changed.length <= 1",
      "return changed.length <= 2",
    ],
  ]),
  ...mutantsOf("src/raft/state.ts", RAFT, [
    [
      "a truncated configuration stays in effect",
      "the configuration in effect is the newest in the log",
      "if (this.configurations.truncateFrom(index)) this.#configurationChanged();",
      "",
    ],
    [
      "applies what its disk does not have",
      "only what is saved here is applied here",
      "return Math.min(this.#commitIndex, this.saves.savedIndex);",
      "return this.#commitIndex;",
    ],
    [
      "promises of a past term leave",
      "an acknowledgement speaks of the log of its own term",
      "this.saves.dropPromises();",
      "",
    ],
    [
      "everybody campaigns at the same time",
      "election time-outs are spread",
      "return electionTicks + Math.floor(random() * Math.ceil(electionTicks * 3 / 5));",
      "return electionTicks;",
    ],
  ]),
  ...mutantsOf("src/raft/replication.ts", RAFT, [
    [
      "a heartbeat commits what may still differ",
      "a member is told to commit only what it acknowledged",
      "commitIndex: Math.min(peer.match, state.commitIndex),",
      "commitIndex: state.commitIndex,",
    ],
  ]),
  ...mutantsOf("src/raft/log.ts", RAFT, [
    [
      "what trails a snapshot is bounded in number only",
      "large values cost bounded memory",
      "if (bytes > bytesMax) break;",
      "",
    ],
    [
      "the longer log wins whatever its last term",
      "only one who has all that is committed is elected",
      "return term > lastTerm || (term === lastTerm && index >= this.lastIndex);",
      "return index >= this.lastIndex;",
    ],
    [
      "a slice that begins with the last packed entry is taken from the others",
      "a follower that lags gets every entry",
      "if (from > last) return",
      "if (from >= last) return",
    ],
    [
      "the entry before the first packed one has the term of the one behind",
      "a log matches another only where both have the same term",
      "index - 1 === this.#offset ? this.#offsetTerm",
      "index - 1 === this.#offset ? this.#packed.termAt(index)",
    ],
    [
      "a compaction forgets one entry too many",
      "what a peer may need is kept, or a snapshot stands for it",
      "this.#entries = this.#entries.slice(index - last);",
      "this.#entries = this.#entries.slice(index - last + 1);",
    ],
  ]),
  ...mutantsOf("src/raft/packed_entries.ts", RAFT, [
    [
      "a block that is half forgotten goes as a whole",
      "what a peer may need is kept, or a snapshot stands for it",
      "const blocks = Math.floor((index - this.#base) / BLOCK_ENTRIES);",
      "const blocks = Math.ceil((index - this.#base) / BLOCK_ENTRIES);",
    ],
    [
      "packed data lose their place in a shared buffer",
      "every member applies what was proposed",
      "block.starts[slot] = data.byteOffset;",
      "",
    ],
  ]),
  ...mutantsOf("src/raft/core.ts", RAFT, [
    [
      "takes proposals while it hands over",
      "nothing is proposed that the successor lacks",
      "if (leadership === undefined || leadership.transferee !== NONE) return 0;",
      "if (leadership === undefined) return 0;",
    ],
  ]),
];
