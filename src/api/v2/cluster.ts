/** `/v2/machines`, `/v2/members` and what 0.4's clients ask for. */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";
import type { Member } from "../../raft/types.ts";
import { clusterHeaders, hexId, type V2 } from "./context.ts";

/** Who is in the cluster, as v2 tells it. */
export function clusterRoutes(v2: V2): Route[] {
  const machines = ({ target }: Exchange): ReplyOrFault => {
    if (/^[^?]*\/(\?|$)/.test(target)) return fault(404, "Expected no slash at the end");
    const { members } = v2.service.node.configuration();
    const body = members.flatMap(({ clientUrls }) => clientUrls).join(", ");
    return { status: 200, contentType: "text/plain; charset=utf-8", body };
  };
  return [
    { path: "/v2/machines", allow: "GET,HEAD", methods: { GET: machines } },
    {
      path: "/v2/members",
      subtree: true,
      allow: "GET",
      methods: { GET: (_, rest) => members(v2, rest) },
    },
  ];
}

function members(v2: V2, rest: string): Reply {
  const { node } = v2.service;
  const json = (status: number, value: unknown): Reply => ({
    status,
    headers: clusterHeaders(v2),
    body: JSON.stringify(value),
  });
  if (rest === "/") {
    const { members } = node.configuration();
    return json(200, { members: members.map(memberJson) });
  }
  if (rest !== "/leader") return json(404, { message: "Not found" });
  const id = node.leader()?.id;
  const leader = node.configuration().members.find((member) => member.id === id);
  if (leader === undefined) return json(503, { message: "During election" });
  return json(200, memberJson(leader));
}

/** A member in the original's order of fields. */
function memberJson({ id, name, peerUrls, clientUrls }: Member) {
  return { id: hexId(id), name, peerURLs: peerUrls, clientURLs: clientUrls };
}
