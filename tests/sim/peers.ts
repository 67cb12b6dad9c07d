/**
 * One member's connections: knows whom it may dial and under which address, as
 * the server's transport does, and hands frames to the network. Each consensus
 * message that leaves is shown to the checker of what is durable.
 */
import type { Moved } from "../../src/node/call_service.ts";
import type { Transport } from "../../src/node/ports.ts";
import { decodeMessage } from "../../src/raft/codec.ts";
import type { Member, MemberId } from "../../src/raft/types.ts";
import { Contacts } from "../../src/member/contacts.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import { describeMessage } from "./text.ts";
import type { Site } from "./site.ts";

/** The first byte of a frame that carries a consensus message. */
const RAFT_FRAME = 1;

export class Peers implements Transport {
  readonly #process: Process;
  readonly #self: MemberId;
  readonly #site: Site;
  readonly #onRefused: () => void;
  readonly #contacts: Contacts;
  /** Where each peer is dialled. */
  #urls: ReadonlyMap<MemberId, string> = new Map();
  /** From whom this member has taken a stream, and who opened it. */
  readonly #accepted = new Map<MemberId, Process>();

  constructor(process: Process, self: MemberId, site: Site, onRefused: () => void) {
    this.#process = process;
    this.#self = self;
    this.#site = site;
    this.#onRefused = onRefused;
    this.#contacts = new Contacts({
      strangersMax: site.profile.limits.membersMax,
      isRefused: (id) => process.running?.node.refusalOf(id) !== undefined,
      isHeard: (id) => this.#accepted.get(id)?.isDead === false,
      setPeers: (peers) => this.#setPeers(peers),
    });
  }

  membersAre(members: readonly Member[]): void {
    this.#contacts.membersAre(members);
  }

  moved(): readonly Moved[] {
    return this.#contacts.moved();
  }

  /** Whether this member would dial `machine`. */
  knows(machine: Machine): boolean {
    return [...this.#urls.values()].includes(machine.url);
  }

  /** Opens a stream to each peer that there is none to; called once a tick. */
  dial(): void {
    const { network } = this.#site;
    const caller = this.#process;
    for (const [id, url] of this.#urls) {
      const there = this.#processAt(url);
      const peers = there?.running?.peers;
      if (id === this.#self || peers === undefined || peers.#accepted.get(this.#self) === caller) {
        continue;
      }
      network.carry(caller.machine.number, there!.machine.number, "hello", there!, () => {
        there!.running?.peers.accept(id, this, caller);
      });
    }
  }

  send(to: MemberId, frame: Uint8Array): boolean {
    const { trace, network, durability, schedule } = this.#site;
    trace.mix(frame.length);
    if (frame[0] === RAFT_FRAME) {
      const message = decodeMessage(frame.subarray(1));
      trace.line(schedule.nowMs, this.#process.name, () => `sends ${describeMessage(message)}`);
      trace.mix(message.term);
      durability.sent(message);
    }
    const url = this.#urls.get(to);
    const there = url === undefined ? undefined : this.#processAt(url);
    if (there === undefined) return false;
    const caller = this.#process;
    network.carry(caller.machine.number, there.machine.number, "frame", there, () => {
      there.running?.peers.arrived(to, this, caller, frame);
    });
    return true;
  }

  /** A frame is here: this end judges the stream before it takes the first one. */
  arrived(to: MemberId, from: Peers, caller: Process, frame: Uint8Array): void {
    if (this.accept(to, from, caller)) this.#process.running?.node.receive(from.#self, frame);
  }

  /** Whether the stream that `caller` opened to member `to` is taken here. */
  accept(to: MemberId, from: Peers, caller: Process): boolean {
    const node = this.#process.running?.node;
    if (node === undefined) return false;
    if (to === this.#self && this.#accepted.get(from.#self) === caller) return true;
    if (node.refusalOf(from.#self) !== undefined) {
      const { number } = this.#process.machine;
      const { network } = this.#site;
      network.carry(number, caller.machine.number, "refusal", caller, from.#onRefused);
      return false;
    }
    // Another incarnation answers at this address now.
    if (to !== this.#self) return false;
    this.#accepted.set(from.#self, caller);
    this.#contacts.called({ from: from.#self, url: caller.url });
    return true;
  }

  #setPeers(peers: readonly { readonly id: MemberId; readonly url: string }[]): void {
    const urls = new Map(peers.map(({ id, url }) => [id, url]));
    // Those that are gone find their stream closed, and hear why when they open another.
    for (const id of this.#urls.keys()) if (!urls.has(id)) this.#accepted.delete(id);
    this.#urls = urls;
  }

  #processAt(url: string): Process | undefined {
    return this.#site.machines.find((machine) => machine.url === url)?.process;
  }
}
