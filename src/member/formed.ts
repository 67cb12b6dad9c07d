/**
 * When members that `--initial-cluster` names may serve clients. The founder is a quorum by itself
 * until others vote, too: what it acknowledged then would be on one disk, where whoever
 * names three members expects two. And a newcomer that has not caught up does not count
 * for the quorum, also where it takes the place of a dead one: whoever has seen all three serve
 * may let one of them die.
 *
 * That nobody serves before a majority of those named votes in its log is also what makes
 * one list one cluster, whatever the nodes that decided who founds have forgotten: a member
 * is of one cluster for ever, and two majorities have one in common.
 */
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Configuration, MemberId } from "../raft/types.ts";
import type { DataStorage, Identity } from "../storage/storage.ts";
import type { RunningMember } from "./member.ts";

/** From one look to the next. */
const LOOK_MS = 20;

export interface FormedOptions {
  readonly member: { readonly node: Pick<RunningMember["node"], "configuration"> };
  readonly storage: Pick<DataStorage, "writeIdentity">;
  readonly identity: Identity;
  /** Whether the flags name the members of a cluster. */
  readonly isNamed: boolean;
  /** Whether this process made the data directory. */
  readonly isNew: boolean;
  /** Whether the node ends. */
  readonly isOver: () => boolean;
  readonly logger: Logger;
}

/** Resolves when clients may be served, or when `isOver`. Rejects when the disk fails. */
export async function whenFormed(options: FormedOptions): Promise<void> {
  const { identity, storage, isOver, logger } = options;
  for (let looks = 0; !isReady(options); looks++) {
    if (isOver()) return;
    if (looks % LOOKS_A_WORD === LOOKS_BEFORE_WORD) {
      logger.info("Serving clients as soon as this member and a majority of those named vote");
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const { votersAwaited, ...formed } = identity;
  if (votersAwaited !== undefined) await storage.writeIdentity(formed);
}

/** The first word after a second, when it isn't as quick as usual. */
const LOOKS_BEFORE_WORD = 1_000 / LOOK_MS;
const LOOKS_A_WORD = LIMITS.member.unheardReportMs / LOOK_MS;

function isReady({ member, identity, isNamed, isNew }: FormedOptions): boolean {
  const configuration = member.node.configuration();
  const { memberId, votersAwaited } = identity;
  if (votersAwaited !== undefined) {
    const isAwaited = configuration.members.some(({ voter, learner }) => !voter && !learner);
    return !isLearning(configuration, memberId) &&
      (votersOf(configuration) >= votersAwaited || !isAwaited);
  }
  return !isNamed || !isNew || !isLearning(configuration, memberId);
}

/** Whether a member is to vote and does not yet. */
function isLearning({ members }: Configuration, id: MemberId): boolean {
  return members.some((member) => member.id === id && !member.voter && !member.learner);
}

function votersOf({ members }: Configuration): number {
  return members.filter(({ voter }) => voter).length;
}
