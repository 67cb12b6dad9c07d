/**
 * One member's connections: knows whom it may dial and under which address, as
 * the server's transport does, and hands frames to the network. Each consensus
 * message that leaves is shown to the checker of what is durable.
 */
import type { Transport } from "../../src/node/ports.ts";
import { decodeMessage } from "../../src/raft/codec.ts";
import type { Member, MemberId } from "../../src/raft/types.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import type { Site } from "./site.ts";

/** The first byte of a frame that carries a consensus message. */
const RAFT_FRAME = 1;

export class Peers implements Transport {
  readonly #process: Process;
  readonly #self: MemberId;
  readonly #site: Site;
  readonly #onRefused: () => void;
  /** Where each peer is dialled. */
  #urls = new Map<MemberId, string>();
  #hasMembers = false;

  constructor(process: Process, self: MemberId, site: Site, onRefused: () => void) {
    this.#process = process;
    this.#self = self;
    this.#site = site;
    this.#onRefused = onRefused;
  }

  membersAre(members: readonly Member[]): void {
    this.#hasMembers = members.length > 0;
    this.#urls = new Map(members.map(({ id, peerUrl }) => [id, peerUrl]));
  }

  send(to: MemberId, frame: Uint8Array): boolean {
    const { trace, network, consensus, schedule } = this.#site;
    trace.mix(frame.length);
    if (frame[0] === RAFT_FRAME) {
      const message = decodeMessage(frame.subarray(1));
      trace.line(schedule.nowMs, this.#process.name, () => `sends ${JSON.stringify(message)}`);
      trace.mix(message.term);
      consensus.sent(message);
    }
    const url = this.#urls.get(to);
    const machine = url === undefined ? undefined : this.#machineAt(url);
    const there = machine?.process;
    if (machine === undefined || there === undefined) return false;
    const { number } = this.#process.machine;
    network.carry(number, machine.number, "frame", there, () => {
      there.running?.peers.arrived(to, this.#self, this.#process.machine, frame, this.#onRefused);
    });
    return true;
  }

  /** A frame of member `from` is here: the other end of the connection judges it first. */
  arrived(
    to: MemberId,
    from: MemberId,
    machine: Machine,
    frame: Uint8Array,
    onRefused: () => void,
  ): void {
    const node = this.#process.running?.node;
    // Another incarnation answers at this address now.
    if (node === undefined || to !== this.#self) return;
    const caller = machine.process;
    if (node.refusalOf(from) !== undefined) {
      const { number } = this.#process.machine;
      if (caller !== undefined) {
        this.#site.network.carry(number, machine.number, "refusal", caller, onRefused);
      }
      return;
    }
    if (!this.#hasMembers) this.#urls.set(from, machine.url);
    node.receive(from, frame);
  }

  #machineAt(url: string): Machine | undefined {
    return this.#site.machines.find((machine) => machine.url === url);
  }
}
