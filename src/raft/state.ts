/**
 * What every role of a server shares (paper, figure 2, "State"), and the few
 * steps that keep it consistent. The roles themselves are functions over it:
 * `follower.ts`, `candidate.ts`, `leader.ts`.
 */
import { assert } from "../base/assert.ts";
import { ConfigurationHistory } from "./configuration.ts";
import type { LeaderState } from "./leadership.ts";
import { Log } from "./log.ts";
import type { CoreEvent, CoreOptions } from "./options.ts";
import { Saves } from "./saves.ts";
import { NONE } from "./types.ts";
import type {
  ConfirmedRead,
  Entry,
  HardState,
  MemberId,
  Message,
  Role,
  SnapshotMeta,
} from "./types.ts";

/** One server's state; see the invariants at the members. */
export class State {
  readonly id: MemberId;
  /** Not what the disk held: the log has it, and lets go of it in its time. */
  readonly options: Omit<CoreOptions, "hardState" | "snapshot" | "entries">;
  readonly log: Log;
  readonly configurations: ConfigurationHistory;
  readonly saves: Saves;
  /** The newest one on disk: what a peer can be sent. */
  snapshot: SnapshotMeta;
  /** Volatile on a leader only; there exactly while `role` is "leader". */
  leadership: LeaderState | undefined;
  /** The answers in the current campaign. */
  readonly votes = new Map<MemberId, boolean>();
  /** Ticks since the leader was heard, a vote was granted or a campaign was begun. */
  electionElapsed = 0;
  outbox: Message[] = [];
  confirmedReads: ConfirmedRead[] = [];
  droppedReads: number[] = [];
  #term: number;
  #vote: MemberId;
  #role: Role = "follower";
  #leader: MemberId = NONE;
  #commitIndex: number;
  #appliedIndex: number;
  #electionTimeout: number;

  constructor(options: CoreOptions) {
    const { hardState, snapshot, entries, ...lasting } = options;
    this.id = options.id;
    this.options = lasting;
    this.snapshot = snapshot;
    this.log = new Log(snapshot.index, snapshot.term, entries, options.unpackedEntries);
    this.configurations = new ConfigurationHistory(snapshot.index, snapshot.configuration);
    for (const entry of entries) if (entry.kind === "config") this.configurations.append(entry);
    this.saves = new Saves(hardState, this.log.lastIndex);
    // A crash may have kept an entry of a term and lost the record of the term
    // itself. Nothing was promised in that term: promises follow the whole batch.
    const isTermLost = this.log.lastTerm > hardState.term;
    this.#term = isTermLost ? this.log.lastTerm : hardState.term;
    this.#vote = isTermLost ? NONE : hardState.vote;
    const hint = Math.min(hardState.commitIndex, this.log.lastIndex);
    this.#commitIndex = Math.max(snapshot.index, hint);
    this.#appliedIndex = snapshot.index;
    this.#electionTimeout = this.#drawElectionTimeout();
  }

  get term(): number {
    return this.#term;
  }

  /** The candidate that this server voted for in `term`, or NONE. */
  get vote(): MemberId {
    return this.#vote;
  }

  get role(): Role {
    return this.#role;
  }

  get leader(): MemberId {
    return this.#leader;
  }

  /** Invariant 4: never goes down, never passes the end of the log. */
  get commitIndex(): number {
    return this.#commitIndex;
  }

  /** Invariant 5: passes neither what is committed nor what is on disk. */
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get voters(): readonly MemberId[] {
    return this.configurations.latest.voters;
  }

  /** By the latest configuration, committed or not. */
  get isVoter(): boolean {
    return this.voters.includes(this.id);
  }

  /** Whether the randomised election time-out has passed. */
  get isElectionDue(): boolean {
    return this.electionElapsed >= this.#electionTimeout;
  }

