/**
 * A cluster that is told what to do, and tells what happens. The network holds
 * every message until it is delivered; disks are done at once unless slow.
 */
import { assert } from "@std/assert";
import { decodeMessage, encodeMessage } from "../../src/raft/codec.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { Configuration, Entry, MemberId, Message } from "../../src/raft/types.ts";
import {
  describeConfiguration,
  describeData,
  describeEntry,
  describeEvent,
  describeMessage,
  describeProgress,
} from "./describe.ts";
import { bytesOf, configurationOf, member, TestServer } from "./server.ts";
import type { Settings } from "./server.ts";

/** A delivery that goes on for longer is a loop. */
const DELIVERIES_MAX = 5000;

/** Which messages a command is about; an absent field means all. */
export interface Selection {
  readonly from?: MemberId;
  readonly to?: MemberId;
  readonly type?: string;
}

export class Story {
  readonly #servers = new Map<MemberId, TestServer>();
  readonly #slow = new Set<MemberId>();
  #settings: Settings = {};
  /** Servers of different sides do not hear each other; those not named are of one side. */
  #sides = new Map<MemberId, number>();
  #network: Message[] = [];
  #lines: string[] = [];
  #quiet = false;

  /** What happened since the last call. */
  takeLines(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Starts all over with servers 1 to `size`, all of them voters. */
  cluster(size: number, appendBytesMax: number): void {
    this.#servers.clear();
    this.#slow.clear();
    this.#sides.clear();
    this.#network = [];
    this.#settings = { appendBytesMax };
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    for (const id of voters) this.#add(id, configurationOf(voters));
  }

  /** A newcomer: it knows nobody and waits to be spoken to. */
  join(id: MemberId): void {
    this.#add(id, { members: [], removed: [] });
  }

  tick(id: MemberId, count: number): void {
    for (let left = count; left > 0; left--) {
      this.#core(id).tick();
      this.#settle(id);
    }
  }

  campaign(id: MemberId): void {
    this.#core(id).campaign();
    this.#settle(id);
  }

  propose(id: MemberId, commands: readonly string[]): void {
    for (const command of commands) {
      if (this.#core(id).propose(bytesOf(command)) === 0) this.#say(`${id} refuses ${command}`);
    }
    this.#settle(id);
  }

  change(id: MemberId, change: (now: Configuration) => Configuration): void {
    const core = this.#core(id);
    const outcome = core.proposeConfiguration(change(core.configuration));
    if (!outcome.ok) this.#say(`${id} refuses (${outcome.reason}): ${outcome.cause}`);
    this.#settle(id);
  }

  read(id: MemberId, tokens: readonly number[]): void {
    for (const token of tokens) {
      if (!this.#core(id).readIndex(token)) this.#say(`${id} refuses read ${token}`);
    }
    this.#settle(id);
  }

  transfer(id: MemberId, to: MemberId): void {
    if (!this.#core(id).transferLeadership(to)) this.#say(`${id} refuses to hand over to ${to}`);
    this.#settle(id);
  }

  crash(id: MemberId): void {
    this.#server(id).crash();
  }

  restart(id: MemberId): void {
    const server = this.#server(id);
    assert(server.core === undefined, `Server ${id} is up`);
    server.start();
    this.#settle(id);
  }

  slowDisk(id: MemberId): void {
    this.#slow.add(id);
  }

  fastDisk(id: MemberId): void {
    this.#slow.delete(id);
    this.#settle(id);
  }

  /** Finishes the one write that a slow disk works on. */
  save(id: MemberId): void {
    assert(this.#server(id).saving !== undefined, `Disk ${id} has nothing to do`);
    this.#server(id).finishSave();
    this.#settle(id);
  }

  partition(sides: readonly (readonly MemberId[])[]): void {
    this.#sides = new Map(sides.flatMap((side, at) => side.map((id) => [id, at + 1])));
  }

  compact(id: MemberId, index: number, trailing: number): void {
    this.#server(id).compact(index, trailing);
  }

  reportSnapshot(id: MemberId, to: MemberId, ok: boolean): void {
    this.#core(id).reportSnapshot(to, ok);
    this.#settle(id);
  }

  /** Delivers what is selected, and what follows from it, until nothing is left. */
  deliver(selection: Selection, drop: readonly MemberId[], quiet: boolean): void {
    this.#quiet = quiet;
    for (let count = 0; count < DELIVERIES_MAX; count++) {
      const at = this.#network.findIndex((message) => isSelected(message, selection));
      const message = this.#network[at];
      if (message === undefined) break;
      this.#network.splice(at, 1);
      this.#deliverOne(message, drop);
      assert(count < DELIVERIES_MAX - 1, "Delivery must come to an end");
    }
    this.#quiet = false;
  }

  /** Delivers what is selected now, but not what follows from it. */
  deliverOnce(selection: Selection, drop: readonly MemberId[]): void {
    const chosen = this.#network.filter((message) => isSelected(message, selection));
    this.#network = this.#network.filter((message) => !isSelected(message, selection));
    for (const message of chosen) this.#deliverOne(message, drop);
  }

  lose(selection: Selection): void {
    this.#network = this.#network.filter((message) => !isSelected(message, selection));
  }

  /** Every selected message will arrive twice. */
  repeat(selection: Selection): void {
    this.#network.push(...this.#network.filter((message) => isSelected(message, selection)));
  }

  /** The last message will arrive first. */
  reverse(): void {
    this.#network.reverse();
  }

  showMessages(selection: Selection): void {
    for (const message of this.#network) {
      if (isSelected(message, selection)) this.#sayMessage("->", message);
    }
  }

  showLogs(): void {
    for (const server of this.#servers.values()) {
      const { core, id } = server;
      const entries = this.#entriesOf(server).map(describeEntry).join(", ") || "nothing";
      const { index, term } = server.disk.snapshot;
      const start = index > 0 ? `snapshot ${index}@${term}, ` : "";
      const commit = core === undefined ? "down" : `commit ${core.commitIndex}`;
      this.#say(`${id}: ${start}${entries}; ${commit}`);
    }
  }

  showStatus(): void {
    for (const { id, core, disk } of this.#servers.values()) {
      if (core === undefined) {
        this.#say(`${id}: down, term ${disk.hardState.term} on disk`);
        continue;
      }
      const { role, term, leader, commitIndex, lastIndex, configuration } = core;
      const whom = role === "follower" ? ` of ${leader === 0 ? "nobody" : leader}` : "";
      const what = core.isLearner ? "learner" : role;
      const members = describeConfiguration(configuration);
      this.#say(
        `${id}: ${what}${whom}, term ${term}, commit ${commitIndex} of ${lastIndex}, ${members}`,
      );
    }
  }

  showProgress(id: MemberId): void {
    for (const progress of this.#core(id).progress()) this.#say(describeProgress(progress));
  }

  /** The saved log; with a fast disk that is the whole log. */
  #entriesOf({ disk }: TestServer): readonly Entry[] {
    return disk.entries;
  }

  #deliverOne(message: Message, drop: readonly MemberId[]): void {
    const { from, to } = message;
    const core = this.#servers.get(to)?.core;
    const isLost = core === undefined || drop.includes(from) || drop.includes(to) ||
      this.#sides.get(from) !== this.#sides.get(to);
    this.#sayMessage(isLost ? "-x" : "->", message);
    if (isLost) return;
    core.step(decodeMessage(encodeMessage(message)));
    this.#settle(to);
  }

  #settle(id: MemberId): void {
    const server = this.#server(id);
    if (this.#slow.has(id)) server.run();
    else server.settle();
  }

  #add(id: MemberId, configuration: Configuration): void {
    const server = new TestServer(id, configuration, {
      // Server 1 is the least patient, then 2, and so on.
      settings: { ...this.#settings, random: () => Math.min(id - 0.5, 5.5) / 6 },
      send: (message) => this.#network.push(message),
      event: ({ id }, event) => this.#say(describeEvent(id, event)),
      applied: ({ id }, entry) => {
        if (entry.kind === "command") {
          this.#say(`${id} applies ${describeData(entry)} of ${entry.index}`);
        }
      },
      read: ({ id }, { token, index }) => this.#say(`${id} confirms read ${token} at ${index}`),
      droppedRead: ({ id }, token) => this.#say(`${id} drops read ${token}`),
    });
    this.#servers.set(id, server);
    server.start();
  }

  #server(id: MemberId): TestServer {
    const server = this.#servers.get(id);
    assert(server !== undefined, `There must be a server ${id}`);
    return server;
  }

  #core(id: MemberId): RaftCore {
    const { core } = this.#server(id);
    assert(core !== undefined, `Server ${id} must be up`);
    return core;
  }

  #sayMessage(arrow: string, message: Message): void {
    if (!this.#quiet) {
      this.#say(`${message.from} ${arrow} ${message.to} ${describeMessage(message)}`);
    }
  }

  #say(line: string | undefined): void {
    if (line !== undefined) this.#lines.push(line);
  }
}

/** The members with `id` added, or changed to be what `voter` says. */
export function withMember(id: MemberId, voter: boolean): (now: Configuration) => Configuration {
  return ({ members, removed }) => {
    const others = members.filter((other) => other.id !== id);
    const all = [...others, member(id, voter)];
    return { members: all.toSorted((a, b) => a.id - b.id), removed };
  };
}

export function withoutMember(id: MemberId): (now: Configuration) => Configuration {
  return ({ members, removed }) => ({
    members: members.filter((other) => other.id !== id),
    removed: [...removed, id],
  });
}

function isSelected(message: Message, { from, to, type }: Selection): boolean {
  return (from === undefined || message.from === from) &&
    (to === undefined || message.to === to) &&
    (type === undefined || message.type === type);
}
