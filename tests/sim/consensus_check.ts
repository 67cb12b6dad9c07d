/**
 * The promises of Raft (paper, figure 3) and of its durable state, checked after
 * every event on the member that the event touched, by comparison with what was
 * seen before: no check walks a whole log.
 *
 * It knows three things that no member knows: the committed log, who led which
 * term, and what lies on each member's disk by the saves that have resolved.
 */
import { decodeConfiguration } from "../../src/raft/codec.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { Loaded } from "../../src/node/ports.ts";
import type {
  Configuration,
  Entry,
  HardState,
  MemberId,
  Message,
  SaveBatch,
} from "../../src/raft/types.ts";
import { CommittedLog } from "./committed_log.ts";
import { describe } from "./text.ts";
import type { Violations } from "./violation.ts";

/** What a member's core looked like after the last event. */
interface Seen {
  term: number;
  isLeader: boolean;
  commitIndex: number;
  configurationIndex: number;
  configuration: Configuration;
}

/** A running member. */
export interface Subject {
  readonly name: string;
  readonly core: RaftCore;
  readonly seen: Seen;
}

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

interface KnownConfiguration {
  readonly index: number;
  readonly configuration: Configuration;
}

export class ConsensusCheck {
  readonly log: CommittedLog;
  readonly #violations: Violations;
  /** Told of each entry, once, when it is committed for the first time. */
  readonly #onCommitted: (entry: Entry) => void;
  readonly #leaders = new Map<number, Subject>();
  readonly #durable = new Map<MemberId, Durable>();
  /** The newest committed one, and those written after it. */
  #configurations: KnownConfiguration[] = [];
  /** The highest term whose leader has committed anything. */
  #commitTerm = 0;

  constructor(violations: Violations, onCommitted: (entry: Entry) => void) {
    this.#violations = violations;
    this.#onCommitted = onCommitted;
    this.log = new CommittedLog(violations);
  }

  /** A member starts with what its disk held; the result goes with it to `observe`. */
  started(name: string, core: RaftCore, loaded: Loaded): Subject {
    const found = this.#fromDisk(name, loaded);
    const durable = this.#durable.get(core.id);
    if (durable !== undefined) this.#checkFound(durable, found);
    this.#durable.set(core.id, found);
    const { configuration: first } = loaded.snapshot;
    if (this.#configurations.length === 0 && first.members.length > 0) {
      this.#configurations.push({ index: 0, configuration: first });
    }
    const { term, commitIndex, configurationIndex, configuration } = core;
    const seen = { term, isLeader: false, commitIndex, configurationIndex, configuration };
    if (commitIndex > this.log.lastIndex) {
      this.#violations.note("commit", `${name} starts with ${commitIndex} committed, ahead of all`);
    }
    return { name, core, seen };
  }

  /** Those that are in effect somewhere, or may come into effect. */
  possibleConfigurations(): Configuration[] {
    return this.#configurations.map(({ configuration }) => configuration);
  }

  /** After each event that touched `subject`. */
  observe(subject: Subject): void {
    const { core, seen, name } = subject;
    this.#violations.check(
      core.term >= seen.term,
      "term",
      () => `${name} fell from term ${seen.term} to ${core.term}`,
    );
    const isLeader = core.role === "leader";
    if (isLeader && (!seen.isLeader || core.term !== seen.term)) this.#elected(subject);
    if (core.commitIndex !== seen.commitIndex) this.#committed(subject);
    if (core.configurationIndex !== seen.configurationIndex) this.#reconfigured(subject, isLeader);
    seen.term = core.term;
    seen.isLeader = isLeader;
    seen.commitIndex = core.commitIndex;
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
      const isNew = this.log.meet(durable.name, entry, previousTerm);
      if (isNew && entry.kind === "config") this.#configurations.push(readConfiguration(entry));
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
    if (type === "voteReply" && message.granted) {
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

  #durableOf(id: MemberId): Durable {
    const durable = this.#durable.get(id);
    if (durable === undefined) throw new RangeError(`No member ${id} was ever started`);
    return durable;
  }