  /**
   * Whether a leader is known to be alive: no vote may be granted then, so that
   * servers that were removed or cut off cannot disturb (thesis §4.2.3).
   */
  get isLed(): boolean {
    return this.#leader === this.id ||
      (this.#leader !== NONE && this.electionElapsed < this.options.electionTicks);
  }

  /** What must be on disk for every promise made so far. */
  get hardState(): HardState {
    return { term: this.#term, vote: this.#vote, commitIndex: this.#commitIndex };
  }

  emit(event: CoreEvent): void {
    this.options.onEvent?.(event);
  }

  /** Sends `message` as soon as the disk holds what it promises. */
  send(message: Message): void {
    if (this.saves.covers(message, this.#term, this.#vote)) this.outbox.push(message);
    else this.saves.defer(message);
  }

  /** Invariant 6: the term only goes up, with a fresh vote. */
  enterTerm(term: number): void {
    assert(term > this.#term, "Term must only go up");
    this.#term = term;
    this.#vote = NONE;
    this.saves.dropPromises();
  }

  /** Invariant 7: one vote a term. */
  voteFor(candidate: MemberId): void {
    assert(this.#vote === NONE || this.#vote === candidate, "Only one vote a term");
    this.#vote = candidate;
  }

  changeRole(role: Role, leader: MemberId): void {
    if (role !== this.#role) {
      this.#role = role;
      this.emit({ type: "role", role, term: this.#term });
    }
    if (leader !== this.#leader) {
      this.#leader = leader;
      this.emit({ type: "leader", leader, term: this.#term });
    }
  }

  restartElectionTimer(): void {
    this.electionElapsed = 0;
    this.#electionTimeout = this.#drawElectionTimeout();
  }

  /** Takes `entry` at the end of the log; a configuration is in effect from here on. */
  append(entry: Entry): void {
    this.log.append(entry);
    if (entry.kind !== "config") return;
    this.configurations.append(entry);
    this.#configurationChanged();
  }

  /** Invariant 8: nothing committed is ever truncated; a leader truncates nothing. */
  truncateFrom(index: number): void {
    assert(index > this.#commitIndex, "A committed entry must never be truncated");
    assert(this.#role !== "leader", "A leader must never truncate its log");
    this.emit({ type: "truncated", from: index, to: this.log.lastIndex });
    this.log.truncateFrom(index);
    this.saves.truncatedFrom(index);
    if (this.configurations.truncateFrom(index)) this.#configurationChanged();
  }

  /** Replaces the log by a snapshot that is ahead of it; it counts when it is on disk. */
  install(snapshot: SnapshotMeta): void {
    assert(snapshot.index > this.#commitIndex, "A snapshot must be ahead to be installed");
    this.saves.replacedBy(snapshot, this.#commitIndex);
    this.log.reset(snapshot.index, snapshot.term);
    const { index, configuration } = snapshot;
    this.configurations.install(index, configuration, this.#commitIndex);
    this.#commitIndex = snapshot.index;
    this.#configurationChanged();
  }

  /** The state machine stands where `snapshot` does, and so does the disk. */
  installed(snapshot: SnapshotMeta): void {
    assert(snapshot.index > this.#appliedIndex, "An installed snapshot must be ahead");
    this.snapshot = snapshot;
    this.#appliedIndex = snapshot.index;
    this.configurations.compact(snapshot.index);
  }

  /** Raises the commit index; a lower one is old news. */
  commitTo(index: number): void {
    if (index <= this.#commitIndex) return;
    assert(index <= this.log.lastIndex, "Commit must lie within the log");
    this.#commitIndex = index;
  }

  /** The last entry that may be applied now. */
  get applicableIndex(): number {
    // Until a received snapshot is in place, the state machine is behind the log's start.
    if (this.saves.pendingSnapshot !== undefined) return this.#appliedIndex;
    return Math.min(this.#commitIndex, this.saves.savedIndex);
  }

  applyTo(index: number): void {
    assert(
      index >= this.#appliedIndex && index <= this.applicableIndex,
      "Entries are applied in order, when committed and saved",
    );
    this.#appliedIndex = index;
  }

  #configurationChanged(): void {
    const { index, configuration } = this.configurations.latest;
    this.emit({ type: "configuration", index, configuration });
  }

  /** Whole ticks in [electionTicks, 1.6 * electionTicks) (paper §5.2). */
  #drawElectionTimeout(): number {
    const { electionTicks, random } = this.options;
    return electionTicks + Math.floor(random() * Math.ceil(electionTicks * 3 / 5));
  }
}
