/** Planted bugs of the decision who founds a cluster. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const SIMULATED = "tests/founding/founding_test.ts";
const STEPS = "tests/founding/core_test.ts";
const DRIVEN = "tests/shell/founder_test.ts";
const REAL = "tests/cluster/any_majority_test.ts";

export const FOUNDING_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/founding/core.ts", SIMULATED, [
    [
      "a promise to found nothing lower is forgotten in a crash",
      "a promise is on disk before it is told",
      "const save = order > 0 ? { promised: ballot, accepted } : undefined;",
      "const save = undefined;",
    ],
    [
      "an accepted founder is forgotten in a crash",
      "what is accepted is on disk before it is told",
      "const save = isRepeated ? undefined : { promised: ballot, accepted };",
      "const save = undefined;",
    ],
    [
      "an acceptor takes a founder of a lower ballot",
      "a promise binds",
      "if (isStranger || order < 0) {",
      'if (isStranger || order < 0 && ask.kind === "prepare") {',
    ],
    [
      "a proposer proposes itself whatever was accepted",
      "what may have been chosen is proposed again",
      "const choice = highest(promises)?.choice ?? own;",
      "const choice = highest(promises) === undefined ? own : own;",
    ],
    [
      "a proposer takes over the founder of the lowest ballot",
      "only the highest may have been chosen",
      "compareBallots(accepted.ballot, found.ballot) > 0",
      "compareBallots(accepted.ballot, found.ballot) < 0",
    ],
    [
      "a minority decides who founds",
      "two majorities have a node in common",
      "this.#quorum = quorumSize(options.others.length + 1);",
      "this.#quorum = quorumSize(options.others.length + 1) - 1;",
    ],
    [
      "a founder is chosen by one acceptance less",
      "a majority has accepted",
      "if (choice === undefined || accepted.size < this.#quorum) return NOTHING;",
      "if (choice === undefined || accepted.size + 1 < this.#quorum) return NOTHING;",
    ],
    [
      "an answer to an earlier ballot counts",
      "an answer is of one ballot",
      "if (proposal === undefined || compareBallots(answer.ballot, proposal.ballot) !== 0) {",
      "if (proposal === undefined) {",
      STEPS,
    ],
    [
      "a proposer accepts against its own promise",
      "a promise binds the proposer, too",
      "if (compareBallots(this.#pledge!.promised, ballot) !== 0) return this.#preempted();",
      "",
    ],
    [
      "a proposer uses a ballot again after a crash",
      "no two proposals have one ballot",
      "Math.max(this.#pledge?.promised.round ?? 0, this.#seenRound) + 1",
      "Math.max(0, this.#seenRound) + 1",
    ],
    [
      "a proposer does not learn what stands in its way",
      "a majority that is there decides in the end",
      "this.#seenRound = Math.max(this.#seenRound, answer.promised?.round ?? 0);",
      "",
      STEPS,
    ],
    [
      "what a wiped node accepts counts as what it has promised",
      "a majority is of one incarnation each",
      "if (proposal.promises.get(name)?.from !== answer.from) return NOTHING;",
      "",
      STEPS,
    ],
    [
      "a node accepts what an earlier incarnation was asked",
      "a wiped directory never votes under an old identity (rule 8)",
      'const isStranger = ask.kind === "accept" && ask.to !== from;',
      "const isStranger = false;",
      STEPS,
    ],
    [
      "a promise forgets what was accepted",
      "whoever promises says what it has accepted",
      "const accepted = pledge?.accepted;\n",
      "const accepted = undefined;\n",
    ],
  ]),
  ...mutantsOf("src/founding/turn.ts", STEPS, [
    [
      "all propose at the same moment",
      "the first by name founds if it is there",
      "this.#sinceMs + graces * graceMs - nowMs",
      "this.#sinceMs - nowMs",
    ],
  ]),
  ...mutantsOf("src/member/founder.ts", DRIVEN, [
    [
      "a promise is told while it is written",
      "a promise is on disk before it is told",
      "      await this.#save(save);\n",
      "      this.#save(save).catch(() => {});\n",
    ],
    [
      "a proposer asks while its own promise is written",
      "no two proposals have one ballot",
      "      await this.#save(taken.save);\n",
      "      this.#save(taken.save).catch(() => {});\n",
    ],
    [
      "a node answers though its disk has failed",
      "what is not known to be on disk is not told",
      "      this.#failure = { error };\n",
      "",
    ],
    [
      "a promise is written over the identity of a member",
      "a member never forgets its cluster",
      'if (!this.#isOpen) throw new AbstentionError("The node there enters a cluster");',
      "",
    ],
    [
      "a node answers for another name",
      "a node is counted once",
      "const cause = to !== own.name",
      'const cause = to === ""',
    ],
  ]),
  ...mutantsOf("src/storage/identity.ts", REAL, [
    [
      "an accepted founder is not in the file",
      "what is accepted outlives the process",
      "(founding?.accepted === undefined ? 0 : FLAG_ACCEPTED)",
      "0",
    ],
  ]),
];
