/** One server with a quick disk, to whom tests speak in the name of its peers. */
import { assert } from "@std/assert";
import type { CoreEvent, RaftCore } from "../../src/raft/core.ts";
import type {
  Append,
  AppendReply,
  ConfirmedRead,
  Entry,
  Message,
  VoteRequest,
} from "../../src/raft/types.ts";
import { bytesOf, configurationOf, TestServer } from "./server.ts";
import type { Settings } from "./server.ts";

export class Lone {
  readonly server: TestServer;
  readonly events: CoreEvent[] = [];
  readonly applied: Entry[] = [];
  readonly reads: ConfirmedRead[] = [];
  readonly dropped: number[] = [];
  #sent: Message[] = [];

  /** Server 1 of a group with `voters`, at the very start. */
  constructor(voters: readonly number[] = [1, 2, 3], settings: Settings = {}) {
    this.server = new TestServer(1, configurationOf(voters), {
      settings,
      send: (message) => this.#sent.push(message),
      event: (_, event) => this.events.push(event),
      applied: (_, entry) => this.applied.push(entry),
      read: (_, read) => this.reads.push(read),
      droppedRead: (_, token) => this.dropped.push(token),
    });
    this.server.start();
  }

  /** Leader of term 1 whose no-op (index 1) is committed, acknowledged by server 2. */
  static leader(voters: readonly number[] = [1, 2, 3], settings: Settings = {}): Lone {
    const lone = Lone.elected(voters, settings);
    if (voters.length > 1) lone.step(accepted(2, 1));
    if (voters.length > 3) lone.step(accepted(3, 1));
    lone.take();
    return lone;
  }

  /** Leader of term 1 that nobody has acknowledged anything to. */
  static elected(voters: readonly number[] = [1, 2, 3], settings: Settings = {}): Lone {
    const lone = new Lone(voters, settings);
    lone.do((core) => core.campaign());
    const others = voters.filter((id) => id !== 1);
    for (const from of others) {
      lone.step({ type: "preVoteReply", from, to: 1, term: 1, granted: true });
    }
    for (const from of others) {
      lone.step({ type: "voteReply", from, to: 1, term: 1, granted: true });
    }
    assert(lone.core.role === "leader");
    lone.take();
    return lone;
  }

  get core(): RaftCore {
    const { core } = this.server;
    assert(core !== undefined);
    return core;
  }

  /** Its whole log, as it is on disk: `index@term` and commands. */
  get log(): string {
    return this.server.disk.entries
      .map(({ index, term, kind, data }) =>
        `${index}@${term}${kind === "command" ? new TextDecoder().decode(data) : ""}`
      ).join(" ");
  }

  /** Does something to the core, and all that comes of it. */
  do<T>(action: (core: RaftCore) => T): T {
    const result = action(this.core);
    this.server.settle();
    return result;
  }

  step(...messages: Message[]): void {
    for (const message of messages) this.do((core) => core.step(message));
  }

  tick(count: number): void {
    for (let left = count; left > 0; left--) this.do((core) => core.tick());
  }

  propose(...commands: string[]): void {
    this.do((core) => commands.forEach((command) => assert(core.propose(bytesOf(command)) > 0)));
  }

  /** Loses what is in memory. */
  restart(): void {
    this.server.crash();
    this.server.start();
    this.server.settle();
  }

  /** What it has sent since the last call. */
  take(): Message[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  /** What it has sent of one type since the last `take`. */
  sent<T extends Message["type"]>(type: T): (Message & { readonly type: T })[] {
    return this.take().filter((message): message is Message & { readonly type: T } =>
      message.type === type
    );
  }
}

/** Entries from `first` on, of the terms given, with commands `a`, `b` … */
export function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, at) => ({
    index: first + at,
    term,
    kind: "command",
    data: bytesOf(String.fromCharCode(96 + first + at)),
  }));
}

/** An append of server 2, which leads `term`. */
export function append(
  term: number,
  [prevIndex, prevTerm]: readonly [number, number],
  entries: readonly Entry[],
  commitIndex = 0,
): Append {
  return { type: "append", from: 2, to: 1, term, prevIndex, prevTerm, entries, commitIndex };
}

export function accepted(from: number, index: number, term = 1): AppendReply {
  const hints = { hintIndex: 0, hintTerm: 0 };
  return { type: "appendReply", from, to: 1, term, rejected: false, index, ...hints };
}

export function refused(
  from: number,
  index: number,
  [hintIndex, hintTerm]: readonly [number, number],
  term = 1,
): AppendReply {
  return { type: "appendReply", from, to: 1, term, rejected: true, index, hintIndex, hintTerm };
}

export function vote(
  from: number,
  term: number,
  [lastIndex, lastTerm]: readonly [number, number],
  transfer = false,
): VoteRequest {
  return { type: "vote", from, to: 1, term, lastIndex, lastTerm, transfer };
}
