/** The Cluster service: who is in the cluster, and how that changes. */
import { narrowId, wideId } from "../../base/ids.ts";
import type { MembersChanged, MemberWish } from "../../node/ports.ts";
import type { Member, MemberId } from "../../raft/types.ts";
import { readPeerUrls } from "../peer_urls.ts";
import { type Handler, unary, type UnaryCall } from "./call.ts";
import type { V3Context } from "./context.ts";
import { METHODS } from "./methods.ts";
import { failureStatus } from "./refusal.ts";
import { STATUS } from "./statuses.ts";
import { ANYBODY, readFresh } from "./waist.ts";

/** What answers the Cluster service. */
export function clusterHandlers(v3: V3Context): readonly Handler[] {
  const { service: { node }, headers } = v3;
  /** All members, after what was asked for; member calls leave the revision out. */
  const listed = (members: readonly Member[]) => ({
    header: headers.at(0),
    members: members.map(describeMember),
  });
  return [
    unary(METHODS.cluster.memberList, ({ linearizable }, call) => {
      const answer = () => call.answer(listed(node.configuration().members));
      if (linearizable) readFresh(v3, call, ANYBODY, answer);
      else answer();
    }),
    unary(METHODS.cluster.memberAdd, ({ peerUrls, isLearner: learner }, call) => {
      const read = readPeerUrls(peerUrls);
      if (!read.ok) return call.fail(STATUS.badMemberUrls);
      change(v3, call, { kind: "add", peerUrls: read.urls, learner }, (changed) => {
        const { members } = changed.configuration;
        const added = members.find(({ id }) => id === changed.id);
        call.answer({ ...listed(members), member: added && describeMember(added) });
      });
    }),
    unary(METHODS.cluster.memberUpdate, (request, call) => {
      const read = readPeerUrls(request.peerUrls);
      if (!read.ok) {
        const isKnown = node.configuration().members.some(({ id }) => wideId(id) === request.id);
        return call.fail(isKnown ? STATUS.badMemberUrls : STATUS.memberNotFound);
      }
      const wish = aboutMember(request.id, (id) => ({ kind: "update", id, peerUrls: read.urls }));
      change(v3, call, wish, ({ configuration }) => call.answer(listed(configuration.members)));
    }),
    ...([["remove", METHODS.cluster.memberRemove], [
      "promote",
      METHODS.cluster.memberPromote,
    ]] as const)
      .map(([kind, method]) =>
        unary(method, (request, call) => {
          const wish = aboutMember(request.id, (id) => ({ kind, id }));
          change(v3, call, wish, ({ configuration }) => call.answer(listed(configuration.members)));
        })
      ),
  ];
}

function aboutMember(id: bigint, wish: (id: MemberId) => MemberWish): MemberWish | undefined {
  const known = narrowId(id);
  return known === undefined ? undefined : wish(known);
}

/** Has `wish` carried out; undefined is about a member that nobody knows. */
function change(
  { service }: V3Context,
  call: Pick<UnaryCall<object>, "fail">,
  wish: MemberWish | undefined,
  done: (changed: MembersChanged) => void,
): void {
  if (wish === undefined) return call.fail(STATUS.memberNotFound);
  service.node.changeMembers(wish, (outcome) => {
    if (outcome.ok) done(outcome.value);
    else call.fail(failureStatus(outcome));
  });
}

function describeMember({ id, name, peerUrls, clientUrls, grpcUrls, learner }: Member) {
  const urls = { peerUrls, clientUrls: grpcUrls ?? clientUrls };
  return { id: wideId(id), name, ...urls, isLearner: learner === true };
}
