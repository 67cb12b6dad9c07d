/**
 * What lies on each member's disk, by the saves that have resolved, against what
 * the members say: no message leaves before what it promises is durable, nothing
 * durable is missing after a restart, and nothing committed is written over.
 */
import type { Loaded } from "../../src/node/ports.ts";
import type { HardState, MemberId, Message, SaveBatch } from "../../src/raft/types.ts";
import type { CommittedLog } from "./committed_log.ts";
import { describe } from "./text.ts";
import type { Violations } from "./violation.ts";

/** What a member's disk holds, whether or not it runs. */
interface Durable {
  readonly name: string;
  hardState: HardState;
  /** Terms by index from 0 on. */
  terms: number[];
  /**
   * What was handed to the disk since and was not confirmed, by this process or
   * by those that crashed before it: any one of them may be found. That of an
   * earlier process comes back when sectors of both make it whole; no harm, for
   * it is as if its messages had only now arrived.
   */
  attempts: readonly SaveBatch[];
}

export class DurabilityCheck {
  readonly #violations: Violations;
  readonly #log: CommittedLog;
  readonly #durable = new Map<MemberId, Durable>();
  /** Whom a member voted for, by member and term, as far as it has told anybody. */
  readonly #votes = new Map<string, MemberId>();

  constructor(violations: Violations, log: CommittedLog) {
    this.#violations = violations;
    this.#log = log;
  }

  /** Member `id` starts with what its disk held. */
  started(name: string, id: MemberId, loaded: Loaded): void {
    const found = this.#fromDisk(name, loaded);
    const durable = this.#durable.get(id);
    if (durable !== undefined) this.#checkFound(durable, found);
    this.#durable.set(id, found);
  }

  /** Whether the entry of `term` at `index` is durable at member `id`. */
  holds(id: MemberId, index: number, term: number | undefined): boolean {
    return this.#durable.get(id)?.terms[index] === term;
  }

  /** A batch is handed to the disk. */
  saving(id: MemberId, batch: SaveBatch): void {
    const durable = this.#durableOf(id);
    durable.attempts = [...durable.attempts, batch];
    let previousTerm: number | undefined = undefined;
    for (const entry of batch.entries) {
      previousTerm ??= batch.snapshot?.index === entry.index - 1
        ? batch.snapshot.term
        : durable.terms[entry.index - 1] ?? 0;
      this.#log.meet(durable.name, entry, previousTerm);
      previousTerm = entry.term;
    }
    this.#checkReplaced(durable, batch);
  }

  /** The batch is durable, says the storage. */
  saved(id: MemberId, batch: SaveBatch): void {
    const durable = this.#durableOf(id);
    durable.attempts = [];
    this.#write(durable, batch);
  }

