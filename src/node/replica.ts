/**
 * The Ready loop: drives the pure core against disk, network and state machine.
 *
 * One turn sends what may leave at once (so that peers' disks work while the
 * own one does), applies what is committed, and hands the next batch to the
 * disk. One save is under way at a time; what arrives meanwhile makes the next
 * batch, so batches grow with the load (group commit). Messages that promise
 * something durable leave when the save has resolved.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DiskFullError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { RaftCore } from "../raft/core.ts";
import type { Entry, Message, SaveBatch, SnapshotMeta } from "../raft/types.ts";
import type { Scheduler, StateMachine, Storage } from "./ports.ts";

export interface ReplicaLimits {
  /** Bytes of entries applied in one turn before the event loop gets its chance. */
  readonly applyBytesMax: number;
  /** A snapshot is due after so many entries, the first one earlier by up to half of them, 0 for never … */
  readonly snapshotEntries: number;
  /** … or so many bytes of them, which the log holds in memory. */
  readonly snapshotLogBytesMax: number;
  /** A node that has applied nothing for so long takes one when so many bytes are due at least … */
  readonly quietTicks: number;
  readonly quietLogBytesMin: number;
  /** Entries kept behind a snapshot for members that lag a little, and their bytes. */
  readonly trailingEntries: number;
  readonly trailingBytesMax: number;
  readonly electionTicks: number;
  /** Ticks between two attempts to write to a full disk. */
  readonly diskRetryTicks: number;
}

/** What the node around the loop hears of it. */
export interface ReplicaHooks<R> {
  /** Before messages are taken: the last chance to add to this turn. */
  beforeTurn(): void;
  /** After committed entries were applied, and whenever there may have been some. */
  afterApply(): void;
  /** The log took `bytes` of an applied command, whose result is `value`. */
  applied(entry: Entry, value: R): void;
  /** A no-op or a configuration was applied. */
  appliedOther(entry: Entry): void;
  /** The entry `awaitedIndex` was applied. */
  reached(index: number): void;
  /** The state machine now stands where `meta` does; entries up to there were never applied one by one. */
  installed(meta: SnapshotMeta): void;
  diskFull(cause: string): void;
  /** The disk is full or hangs, again and again: it does not take the log up to `index`. */
  cannotSave(index: number): void;
  diskFree(): void;
  send(message: Message): void;
  /** The node must stop: the disk failed, or an invariant broke. */
  fatal(error: unknown): void;
}

export interface ReplicaOptions<R> {
  readonly core: RaftCore;
  readonly storage: Storage;
  readonly machine: StateMachine<R>;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ReplicaLimits;
}

/** But not before the log since the last one is this part of that one's size, so that a large store is not rewritten all the time. */
const SNAPSHOT_LOG_SHARE = 0.5;

/**
 * … or this part, when the node is quiet: nobody is kept waiting, and the next start finds
 * little to apply.
 */
const QUIET_LOG_SHARE = 0.125;

/**
 * While the log has batches to save, which a snapshot's slices and their syncs would delay,
 * one slice is made a tick, and one more for so many bytes of the last snapshot: the longer
 * one is under way, the more pages have to be copied for it.
 */
const BYTES_A_SLICE = 64 * 1024 * 1024;

/**
 * A batch of so many entries, or of half as many as the last one if that is more, does not
 * wait for others: or once all clients are in one batch, they stay in it, and client,
 * processor and disk work one after the other instead of side by side.
 */
const BATCH_ENTRIES_ENOUGH = 16;

/** Turns of the event loop that a growing batch waits at most. */
const GATHERING_TURNS_MAX = 8;

/** A turn that comes so soon had nobody before it in the event loop. */
const PROMPT_MS = 0.1;

/** A client writes alone when so many batches in a row had one entry. */
const LONE_BATCHES = 8;

/** A save that takes so many election time-outs hangs. */
const HUNG_ELECTIONS = 2;

/** What an entry costs in the log beside its data. */
const ENTRY_OVERHEAD_BYTES = 32;

