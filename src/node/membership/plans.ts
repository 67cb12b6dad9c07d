/**
 * The wishes that a membership can be asked for, as pure functions from the
 * configuration in effect to the next one, or to the reason why not.
 */
import { hasSameItems } from "../../base/sequences.ts";
import { isReserved } from "../../raft/configuration.ts";
import { quorumSize } from "../../raft/quorum.ts";
import type { Configuration, Member, MemberId } from "../../raft/types.ts";
import type { Plan, Planner } from "./queue.ts";
import type { Failure } from "../ports.ts";

/** Removed ids remembered: enough to tell every machine that may still be switched on. */
const REMOVED_MAX = 256;

/** What a process says of the member that it is, or of another one that called. */
export interface Announced extends Omit<Member, "voter"> {
  /** Its peer URLs are those of etcd's flags, which a restart does not change: assigned ones hold. */
  readonly yields?: true;
}

/**
 * Adds `member` as a learner, in place of a dead member of the same name. One that comes
 * from the address of a reserved place takes that, and runs under the id of the place.
 * One that asks again, before it has heard anything, is recorded where it is now.
 */
export function planJoin(
  member: Member,
  membersMax: number,
  isAlive: (id: MemberId) => boolean,
): Planner {
  return (current) => {
    if (member.name === "") return refuse("A member must have a name");
    if (current.removed.includes(member.id)) {
      return refuse("This member was removed from the cluster, start it afresh with -f");
    }
    const known = findNewcomer(current, member.id);
    return known === undefined
      ? admit(current, member, membersMax, isAlive)
      : recordAgain(current, known, member);
  };
}

/** One that is known asks again. */
function recordAgain(current: Configuration, known: Member, asking: Member): Plan {
  // One that votes has the log, and tells its addresses itself.
  if (known.voter || sameAddresses(known, asking)) return { kind: "done" };
  const twin = current.members.find((other) => other !== known && sharedUrl(other, asking));
  if (twin !== undefined) return addressTaken(twin, asking);
  return { kind: "propose", next: replacing(current, withOwnUrls(known, asking)) };
}

function admit(
  current: Configuration,
  member: Member,
  membersMax: number,
  isAlive: (id: MemberId) => boolean,
): Plan {
  const { members } = current;
  const namesake = members.find(({ name }) => name === member.name);
  if (namesake !== undefined && isAlive(namesake.id)) {
    return refuse(
      `A member named "${member.name}" is alive at ${
        namesake.peerUrls.join(", ")
      }, choose another name with -n`,
    );
  }
  const place = members.find((other) => isReserved(other) && sharedUrl(other, member));
  const twin = members.find((other) =>
    other !== namesake && other !== place && sharedUrl(other, member)
  );
  if (twin !== undefined) return addressTaken(twin, member);
  const kept = members.filter((other) => other !== namesake);
  const removed = namesake === undefined
    ? current.removed
    : remembering(current.removed, namesake.id);
  if (place !== undefined) {
    const taken = { ...place, ...member, id: place.id, takenBy: member.id };
    return { kind: "propose", next: replacing({ members: kept, removed }, taken) };
  }
  if (kept.length >= membersMax) return full(kept.length, membersMax);
  const voter = kept.length === 0;
  // Who was to stay a learner does not vote because it lost its disk.
  const newcomer = { ...member, voter, ...(namesake?.learner && { learner: true as const }) };
  return { kind: "propose", next: { members: [...kept, newcomer], removed } };
}

function addressTaken(twin: Member, claiming: Addressed): Plan {
  const address = sharedUrl(claiming, twin);
  const owner = isReserved(twin) ? `${twin.id}` : `"${twin.name}"`;
  return refuse(
    `Address ${address} belongs to member ${owner}, remove that one first or choose another with -s`,
  );
}

/** The member that a newcomer that asked under `id` is: itself, or the place that it was given. */
export function findNewcomer({ members }: Configuration, id: MemberId): Member | undefined {
  return members.find((member) => member.id === id && !isReserved(member) || member.takenBy === id);
}

/** The refusal of one member more than `membersMax`. */
export function full(members: number, membersMax: number): Plan {
  const cause = `The cluster has ${members} members, and -maxsize is ${membersMax}`;
  return { kind: "refuse", failure: { ok: false, reason: "full", cause } };
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
    const removed = current.members.find((member) => member.name === name && !isReserved(member));
    if (removed !== undefined) return takeOut(current, removed, isAlive, isPatient);
    return proposed ? { kind: "done" } : refuse(`There is no member named "${name}"`);
  };
}

