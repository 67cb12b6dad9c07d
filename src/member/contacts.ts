/**
 * Whom to dial, and where: the members by the addresses in the log, corrected
 * and completed by what callers say of themselves. A member that came back under
 * another address can't have that recorded before it hears the leader; a
 * newcomer's log names nobody yet; and the leader may have joined after all that
 * a lagging member's log knows. So whoever is let in is answered at the address
 * that it announced.
 */
import { hasSameItems } from "../base/sequences.ts";
import type { Member, MemberId } from "../raft/types.ts";
import type { Peer } from "../transport/peer_link.ts";

export type { Peer };

/** Who opened a stream, and the address that it announced. */
export interface Caller {
  readonly from: MemberId;
  /** Its process. */
  readonly session: number;
  readonly url: string;
}

export interface ContactsOptions {
  /** Callers that are answered although the log does not know them. */
  readonly strangersMax: number;
  /** Whether the node would not let `id` in any longer. */
  readonly isRefused: (id: MemberId) => boolean;
  /** Whether `id` has a stream open to this member: then what it announced still holds. */
  readonly isHeard: (id: MemberId) => boolean;
  readonly setPeers: (peers: readonly Peer[]) => void;
}

export class Contacts {
  readonly #options: ContactsOptions;
  /** By the log. */
  #recorded: ReadonlyMap<MemberId, readonly string[]> = new Map();
  /** By their own word, the oldest first. */
  readonly #announced = new Map<MemberId, string>();

  constructor(options: ContactsOptions) {
    this.#options = options;
  }

  /**
   * The members of the newest configuration, told again when one is applied. While
   * a member catches up, the records it reads may be older than what was announced.
   */
  membersAre(members: readonly Member[]): void {
    const before = this.#recorded;
    this.#recorded = new Map(
      members.flatMap(({ id, peerUrls }) => peerUrls.length === 0 ? [] : [[id, peerUrls]]),
    );
    for (const [id, urls] of before) {
      const isOutdated = !hasSameItems(this.#recorded.get(id) ?? [], urls) &&
        !this.#options.isHeard(id);
      if (isOutdated || !this.#recorded.has(id)) this.#announced.delete(id);
    }
    this.#publish();
  }

  /** `from`, which the node does not refuse, opened a stream and announced `url`. */
  called({ from, url }: Caller): void {
    this.#note(from, url);
  }

  /** A node that was asked at `url` says that it is `id`. Its own call counts more. */
  found({ id, url }: Peer): void {
    if (!this.#options.isHeard(id)) this.#note(id, url);
  }

  #note(id: MemberId, url: string): void {
    const before = this.#announced.get(id) ?? this.#recorded.get(id)?.[0];
    // Even if the record says so: it may be undone.
    this.#announced.set(id, url);
    if (before === url) return;
    const strangers = [...this.#announced.keys()].filter((id) => !this.#recorded.has(id));
    if (strangers.length > this.#options.strangersMax) this.#announced.delete(strangers[0]!);
    this.#publish();
  }

  /** Members that are heard and announced another address than the log says. */
  moved(): Peer[] {
    return [...this.#announced]
      .filter(([id, url]) => {
        const recorded = this.#recorded.get(id);
        return recorded !== undefined && !recorded.includes(url) && this.#options.isHeard(id);
      })
      .map(([id, url]) => ({ id, url }));
  }

  #publish(): void {
    // Left out, its stream is closed, and it hears why when it opens another.
    for (const id of [...this.#announced.keys()]) {
      if (!this.#recorded.has(id) && this.#options.isRefused(id)) this.#announced.delete(id);
    }
    const ids = new Set([...this.#recorded.keys(), ...this.#announced.keys()]);
    this.#options.setPeers([...ids].flatMap((id) => {
      const recorded = this.#recorded.get(id) ?? [];
      const url = this.#announced.get(id) ?? recorded[0];
      if (url === undefined) return [];
      return [{ id, url, otherUrls: recorded.filter((other) => other !== url) }];
    }));
  }
}
