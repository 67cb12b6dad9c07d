/**
 * One member's connections: knows whom it may dial and under which address, as
 * the server's transport does, and hands frames to the network. Each consensus
 * message that leaves is shown to the checker of what is durable.
 */
import type { MemberEnd, MemberTransport } from "../../src/member/member.ts";
import { decodeMessage } from "../../src/raft/codec.ts";
import { hasSameItems } from "../../src/base/sequences.ts";
import type { MemberId } from "../../src/raft/types.ts";
import { type Peer, urlsOf } from "../../src/transport/peer_link.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import { describeMessage } from "./text.ts";
import type { Site } from "./site.ts";

/** The first byte of a frame that carries a consensus message. */
const RAFT_FRAME = 1;

export class Peers implements MemberTransport {
  readonly #process: Process;
  readonly #self: MemberId;
  readonly #site: Site;
  readonly #end: MemberEnd;
  /** Where each peer is dialled: the first of these, which a vain attempt moves to the end. */
  #urls: ReadonlyMap<MemberId, string[]> = new Map();
  #peers: readonly Peer[] = [];
  /** From whom this member has taken a stream, and who opened it. */
  readonly #accepted = new Map<MemberId, Process>();

  constructor(process: Process, self: MemberId, site: Site, end: MemberEnd) {
    this.#process = process;
    this.#self = self;
    this.#site = site;
    this.#end = end;
  }

  setPeers(peers: readonly Peer[]): void {
    const before = new Map(this.#peers.map((peer) => [peer.id, peer]));
    const urls = new Map(peers.map((peer) => {
      const known = before.get(peer.id);
      const isSame = known !== undefined && hasSameItems(urlsOf(known), urlsOf(peer));
      return [peer.id, isSame ? this.#urls.get(peer.id)! : [...urlsOf(peer)]];
    }));
    // Those that are gone find their stream closed, and hear why when they open another.
    for (const id of this.#urls.keys()) if (!urls.has(id)) this.#accepted.delete(id);
    this.#urls = urls;
    this.#peers = peers;
  }

  hears(id: MemberId): boolean {
    return this.#accepted.get(id)?.isDead === false;
  }

  /** Whether this member would dial `machine`. */
  knows(machine: Machine): boolean {
    return [...this.#urls.values()].some((urls) => urls.includes(machine.url));
  }

  /** Opens a stream to each peer that there is none to; called once a tick. */
  dial(): void {
    const { network } = this.#site;
    const caller = this.#process;
    for (const [id, urls] of this.#urls) {
      const there = this.#processAt(urls[0]!);
      const peers = there?.running?.peers;
      if (peers === undefined) urls.push(urls.shift()!);
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
    const url = this.#urls.get(to)?.[0];
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
    if (this.accept(to, from, caller)) this.#end.receive(from.#self, frame);
  }

  /** Whether the stream that `caller` opened to member `to` is taken here. */
  accept(to: MemberId, from: Peers, caller: Process): boolean {
    if (this.#process.running === undefined) return false;
    if (to === this.#self && this.#accepted.get(from.#self) === caller) return true;
    if (this.#end.refusalOf(from.#self) !== undefined) {
      const { number } = this.#process.machine;
      const { network } = this.#site;
      network.carry(number, caller.machine.number, "refusal", caller, () => {
        from.#end.removed("The simulated peer says that this member was removed");
      });
      return false;
    }
    // Another incarnation answers at this address now.
    if (to !== this.#self) return false;
    this.#accepted.set(from.#self, caller);
    this.#end.called({ from: from.#self, session: caller.session, url: caller.url });
    return true;
  }

  #processAt(url: string): Process | undefined {
    return this.#site.machines.find((machine) => machine.url === url)?.process;
  }
}
