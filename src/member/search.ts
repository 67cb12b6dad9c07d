/**
 * What a node does while it knows no leader. It asks at the addresses of `-C` who lives
 * there: all members may have moved at once, and then nobody finds anybody by the log.
 * And when nobody calls it, it says why, by the word of those that can't reach it.
 */
import type { Resident } from "../api/peer/join.ts";
import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import type { MemberId } from "../raft/types.ts";
import type { Peer } from "../transport/peer_link.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { whoIsAt } from "./ask.ts";
import { namedAddresses } from "./entrance.ts";
import type { RunningMember } from "./member.ts";

export interface SearchOptions {
  readonly self: MemberId;
  readonly clusterId: number;
  /** Of this process. */
  readonly session: number;
  /** The peer URL that this node announces. */
  readonly url: string;
  readonly scheme: "http" | "https";
  /** Of `-C`. */
  readonly addresses: readonly string[];
  /** Of the other members, by the log. */
  readonly recorded: () => readonly string[];
  readonly isLeaderKnown: () => boolean;
  /** Whether any member has a stream open to this one. */
  readonly isHeard: () => boolean;
  readonly whoIsAt: (address: string) => Promise<Resident>;
  /** A member of the cluster answers there. */
  readonly found: (peer: Peer) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Silence that is worth a word, and from one word to the next. */
  readonly silenceMs: number;
  readonly reportMs: number;
}

/** Looks while there is no leader; `stop` it. */
export class MemberSearch {
  readonly #options: SearchOptions;
  #searching: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #heardMs: number;
  #reportedMs = -Infinity;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#heardMs = options.clock.monotonicMs();
  }

  /** Looks again and again. */
  start(everyMs: number): void {
    this.#timer = setInterval(() => this.look(), everyMs);
  }

  /** Resolves when nobody is asked any longer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#searching;
  }

  /** One look; asks nobody while there is a leader, or the last round is not over. */
  look(): Promise<void> {
    const { isLeaderKnown, isHeard, clock } = this.#options;
    if (isHeard() || isLeaderKnown()) this.#heardMs = clock.monotonicMs();
    if (isLeaderKnown()) return Promise.resolve();
    this.#searching ??= this.#search().finally(() => this.#searching = undefined);
    return this.#searching;
  }

  async #search(): Promise<void> {
    const { addresses, recorded, silenceMs, reportMs, clock } = this.#options;
    const now = clock.monotonicMs();
    const isDue = now - this.#heardMs >= silenceMs && now - this.#reportedMs >= reportMs;
    const asked = [...new Set(isDue ? [...addresses, ...recorded()] : addresses)];
    const answers = await Promise.allSettled(asked.map(this.#options.whoIsAt));
    for (const [i, address] of asked.entries()) {
      const answer = answers[i]!;
      if (answer.status === "fulfilled" && addresses.includes(address)) {
        this.#take(address, answer.value);
      }
    }
    if (isDue && asked.length > 0) this.#report(now, asked, answers);
  }

  #take(address: string, { clusterId, memberId }: Resident): void {
    const { self, scheme, found } = this.#options;
    if (clusterId !== this.#options.clusterId || memberId === undefined || memberId === self) {
      return;
    }
    found({ id: memberId, url: `${scheme}://${address}` });
  }

  #report(
    now: number,
    asked: readonly string[],
    answers: readonly PromiseSettledResult<Resident>[],
  ): void {
    const { logger, url, isHeard, isLeaderKnown } = this.#options;
    // While it asked.
    if (isHeard() || isLeaderKnown()) return;
    this.#reportedMs = now;
    const causes = answers.map((answer, i) => `${asked[i]}: ${this.#wordOf(answer)}`);
    logger.warn("No member calls this node", { address: url, cause: causes.join("; ") });
  }

  #wordOf(answer: PromiseSettledResult<Resident>): string {
    if (answer.status === "rejected") return messageOf(answer.reason);
    const { clusterId, memberId, session, problem } = answer.value;
    if (session === this.#options.session) return "This node itself is there";
    if (memberId === undefined) return "The node there is starting";
    if (clusterId !== this.#options.clusterId) return "The node there is of another cluster";
    return problem ?? "The member there knows of no problem";
  }
}

/** A search for the members of `member`'s cluster; it has begun. */
export function startSearch(options: {
  readonly config: Config;
  readonly logger: Logger;
  readonly session: number;
  readonly member: RunningMember;
  readonly tls: () => PeerTls | undefined;
}): MemberSearch {
  const { config, logger, session, member: { node, transport, contacts }, tls } = options;
  const others = () => node.configuration().members.filter(({ id }) => id !== node.self);
  const search = new MemberSearch({
    self: node.self,
    clusterId: node.clusterId,
    session,
    url: config.peer.url,
    scheme: config.peer.tls === undefined ? "http" : "https",
    addresses: namedAddresses(config),
    recorded: () => others().flatMap(({ peerUrls }) => peerUrls.map((url) => new URL(url).host)),
    isLeaderKnown: () => node.leader() !== undefined,
    isHeard: () => others().some(({ id }) => transport.hears(id)),
    whoIsAt: (address) => whoIsAt(address, tls(), LIMITS.transport.handshakeTimeoutMs, node.self),
    found: (peer) => contacts.found(peer),
    clock: systemClock,
    logger,
    silenceMs: LIMITS.member.unheardMs,
    reportMs: LIMITS.member.unheardReportMs,
  });
  search.start(LIMITS.member.searchMs);
  return search;
}
