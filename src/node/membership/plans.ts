/**
 * The wishes that a membership can be asked for, as pure functions from the
 * configuration in effect to the next one, or to the reason why not.
 */
import { quorumSize } from "../../raft/quorum.ts";
import type { Configuration, Member, MemberId } from "../../raft/types.ts";
import type { Plan, Planner } from "./queue.ts";
import type { Failure } from "../ports.ts";

/** Removed ids remembered: enough to tell every machine that may still be switched on. */
const REMOVED_MAX = 256;

/**
 * Adds `member` as a learner, in place of a dead member of the same name. One that
 * asks again, before it has heard anything, is recorded where it is now.
 */
export function planJoin(
  member: Member,
  membersMax: number,
  isAlive: (id: MemberId) => boolean,
): Planner {
  return (current) => {
    const { members } = current;
    if (current.removed.includes(member.id)) {
      return refuse("This member was removed from the cluster, start it afresh with -f");
    }
    const known = members.find(({ id }) => id === member.id);
    // One that votes has the log, and tells its addresses itself.
    if (known !== undefined && (known.voter || sameAddresses(known, member))) {
      return { kind: "done" };
    }
    const namesake = known === undefined
      ? members.find(({ name }) => name === member.name)
      : undefined;
    if (namesake !== undefined && isAlive(namesake.id)) {
      return refuse(
        `A member named "${member.name}" is alive at ${
          namesake.peerUrls.join(", ")
        }, choose another name with -n`,
      );
    }
    const replaced = known ?? namesake;
    const twin = members.find((other) => other !== replaced && sharedUrl(other, member));
    if (twin !== undefined) {
      return refuse(
        `Address ${
          sharedUrl(twin, member)
        } belongs to member "${twin.name}", remove that one first or choose another with -s`,
      );
    }
    if (known !== undefined) {
      const { peerUrls, clientUrls } = member;
      return { kind: "propose", next: replacing(current, { ...known, peerUrls, clientUrls }) };
    }
    const kept = members.filter((other) => other !== replaced);
    if (kept.length >= membersMax) {
      return {
        kind: "refuse",
        failure: {
          ok: false,
          reason: "full",
          cause: `The cluster has ${kept.length} members, and -maxsize is ${membersMax}`,
        },
      };
    }
    return {
      kind: "propose",
      next: {
        members: [...kept, { ...member, voter: kept.length === 0 }],
        removed: replaced === undefined
          ? current.removed
          : remembering(current.removed, replaced.id),
      },
    };
  };
}

/**
 * Takes the member named `name` out, unless those that are left could not go on
 * without it; `isPatient` says whether one of them may yet show that it is alive.
 */
export function planRemove(
  name: string,
  isAlive: (id: MemberId) => boolean,
  isPatient: () => boolean,
): Planner {
  return (current, proposed) => {
    const removed = current.members.find((member) => member.name === name);
    if (removed === undefined) {
      return proposed ? { kind: "done" } : refuse(`There is no member named "${name}"`);
    }
    const members = current.members.filter((member) => member !== removed);
    const voters = members.filter(({ voter }) => voter);
    const alive = voters.filter(({ id }) => isAlive(id)).length;
    const quorum = quorumSize(voters.length);
    if (alive < quorum) {
      if (voters.length >= quorum && isPatient()) return { kind: "wait" };
      return refuse(
        `Without "${name}" the cluster would need ${quorum} of ${voters.length} voters and has ${alive} alive, add or restart members first`,
      );
    }
    return {
      kind: "propose",
      next: { members, removed: remembering(current.removed, removed.id) },
    };
  };
}

/** Makes a learner that has caught up a voter. */
export function planPromote(id: MemberId): Planner {
  return (current) => {
    const learner = current.members.find((member) => member.id === id);
    if (learner === undefined || learner.voter) return { kind: "done" };
    return { kind: "propose", next: replacing(current, { ...learner, voter: true }) };
  };
}

/** Records the addresses under which a member can be reached now; client addresses that are not told stay. */
export function planAnnounce(
  announced: Omit<Member, "voter">,
  isRecorded: () => boolean,
): Planner {
  return (current) => {
    const known = current.members.find(({ id }) => id === announced.id);
    if (known === undefined) return refuse(`Member "${announced.name}" is not part of the cluster`);
    const { peerUrls, clientUrls } = announced;
    const told = {
      ...known,
      peerUrls,
      clientUrls: clientUrls.length === 0 ? known.clientUrls : clientUrls,
    };
    if (isRecorded() && sameAddresses(known, told)) return { kind: "done" };
    return { kind: "propose", next: replacing(current, told) };
  };
}

/** Whether both are reached under the same URLs. */
export function sameAddresses(a: Omit<Member, "voter">, b: Omit<Member, "voter">): boolean {
  return sameUrls(a.peerUrls, b.peerUrls) && sameUrls(a.clientUrls, b.clientUrls);
}

function sameUrls(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((url, at) => url === b[at]);
}

/** A peer address that both claim. */
function sharedUrl(a: Member, b: Member): string | undefined {
  return a.peerUrls.find((url) => b.peerUrls.includes(url));
}

function replacing(current: Configuration, changed: Member): Configuration {
  return {
    members: current.members.map((member) => member.id === changed.id ? changed : member),
    removed: current.removed,
  };
}

function remembering(removed: readonly MemberId[], id: MemberId): MemberId[] {
  return [...removed, id].slice(-REMOVED_MAX);
}

function refusal(cause: string): Failure {
  return { ok: false, reason: "refused", cause };
}

function refuse(cause: string): Plan {
  return { kind: "refuse", failure: refusal(cause) };
}
