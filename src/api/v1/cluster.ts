/** Who is in the cluster and who leads it, as text; and the way out of it. */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import type { Route } from "../../http/router.ts";
import type { Member } from "../../raft/types.ts";
import type { Service } from "../../service/service.ts";
import { errorReply, failureReply } from "./error.ts";
import {
  hasStarted,
  memberKey,
  membershipIndex,
  memberValue,
} from "../../service/membership_view.ts";
import { byteStringOf } from "../../store/byte_string.ts";
import { asBytes } from "../../store/value.ts";
import { deletionBody } from "./reply.ts";

/** `/machines`, `/v1/machines[/NAME]`, `/leader` and `/v1/leader`. */
export function clusterRoutes(service: Service): Route[] {
  const leader = () => tellLeader(service);
  const remove = (_: Exchange, rest: string) => removeMember(service, rest.slice(1));
  const machines = (separator: string) => () => text(clientUrls(service).join(separator));
  return [
    { path: "/machines", methods: { GET: machines(",") } },
    { path: "/v1/machines", methods: { GET: machines(", ") } },
    { path: "/v1/machines", subtree: true, methods: { DELETE: remove } },
    { path: "/leader", methods: { GET: leader } },
    { path: "/v1/leader", methods: { GET: leader } },
  ];
}

/** The leader's first, the others by name. */
function clientUrls({ node }: Service): string[] {
  const leader = node.leader()?.id;
  return [...node.configuration().members]
    .sort((a, b) => {
      if (a.id === leader || b.id === leader) return a.id === leader ? -1 : 1;
      return a.name < b.name ? -1 : 1;
    })
    .flatMap(({ clientUrls: [url] }) => url ?? []);
}

/** The leader's peer URL, byte for byte as in its record; waits out an election. */
function tellLeader({ node }: Service): Promise<ReplyOrFault> {
  return new Promise((resolve) => {
    node.whenLeader((outcome) => {
      if (!outcome.ok) return resolve(failureReply(outcome));
      const leader = outcome.value;
      const recorded = node.configuration().members.find(({ id }) => id === leader.id);
      resolve(text((recorded ?? leader).peerUrls[0] ?? ""));
    });
  });
}

/** Answers like the DELETE of a key: the member's record was one, in the original. */
function removeMember(service: Service, name: string): Promise<ReplyOrFault> {
  const { node } = service;
  const find = () =>
    node.configuration().members.find((member) => member.name === name && hasStarted(member));
  const remove = (member: Member, resolve: (reply: ReplyOrFault) => void) => {
    node.removeMember(name, (outcome) => {
      if (!outcome.ok) return resolve(failureReply(outcome));
      const index = outcome.value.index || membershipIndex(service);
      const key = byteStringOf(memberKey(name));
      const body = deletionBody(key, asBytes(memberValue(member)), 0, index);
      resolve({ status: 200, body });
    });
  };
  return new Promise((resolve) => {
    const known = find();
    if (known !== undefined) return remove(known, resolve);
    // This member may be behind: only after a barrier is an unknown name really unknown.
    node.barrier((outcome) => {
      if (!outcome.ok) return resolve(failureReply(outcome));
      const member = find();
      if (member !== undefined) return remove(member, resolve);
      resolve(errorReply(100, memberKey(name)));
    });
  });
}

function text(body: string): Reply {
  return { status: 200, contentType: "text/plain; charset=utf-8", body };
}
