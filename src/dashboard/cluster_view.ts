/**
 * What the members' reports add up to: who is there, who lags, and how many the
 * cluster can lose from here. A function of its input alone.
 */
import { formatId } from "../base/ids.ts";
import type { Member, MemberId } from "../raft/types.ts";
import { hasStarted } from "../service/membership_view.ts";
import type { Margin, MemberReport, MemberView, StatusView } from "./view.ts";

/** A member's own word, or why there is none. */
export type Heard = { readonly report: MemberReport } | { readonly problem: string };

export interface ClusterFacts {
  readonly self: MemberId;
  readonly members: readonly Member[];
  /** By member; `self` is always among them, with a report. */
  readonly heard: ReadonlyMap<MemberId, Heard>;
}

/** The part of the status that is about the members. */
export type MembersView = Pick<StatusView, "members" | "margin" | "hasLeader" | "certificates">;

/** Puts the reports together, the members sorted by name. */
export function describeCluster(facts: ClusterFacts): MembersView {
  const leader = findLeader(facts);
  const sorted = [...facts.members].sort((a, b) => a.name < b.name ? -1 : 1);
  const members = sorted.map((member) => describeMember(member, leader, facts));
  const voters = members.filter(({ voter }) => voter);
  return {
    members,
    hasLeader: leader !== undefined,
    margin: marginOf(
      voters.length,
      voters.filter(({ alive }) => alive).map(({ name }) => name),
      voters.filter(({ alive }) => !alive).map(({ name }) => name),
      leader !== undefined,
    ),
    certificates: sorted.flatMap(({ id, name }) =>
      reportOf(facts, id)?.certificates.map((one) => ({ ...one, member: name })) ?? []
    ),
  };
}

/** The margin of `total` voters of which `alive` are there, by name. */
export function marginOf(
  total: number,
  alive: readonly string[],
  down: readonly string[],
  hasLeader: boolean,
): Margin {
  const quorum = Math.floor(total / 2) + 1;
  const canLose = alive.length - quorum;
  const there = total === 1
    ? "The only member is up"
    : `${alive.length} of ${total} members ${alive.length === 1 ? "is" : "are"} up`;
  const missing = down.length === 0
    ? ""
    : `, ${list(down)} ${down.length === 1 ? "is" : "are"} not`;
  if (canLose < 0) {
    const needed = quorum - alive.length;
    return {
      level: "lost",
      canLose: 0,
      headline: "No quorum",
      detail: `${there}${missing}: writes and fresh reads wait until ${needed} more ` +
        `${needed === 1 ? "is" : "are"} back`,
    };
  }
  if (!hasLeader) {
    return {
      level: "lost",
      canLose: 0,
      headline: "No leader",
      detail: `${there}${missing}: writes and fresh reads wait for an election`,
    };
  }
  if (canLose === 0) {
    const detail = total <= 2
      ? `${there}${missing}. ${total === 1 ? "One" : "Two"} cannot lose any: three could lose one`
      : `${there}${missing}: losing one more would stop the cluster`;
    return { level: "none", canLose: 0, headline: "Can lose none", detail };
  }
  return {
    level: "spare",
    canLose,
    headline: `Can lose ${canLose}`,
    detail:
      `${there}${missing}; ${canLose === 1 ? "any one" : `any ${canLose}`} of them may fail ` +
      "and nothing stops",
  };
}

/** The leader of the highest term that has spoken up. */
function findLeader({ heard }: ClusterFacts): MemberReport | undefined {
  return [...heard.values()]
    .flatMap((one) => "report" in one && one.report.role === "leader" ? [one.report] : [])
    .sort((a, b) => b.term - a.term)[0];
}

function reportOf({ heard }: ClusterFacts, id: MemberId): MemberReport | undefined {
  const one = heard.get(id);
  return one !== undefined && "report" in one ? one.report : undefined;
}

function describeMember(
  member: Member,
  leader: MemberReport | undefined,
  facts: ClusterFacts,
): MemberView {
  const { id, voter, clientUrls: [clientUrl = ""], peerUrls: [peerUrl = ""] } = member;
  const isThere = hasStarted(member);
  const one = facts.heard.get(id);
  const report = reportOf(facts, id);
  const progress = leader?.followers.find((follower) => follower.id === id);
  // From the leader if there is one, else from here; nobody measures the way to itself.
  const from = leader ?? reportOf(facts, facts.self);
  const roundTripMs = from?.peers.find((peer) => peer.id === id)?.roundTripMs;
  // Whoever answers is there; of the others the leader knows best.
  const alive = report !== undefined || progress?.alive === true;
  return {
    name: isThere ? member.name : formatId(id),
    voter,
    clientUrl,
    peerUrl,
    alive,
    self: id === facts.self,
    role: report?.role ?? (voter ? "unknown" : "learner"),
    lag: lagOf(id, leader, progress?.matchIndex),
    snapshotting: progress?.state === "snapshot",
    latencyMs: alive ? roundTripMs ?? null : null,
    version: report?.version ?? null,
    uptimeSeconds: report?.uptimeSeconds ?? null,
    rssBytes: report?.rssBytes ?? null,
    problem: isThere
      ? one !== undefined && "problem" in one ? one.problem : null
      : `Its place is reserved, and no node has joined from "${peerUrl}" yet`,
  };
}

function lagOf(
  id: MemberId,
  leader: MemberReport | undefined,
  matchIndex: number | undefined,
): number | null {
  if (leader === undefined) return null;
  if (leader.id === id) return 0;
  return matchIndex === undefined ? null : Math.max(0, leader.commitIndex - matchIndex);
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(" and ");
}
