/** What a core tells of itself, as lines for the log of the process. */
import type { Logger } from "../base/logger.ts";
import type { CoreEvent, RaftCore } from "../raft/core.ts";
import { isReserved } from "../raft/configuration.ts";
import type { Member } from "../raft/types.ts";
import { formatId } from "../base/ids.ts";

/** Writes a line, as loud as the event deserves. */
export function logCoreEvent(event: CoreEvent, core: RaftCore, logger: Logger): void {
  switch (event.type) {
    case "role":
      return logger.debug("Role changed", { role: event.role, term: event.term });
    case "leader": {
      const leader = core.configuration.members.find(({ id }) => id === event.leader);
      const name = leader?.name ?? formatId(event.leader);
      if (event.leader === 0) return logger.info("No leader", { term: event.term });
      return logger.info("Leader elected", { leader: name, term: event.term });
    }
    case "configuration": {
      const members = event.configuration.members.map(describeMember);
      logger.info("Members", { members: members.join(", "), index: event.index });
      for (const { address, names } of sharedAddresses(event.configuration.members)) {
        logger.warn("Two members announce one address, whoever dials it finds one of them", {
          address,
          members: names,
        });
      }
      return;
    }
    case "quorumLost":
      return logger.warn("Lost the quorum, stepping down", { term: event.term });
    case "truncated":
      return logger.info("Replaced uncommitted entries", { from: event.from, to: event.to });
    case "snapshotNeeded":
      return logger.info("A member needs a snapshot", { member: formatId(event.peer) });
    case "transferAborted":
      return logger.warn("Leadership was not taken over", { by: formatId(event.to) });
    case "appendRefused":
      return logger.trace("Append refused", { by: formatId(event.peer), next: event.next });
    case "ignored":
      return logger.debug("Message ignored", {
        from: formatId(event.from),
        kind: event.message,
        reason: event.reason,
      });
  }
}

function describeMember(member: Member): string {
  const { id, name, voter } = member;
  if (isReserved(member)) return `${formatId(id)} (not started)`;
  return voter ? name : `${name} (learner)`;
}

/** Addresses that more than one member announces, and who. */
function sharedAddresses(
  members: readonly Member[],
): { readonly address: string; readonly names: string }[] {
  const owners = new Map<string, string[]>();
  for (const { name, clientUrls, peerUrls, grpcUrls = [] } of members) {
    for (const url of new Set([...clientUrls, ...peerUrls, ...grpcUrls])) {
      owners.set(url, [...owners.get(url) ?? [], name]);
    }
  }
  return [...owners].filter(([, names]) => names.length > 1)
    .map(([address, names]) => ({ address, names: names.join(", ") }));
}
