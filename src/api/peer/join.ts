/**
 * Ordinary requests on the peer port: a newcomer's wish to join, and the removal
 * of a member as the original had it there. Everything between members that has
 * to be fast goes over the stream instead.
 */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";
import type { Done } from "../../node/ports.ts";
import { isUrlList, toConfiguration } from "../../raft/configuration_json.ts";
import type { Configuration, Member } from "../../raft/types.ts";
import { failureFault } from "../fault_form.ts";

/** What a member answers a newcomer. */
export interface JoinReply {
  readonly clusterId: number;
  readonly configuration: Configuration;
}

/** The part of a node that takes members in. */
export interface Admitting {
  readonly clusterId: number;
  join(member: Omit<Member, "voter">, done: Done<Configuration>): void;
}

/** Where a newcomer asks to be let in. */
export const JOIN_PATH = "/peer/join";

/** Where members of version 1.0 ask; they are told why they can't be let in. */
const OLD_JOIN_PATH = "/v1/join";

/** Characters of a name or an address; longer ones are refused. */
const TEXT_MAX = 1024;

/**
 * `GET` tells which cluster one would join; present as long as there is a node to ask.
 * `protocol` is what members must speak.
 */
export function joinRoutes(node: Admitting, protocol: string): Route[] {
  const tellCluster = (): Reply => ({
    status: 200,
    body: JSON.stringify({ clusterId: node.clusterId }),
  });
  const methods: Route["methods"] = {
    GET: tellCluster,
    POST: (exchange) => join(node, protocol, exchange),
  };
  return [{ path: JOIN_PATH, methods }, { path: OLD_JOIN_PATH, methods }];
}

/** The body of a request to join, of a member that speaks `protocol`. */
export function joinBody(member: Omit<Member, "voter">, protocol: string): string {
  return JSON.stringify({ ...member, protocol });
}

/** Reads what `joinRoute` answered with status 200. Throws a `SyntaxError` for anything else. */
export function parseJoinReply(body: string): JoinReply {
  const found = Object(JSON.parse(body)) as Record<string, unknown>;
  const configuration = toConfiguration(found.configuration);
  if (!isClusterId(found.clusterId) || configuration === undefined) {
    throw new SyntaxError("Expected the cluster's id and configuration");
  }
  return { clusterId: found.clusterId, configuration };
}

/** Reads what a `GET` was answered with status 200. Throws a `SyntaxError` for anything else. */
export function parseClusterId(body: string): number {
  const { clusterId } = Object(JSON.parse(body)) as Record<string, unknown>;
  if (!isClusterId(clusterId)) throw new SyntaxError("Expected the cluster's id");
  return clusterId;
}

function isClusterId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function join(
  node: Admitting,
  protocol: string,
  { body }: Exchange,
): ReplyOrFault | Promise<ReplyOrFault> {
  const wish = parseWish(body);
  if (wish === undefined) {
    return fault(400, "Expected JSON with the id, name, peerUrls and clientUrls of a new member");
  }
  if (wish.protocol !== protocol) {
    return fault(
      409,
      `Expected a member that speaks "${protocol}", found one that speaks "${
        wish.protocol ?? "etcd-peer/1"
      }", run the same version on all members`,
    );
  }
  const { member } = wish;
  return new Promise((resolve) => {
    node.join(member, (outcome) => {
      if (!outcome.ok) return resolve(failureFault(outcome));
      const reply: JoinReply = { clusterId: node.clusterId, configuration: outcome.value };
      resolve({ status: 200, body: JSON.stringify(reply) });
    });
  });
}

/** What a newcomer says of itself; one of version 1.0 names no protocol. */
interface Wish {
  readonly member: Omit<Member, "voter">;
  readonly protocol: string | undefined;
}

function parseWish(body: string): Wish | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { id, name, peerUrls, clientUrls, protocol } = (value ?? {}) as Partial<
    Member & { readonly protocol: unknown }
  >;
  const isText = (text: unknown): text is string =>
    typeof text === "string" && text !== "" && text.length <= TEXT_MAX;
  if (!isText(name) || !isUrlList(peerUrls) || !isUrlList(clientUrls)) return undefined;
  if (peerUrls.length === 0) return undefined;
  if (!Number.isSafeInteger(id) || id! < 1) return undefined;
  if (protocol !== undefined && !isText(protocol)) return undefined;
  return { member: { id: id!, name, peerUrls, clientUrls }, protocol };
}
