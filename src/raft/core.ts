/**
 * The consensus core: one server of a Raft group as a synchronous state machine.
 * It reads no clock, no disk, no network and no randomness but the `random` it
 * is given: ticks and messages go in, batches for the disk, messages and
 * committed entries come out.
 *
 * One turn of its owner:
 *
 *     takeMessages -> the network
 *     takeSave     -> the disk; when that is durable: saved, then batch.messages -> the network
 *     takeCommitted -> the state machine
 *
 * Sources: Ongaro and Ousterhout, "In Search of an Understandable Consensus
 * Algorithm" (the paper), and Ongaro's thesis.
 */
import { assert } from "../base/assert.ts";
import { campaign, countOwnVote } from "./candidate.ts";
import { findMember, isSameConfiguration } from "./configuration.ts";
import {
  advanceCommit,
  advanceReads,
  appendOwn,
  canStartReads,
  isEstablished,
  startReads,
  startTransfer,
  tickLeader,
} from "./leader.ts";
import { proposeConfiguration } from "./membership.ts";
import type { ConfigurationOutcome } from "./membership.ts";
import type { CoreEvent, CoreOptions, PeerProgress, PeerState } from "./options.ts";
import { sendAppends, wantsAppends } from "./replication.ts";
import { State } from "./state.ts";
import { step } from "./step.ts";
import { NONE } from "./types.ts";
import type {
  Configuration,
  ConfirmedRead,
  Entry,
  MemberId,
  Message,
  Role,
  SaveBatch,
  SnapshotMeta,
} from "./types.ts";

export type { ConfigurationOutcome, CoreEvent, CoreOptions, PeerProgress, PeerState };

export class RaftCore {
  readonly id: MemberId;
  readonly #state: State;

  constructor(options: CoreOptions) {
    const { id, electionTicks, heartbeatTicks } = options;
    assert(Number.isSafeInteger(id) && id > 0, "A member id must be a positive integer");
    assert(heartbeatTicks > 0, "Heartbeats must be a tick apart at least");
    assert(electionTicks > heartbeatTicks, "A heartbeat must fit in an election time-out");
    this.id = id;
    this.#state = new State(options);
  }

  get term(): number {
    return this.#state.term;
  }

  get role(): Role {
    return this.#state.role;
  }

  /** The leader of this term as far as it is known here, or NONE. */
  get leader(): MemberId {
    return this.#state.leader;
  }

  get commitIndex(): number {
    return this.#state.commitIndex;
  }

  get lastIndex(): number {
    return this.#state.log.lastIndex;
  }

  /** The last index that `takeCommitted` handed out, or that a snapshot brought. */
  get appliedIndex(): number {
    return this.#state.appliedIndex;
  }

  /** The one in effect: of the last `config` entry in the log, committed or not. */
  get configuration(): Configuration {
    return this.#state.configurations.latest.configuration;
  }

  /** Index of the entry, or the snapshot, that `configuration` came with. */
  get configurationIndex(): number {
    return this.#state.configurations.latest.index;
  }

  /** The one in effect at `appliedIndex`: for a snapshot taken there. */
  get committedConfiguration(): Configuration {
    return this.#state.configurations.at(this.#state.appliedIndex).configuration;
  }

  /** Index of the entry, or the snapshot, that `committedConfiguration` came with. */
  get committedConfigurationIndex(): number {
    return this.#state.configurations.at(this.#state.appliedIndex).index;
  }

  /** The last entry on its own disk. */
  get savedIndex(): number {
    return this.#state.saves.savedIndex;
  }

