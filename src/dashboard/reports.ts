/**
 * How a node learns of the other members what only they know: it asks each on
 * its peer port. Many dashboards cost one round, and nobody is asked while none
 * is open.
 */
import { messageOf } from "../base/errors.ts";
import type { Route } from "../http/router.ts";
import type { Member, MemberId } from "../raft/types.ts";
import { hasStarted } from "../service/membership_view.ts";
import type { Heard } from "./cluster_view.ts";
import { parseReport } from "./report_json.ts";
import type { MemberReport } from "./view.ts";

/** Where a member tells about itself, on its peer port. */
export const REPORT_PATH = "/peer/report";

/** For the peer port, whether this node shows a dashboard or not. */
export function reportRoute(report: () => MemberReport): Route {
  return {
    path: REPORT_PATH,
    methods: { GET: () => ({ status: 200, body: JSON.stringify(report()) }) },
  };
}

export interface ReportsOptions {
  readonly self: MemberId;
  readonly members: () => readonly Member[];
  readonly report: () => MemberReport;
  /** The body of the member's answer at `REPORT_PATH`; rejects when there is none in time. */
  readonly ask: (peerUrl: string) => Promise<string>;
  readonly clock: { monotonicMs(): number };
  /** How long a round is good for. */
  readonly freshMs: number;
}

type Round = ReadonlyMap<MemberId, Heard>;

export class Reports {
  readonly #options: ReportsOptions;
  #round: Promise<Round> | undefined;
  #endedMs = -Infinity;

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  /** The newest round, or a new one when that is old. */
  collect(): Promise<Round> {
    const { clock, freshMs } = this.#options;
    if (this.#round !== undefined && clock.monotonicMs() - this.#endedMs < freshMs) {
      return this.#round;
    }
    // Until this round has ended, everybody waits for it.
    this.#endedMs = Infinity;
    this.#round = this.#ask().finally(() => this.#endedMs = clock.monotonicMs());
    return this.#round;
  }

  async #ask(): Promise<Round> {
    const { self, members, report } = this.#options;
    return new Map(
      await Promise.all(
        members().filter(hasStarted).map(async (member): Promise<[MemberId, Heard]> => [
          member.id,
          member.id === self ? { report: report() } : await this.#askMember(member),
        ]),
      ),
    );
  }

  async #askMember({ id, peerUrls: [peerUrl = ""] }: Member): Promise<Heard> {
    try {
      const report = parseReport(await this.#options.ask(peerUrl));
      if (report?.id === id) return { report };
      return {
        problem: `Expected the report of this member at "${peerUrl}", found something else`,
      };
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }
}
