/** Writes that share a sync, on a majority of members. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers";
import type { Log } from "./log.ts";

/** Of one write in the log: a key of 30 bytes, a value of 128 and some numbers. */
const RECORD_BYTES = 190;
/** Turns of the event loop that a batch waits while it grows, as the node has it. */
const GATHERING_TURNS_MAX = 8;
/** Before a batch on its way to a follower. */
const LENGTH_BYTES = 4;
const POLL_MS = 20;

/** Batches of a leader: one at a time, for all who came during the last one. */
export class Batches {
  readonly #log: Log;
  readonly #followers: readonly Socket[];
  /** How many batches each disk has, this member's first. */
  readonly #saved: number[];
  #begun = 0;
  #waiting: (() => void)[] = [];
  /** Of the batch under way. */
  #callbacks: (() => void)[] | undefined;
  #isScheduled = false;
  #gathered = 0;
  #turns = 0;

  constructor(log: Log, followers: readonly Socket[]) {
    this.#log = log;
    this.#followers = followers;
    this.#saved = new Array(1 + followers.length).fill(0);
    for (const [at, socket] of followers.entries()) {
      // An octet for each.
      socket.on("data", ({ length }: Uint8Array) => this.#note(1 + at, length));
    }
  }

  /** Saves one write; calls back when a majority has it. */
  add(callback: () => void): void {
    this.#waiting.push(callback);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#callbacks !== undefined) return;
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    const count = this.#waiting.length;
    if (count === 0) return;
    const grew = count > 1 && count > this.#gathered;
    this.#gathered = count;
    if (grew && this.#turns++ < GATHERING_TURNS_MAX) return this.#schedule();
    this.#gathered = 0;
    this.#turns = 0;
    this.#begun++;
    this.#callbacks = this.#waiting;
    this.#waiting = [];
    const records = new Uint8Array(count * RECORD_BYTES);
    this.#log.save(records).then(() => this.#note(0, 1));
    for (const socket of this.#followers) socket.write(framed(records));
  };

  /** The disk `at` has so many more batches. */
  #note(at: number, count: number): void {
    this.#saved[at]! += count;
    const disks = this.#saved.filter((saved) => saved >= this.#begun).length;
    if (this.#callbacks === undefined || 2 * disks <= this.#saved.length) return;
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    for (const callback of callbacks) callback();
    this.#schedule();
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, LENGTH_BYTES);
  return frame;
}

/** A connection to the member at `url`, once that listens. */
export async function follower(url: URL): Promise<Socket> {
  for (;;) {
    const socket = connect(Number(url.port), url.hostname);
    try {
      await once(socket, "connect");
      return socket.setNoDelay(true);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Syncs each batch that the leader sends, and says so. */
export function obey(leader: Socket, log: Log): void {
  leader.setNoDelay(true);
  let rest: Buffer = Buffer.alloc(0);
  let saved = Promise.resolve();
  leader.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + rest.readUInt32BE(0);
      if (rest.length < end) return;
      const batch = rest.subarray(LENGTH_BYTES, end);
      rest = rest.subarray(end);
      saved = saved.then(() => log.save(batch)).then(() => void leader.write(Uint8Array.of(1)));
    }
  });
}