  /** One leader a term; and it has all that was committed in earlier ones. */
  #elected(subject: Subject): void {
    const { core, name } = subject;
    const rival = this.#leaders.get(core.term);
    this.#violations.check(
      rival === undefined || rival === subject,
      "one leader a term",
      () => `${name} and ${rival?.name} both lead term ${core.term}`,
    );
    this.#leaders.set(core.term, subject);
    if (core.term > this.#commitTerm) this.#checkComplete(subject);
  }

  #checkComplete({ core, name }: Subject): void {
    const { lastIndex } = this.log;
    // By log matching, the newest committed entry vouches for those before it.
    const isComplete = core.commitIndex >= lastIndex ||
      core.termAt(lastIndex) === this.log.termAt(lastIndex);
    this.#violations.check(
      isComplete,
      "leader completeness",
      () => `${name} leads term ${core.term} without the committed entry ${lastIndex}`,
    );
  }

  #committed(subject: Subject): void {
    const { core, seen, name } = subject;
    const before = this.log.lastIndex;
    this.#violations.check(
      core.commitIndex > seen.commitIndex,
      "commit",
      () => `${name} fell from ${seen.commitIndex} committed to ${core.commitIndex}`,
    );
    for (let index = seen.commitIndex + 1; index <= core.commitIndex; index++) {
      const term = core.termAt(index);
      // Compacted: it came with a snapshot, whose own term is compared.
      if (term === undefined) continue;
      if (index > this.log.lastIndex) this.#commit(subject, index, term);
      const committed = this.log.termAt(index);
      this.#violations.check(
        term === committed,
        "committed entries stay",
        () =>
          `${name} commits index ${index} of term ${term}, it was committed of term ${committed}`,
      );
    }
    this.#violations.check(
      core.commitIndex <= this.log.lastIndex,
      "commit",
      () => `${name} takes ${core.commitIndex} for committed, others ${this.log.lastIndex}`,
    );
    if (this.log.lastIndex > before) this.#checkQuorum(subject);
  }

  /** The first to commit an entry is always the leader that counted it. */
  #commit({ core, name }: Subject, index: number, term: number): void {
    this.#violations.check(
      core.role === "leader" || core.leader === 0,
      "commit",
      () => `${name} commits index ${index} before any leader has`,
    );
    const entry = this.log.commit(index, term);
    if (entry === undefined) {
      this.#violations.note("commit", `${name} commits index ${index}, which nobody has written`);
    } else {
      if (entry.kind === "config") this.#configurationCommitted(entry);
      this.#onCommitted(entry);
    }
  }

  #configurationCommitted(entry: Entry): void {
    this.#configurations = [
      readConfiguration(entry),
      ...this.#configurations.filter(({ index }) => index > entry.index),
    ];
  }

  /** Acknowledged means durable on a quorum at that moment. */
  #checkQuorum({ core, seen, name }: Subject): void {
    this.#commitTerm = Math.max(this.#commitTerm, core.term);
    const index = this.log.lastIndex;
    const term = this.log.termAt(index);
    const isDurable = [core.configuration, seen.configuration].some(({ members }) => {
      const voters = members.filter(({ voter }) => voter);
      const holders = voters.filter(({ id }) => this.#durable.get(id)?.terms[index] === term);
      return 2 * holders.length > voters.length;
    });
    this.#violations.check(
      isDurable,
      "durable on a quorum",
      () => `${name} commits index ${index} of term ${term}, which no quorum has on disk`,
    );
    for (const leader of this.#leaders.values()) {
      const { role, term: leading } = leader.core;
      if (role === "leader" && leading > core.term) this.#checkComplete(leader);
    }
  }

  /** One change at a time, by one voter, by a leader that has committed in its term. */
  #reconfigured({ core, seen, name }: Subject, isLeader: boolean): void {
    const { configurationIndex: before, configuration: old } = seen;
    seen.configurationIndex = core.configurationIndex;
    seen.configuration = core.configuration;
    if (!isLeader || core.configurationIndex < before || !seen.isLeader) return;
    this.#violations.check(
      before <= core.commitIndex,
      "one change at a time",
      () =>
        `${name} appends a configuration at ${core.configurationIndex} while that of ${before} is ` +
        `not committed`,
    );
    const isEstablished = core.termAt(core.commitIndex) === core.term;
    this.#violations.check(
      isEstablished,
      "one change at a time",
      () => `${name} appends a configuration before it has committed in term ${core.term}`,
    );
    this.#violations.check(
      votersChanged(old, core.configuration) <= 1,
      "one change at a time",
      () => `${name} changes more than one voter at index ${core.configurationIndex}`,
    );
  }

  /** Nothing committed that lay on the disk may be written over. */
  #checkReplaced({ name, terms }: Durable, { entries, snapshot }: SaveBatch): void {
    const first = entries[0];
    if (first === undefined || snapshot !== undefined) return;
    for (let index = first.index; index < terms.length; index++) {
      const term = terms[index];
      if (term !== this.log.termAt(index) || entries[index - first.index]?.term === term) continue;
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
    const isAttempt = durable.attempts.some((batch) => {
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
    durable.hardState = hardState ?? durable.hardState;
    if (snapshot !== undefined && terms[snapshot.index] !== snapshot.term) {
      terms.length = 0;
      for (let index = 0; index <= snapshot.index; index++) {
        terms.push(this.log.termAt(index) ?? -1);
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

function readConfiguration({ index, data }: Entry): KnownConfiguration {
  return { index, configuration: decodeConfiguration(data) };
}

function votersChanged(before: Configuration, after: Configuration): number {
  const ids = ({ members }: Configuration) =>
    new Set(members.filter(({ voter }) => voter).map(({ id }) => id));
  return ids(before).symmetricDifference(ids(after)).size;
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
