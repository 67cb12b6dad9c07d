/**
 * A blank node's part in the decision who founds the cluster of `--initial-cluster`: takes
 * one step of `founding/` at a time, and nothing of it leaves before it is on disk, in the
 * identity file.
 */
import { AbstentionError, type FoundingAsk } from "../api/peer/founding.ts";
import type { Forming } from "../api/peer/join.ts";
import { messageOf } from "../base/errors.ts";
import { randomId } from "../base/ids.ts";
import { FoundingCore, type Outgoing, type Step } from "../founding/core.ts";
import type { Answer, Pledge } from "../founding/types.ts";
import type { MemberId } from "../raft/types.ts";
import type { Identity } from "../storage/storage.ts";
import { type Decision, disagreement } from "./formation.ts";

export interface FounderOptions {
  readonly own: Forming;
  /** Of a directory without data, if it has one. */
  readonly identity: Identity | undefined;
  readonly random: () => number;
  /** Resolves when it is durable. */
  readonly writeIdentity: (identity: Identity) => Promise<void>;
  /** Asks the node `name`; rejects with a sentence when it does not answer. */
  readonly ask: (name: string, ask: FoundingAsk) => Promise<Answer>;
}

export class Founder {
  readonly #options: FounderOptions;
  readonly #core: FoundingCore;
  #identity: Identity;
  /** Of steps; each begins when the one before it is durable. */
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = true;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: FounderOptions) {
    this.#options = options;
    const { own, identity, random } = options;
    const memberId = identity?.memberId ?? randomId(random);
    const founding = identity?.founding;
    this.#identity = { memberId, clusterId: 0, name: own.name, initial: undefined, founding };
    this.#core = new FoundingCore({
      own: { clusterId: randomId(random), founder: memberId, name: own.name },
      others: own.members.map(({ name }) => name).filter((name) => name !== own.name),
      pledge: founding,
    });
  }

  /** The incarnation that it is. */
  get self(): MemberId {
    return this.#identity.memberId;
  }

  get mayBeChosen(): boolean {
    return this.#core.mayBeChosen;
  }

  /**
   * Takes part no longer; resolves with the identity under which the node goes on, when
   * nothing else writes it.
   */
  async close(): Promise<Identity> {
    this.#isOpen = false;
    await this.#last;
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#identity;
  }

  /** Takes part again: the node has entered no cluster. */
  reopen(): void {
    this.#isOpen = true;
  }

  /** Another node's question. Rejects with `AbstentionError`, and when the disk fails. */
  answer({ from, to, ask }: FoundingAsk): Promise<Answer> {
    const { own } = this.#options;
    const isNamed = from.name !== own.name && own.members.some(({ name }) => name === from.name);
    const cause = to !== own.name
      ? `at the address of "${to}" is a node named "${own.name}"`
      : isNamed
      ? disagreement(own, from.name, from)
      : `"${from.name}" is none of the others`;
    if (cause !== undefined) return Promise.reject(new AbstentionError(cause));
    return this.#step(async () => {
      const { save, answer } = this.#core.asked(ask);
      await this.#save(save);
      return answer;
    });
  }

  /** One attempt to have it decided. Rejects when the disk fails. */
  async propose(): Promise<Decision> {
    const { asks } = await this.#take(() => this.#core.propose());
    const proposal = new ProposalRun(
      (name, answer) => this.#take(() => this.#core.answered(name, answer)),
      this.#ask,
    );
    return await proposal.run(asks);
  }

  readonly #ask = ({ name, ask }: Outgoing): Promise<Answer> =>
    this.#options.ask(name, { from: this.#options.own, to: name, ask });

  #take(step: () => Step): Promise<Step> {
    return this.#step(async () => {
      const taken = step();
      await this.#save(taken.save);
      return taken;
    });
  }

  #step<T>(step: () => Promise<T>): Promise<T> {
    const taken = this.#last.then(() => {
      if (this.#failure !== undefined) throw this.#failure.error;
      // What it would write now could replace the identity under which it enters.
      if (!this.#isOpen) throw new AbstentionError("The node there enters a cluster");
      return step();
    });
    this.#last = taken.catch(() => {});
    return taken;
  }

  async #save(founding: Pledge | undefined): Promise<void> {
    if (founding === undefined) return;
    const identity = { ...this.#identity, founding };
    try {
      await this.#options.writeIdentity(identity);
    } catch (error) {
      // What is on disk now is not known, and so neither what may be answered.
      this.#failure = { error };
      throw error;
    }
    this.#identity = identity;
    this.#core.saved(founding);
  }
}

/** Asks until the proposal has come to an end, or nobody is left who could answer. */
class ProposalRun {
  readonly #answered: (name: string, answer: Answer) => Promise<Step>;
  readonly #ask: (outgoing: Outgoing) => Promise<Answer>;
  readonly #causes: string[] = [];
  readonly #end = Promise.withResolvers<Decision>();
  #open = 0;

  constructor(
    answered: (name: string, answer: Answer) => Promise<Step>,
    ask: (outgoing: Outgoing) => Promise<Answer>,
  ) {
    this.#answered = answered;
    this.#ask = ask;
  }

  run(asks: readonly Outgoing[]) {
    this.#send(asks);
    return this.#end.promise;
  }

  #send(asks: readonly Outgoing[]): void {
    this.#open += asks.length;
    for (const outgoing of asks) this.#exchange(outgoing).catch(this.#end.reject);
  }

  async #exchange(outgoing: Outgoing): Promise<void> {
    const { name } = outgoing;
    const answer = await this.#ask(outgoing).catch((error) => {
      this.#causes.push(`"${name}" ${messageOf(error)}`);
    });
    if (answer !== undefined) {
      const { asks, outcome } = await this.#answered(name, answer);
      if (outcome !== undefined) this.#end.resolve(outcome);
      this.#send(asks);
    }
    this.#open--;
    if (this.#open === 0) {
      this.#end.resolve({ kind: "unanswered", cause: this.#causes.join("; ") });
    }
  }
}
