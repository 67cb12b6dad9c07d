/** The Cluster service: who is in the cluster. */
import type { Member } from "../../raft/types.ts";
import { type Handler, unary } from "./call.ts";
import type { V3Context } from "./context.ts";
import { METHODS } from "./methods.ts";
import { ANYBODY, readFresh } from "./waist.ts";

/** What answers the Cluster service. */
export function clusterHandlers(v3: V3Context): readonly Handler[] {
  const { service: { node }, headers } = v3;
  const members = () => node.configuration().members.map(describeMember);
  return [
    unary(METHODS.cluster.memberList, ({ linearizable }, call) => {
      const answer = () => call.answer({ header: headers.at(0), members: members() });
      if (linearizable) readFresh(v3, call, ANYBODY, answer);
      else answer();
    }),
  ];
}

function describeMember({ id, name, peerUrls, clientUrls, voter }: Member) {
  return { id: BigInt(id), name, peerUrls, clientUrls, isLearner: !voter };
}