/** Takes `removed` out. Nobody's quorum depends on one that does not vote. */
export function takeOut(
  current: Configuration,
  removed: Member,
  isAlive: (id: MemberId) => boolean,
  isPatient: () => boolean,
): Plan {
  const members = current.members.filter((member) => member !== removed);
  const voters = members.filter(({ voter }) => voter);
  const alive = voters.filter(({ id }) => isAlive(id)).length;
  const quorum = quorumSize(voters.length);
  if (removed.voter && alive < quorum) {
    if (voters.length >= quorum && isPatient()) return { kind: "wait" };
    const cause =
      `Without "${removed.name}" the cluster would need ${quorum} of ${voters.length} voters and has ${alive} alive, add or restart members first`;
    const refusal = voters.length < quorum ? "notEnoughStarted" : "unhealthy";
    return { kind: "refuse", failure: { ...refusalOf(cause), refusal } };
  }
  return {
    kind: "propose",
    next: { members, removed: remembering(current.removed, removed.id) },
  };
}

/** Makes a learner that has caught up a voter, unless it waits for somebody's word. */
export function planPromote(id: MemberId): Planner {
  return (current) => {
    const learner = current.members.find((member) => member.id === id);
    if (learner === undefined || learner.voter || learner.learner) return { kind: "done" };
    return { kind: "propose", next: replacing(current, asVoter(learner)) };
  };
}

/** `member` once it votes: it has the log, and how it came to its place no longer counts. */
export function asVoter({ learner: _, takenBy: __, ...member }: Member): Member {
  return { ...member, voter: true };
}

/**
 * Records the addresses under which a member can be reached now; client addresses that are not told
 * stay, and so do assigned ones where `announced` yields to them.
 */
export function planAnnounce(
  announced: Announced,
  isRecorded: () => boolean,
): Planner {
  return (current) => {
    const { clientUrls } = announced;
    const known = current.members.find(({ id }) => id === announced.id);
    if (known === undefined) return refuse(`Member "${announced.name}" is not part of the cluster`);
    // Others know only where the process is that ran when the addresses were assigned.
    if (clientUrls.length === 0 && known.assigned) return { kind: "done" };
    const ofClients = clientUrls.length === 0 ? known : announced;
    const { peerUrls } = known.assigned && announced.yields ? known : announced;
    const isOwn = hasSameItems(peerUrls, announced.peerUrls);
    const told = {
      ...withOwnUrls(known, { ...ofClients, peerUrls }),
      ...(!isOwn && { assigned: true as const }),
    };
    const isNews = !sameAddresses(known, told) || known.assigned !== told.assigned;
    if (isRecorded() && !isNews) return { kind: "done" };
    return { kind: "propose", next: replacing(current, told) };
  };
}

/** `known` with the addresses that it gave itself. */
function withOwnUrls(
  { assigned: _, grpcUrls: __, ...known }: Member,
  { peerUrls, clientUrls, grpcUrls }: Pick<Member, "peerUrls" | "clientUrls" | "grpcUrls">,
): Member {
  return { ...known, peerUrls, clientUrls, ...(grpcUrls && { grpcUrls }) };
}

/** Whether both are reached under the same URLs. */
export function sameAddresses(a: Omit<Member, "voter">, b: Omit<Member, "voter">): boolean {
  return hasSameItems(a.peerUrls, b.peerUrls) && hasSameItems(a.clientUrls, b.clientUrls) &&
    hasSameItems(a.grpcUrls ?? [], b.grpcUrls ?? []);
}

/** A peer address that both claim, as `a` has it. */
export function sharedUrl(a: Addressed, b: Addressed): string | undefined {
  const others = new Set(b.peerUrls.map(canonical));
  return a.peerUrls.find((url) => others.has(canonical(url)));
}

type Addressed = Pick<Member, "peerUrls">;

/** Hosts have no case, and IPv6 several forms: a place is as etcdctl was told, a newcomer as its flags say. */
function canonical(url: string): string {
  return URL.parse(url)?.href ?? url;
}

/** `current` with the record of one member changed. */
export function replacing(current: Configuration, changed: Member): Configuration {
  return {
    members: current.members.map((member) => member.id === changed.id ? changed : member),
    removed: current.removed,
  };
}

function remembering(removed: readonly MemberId[], id: MemberId): MemberId[] {
  return [...removed, id].slice(-REMOVED_MAX);
}

function refusalOf(cause: string): Failure {
  return { ok: false, reason: "refused", cause };
}

function refuse(cause: string): Plan {
  return { kind: "refuse", failure: refusalOf(cause) };
}
