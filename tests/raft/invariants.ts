/**
 * What must hold in every state of a cluster (paper, figure 3), checked from
 * outside on all servers and disks at once.
 */
import { assert, assertEquals } from "@std/assert";
import type { RaftCore } from "../../src/raft/core.ts";
import type { ConfirmedRead, Entry, MemberId, Message } from "../../src/raft/types.ts";
import { describeEntry, describeMessage } from "./describe.ts";
import type { TestServer } from "./server.ts";

export class Invariants {
  readonly #servers: ReadonlyMap<MemberId, TestServer>;
  readonly #leaders = new Map<number, MemberId>();
  /** Contents by `index@term`. */
  readonly #entries = new Map<string, string>();
  /** Terms of the committed entries, by index. */
  readonly #committed: (number | undefined)[] = [];
  readonly #applied: (string | undefined)[] = [];
  readonly #commitSeen = new Map<RaftCore, number>();
  readonly #lastApplied = new Map<RaftCore, number>();
  readonly #logSeen = new Map<RaftCore, string>();
  readonly #readsAsked = new Map<number, number>();

  constructor(servers: ReadonlyMap<MemberId, TestServer>) {
    this.#servers = servers;
  }

  get lastCommitted(): number {
    return this.#committed.length - 1;
  }

  /** After each step of `server`. */
  check(server: TestServer): void {
    const { core } = server;
    if (core === undefined) return;
    if (core.role === "leader") this.#checkLeader(core);
    assert(core.committedConfiguration !== undefined);
    this.#checkCommit(core);
    const end = `${core.lastIndex}@${core.termAt(core.lastIndex)}`;
    if (this.#logSeen.get(core) === end) return;
    this.#logSeen.set(core, end);
    for (const other of this.#servers.values()) {
      if (other.core !== undefined && other !== server) checkLogMatching(core, other.core);
    }
  }

  /** Nothing is promised that the disk of the sender does not hold. */
  sent(server: TestServer, message: Message): void {
    const { hardState, lastIndex } = server.disk;
    const isKept = message.term <= hardState.term || message.type === "preVote" ||
      message.type === "preVoteReply";
    assert(isKept, `Term must be on disk: ${describeMessage(message)}`);
    switch (message.type) {
      case "append":
        return message.entries.forEach((entry) => this.#checkEntry(entry));
      case "appendReply":
        return assert(message.rejected || message.index <= lastIndex, "Acknowledged is on disk");
      case "vote":
        return this.#checkVote(server, message.term, message.from);
      case "voteReply":
        if (message.granted) this.#checkVote(server, message.term, message.to);
        return;
      default:
        return;
    }
  }

  /** State Machine Safety: in order, and everywhere the same. */
  applied(core: RaftCore, entry: Entry): void {
    const last = this.#lastApplied.get(core);
    if (last !== undefined) assertEquals(entry.index, last + 1);
    this.#lastApplied.set(core, entry.index);
    const text = describeEntry(entry);
    assertEquals(this.#applied[entry.index] ?? text, text);
    this.#applied[entry.index] = text;
  }

  installed(core: RaftCore, index: number): void {
    this.#lastApplied.set(core, index);
  }

  readAsked(token: number): void {
    this.#readsAsked.set(token, this.lastCommitted);
  }

  /** A linearizable read sees all that was committed anywhere when it was asked. */
  readConfirmed({ token, index }: ConfirmedRead): void {
    const asked = this.#readsAsked.get(token);
    assert(asked !== undefined && index >= asked, `Read at ${index} must see ${asked}`);
  }

  /** Election Safety and Leader Completeness. */
  #checkLeader(core: RaftCore): void {
    const known = this.#leaders.get(core.term);
    if (known !== undefined) return assertEquals(known, core.id, `Two leaders in ${core.term}`);
    this.#leaders.set(core.term, core.id);
    for (const [index, term] of this.#committed.entries()) {
      if (term === undefined) continue;
      const own = core.termAt(index);
      const isCompacted = own === undefined && index <= core.commitIndex;
      assert(isCompacted || own === term, `Leader ${core.id} must have ${index}@${term}`);
    }
  }

  #checkCommit(core: RaftCore): void {
    const seen = this.#commitSeen.get(core) ?? 0;
    assert(core.commitIndex >= seen, "Commit must not go back");
    assert(core.appliedIndex <= core.commitIndex && core.commitIndex <= core.lastIndex);
    this.#commitSeen.set(core, core.commitIndex);
    for (let index = seen + 1; index <= core.commitIndex; index++) {
      const term = core.termAt(index);
      if (term === undefined) continue;
      const known = this.#committed[index];
      if (known === undefined) this.#checkDurable(core, index, term);
      else assertEquals(term, known, `Committed ${index} must stay`);
      this.#committed[index] = term;
    }
  }

  /** The first to commit is the leader, and a majority has the entry on disk. */
  #checkDurable(core: RaftCore, index: number, term: number): void {
    assertEquals(this.#leaders.get(core.term), core.id, `Only a leader commits ${index} first`);
    const voters = core.configuration.members.filter(({ voter }) => voter);
    const copies = voters.filter(({ id }) => this.#servers.get(id)?.disk.holds(index, term));
    assert(copies.length * 2 > voters.length, `Committed ${index}@${term} must be on a majority`);
  }

  /** An index and a term name one entry for ever. */
  #checkEntry(entry: Entry): void {
    const key = `${entry.index}@${entry.term}`;
    const text = describeEntry(entry);
    assertEquals(this.#entries.get(key) ?? text, text);
    this.#entries.set(key, text);
  }

  #checkVote({ disk }: TestServer, term: number, vote: MemberId): void {
    const { hardState } = disk;
    const isPast = hardState.term > term;
    assert(isPast || hardState.vote === vote, `Vote for ${vote} in ${term} must be on disk`);
  }
}

/** Log Matching: where two logs agree on an entry, they agree on all before it. */
function checkLogMatching(one: RaftCore, other: RaftCore): void {
  let isMatched = false;
  for (let index = Math.min(one.lastIndex, other.lastIndex); index > 0; index--) {
    const term = one.termAt(index);
    const otherTerm = other.termAt(index);
    if (term === undefined || otherTerm === undefined) return;
    isMatched ||= term === otherTerm;
    assert(!isMatched || term === otherTerm, `Logs of ${one.id}, ${other.id} differ at ${index}`);
  }
}
