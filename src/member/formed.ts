/**
 * When members that `--initial-cluster` names may serve clients. The founder is a quorum by itself
 * until others vote, too: what it acknowledged then would be on one disk, where whoever
 * names three members expects two. And a newcomer that has not caught up does not count
 * for the quorum, also where it takes the place of a dead one: whoever has seen all three serve
 * may let one of them die.
 */
import type { Config } from "../config.ts";
import { quorumSize } from "../raft/quorum.ts";
import type { Configuration, MemberId } from "../raft/types.ts";
import type { Identity } from "../storage/storage.ts";
import type { RunningMember } from "./member.ts";

/** From one look to the next. */
const LOOK_MS = 20;

/** Resolves when clients may be served, or when `isOver`. `isNew`: this process made the data directory. */
export async function whenFormed(
  { node }: { readonly node: Pick<RunningMember["node"], "configuration"> },
  { memberId, initial }: Identity,
  { initialCluster }: Pick<Config, "initialCluster">,
  isNew: boolean,
  isOver: () => boolean,
): Promise<void> {
  if (initialCluster === undefined) return;
  const isReady = () => {
    const configuration = node.configuration();
    return initial === undefined
      ? !isNew || !isLearning(configuration, memberId)
      : hasMajority(configuration, initial);
  };
  while (!isReady() && !isOver()) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Whether a member is to vote and does not yet. */
function isLearning({ members }: Configuration, id: MemberId): boolean {
  return members.some((member) => member.id === id && !member.voter && !member.learner);
}

/** Whether a majority of the members of `initial` votes; or none of them is awaited any longer. */
function hasMajority({ members }: Configuration, initial: Configuration): boolean {
  const isAwaited = initial.members.some(({ id }) =>
    members.some((member) => member.id === id && !member.voter)
  );
  const voters = members.filter(({ voter }) => voter).length;
  return !isAwaited || voters >= quorumSize(initial.members.length);
}
