/** Puts messages on their way to other members, and those to this one on a short way home. */
import type { Configuration, MemberId } from "../../raft/types.ts";
import { encodeFrame } from "./peer_message.ts";
import type { PeerMessage } from "./peer_message.ts";
import type { Scheduler, Transport } from "../ports.ts";

export class Outgoing {
  readonly #self: MemberId;
  readonly #transport: Transport;
  readonly #scheduler: Scheduler;
  readonly #home: (message: PeerMessage) => void;

  /** `home` takes what this member sends to itself, in a later turn. */
  constructor(
    self: MemberId,
    transport: Transport,
    scheduler: Scheduler,
    home: (message: PeerMessage) => void,
  ) {
    this.#self = self;
    this.#transport = transport;
    this.#scheduler = scheduler;
    this.#home = home;
  }

  /** False when the message certainly never leaves. */
  send(to: MemberId, message: PeerMessage): boolean {
    if (to !== this.#self) return this.#transport.send(to, encodeFrame(message));
    // A call that came back to this node because it leads (again).
    this.#scheduler.defer(() => this.#home(message));
    return true;
  }

  /** To every other member. */
  sendAll({ members }: Configuration, message: PeerMessage): void {
    for (const { id } of members) {
      if (id !== this.#self) this.send(id, message);
    }
  }
}
