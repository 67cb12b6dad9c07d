/**
 * Who founds a cluster: one decision among nodes without data, by Paxos (Lamport, "Paxos
 * Made Simple", 2001). Each node answers proposers, and may propose itself. Pure: messages
 * in, messages and what is to be saved out.
 *
 * A step that returns `save` is to be made durable, and `saved` called, before anything
 * else of it leaves and before the next step; if that fails there is no next step.
 */
import { assert } from "../base/assert.ts";
import type { MemberId } from "../raft/types.ts";
import { quorumSize } from "../raft/quorum.ts";
import {
  type Acceptance,
  type Answer,
  type Ask,
  type Ballot,
  type Choice,
  compareBallots,
  type Pledge,
  ROUND_MAX,
} from "./types.ts";

export interface CoreOptions {
  /** What this node proposes when nobody has accepted anything: itself. */
  readonly own: Choice;
  /** The names of the others. */
  readonly others: readonly string[];
  /** What this incarnation has saved. */
  readonly pledge: Pledge | undefined;
}

/** A question for the node of that name. */
export interface Outgoing {
  readonly name: string;
  readonly ask: Ask;
}

/** How a proposal ended. */
export type Outcome =
  /** For ever, and perhaps somebody else. */
  | { readonly kind: "chosen"; readonly choice: Choice }
  /** Somebody else is at it. */
  | { readonly kind: "preempted" };

/** What follows from a step. */
export interface Step {
  readonly save: Pledge | undefined;
  readonly asks: readonly Outgoing[];
  readonly outcome: Outcome | undefined;
}

/** By name: a majority is one of those named, however often one answers. */
type Promises = Map<string, {
  readonly from: MemberId;
  readonly accepted: Acceptance | undefined;
}>;

interface Proposal {
  readonly ballot: Ballot;
  readonly promises: Promises;
  /** Undefined until a majority has promised. */
  choice: Choice | undefined;
  readonly accepted: Set<string>;
}

const NOTHING: Step = { save: undefined, asks: [], outcome: undefined };

/** One node's part in the decision. */
export class FoundingCore {
  readonly #options: CoreOptions;
  readonly #quorum: number;
  #pledge: Pledge | undefined;
  #proposal: Proposal | undefined;
  /** The highest that stood in the way of a proposal. */
  #seenRound = 0;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#quorum = quorumSize(options.others.length + 1);
    this.#pledge = options.pledge;
  }

  /** Whether this incarnation may have been chosen: nobody else can found then. */
  get mayBeChosen(): boolean {
    return this.#pledge?.accepted?.choice.founder === this.#options.own.founder;
  }

  /** What was to be saved is durable. */
  saved(pledge: Pledge): void {
    this.#pledge = pledge;
  }

  /** Another node's question. */
  asked(ask: Ask): { readonly save: Pledge | undefined; readonly answer: Answer } {
    const { ballot } = ask;
    const { founder: from } = this.#options.own;
    const pledge = this.#pledge;
    const isStranger = ask.kind === "accept" && ask.to !== from;
    const order = pledge === undefined ? 1 : compareBallots(ballot, pledge.promised);
    if (isStranger || order < 0) {
      const promised = isStranger ? undefined : pledge?.promised;
      return { save: undefined, answer: { kind: "refused", ballot, promised } };
    }
    if (ask.kind === "prepare") {
      const accepted = pledge?.accepted;
      const save = order > 0 ? { promised: ballot, accepted } : undefined;
      return { save, answer: { kind: "promised", ballot, from, accepted } };
    }
    const isRepeated = pledge?.accepted !== undefined &&
      compareBallots(pledge.accepted.ballot, ballot) === 0;
    const accepted = { ballot, choice: ask.choice };
    const save = isRepeated ? undefined : { promised: ballot, accepted };
    return { save, answer: { kind: "accepted", ballot, from } };
  }

  /** Begins a ballot of this node's own, above all that it knows; a proposal before it is given up. */
  propose(): Step {
    const { own: { founder, name: own }, others } = this.#options;
    const round = Math.max(this.#pledge?.promised.round ?? 0, this.#seenRound) + 1;
    assert(round <= ROUND_MAX, "Nodes that form a cluster never count that far");
    const ballot = { round, proposer: founder };
    const accepted = this.#pledge?.accepted;
    this.#proposal = {
      ballot,
      promises: new Map([[own, { from: founder, accepted }]]),
      choice: undefined,
      accepted: new Set(),
    };
    return {
      save: { promised: ballot, accepted },
      asks: others.map((name) => ({ name, ask: { kind: "prepare", ballot } })),
      outcome: undefined,
    };
  }

  /** What the node `name` answered. An answer to another ballot means nothing. */
  answered(name: string, answer: Answer): Step {
    const proposal = this.#proposal;
    if (proposal === undefined || compareBallots(answer.ballot, proposal.ballot) !== 0) {
      return NOTHING;
    }
    switch (answer.kind) {
      case "refused":
        this.#seenRound = Math.max(this.#seenRound, answer.promised?.round ?? 0);
        return this.#preempted();
      case "promised":
        if (proposal.choice !== undefined) return NOTHING;
        proposal.promises.set(name, answer);
        return proposal.promises.size < this.#quorum ? NOTHING : this.#accept(proposal);
      case "accepted":
        if (proposal.promises.get(name)?.from !== answer.from) return NOTHING;
        proposal.accepted.add(name);
        return this.#count(proposal);
    }
  }

  /** A majority has promised: what may have been chosen before is proposed, or else itself. */
  #accept(proposal: Proposal): Step {
    const { own } = this.#options;
    const { ballot, promises } = proposal;
    if (compareBallots(this.#pledge!.promised, ballot) !== 0) return this.#preempted();
    const choice = highest(promises)?.choice ?? own;
    proposal.choice = choice;
    proposal.accepted.add(own.name);
    return {
      save: { promised: ballot, accepted: { ballot, choice } },
      asks: [...promises].filter(([name]) => name !== own.name)
        .map(([name, { from: to }]) => ({ name, ask: { kind: "accept", ballot, choice, to } })),
      outcome: undefined,
    };
  }

  #count({ accepted, choice }: Proposal): Step {
    if (choice === undefined || accepted.size < this.#quorum) return NOTHING;
    this.#proposal = undefined;
    return { ...NOTHING, outcome: { kind: "chosen", choice } };
  }

  #preempted(): Step {
    this.#proposal = undefined;
    return { ...NOTHING, outcome: { kind: "preempted" } };
  }
}

function highest(promises: Promises): Acceptance | undefined {
  let found: Acceptance | undefined;
  for (const { accepted } of promises.values()) {
    if (accepted === undefined) continue;
    if (found === undefined || compareBallots(accepted.ballot, found.ballot) > 0) found = accepted;
  }
  return found;
}