export class Replica<R> {
  readonly #core: RaftCore;
  readonly #storage: Storage;
  readonly #machine: StateMachine<R>;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: ReplicaLimits;
  readonly #hooks: ReplicaHooks<R>;
  /** `reached` is called when this entry has been applied. */
  awaitedIndex = 0;
  #scheduled = false;
  #scheduledMs = 0;
  /** Whether this turn came at once. */
  #isPrompt = false;
  #gatheredIndex = 0;
  #gatheringTurns = 0;
  /** Under load the next batch tells the commit index; else it is told once a tick. */
  #commitIsDue = false;
  /** The newest entry whose commit other members wait for. */
  #announcedIndex = 0;
  #stopped = false;
  #tick = 0;
  /** When something was applied last. */
  #appliedTick = 0;
  /** Settles when the batch that is being saved is durable. */
  #saving: Promise<void> | undefined;
  #savingSinceTick = 0;
  /** The last entry of that batch. */
  #savingIndex = 0;
  /** How many that batch, or the last one, has. */
  #savingEntries = 0;
  /** Batches in a row that had one. */
  #loneBatches = 0;
  /** A batch that found the disk full. */
  #stuck: { batch: SaveBatch; retryTick: number } | undefined;
  #snapshotting: Promise<void> | undefined;
  /** Of the snapshot that is being made, in this tick. */
  #slicesOfTick = 0;
  /** Lets it go on. */
  #resume: (() => void) | undefined;
  #snapshotBytes: number;
  #logBytes = 0;
  #snapshotIndex: number;
  /** Others can't use the last one. */
  #renewalIsDue = false;
  /** Where the last snapshot was begun, whether or not it came about. */
  #attemptedIndex: number;

  constructor(options: ReplicaOptions<R>, hooks: ReplicaHooks<R>) {
    const { core, storage } = options;
    this.#core = core;
    this.#storage = storage;
    this.#machine = options.machine;
    this.#scheduler = options.scheduler;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#limits = options.limits;
    this.#hooks = hooks;
    this.#snapshotIndex = core.appliedIndex;
    // Members that begin together would otherwise all be busy with a snapshot at the same moment.
    const headStart = core.id % Math.ceil(this.#limits.snapshotEntries / 2 || 1);
    this.#attemptedIndex = core.appliedIndex - headStart;
    const reader = storage.openSnapshot();
    this.#snapshotBytes = reader?.size ?? 0;
    reader?.close();
  }

  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  get diskIsFull(): boolean {
    return this.#stuck !== undefined;
  }

  /** The disk does not answer. */
  get hangs(): boolean {
    return this.#saving !== undefined &&
      this.#tick - this.#savingSinceTick >= HUNG_ELECTIONS * this.#limits.electionTicks;
  }

  /** Asks for a turn; many calls in one turn of the event loop make one. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#scheduledMs = this.#clock.monotonicMs();
    this.#scheduler.defer(() => this.#turn());
  }

  /** Tells the members the commit index now: one of them waits for it. */
  announceCommit(): void {
    this.#commitIsDue = true;
    this.schedule();
  }

  /** The same as soon as `index`, which was appended just now, is committed. */
  announceCommitOf(index: number): void {
    this.#announcedIndex = index;
    this.schedule();
  }

  /** `tick` counts up; for what has to be tried again. */
  tick(tick: number): void {
    this.#tick = tick;
    this.#commitIsDue = true;
    this.#slicesOfTick = 0;
    this.#resume?.();
    if (this.hangs) {
      this.#hooks.cannotSave(this.#savingIndex);
      this.schedule();
    }
    if (this.#saving !== undefined) return;
    const stuck = this.#stuck;
    if (stuck === undefined || stuck.retryTick > tick) return;
    stuck.retryTick = tick + this.#limits.diskRetryTicks;
    this.#save(stuck.batch);
  }

  /** The disk failed, or an invariant broke. Nothing is saved, sent or applied from here on. */
  fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#hooks.fatal(error);
  }

  /** Resolves when nothing touches the disk any longer. Nothing is sent or applied from here on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#resume?.();
    await this.#saving;
    await this.#snapshotting;
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    this.#isPrompt = this.#clock.monotonicMs() - this.#scheduledMs <= PROMPT_MS;
    try {
      if (!this.#isGathering()) return this.#step();
      // Only the next batch waits, not the answers of one that peers have made whole.
      this.#apply();
      this.schedule();
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Whether more proposals came in this turn of the event loop than before it:
   * then the batch waits for the next turn, so that all who were answered
   * together can be in one batch again. A sync costs far more than a turn. A client
   * that writes alone is not kept waiting for others.
   */
  #isGathering(): boolean {
    const { lastIndex, savedIndex, role } = this.#core;
    const grew = lastIndex > this.#gatheredIndex;
    this.#gatheredIndex = lastIndex;
    const gathered = lastIndex - savedIndex;
    const isAlone = this.#savingEntries <= 1 && gathered === 1;
    const isEnough = gathered >= BATCH_ENTRIES_ENOUGH && 2 * gathered >= this.#savingEntries;
    const mayGrow = grew && !isAlone && !isEnough;
    if (mayGrow && role === "leader" && this.#gatheringTurns < GATHERING_TURNS_MAX) {
      this.#gatheringTurns++;
      return true;
    }
    this.#gatheringTurns = 0;
    return false;
  }