  /** A message leaves: what it promises must be on the sender's disk. */
  sent(message: Message): void {
    const { type, from, term } = message;
    if (type === "preVote" || type === "preVoteReply") return;
    const { name, hardState, terms } = this.#durableOf(from);
    this.#violations.check(
      hardState.term >= term,
      "durable before sent",
      () => `${name} sends "${type}" of term ${term}, on its disk is term ${hardState.term}`,
    );
    if (type === "vote") this.#voted(from, term, from);
    if (type === "voteReply" && message.granted) {
      this.#voted(from, term, message.to);
      const isSaved = hardState.term === term && hardState.vote === message.to;
      this.#violations.check(
        isSaved,
        "durable before sent",
        () =>
          `${name} grants ${message.to} its vote of term ${term}, on its disk is ${hardState.vote}`,
      );
    }
    if (type === "appendReply" && !message.rejected) {
      this.#violations.check(
        message.index < terms.length,
        "durable before sent",
        () => `${name} acknowledges index ${message.index}, on its disk is ${terms.length - 1}`,
      );
    }
  }

  /** Paper, figure 2: at most one vote a term, restarts or not. */
  #voted(member: MemberId, term: number, candidate: MemberId): void {
    const key = `${member} ${term}`;
    const before = this.#votes.get(key);
    this.#violations.check(
      before === undefined || before === candidate,
      "one vote a term",
      () =>
        `${this.#durableOf(member).name} votes in term ${term} for ${before} and for ${candidate}`,
    );
    this.#votes.set(key, candidate);
  }

  #durableOf(id: MemberId): Durable {
    const durable = this.#durable.get(id);
    if (durable === undefined) throw new RangeError(`No member ${id} was ever started`);
    return durable;
  }

  /** Nothing committed that lay on the disk may be written over. */
  #checkReplaced({ name, terms }: Durable, { entries, snapshot }: SaveBatch): void {
    const first = entries[0];
    if (first === undefined || snapshot !== undefined) return;
    for (let index = first.index; index < terms.length; index++) {
      const term = terms[index];
      if (term !== this.#log.termAt(index) || entries[index - first.index]?.term === term) continue;
      this.#violations.note(
        "committed entries stay",
        `${name} replaces index ${index} of term ${term} on its disk, which is committed`,
      );
    }
  }

  /** What a restart finds is what was saved, with or without a batch that was under way. */
  #checkFound(durable: Durable, found: Durable): void {
    const missing = difference(durable, found);
    if (missing === undefined) {
      found.attempts = durable.attempts;
      return;
    }
    const isAttempt = durable.attempts.flatMap(stages).some((batch) => {
      const attempted = { ...durable, terms: [...durable.terms] };
      this.#write(attempted, batch);
      return difference(attempted, found) === undefined;
    });
    this.#violations.check(
      isAttempt,
      "durable across restarts",
      () => `${durable.name} ${missing}; under way was ${describe(durable.attempts)}`,
    );
  }

  #fromDisk(name: string, { hardState, snapshot, entries }: Loaded): Durable {
    const durable: Durable = { name, hardState, terms: [0], attempts: [] };
    this.#write(durable, {
      hardState: undefined,
      snapshot: snapshot.index > 0 ? snapshot : undefined,
      entries,
      messages: [],
    });
    return durable;
  }

  #write(durable: Durable, { hardState, snapshot, entries }: SaveBatch): void {
    const { terms } = durable;
    durable.hardState = hardState ?? raised(durable.hardState, snapshot?.term ?? 0);
    if (snapshot !== undefined && terms[snapshot.index] !== snapshot.term) {
      terms.length = 0;
      for (let index = 0; index <= snapshot.index; index++) {
        terms.push(this.#log.termAt(index) ?? -1);
      }
      this.#violations.check(
        terms[snapshot.index] === snapshot.term,
        "snapshot",
        () =>
          `${durable.name} has one of index ${snapshot.index} and term ${snapshot.term}, the ` +
          `committed term there is ${terms[snapshot.index]}`,
      );
    }
    const first = entries[0];
    if (first === undefined) return;
    terms.length = Math.min(terms.length, first.index);
    for (const { term } of entries) terms.push(term);
  }
}

/** A member knows of each term that an entry of its is of. */
function raised(hardState: HardState, term: number): HardState {
  return term > hardState.term ? { ...hardState, term, vote: 0 } : hardState;
}

/** What a crash may leave of a batch: a received snapshot is in place before the rest is. */
function stages(batch: SaveBatch): SaveBatch[] {
  if (batch.snapshot === undefined) return [batch];
  return [batch, { ...batch, hardState: undefined, entries: [] }];
}

/** What differs between what was saved and what was found, in words; undefined when nothing does. */
function difference(saved: Durable, found: Durable): string | undefined {
  const { term, vote } = saved.hardState;
  if (found.hardState.term !== term || found.hardState.vote !== vote) {
    return `saved term ${term} and vote ${vote}, and found ${found.hardState.term} and ` +
      `${found.hardState.vote}`;
  }
  if (found.terms.length !== saved.terms.length) {
    return `saved ${saved.terms.length - 1} entries, and found ${found.terms.length - 1}`;
  }
  const index = saved.terms.findIndex((saved, i) => found.terms[i] !== saved);
  return index < 0
    ? undefined
    : `saved term ${saved.terms[index]} at index ${index}, and found ${found.terms[index]}`;
}