  /** Whether this leader hands over: it takes no proposals meanwhile. */
  get isTransferring(): boolean {
    return (this.#state.leadership?.transferee ?? NONE) !== NONE;
  }

  /** Another process of member `id` than before answers from here on. */
  peerRestarted(id: MemberId): void {
    this.#state.leadership?.peers.get(id)?.restarted();
  }

  /** Whether a received snapshot was accepted and is not in place yet. */
  get isInstalling(): boolean {
    return this.#state.saves.pendingSnapshot !== undefined;
  }

  /**
   * Whether this leader is its own quorum and has applied all that is committed:
   * then a read needs no round.
   */
  get isReadableAlone(): boolean {
    const { leadership, voters, isVoter, commitIndex, appliedIndex } = this.#state;
    return leadership !== undefined && voters.length === 1 && isVoter &&
      appliedIndex === commitIndex && isEstablished(this.#state);
  }

  /** A member without a vote, by `configuration`. */
  get isLearner(): boolean {
    return findMember(this.configuration, this.id)?.voter === false;
  }

  /** One step of time. */
  tick(): void {
    const state = this.#state;
    if (state.leadership !== undefined) return tickLeader(state, state.leadership);
    state.electionElapsed++;
    if (state.isElectionDue) campaign(state);
  }

  /** Takes a message from a peer; one that is malformed, foreign or impossible changes nothing. */
  step(message: Message): void {
    step(this.#state, message);
  }

  /**
   * The index of the new entry, or 0 when it is refused: not the leader, handing
   * over, or too many bytes uncommitted. O(1); sends nothing by itself.
   */
  propose(data: Uint8Array): number {
    const { leadership, options } = this.#state;
    if (leadership === undefined || leadership.transferee !== NONE) return 0;
    const bytes = leadership.uncommittedBytes;
    // A single entry of any size is let in, else it could never be.
    if (bytes > 0 && bytes + data.length > options.uncommittedBytesMax) return 0;
    return appendOwn(this.#state, leadership, "command", data);
  }

  /** One change at a time: its voters may differ from `configuration` by one. */
  proposeConfiguration(next: Configuration): ConfigurationOutcome {
    return proposeConfiguration(this.#state, next);
  }

  /**
   * Asks for a linearizable read; false when this is not the leader. The answer
   * comes by `takeReads` or `takeDroppedReads`. The caller bounds their number.
   */
  readIndex(token: number): boolean {
    const { leadership } = this.#state;
    if (leadership === undefined) return false;
    leadership.reads.add(token);
    advanceReads(this.#state, leadership);
    return true;
  }

  /**
   * Begins to hand leadership to the voter `to`: nothing can be proposed until
   * it leads or an election time-out has passed. False when not leader, or `to`
   * is no other voter.
   */
  transferLeadership(to: MemberId): boolean {
    const { leadership } = this.#state;
    return leadership !== undefined && startTransfer(this.#state, leadership, to);
  }

  /** Campaigns without waiting for the election time-out; nothing on a server that must not. */
  campaign(): void {
    campaign(this.#state);
  }

  /**
   * Messages that may leave at once. Appends are made here, so that many
   * proposals share one; without `appends` they wait for a later call, and so do,
   * without `commits`, those that would only tell a higher commit index.
   */
  takeMessages(appends = true, commits = true): Message[] {
    const state = this.#state;
    if (state.leadership !== undefined) {
      startReads(state, state.leadership);
      if (appends) sendAppends(state, state.leadership, commits);
    }
    const messages = state.outbox;
    state.outbox = [];
    return messages;
  }

  /** The next batch for the disk; undefined when all is saved or one is outstanding. */
  takeSave(): SaveBatch | undefined {
    const { saves, log, hardState, term, vote } = this.#state;
    return saves.isDue(log.lastIndex, term, vote) ? saves.take(log, hardState) : undefined;
  }

  /**
   * `batch` is durable, and if it brought a snapshot, the state machine has been
   * restored from it. Its messages may leave now.
   */
  saved(batch: SaveBatch): void {
    const state = this.#state;
    state.saves.finish(batch, state.log);
    if (batch.snapshot !== undefined) state.installed(batch.snapshot);
    state.outbox.push(...state.saves.release(state.term, state.vote));
    countOwnVote(state);
    if (state.leadership !== undefined) advanceCommit(state, state.leadership);
  }

  /** Whether any of the `take` methods has something to give. */
  hasWork(): boolean {
    const state = this.#state;
    const { leadership, saves, log } = state;
    return state.outbox.length > 0 || state.applicableIndex > state.appliedIndex ||
      state.confirmedReads.length > 0 || state.droppedReads.length > 0 ||
      saves.isDue(log.lastIndex, state.term, state.vote) ||
      leadership !== undefined &&
        (wantsAppends(state, leadership) || canStartReads(state, leadership));
  }

  /**
   * The next committed and saved entries, in order, each once, up to `maxBytes`
   * but at least one. The caller applies them right away.
   */
  takeCommitted(maxBytes: number): readonly Entry[] {
    const state = this.#state;
    const from = state.appliedIndex + 1;
    const to = state.applicableIndex;
    if (to < from) return [];
    state.log.settle(state.appliedIndex);
    const entries = state.log.sliceWithin(from, to, maxBytes);
    state.applyTo(state.appliedIndex + entries.length);
    return entries;
  }

  /** Reads that a majority has confirmed. */
  takeReads(): ConfirmedRead[] {
    const reads = this.#state.confirmedReads;
    this.#state.confirmedReads = [];
    return reads;
  }

  /** Tokens of reads that can no longer be confirmed: leadership was lost. */
  takeDroppedReads(): number[] {
    const tokens = this.#state.droppedReads;
    this.#state.droppedReads = [];
    return tokens;
  }

  /**
   * The state machine's snapshot at `meta.index` is durable: drops the log up to
   * there, but for what comes after `keepAfter` and saves slow peers a snapshot.
   */
  compact(meta: SnapshotMeta, keepAfter: number): void {
    const state = this.#state;
    assert(meta.index <= state.appliedIndex, "Only what is applied can be in a snapshot");
    if (meta.index <= state.snapshot.index) return;
    // While a received snapshot waits for the disk, the log begins beyond this one.
    if (meta.index < state.log.offset) {
      state.snapshot = meta;
      return;
    }
    assert(state.log.matches(meta.index, meta.term), "A snapshot must agree with the log");
    assert(
      isSameConfiguration(state.configurations.at(meta.index).configuration, meta.configuration),
      "A snapshot must have the configuration in effect at its index",
    );
    state.snapshot = meta;
    state.log.compact(Math.min(keepAfter, meta.index));
    state.configurations.compact(meta.index);
  }

  /** The least index after which the log up to `to`, which it holds, is no more than this (see `compact`). */
  tailStart(to: number, entriesMax: number, bytesMax: number): number {
    return this.#state.log.tailStart(to, entriesMax, bytesMax);
  }

  /** Messages to `id` were lost: goes back to what it is known to hold. */
  reportUnreachable(id: MemberId): void {
    const peer = this.#state.leadership?.peers.get(id);
    if (peer?.state === "replicate") peer.becomeProbe();
  }

  /** The transfer of the snapshot to `id` ended; `ok` when it has all of it. */
  reportSnapshot(id: MemberId, ok: boolean): void {
    this.#state.leadership?.peers.get(id)?.snapshotEnded(ok);
  }

  /** Of every other member, by the leader; empty elsewhere. */
  progress(): readonly PeerProgress[] {
    const { leadership, options } = this.#state;
    return [...leadership?.peers.values() ?? []].map((peer) => ({
      id: peer.id,
      match: peer.match,
      next: peer.next,
      state: peer.state,
      recentActive: peer.ticksSinceHeard < options.electionTicks,
      ticksSinceHeard: peer.ticksSinceHeard,
      hasAnswered: peer.hasAnswered,
    }));
  }

  /** Undefined for what was compacted and for what is not in the log. */
  termAt(index: number): number | undefined {
    return this.#state.log.termAt(index);
  }
}
