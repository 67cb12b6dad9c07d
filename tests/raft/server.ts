/**
 * A core with a disk and a state machine of its own, for tests: what is not
 * saved is lost in a crash, and the disk may be slow.
 */
import { assert, assertEquals } from "@std/assert";
import { decodeConfiguration } from "../../src/raft/codec.ts";
import { RaftCore } from "../../src/raft/core.ts";
import type { CoreEvent, CoreOptions } from "../../src/raft/core.ts";
import type {
  Configuration,
  ConfirmedRead,
  Entry,
  HardState,
  Member,
  MemberId,
  Message,
  SaveBatch,
  SnapshotMeta,
} from "../../src/raft/types.ts";

export function member(id: MemberId, voter = true): Member {
  return { id, name: `n${id}`, peerUrls: [], clientUrls: [], voter };
}

export function configurationOf(voters: readonly MemberId[]): Configuration {
  return { members: voters.map((id) => member(id)), removed: [] };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

export function textOf(data: Uint8Array): string {
  return decoder.decode(data);
}

/** What survives a crash. */
export class Disk {
  hardState: HardState = { term: 0, vote: 0, commitIndex: 0 };
  snapshot: SnapshotMeta;
  entries: Entry[] = [];

  constructor(configuration: Configuration) {
    this.snapshot = { index: 0, term: 0, configuration };
  }

  get lastIndex(): number {
    return this.snapshot.index + this.entries.length;
  }

  holds(index: number, term: number): boolean {
    if (index <= this.snapshot.index) return true;
    return this.entries[index - this.snapshot.index - 1]?.term === term;
  }

  /** As the contract of `SaveBatch` has it; proves that the core keeps to it. */
  save({ hardState, snapshot, entries }: SaveBatch): void {
    if (snapshot !== undefined) {
      assert(snapshot.index > this.snapshot.index, "A snapshot only replaces an older one");
      this.snapshot = snapshot;
      this.entries = [];
    }
    const first = entries[0];
    if (first !== undefined) {
      assert(first.index > this.snapshot.index, "Entries in the snapshot are never overwritten");
      assert(first.index <= this.lastIndex + 1, "The log on disk has no gap");
      this.entries.length = first.index - this.snapshot.index - 1;
      for (const entry of entries) {
        assertEquals(entry.index, this.lastIndex + 1);
        this.entries.push(entry);
      }
    }
    if (hardState !== undefined) this.#saveHardState(hardState);
  }

  /** The state machine's own snapshot: the log behind it may go. */
  compact(snapshot: SnapshotMeta): void {
    if (snapshot.index <= this.snapshot.index) return;
    this.entries.splice(0, snapshot.index - this.snapshot.index);
    this.snapshot = snapshot;
  }

  #saveHardState(next: HardState): void {
    const { term, vote } = this.hardState;
    assert(next.term >= term, "The term on disk never goes down");
    assert(
      next.term > term || vote === 0 || next.vote === vote,
      "A vote on disk is never changed",
    );
    assert(next.commitIndex <= this.lastIndex, "The commit hint never passes the saved log");
    this.hardState = next;
  }
}

export type Settings = Partial<Omit<CoreOptions, "id" | "hardState" | "snapshot" | "entries">>;

export const DEFAULTS = {
  electionTicks: 10,
  heartbeatTicks: 3,
  random: () => 0,
  appendBytesMax: 1000,
  inflightMax: 8,
  unpackedEntries: 2,
  inflightBytesMax: 10_000,
  uncommittedBytesMax: 10_000,
} satisfies Settings;

/** A lone core on a given disk, for tests of one rule. */
export function startCore(id: MemberId, disk: Disk, settings: Settings = {}): RaftCore {
  const { hardState, snapshot, entries } = disk;
  return new RaftCore({
    ...DEFAULTS,
    ...settings,
    id,
    hardState,
    snapshot,
    entries: entries.slice(),
  });
}

/** What a server tells its surroundings. */
export interface Hooks {
  readonly settings: Settings;
  send(message: Message): void;
  event(server: TestServer, event: CoreEvent): void;
  applied(server: TestServer, entry: Entry): void;
  /** A received snapshot is on disk. */
  installed?(snapshot: SnapshotMeta): void;
  read(server: TestServer, read: ConfirmedRead): void;
  droppedRead(server: TestServer, token: number): void;
}

export class TestServer {
  readonly id: MemberId;
  readonly disk: Disk;
  /** Undefined while it is down. */
  core: RaftCore | undefined;
  /** What the disk works on. */
  saving: SaveBatch | undefined;
  readonly #hooks: Hooks;

  constructor(id: MemberId, configuration: Configuration, hooks: Hooks) {
    this.id = id;
    this.disk = new Disk(configuration);
    this.#hooks = hooks;
  }

  start(): void {
    this.core = startCore(this.id, this.disk, {
      ...this.#hooks.settings,
      onEvent: (event) => this.#hooks.event(this, event),
    });
  }

  crash(): void {
    this.core = undefined;
    this.saving = undefined;
  }

  /** Takes all that the core gives, but for finishing a save. */
  run(): void {
    const { core } = this;
    if (core === undefined) return;
    for (const message of core.takeMessages()) this.#hooks.send(message);
    this.saving ??= core.takeSave();
    for (const entry of core.takeCommitted(DEFAULTS.appendBytesMax)) {
      this.#hooks.applied(this, entry);
    }
    for (const read of core.takeReads()) this.#hooks.read(this, read);
    for (const token of core.takeDroppedReads()) this.#hooks.droppedRead(this, token);
  }

  /** Makes durable what the disk works on. */
  finishSave(): void {
    const { core, saving } = this;
    if (core === undefined || saving === undefined) return;
    this.saving = undefined;
    this.disk.save(saving);
    if (saving.snapshot !== undefined) this.#hooks.installed?.(saving.snapshot);
    core.saved(saving);
    for (const message of saving.messages) this.#hooks.send(message);
  }

  /** As `run`, with a disk that is done at once. */
  settle(): void {
    do {
      this.run();
      this.finishSave();
    } while (this.core?.hasWork());
  }

  compact(index: number, trailing: number): void {
    const { core } = this;
    assert(core !== undefined && index <= core.appliedIndex);
    const configuration = this.configurationAt(index);
    const term = core.termAt(index);
    assert(term !== undefined);
    const meta = { index, term, configuration };
    this.disk.compact(meta);
    core.compact(meta, index - trailing);
  }

  /** By the disk, so that it checks what the core believes. */
  configurationAt(index: number): Configuration {
    const entry = this.disk.entries.findLast((entry) =>
      entry.kind === "config" && entry.index <= index
    );
    return entry === undefined ? this.disk.snapshot.configuration : decodeConfiguration(entry.data);
  }
}
