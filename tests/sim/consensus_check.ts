/**
 * The promises of Raft (paper, figure 3), checked after every event on the member
 * that the event touched, by comparison with what was seen before: no check walks
 * a whole log. It knows what no member knows: the committed log, and who led
 * which term.
 */
import type { RaftCore } from "../../src/raft/core.ts";
import type { Configuration, Entry } from "../../src/raft/types.ts";
import type { CommittedLog } from "./committed_log.ts";
import type { DurabilityCheck } from "./durability_check.ts";
import type { Violations } from "./violation.ts";

/** What a member's core looked like after the last event. */
interface Seen {
  term: number;
  isLeader: boolean;
  commitIndex: number;
  configurationIndex: number;
  configuration: Configuration;
}

/** What is looked at of a member's core. */
export type ObservedCore = Pick<
  RaftCore,
  "term" | "role" | "leader" | "commitIndex" | "configuration" | "configurationIndex" | "termAt"
>;

/** A running member. */
export interface Subject {
  readonly name: string;
  readonly core: ObservedCore;
  readonly seen: Seen;
}

export class ConsensusCheck {
  readonly #violations: Violations;
  readonly #log: CommittedLog;
  readonly #durability: DurabilityCheck;
  /** Told of each entry, once, when it is committed for the first time. */
  readonly #onCommitted: (entry: Entry) => void;
  readonly #leaders = new Map<number, Subject>();
  /** The highest term whose leader has committed anything. */
  #commitTerm = 0;

  constructor(
    violations: Violations,
    log: CommittedLog,
    durability: DurabilityCheck,
    onCommitted: (entry: Entry) => void,
  ) {
    this.#violations = violations;
    this.#log = log;
    this.#durability = durability;
    this.#onCommitted = onCommitted;
  }

  /** A member starts; the result goes with it to `observe`. */
  started(name: string, core: ObservedCore): Subject {
    const { term, commitIndex, configurationIndex, configuration } = core;
    const seen = { term, isLeader: false, commitIndex, configurationIndex, configuration };
    if (commitIndex > this.#log.lastIndex) {
      this.#violations.note("commit", `${name} starts with ${commitIndex} committed, ahead of all`);
    }
    return { name, core, seen };
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
    const { lastIndex } = this.#log;
    // By log matching, the newest committed entry vouches for those before it.
    const isComplete = core.commitIndex >= lastIndex ||
      core.termAt(lastIndex) === this.#log.termAt(lastIndex);
    this.#violations.check(
      isComplete,
      "leader completeness",
      () => `${name} leads term ${core.term} without the committed entry ${lastIndex}`,
    );
  }

  #committed(subject: Subject): void {
    const { core, seen, name } = subject;
    const before = this.#log.lastIndex;
    this.#violations.check(
      core.commitIndex > seen.commitIndex,
      "commit",
      () => `${name} fell from ${seen.commitIndex} committed to ${core.commitIndex}`,
    );
    for (let index = seen.commitIndex + 1; index <= core.commitIndex; index++) {
      const term = core.termAt(index);
      // Compacted: it came with a snapshot, whose own term is compared.
      if (term === undefined) continue;
      if (index > this.#log.lastIndex) this.#commit(subject, index, term);
      const committed = this.#log.termAt(index);
      this.#violations.check(
        term === committed,
        "committed entries stay",
        () =>
          `${name} commits index ${index} of term ${term}, it was committed of term ${committed}`,
      );
    }
    this.#violations.check(
      core.commitIndex <= this.#log.lastIndex,
      "commit",
      () => `${name} takes ${core.commitIndex} for committed, others ${this.#log.lastIndex}`,
    );
    if (this.#log.lastIndex > before) this.#checkQuorum(subject);
  }

  /** The first to commit an entry is always the leader that counted it. */
  #commit({ core, name }: Subject, index: number, term: number): void {
    this.#violations.check(
      core.role === "leader" || core.leader === 0,
      "commit",
      () => `${name} commits index ${index} before any leader has`,
    );
    const entry = this.#log.commit(index, term);
    if (entry === undefined) {
      this.#violations.note("commit", `${name} commits index ${index}, which nobody has written`);
    } else {
      this.#onCommitted(entry);
    }
  }

  /** Acknowledged means durable on a quorum at that moment. */
  #checkQuorum({ core, seen, name }: Subject): void {
    this.#commitTerm = Math.max(this.#commitTerm, core.term);
    const index = this.#log.lastIndex;
    const term = this.#log.termAt(index);
    // Paper §5.4.2, figure 8; a member that leads no more cannot have counted.
    this.#violations.check(
      term === core.term,
      "commit in its own term",
      () => `${name} commits index ${index} of term ${term} in term ${core.term}`,
    );
    const isDurable = [core.configuration, seen.configuration].some(({ members }) => {
      const voters = members.filter(({ voter }) => voter);
      const holders = voters.filter(({ id }) => this.#durability.holds(id, index, term));
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
}

function votersChanged(before: Configuration, after: Configuration): number {
  const ids = ({ members }: Configuration) =>
    new Set(members.filter(({ voter }) => voter).map(({ id }) => id));
  return ids(before).symmetricDifference(ids(after)).size;
}