  #step(): void {
    this.#hooks.beforeTurn();
    // One append a peer for each batch: what comes during a save waits for the next. But
    // when it hangs others need all of the log, or nobody of them could lead.
    const appends = this.#saving === undefined || this.hangs;
    const messages = this.#core.takeMessages(appends, this.#commitIsDue);
    if (appends) this.#commitIsDue = false;
    // The own disk first: it works while peers are woken, which may take the processor away.
    this.#saveNext();
    for (const message of messages) this.#hooks.send(message);
    this.#apply();
    this.#snapshotIfDue();
  }

  #saveNext(): void {
    if (this.#saving !== undefined || this.#stuck !== undefined) return;
    const batch = this.#core.takeSave();
    if (batch !== undefined) this.#save(batch, this.#mayBlock(batch));
  }

  /**
   * Whether nobody minds when the event loop waits for the disk: a client alone writes to a
   * node without peers, which would miss a heartbeat, and no other request came before this turn.
   */
  #mayBlock({ entries }: SaveBatch): boolean {
    return entries.length === 1 && this.#loneBatches >= LONE_BATCHES && this.#isPrompt &&
      this.#core.configuration.members.length === 1;
  }

  #apply(): void {
    const entries = this.#core.takeCommitted(this.#limits.applyBytesMax);
    for (const entry of entries) {
      this.#logBytes += entry.data.length + ENTRY_OVERHEAD_BYTES;
      if (entry.kind === "command") {
        this.#hooks.applied(entry, this.#machine.apply(entry.index, entry.data));
      } else {
        this.#hooks.appliedOther(entry);
      }
      if (entry.index === this.awaitedIndex) this.#hooks.reached(entry.index);
    }
    const [first] = entries;
    if (first !== undefined) {
      if (first.index <= this.#announcedIndex) this.#commitIsDue = true;
      this.#appliedTick = this.#tick;
      this.schedule();
    }
    this.#hooks.afterApply();
  }

  #save(batch: SaveBatch, mayBlock = false): void {
    assert(this.#saving === undefined, "One save at a time");
    this.#savingSinceTick = this.#tick;
    this.#savingIndex = batch.entries.at(-1)?.index ?? 0;
    this.#savingEntries = batch.entries.length;
    this.#loneBatches = this.#savingEntries === 1 ? this.#loneBatches + 1 : 0;
    this.#saving = this.#persist(batch, mayBlock).then(() => {
      this.#saving = undefined;
      if (this.#stuck !== undefined) {
        this.#stuck = undefined;
        this.#hooks.diskFree();
      }
      this.#saved(batch);
    }).catch((error) => {
      this.#saving = undefined;
      if (!(error instanceof DiskFullError)) return this.fail(error);
      if (this.#stuck === undefined) {
        this.#stuck = { batch, retryTick: this.#tick + this.#limits.diskRetryTicks };
        this.#hooks.diskFull(error.message);
      }
      this.#hooks.cannotSave(this.#savingIndex);
    });
  }

  async #persist(batch: SaveBatch, mayBlock: boolean): Promise<void> {
    if (batch.snapshot === undefined) return await this.#storage.save(batch, mayBlock);
    await this.#snapshotting;
    await this.#storage.save(batch);
    const reader = this.#storage.openSnapshot();
    assert(
      reader !== undefined && reader.meta.index === batch.snapshot.index,
      "A saved snapshot must be the newest one",
    );
    try {
      await this.#machine.restore(inTurns(reader.data(), this.#scheduler));
      this.#snapshotBytes = reader.size;
    } finally {
      reader.close();
    }
  }

  #saved(batch: SaveBatch): void {
    if (this.#stopped) return;
    this.#core.saved(batch);
    if (batch.snapshot !== undefined) {
      this.#logBytes = 0;
      this.#snapshotIndex = batch.snapshot.index;
      this.#attemptedIndex = batch.snapshot.index;
      this.#hooks.installed(batch.snapshot);
    }
    for (const message of batch.messages) {
      // A promise of a past term must not leave: the log it spoke of may be cut by now.
      if (message.term >= this.#core.term) this.#hooks.send(message);
    }
    // Answers first: who gets one may well have the next request in the next batch.
    this.#apply();
    this.schedule();
  }

  /** Takes a snapshot soon, even if the log has nothing newer than the last one. */
  renewSnapshot(): void {
    this.#renewalIsDue = true;
    this.schedule();
  }

  #snapshotIfDue(): void {
    const { snapshotEntries, snapshotLogBytesMax, trailingEntries, trailingBytesMax } =
      this.#limits;
    if (snapshotEntries === 0 || this.#snapshotting !== undefined) return;
    const index = this.#core.appliedIndex;
    const isLong = index - this.#attemptedIndex >= snapshotEntries ||
      this.#logBytes >= snapshotLogBytesMax;
    const isWorthIt = isLong && this.#logBytes >= this.#snapshotBytes * SNAPSHOT_LOG_SHARE;
    if (!isWorthIt && !this.#isQuietlyDue && !this.#renewalIsDue) return;
    const term = this.#core.termAt(index);
    // A received snapshot is about to replace all that was applied here.
    if (term === undefined) return;
    const meta = { index, term, configuration: this.#core.committedConfiguration };
    // Another member could not use the last one: its image is looked at this time.
    const isDoubted = this.#renewalIsDue;
    this.#renewalIsDue = false;
    this.#logBytes = 0;
    this.#attemptedIndex = index;
    const keepAfter = this.#core.tailStart(index, trailingEntries, trailingBytesMax);
    this.#snapshotting = this.#snapshot(meta, keepAfter, isDoubted)
      .catch((error) => this.#snapshotFailed(error))
      .finally(() => this.#snapshotting = undefined);
  }

  get #isQuietlyDue(): boolean {
    const { quietTicks, quietLogBytesMin } = this.#limits;
    return this.#tick - this.#appliedTick >= quietTicks &&
      this.#logBytes >= Math.max(quietLogBytesMin, this.#snapshotBytes * QUIET_LOG_SHARE);
  }

  async #snapshot(meta: SnapshotMeta, keepAfter: number, isDoubted: boolean): Promise<void> {
    let bytes = 0;
    const image = this.#machine.snapshot();
    const rest = () => this.#rest();
    async function* counted(): AsyncGenerator<Uint8Array, void> {
      for (const slice of image) {
        bytes += slice.length;
        yield slice;
        await rest();
      }
    }
    await this.#storage.createSnapshot(meta, counted(), keepAfter, isDoubted);
    this.#snapshotIndex = Math.max(this.#snapshotIndex, meta.index);
    this.#snapshotBytes = bytes;
    if (!this.#stopped) this.#core.compact(meta, keepAfter);
    this.#logger.debug("Snapshot taken", { index: meta.index, bytes });
  }

  /** Resolves when the next slice of a snapshot may be made. */
  async #rest(): Promise<void> {
    this.#slicesOfTick++;
    // A batch that brings a snapshot waits for this one, and has no entries.
    const isBusy = this.#saving !== undefined && this.#savingEntries > 0 && !this.#stopped;
    const slicesMax = 1 + Math.floor(this.#snapshotBytes / BYTES_A_SLICE);
    if (!isBusy || this.#slicesOfTick < slicesMax) return;
    await new Promise<void>((resolve) => this.#resume = resolve);
    this.#resume = undefined;
  }

  #snapshotFailed(error: unknown): void {
    if (!(error instanceof DiskFullError)) return this.fail(error);
    // The log goes on without it; the next attempt comes after as many entries again.
    this.#logger.warn("No space for a snapshot", { cause: error.message });
  }
}

/** One a turn of the event loop: a large state must not keep everybody else waiting. */
async function* inTurns<T>(
  chunks: Iterable<T> | AsyncIterable<T>,
  scheduler: Scheduler,
): AsyncGenerator<T, void> {
  for await (const chunk of chunks) {
    yield chunk;
    await new Promise<void>((resolve) => scheduler.defer(resolve));
  }
}
