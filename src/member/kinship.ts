/**
 * Looks at the others before a directory is started that belongs to a cluster. A
 * typing mistake in `-d` would otherwise show up as a node that serves old data of its
 * own, and a copy of a directory as a second node that votes for the same member. A
 * node that does not answer proves nothing.
 */
import type { Resident } from "../api/peer/join.ts";
import { formatId } from "../base/ids.ts";
import type { MemberId } from "../raft/types.ts";

export interface KinshipOptions {
  /** Of the data directory. */
  readonly clusterId: number;
  readonly memberId: MemberId;
  readonly dataDirectory: string;
  /** Peer addresses of the members that `-C` and `-CF` name. */
  readonly addresses: readonly string[];
  /** Where the member of the directory was reached, and where it will be. */
  readonly ownAddresses: readonly string[];
  /** Rejects when there is no answer. */
  readonly whoIsAt: (address: string) => Promise<Resident>;
}

/** The directory is of another cluster than the members that the user named. */
export class ForeignClusterError extends Error {
  override readonly name = "ForeignClusterError";
}

/** The member of the directory runs already. */
export class CopyError extends Error {
  override readonly name = "CopyError";
}

/**
 * Throws `ForeignClusterError` when members of another cluster answer, and none of the
 * directory's own; `CopyError` when the directory's own member does.
 */
export async function checkKinship(options: KinshipOptions): Promise<void> {
  const { addresses, ownAddresses, clusterId, memberId, dataDirectory, whoIsAt } = options;
  const asked = [...new Set([...addresses, ...ownAddresses])];
  const answers = await Promise.allSettled(asked.map(whoIsAt));
  const residents = answers.map((answer) =>
    answer.status === "fulfilled" ? answer.value : undefined
  );
  const twin = residents.findIndex((one) =>
    one?.memberId === memberId && (one.clusterId ?? clusterId) === clusterId
  );
  if (twin >= 0) {
    throw new CopyError(
      `Expected the member of "${dataDirectory}" (${
        formatId(memberId)
      }) not to run yet, found it at ${
        asked[twin]
      }: this directory is a copy of its own, let a new node join with -C and another -d instead`,
    );
  }
  const ids = residents.slice(0, addresses.length).map((one) => one?.clusterId);
  const foreign = ids.findIndex((id) => id !== undefined && id !== clusterId);
  if (foreign < 0 || ids.includes(clusterId)) return;
  throw new ForeignClusterError(
    `Expected a directory of cluster "${formatId(ids[foreign]!)}", which ${
      addresses[foreign]
    } belongs to, found one of cluster "${
      formatId(clusterId)
    }" at "${dataDirectory}": choose another with -d; if it was recovered from one of theirs, stop ` +
      "those members; else start this one afresh with -f",
  );
}
