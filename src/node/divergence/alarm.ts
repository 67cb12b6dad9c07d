/**
 * What a member does when states differ (`comparison.ts` finds it): it tells the
 * operator as long as it is so, and stops when it is itself the odd one.
 */
import { formatId } from "../../base/ids.ts";
import type { Logger } from "../../base/logger.ts";
import type { RaftCore } from "../../raft/core.ts";
import type { Member, MemberId } from "../../raft/types.ts";
import { Comparison } from "./comparison.ts";
import type { ComparisonOptions, Divergence } from "./comparison.ts";
import type { Compare, Digest } from "../calls/peer_message.ts";
import type { Failure } from "../ports.ts";

export interface AlarmOptions extends Omit<ComparisonOptions, "agreed" | "diverged"> {
  readonly core: RaftCore;
  readonly logger: Logger;
  /** This member must serve nobody any longer. */
  readonly stop: (failure: Failure) => void;
}

export class Alarm {
  readonly #options: AlarmOptions;
  readonly #comparison: Comparison;
  #text: string | undefined;

  constructor(options: AlarmOptions) {
    this.#options = options;
    this.#comparison = new Comparison({
      ...options,
      agreed: () => this.#text = undefined,
      diverged: (divergence) => this.#raise(divergence),
    });
  }

  /** What the operator has to know, or undefined. */
  get text(): string | undefined {
    return this.#text;
  }

  tick(tick: number): void {
    this.#comparison.tick(tick);
  }

  /** The awaited entry has been applied. */
  reached(index: number): void {
    this.#comparison.reached(index);
  }

  received(from: MemberId, message: Compare | Digest): void {
    if (message.type === "compare") this.#comparison.asked(from, message.index);
    else this.#comparison.heard(from, message.index, message.digest);
  }

  #raise(divergence: Divergence): void {
    const { core, logger, stop } = this.#options;
    const cause = describe(divergence, core.configuration.members);
    this.#text = cause;
    logger.error(cause);
    if (divergence.kind === "self") stop({ ok: false, reason: "diverged", cause });
  }
}

/** What was found and what to do. */
function describe(divergence: Divergence, members: readonly Member[]): string {
  const { index } = divergence;
  switch (divergence.kind) {
    case "self":
      return `The state of this member at index ${index} has the digest ${divergence.digest}, ` +
        `that of a majority ${divergence.of}: it serves nobody any longer; check the memory and the ` +
        "disk of this machine, then start it with -f and -C, to let it join again";
    case "others":
      return `The state of ${
        named(divergence.members, members)
      } at index ${index} is not that of ` +
        "a majority: it serves nobody any longer; check its machine, then let it join again with -f and -C";
    case "undecided": {
      const digests = [...divergence.digests].map(([id, digest]) =>
        `${named([id], members)} has ${digest}`
      );
      return `Members differ in their states at index ${index}, and no majority agrees: ` +
        `${digests.join(", ")}; all go on, take a backup of each with "stale=true" and find out ` +
        "which one is right, then let the others join again with -f and -C";
    }
  }
}

function named(ids: readonly MemberId[], members: readonly Member[]): string {
  return ids.map((id) => {
    const name = members.find((member) => member.id === id)?.name;
    return name === undefined ? `member ${formatId(id)}` : `"${name}"`;
  }).join(", ");
}
