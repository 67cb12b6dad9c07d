/**
 * Counting majorities. Pure functions over the voters of one configuration; a
 * configuration without voters decides nothing.
 */
import type { MemberId } from "./types.ts";

/** Votes that make a majority of `voters`: 2 of 3, 3 of 4, 3 of 5. */
export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The largest index that a majority has reached, given each voter's own (paper
 * §5.3); 0 for no voters. Sorts `matches` in place: it is asked on every
 * acknowledgement, for at most nine numbers.
 */
export function quorumIndex(matches: number[]): number {
  for (let i = 1; i < matches.length; i++) {
    const match = matches[i]!;
    let at = i;
    for (; at > 0 && matches[at - 1]! < match; at--) {
      matches[at] = matches[at - 1]!;
    }
    matches[at] = match;
  }
  return matches[quorumSize(matches.length) - 1] ?? 0;
}

/** Whether those voters that `counts` make a majority. */
export function isQuorum(
  voters: readonly MemberId[],
  counts: (id: MemberId) => boolean,
): boolean {
  let count = 0;
  for (const id of voters) if (counts(id)) count++;
  return count >= quorumSize(voters.length);
}

export type Tally = "won" | "lost" | "open";

/** Where an election stands; answers of servers that are no voters do not count. */
export function tally(
  voters: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): Tally {
  if (isQuorum(voters, (id) => votes.get(id) === true)) return "won";
  return isQuorum(voters, (id) => votes.get(id) !== false) ? "open" : "lost";
}
