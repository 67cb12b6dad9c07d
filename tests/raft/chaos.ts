/**
 * A cluster under a random schedule: messages are dropped, repeated, reordered;
 * disks lag; servers crash and lose what is unsaved; members come and go. Then
 * all of it heals, and the cluster must go on by itself.
 */
import { assert } from "@std/assert";
import { decodeMessage, encodeMessage } from "../../src/raft/codec.ts";
import type { Configuration, MemberId, Message } from "../../src/raft/types.ts";
import { Invariants } from "./invariants.ts";
import type { SeededRandom } from "./random.ts";
import { bytesOf, configurationOf, DEFAULTS, TestServer } from "./server.ts";
import { withMember, withoutMember } from "./story.ts";

const NETWORK_MAX = 300;
const MEMBERS_MAX = 7;
/** Turns of the healed cluster, a tick each, until it must have made progress. */
const HEALING_TURNS = 150;

export class Chaos {
  readonly servers = new Map<MemberId, TestServer>();
  /** What has happened how often, by event: a test of nothing would show. */
  readonly counts = new Map<string, number>();
  readonly #random: SeededRandom;
  readonly #invariants = new Invariants(this.servers);
  readonly #settings;
  #network: Message[] = [];
  #cutOff: MemberId | undefined;
  #lastToken = 0;
  #commands = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#settings = {
      ...DEFAULTS,
      random: () => random.next(),
      appendBytesMax: 1 + random.below(200),
      electionTicks: 6,
      heartbeatTicks: 2,
      inflightMax: 1 + random.below(5),
      unpackedEntries: 2,
    };
    const voters = Array.from({ length: 3 + random.below(3) }, (_, at) => at + 1);
    for (const id of voters) this.#add(id, configurationOf(voters));
  }

  run(steps: number): void {
    for (let left = steps; left > 0; left--) this.#step();
  }

  /** No more faults: a leader is found, and what it is given is committed by all. */
  heal(): void {
    this.#cutOff = undefined;
    for (const server of this.servers.values()) {
      if (server.core === undefined) server.start();
    }
    for (let turn = 0; turn < HEALING_TURNS; turn++) this.#healingTurn();
    const leader = this.#leaders().sort((a, b) => b.core!.term - a.core!.term)[0]?.core;
    assert(leader !== undefined, "A healed cluster must have a leader");
    const index = leader.propose(bytesOf("the end"));
    assert(index > 0, "A healed leader must take proposals");
    for (let turn = 0; turn < HEALING_TURNS / 10; turn++) this.#healingTurn();
    for (const { id } of leader.configuration.members) {
      const applied = this.servers.get(id)?.core?.appliedIndex ?? 0;
      assert(applied >= index, `Member ${id} must have applied ${index}, not only ${applied}`);
    }
  }

  #step(): void {
    const dice = this.#random.below(1000);
    const server = this.#random.pick([...this.servers.values()])!;
    if (dice < 500) return this.#deliverAny();
    if (dice < 650) server.core?.tick();
    else if (dice < 800) server.finishSave();
    else if (dice < 900) server.core?.propose(bytesOf(`command ${++this.#commands}`));
    else if (dice < 930) this.#read(server);
    else if (dice < 945) this.#changeMembers();
    else if (dice < 960) this.#compact(server);
    else if (dice < 965) this.#transfer();
    else if (dice < 970) this.#cutOff = this.#random.chance(0.5) ? server.id : undefined;
    else if (dice < 975) server.crash();
    else if (dice < 976) server.core?.campaign();
    else if (server.core === undefined) server.start();
    this.#settle(server);
  }

  /** Runs a server until it has nothing to do but to wait for its disk. */
  #settle(server: TestServer): void {
    server.run();
    this.#invariants.check(server);
  }

  #deliverAny(): void {
    const random = this.#random;
    // Mostly in order: else nothing but refusals would come of it.
    const at = random.chance(0.7) ? 0 : random.below(this.#network.length);
    const message = this.#network[at];
    if (message === undefined) return;
    if (!random.chance(0.05)) this.#network.splice(at, 1);
    if (random.chance(0.05) || this.#network.length > NETWORK_MAX) return this.#lost(message);
    this.#deliver(message);
  }

  #deliver(message: Message): void {
    const server = this.servers.get(message.to);
    const isCut = this.#cutOff === message.from || this.#cutOff === message.to;
    if (isCut || server?.core === undefined) return this.#lost(message);
    server.core.step(decodeMessage(encodeMessage(message)));
    this.#report(message, true);
    this.#settle(server);
  }

  #lost(message: Message): void {
    this.#report(message, false);
  }

  /** The transport tells the sender of a snapshot whether it has arrived. */
  #report({ type, from, to }: Message, ok: boolean): void {
    if (type === "snapshot") this.servers.get(from)?.core?.reportSnapshot(to, ok);
  }

  #read({ core }: TestServer): void {
    if (core?.readIndex(++this.#lastToken)) this.#invariants.readAsked(this.#lastToken);
  }

  #leaders(): TestServer[] {
    return [...this.servers.values()].filter(({ core }) => core?.role === "leader");
  }

  #changeMembers(): void {
    const leader = this.#random.pick(this.#leaders());
    if (leader?.core === undefined) return;
    const { members } = leader.core.configuration;
    const id = this.#random.pick(members)!.id;
    const newcomer = Math.max(...this.servers.keys()) + 1;
    const changes: ((now: Configuration) => Configuration)[] = [
      withMember(id, true),
      withMember(id, true),
      withMember(id, false),
      withoutMember(id),
    ];
    if (members.length < MEMBERS_MAX) {
      const isVoter = this.#random.chance(0.3);
      changes.push(withMember(newcomer, isVoter), withMember(newcomer, isVoter));
    }
    const next = this.#random.pick(changes)!(leader.core.configuration);
    const isNew = next.members.some((member) => member.id === newcomer);
    if (leader.core.proposeConfiguration(next).ok && isNew) {
      this.#add(newcomer, { members: [], removed: [] });
    }
    this.#settle(leader);
  }

  #compact(server: TestServer): void {
    const { core, disk } = server;
    if (core === undefined || server.saving !== undefined) return;
    const span = core.appliedIndex - disk.snapshot.index;
    if (span > 0) {
      const index = disk.snapshot.index + 1 + this.#random.below(span);
      server.compact(index, this.#random.below(6));
    }
  }

  #transfer(): void {
    const leader = this.#random.pick(this.#leaders());
    const to = this.#random.pick(leader?.core?.configuration.members ?? []);
    if (to !== undefined) leader?.core?.transferLeadership(to.id);
  }

  #healingTurn(): void {
    for (const server of this.servers.values()) {
      server.core?.tick();
      this.#finish(server);
    }
    for (let left = this.#network.length * 10 + 1000; left > 0; left--) {
      const message = this.#network.shift();
      if (message === undefined) return;
      this.#deliver(message);
      this.#finish(this.servers.get(message.to)!);
    }
    assert(this.#network.length === 0, "Messages must come to an end");
  }

  #finish(server: TestServer): void {
    do {
      this.#settle(server);
      server.finishSave();
    } while (server.core?.hasWork());
    this.#invariants.check(server);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #add(id: MemberId, configuration: Configuration): void {
    const server: TestServer = new TestServer(id, configuration, {
      settings: this.#settings,
      send: (message) => {
        this.#invariants.sent(server, message);
        this.#network.push(message);
      },
      event: (_, event) => this.#count(event.type === "role" ? event.role : event.type),
      installed: ({ index }) => {
        this.#count("installed");
        this.#invariants.installed(server.core!, index);
      },
      applied: ({ core }, entry) => {
        this.#count("applied");
        this.#invariants.applied(core!, entry);
      },
      read: (_, read) => {
        this.#count("read");
        this.#invariants.readConfirmed(read);
      },
      droppedRead: () => {},
    });
    this.servers.set(id, server);
    server.start();
  }
}
