/**
 * Keeps a directory of one cluster from being started against another: `-C` is
 * ignored by a directory that has joined already, and a typing mistake in `-d`
 * would otherwise show up as a node that serves old data of its own. A member
 * that does not answer proves nothing.
 */
import { formatId } from "../transport/handshake.ts";

export interface KinshipOptions {
  /** Of the data directory. */
  readonly clusterId: number;
  readonly dataDirectory: string;
  /** Peer addresses of the members that `-C` and `-CF` name. */
  readonly addresses: readonly string[];
  /** The cluster of the member at an address; rejects when there is no answer. */
  readonly askClusterId: (address: string) => Promise<number>;
}

/** The directory is of another cluster than the members that the user named. */
export class ForeignClusterError extends Error {
  override readonly name = "ForeignClusterError";
}

/** Throws `ForeignClusterError` when members of another cluster answer, and none of the directory's own. */
export async function checkKinship(options: KinshipOptions): Promise<void> {
  const { addresses, clusterId, dataDirectory, askClusterId } = options;
  const answers = await Promise.allSettled(addresses.map(askClusterId));
  const ids = answers.map((answer) => answer.status === "fulfilled" ? answer.value : undefined);
  const foreign = ids.findIndex((id) => id !== undefined && id !== clusterId);
  if (foreign < 0 || ids.includes(clusterId)) return;
  throw new ForeignClusterError(
    `Expected a directory of cluster "${formatId(ids[foreign]!)}", which ${
      addresses[foreign]
    } belongs to, found one of cluster "${
      formatId(clusterId)
    }" at "${dataDirectory}": choose another with -d, or start this one afresh with -f`,
  );
}
