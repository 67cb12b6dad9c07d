/**
 * What can be asked of the membership by id, as `plans.ts`: places that are reserved,
 * given back, changed, and learners that are promoted. The rules are etcd's
 * (`--strict-reconfig-check`, `--max-learners`), and where those would let a cluster
 * lose its quorum, ours.
 */
import { hasSameItems } from "../../base/sequences.ts";
import { isReserved } from "../../raft/configuration.ts";
import { quorumSize } from "../../raft/quorum.ts";
import type { Configuration, Member, MemberId } from "../../raft/types.ts";
import type { Failure, MemberRefusal } from "../ports.ts";
import { asVoter, full, replacing, sharedUrl, takeOut } from "./plans.ts";
import type { Plan, Planner } from "./queue.ts";
import type { IdentifiedWish } from "./wishes.ts";

/** What decides about changes by id. */
export interface MemberRules {
  readonly membersMax: number;
  /** Learners that wait to be promoted, at most. */
  readonly learnersMax: number;
  /** Whether nobody is added that the members of now could not make a quorum without. */
  readonly isStrict: boolean;
  /** Whether a voter has shown that it lives. */
  readonly isAlive: (id: MemberId) => boolean;
  /** Whether one of them may yet show that. */
  readonly isPatient: () => boolean;
  readonly keepsUp: (id: MemberId) => boolean;
}

/** What `wish` asks for, by the rules that hold when it comes. */
export function plannerOf(wish: IdentifiedWish, rules: MemberRules): Planner {
  switch (wish.kind) {
    case "add":
      return planAdd(wish.id, wish.peerUrls, wish.learner, rules);
    case "remove":
      return planRemove(wish.id, rules);
    case "update":
      return planUpdate(wish.id, wish.peerUrls);
    case "promote":
      return planPromote(wish.id, rules);
  }
}

/** Reserves the place `id` for a newcomer at `peerUrls`. Nobody depends on it. */
function planAdd(
  id: MemberId,
  peerUrls: readonly string[],
  learner: boolean,
  rules: MemberRules,
): Planner {
  return (current, proposed) => {
    const { members, removed } = current;
    if (proposed) return { kind: "done" };
    if (removed.includes(id) || members.some((member) => member.id === id)) {
      return refuse("memberExists", `There is or was a member with the id ${id}`);
    }
    const place: Member = {
      ...{ id, name: "", peerUrls, clientUrls: [], voter: false },
      ...(learner && { learner }),
    };
    const twin = members.find((member) => sharedUrl(member, place));
    if (twin !== undefined) return refuse("peerUrlExists", addressTaken(twin, place));
    const hindrance = learner ? learnerHindrance(members, rules) : voterHindrance(members, rules);
    if (hindrance !== undefined) return hindrance;
    if (members.length >= rules.membersMax) return full(members.length, rules.membersMax);
    return { kind: "propose", next: { members: [...members, place], removed } };
  };
}

/** Takes the member or the place `id` out, unless those that are left could not go on. */
function planRemove(id: MemberId, rules: MemberRules): Planner {
  return (current, proposed) => {
    const member = current.members.find((member) => member.id === id);
    if (member !== undefined) return takeOut(current, member, rules.isAlive, rules.isPatient);
    return proposed ? { kind: "done" } : unknownMember(current, id);
  };
}

/** Records other peer URLs: a place is taken from there, and a member is expected to come back there. */
function planUpdate(id: MemberId, peerUrls: readonly string[]): Planner {
  return (current, proposed) => {
    const known = current.members.find((member) => member.id === id);
    if (known === undefined) return unknownMember(current, id);
    if (proposed || sameUrls(known.peerUrls, peerUrls)) return { kind: "done" };
    const assigned = isReserved(known) ? {} : { assigned: true as const };
    const updated = { ...known, peerUrls, ...assigned };
    const twin = current.members.find((member) => member !== known && sharedUrl(member, updated));
    if (twin !== undefined) return refuse("peerUrlExists", addressTaken(twin, updated));
    return { kind: "propose", next: replacing(current, updated) };
  };
}

/** Lets a learner vote that was to wait for that, once it has caught up. */
function planPromote(id: MemberId, rules: MemberRules): Planner {
  return (current, proposed) => {
    const known = current.members.find((member) => member.id === id);
    if (known === undefined) return unknownMember(current, id);
    if (proposed) return { kind: "done" };
    if (!known.learner) return refuse("notALearner", `Member ${nameOf(known)} is no learner`);
    if (!rules.keepsUp(id)) {
      return refuse("learnerNotReady", `Learner ${nameOf(known)} has not caught up`);
    }
    return { kind: "propose", next: replacing(current, asVoter(known)) };
  };
}

function learnerHindrance(
  members: readonly Member[],
  { learnersMax }: MemberRules,
): Plan | undefined {
  const learners = members.filter(({ learner }) => learner).length;
  return learners < learnersMax
    ? undefined
    : refuse("tooManyLearners", `There are ${learners} learners, and there may be ${learnersMax}`);
}

/**
 * A newcomer that never comes, or dies as soon as it votes, must not cost the quorum: it
 * has to be there without. From one member to two that can't be, and is let through.
 */
function voterHindrance(
  members: readonly Member[],
  { isStrict, isAlive, isPatient }: MemberRules,
): Plan | undefined {
  if (!isStrict) return undefined;
  const future = members.filter(({ learner }) => !learner);
  const started = future.filter((member) => !isReserved(member)).length;
  const needed = quorumSize(future.length + 1);
  if (future.length === 1 && started === 1) return undefined;
  if (started < needed) {
    return refuse(
      "notEnoughStarted",
      `With one more the cluster would need ${needed} members, and ${started} have started`,
    );
  }
  const voters = future.filter(({ voter }) => voter);
  const alive = voters.filter(({ id }) => isAlive(id)).length;
  const quorum = quorumSize(voters.length + 1);
  if (alive >= quorum || voters.length === 1 && alive === 1) return undefined;
  if (isPatient()) return { kind: "wait" };
  return refuse(
    "unhealthy",
    `With one more the cluster would need ${quorum} voters and has ${alive} alive, remove or restart members first`,
  );
}

function unknownMember({ removed }: Configuration, id: MemberId): Plan {
  return removed.includes(id)
    ? refuse("memberRemoved", `The member with the id ${id} was removed`)
    : refuse("memberNotFound", `There is no member with the id ${id}`);
}

function addressTaken(twin: Member, wanted: Member): string {
  return `Address ${sharedUrl(twin, wanted)} belongs to member ${nameOf(twin)}`;
}

function nameOf({ id, name }: Member): string {
  return name === "" ? `${id}` : `"${name}"`;
}

/** In whatever order. */
function sameUrls(a: readonly string[], b: readonly string[]): boolean {
  return hasSameItems(a.toSorted(), b.toSorted());
}

function refuse(refusal: MemberRefusal, cause: string): Plan {
  const failure: Failure = { ok: false, reason: "refused", cause, refusal };
  return { kind: "refuse", failure };
}
