/** `/v2/machines`, and `/v2/peers`, which clients of 0.4 ask for. */
import type { Exchange, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";
import type { Member } from "../../raft/types.ts";
import type { V2 } from "./context.ts";
import { membersRoute } from "./members.ts";

/** Who is in the cluster, as v2 tells it. */
export function clusterRoutes(v2: V2): Route[] {
  const { node } = v2.service;
  const machines = (members: () => readonly Member[]) => ({ target }: Exchange): ReplyOrFault => {
    if (/^[^?]*\/(\?|$)/.test(target)) return fault(404, "Expected no slash at the end");
    const body = members().flatMap(({ clientUrls }) => clientUrls).join(", ");
    return { status: 200, contentType: "text/plain; charset=utf-8", body };
  };
  const inOrder = () => node.configuration().members;
  const leaderFirst = () => {
    const leader = node.leader()?.id;
    return inOrder().toSorted((a, b) => Number(b.id === leader) - Number(a.id === leader));
  };
  return [
    { path: "/v2/machines", allow: "GET,HEAD", methods: { GET: machines(inOrder) } },
    { path: "/v2/peers", allow: "GET,HEAD", methods: { GET: machines(leaderFirst) } },
    membersRoute(v2),
  ];
}
