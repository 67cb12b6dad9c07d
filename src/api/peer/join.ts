/**
 * Ordinary requests on the peer port: a newcomer's wish to join, and the removal
 * of a member as the original had it there. Everything between members that has
 * to be fast goes over the stream instead.
 */
import type { Exchange, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";
import type { Admitted, Done } from "../../node/ports.ts";
import { isGrpcUrls, isUrlList, toConfiguration } from "../../raft/configuration_json.ts";
import type { Configuration, Member, MemberId } from "../../raft/types.ts";
import { failureFault } from "../fault_form.ts";

/** What a member answers a newcomer. */
export interface JoinReply {
  readonly clusterId: number;
  /** Under which the newcomer runs: another one than it asked with where it was given a reserved place. */
  readonly memberId: MemberId;
  readonly configuration: Configuration;
}

/** Who answers at the address of a peer port. */
export interface Resident {
  /** Undefined for a node that is no member yet. */
  readonly clusterId: number | undefined;
  readonly memberId: MemberId | undefined;
  /** Of its process. */
  readonly session: number | undefined;
  /** Why it can't call the member that asks; undefined when it can, or does not know. */
  readonly problem: string | undefined;
  /**
   * What a node without data was told to form; undefined for any other. It travels as
   * "founding": a node that takes no part in the decision who founds says "forming".
   */
  readonly forming?: Forming;
}

/** What a node that is to form a cluster was told. */
export interface Forming {
  readonly name: string;
  readonly token: string;
  readonly members: readonly {
    readonly name: string;
    readonly peerUrls: readonly string[];
  }[];
}

/** The part of a node that takes members in. */
export interface Admitting {
  readonly clusterId: number;
  readonly memberId: MemberId;
  readonly session: number;
  /** With `onlyPlace` nobody is let in but by a place that is reserved for it. */
  join(member: Omit<Member, "voter">, onlyPlace: boolean, done: Done<Admitted>): void;
  /** Why member `id` can't be called. */
  problemOf(id: MemberId): string | undefined;
}

/** What a newcomer is told for which no place is reserved, where it may enter by none but that. */
export const NO_PLACE = "The cluster is alive and has no place for a node of that address";

/** Where a newcomer asks to be let in. */
export const JOIN_PATH = "/peer/join";

/** Where members of version 1.0 ask; they are told why they can't be let in. */
const OLD_JOIN_PATH = "/v1/join";

/** Characters of a name or an address; longer ones are refused. */
const TEXT_MAX = 1024;

/**
 * `GET` tells who is here, and with `from` how it finds that member; present as long as
 * there is a node to ask. `protocol` is what members must speak.
 */
export function joinRoutes(node: Admitting, protocol: string): Route[] {
  const methods: Route["methods"] = {
    GET: (_, __, query) => ({ status: 200, body: JSON.stringify(residentOf(node, query)) }),
    POST: (exchange) => join(node, protocol, exchange),
  };
  return [{ path: JOIN_PATH, methods }, { path: OLD_JOIN_PATH, methods }];
}

function residentOf(node: Admitting, query: string): Resident {
  const { clusterId, memberId, session } = node;
  const from = Number(new URLSearchParams(query).get("from"));
  const problem = Number.isSafeInteger(from) && from > 0 ? node.problemOf(from) : undefined;
  return { clusterId, memberId, session, problem };
}

/** The question that `joinRoutes` answers about the member that asks. */
export function residentPath(from: MemberId): string {
  return `${JOIN_PATH}?from=${from}`;
}

/** Reads what a `GET` was answered, also by a node that starts. Throws a `SyntaxError` for anything else. */
export function parseResident(body: string): Resident {
  const found = Object(JSON.parse(body)) as Record<string, unknown>;
  const { problem } = found;
  const forming = parseForming(found.founding);
  const resident = {
    clusterId: idOf(found.clusterId),
    memberId: idOf(found.memberId),
    session: idOf(found.session),
    problem: typeof problem === "string" ? printable(problem) : undefined,
    ...(forming === undefined ? {} : { forming }),
  };
  if (resident.clusterId === undefined && resident.session === undefined) {
    throw new SyntaxError("Expected the ids of a cluster, a member and a process");
  }
  return resident;
}

/** Members that a cluster is formed of, at most. */
const FORMING_MAX = 64;

/** What a node was told to form, from what it sent; undefined for anything else. */
export function parseForming(value: unknown): Forming | undefined {
  const { name, token, members } = Object(value) as Record<string, unknown>;
  if (!isText(name) || !isText(token) || !Array.isArray(members)) return undefined;
  if (members.length > FORMING_MAX) return undefined;
  const parsed = members.flatMap((member: unknown) => {
    const { name, peerUrls } = Object(member) as Record<string, unknown>;
    return isText(name) && isUrlList(peerUrls) ? [{ name: printable(name), peerUrls }] : [];
  });
  if (parsed.length !== members.length) return undefined;
  return { name: printable(name), token: printable(token), members: parsed };
}

/** Whether `value` may be a name. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= TEXT_MAX;
}

/** `value` as an id; undefined when it is none. */
export function idOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? value as number : undefined;
}

/** One line of a log. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ").slice(0, TEXT_MAX);
}

/** The body of a request to join, of a member that speaks `protocol`; see `Admitting.join`. */
export function joinBody(
  member: Omit<Member, "voter">,
  protocol: string,
  onlyPlace: boolean,
): string {
  return JSON.stringify({ ...member, protocol, ...(onlyPlace ? { onlyPlace } : {}) });
}

/** Reads what `joinRoute` answered with status 200. Throws a `SyntaxError` for anything else. */
export function parseJoinReply(body: string): JoinReply {
  const found = Object(JSON.parse(body)) as Record<string, unknown>;
  const configuration = toConfiguration(found.configuration);
  const clusterId = idOf(found.clusterId);
  const memberId = idOf(found.memberId);
  if (clusterId === undefined || memberId === undefined || configuration === undefined) {
    throw new SyntaxError("Expected the ids of the cluster and the member, and the configuration");
  }
  return { clusterId, memberId, configuration };
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
  const { member, onlyPlace } = wish;
  return new Promise((resolve) => {
    node.join(member, onlyPlace, (outcome) => {
      if (!outcome.ok) return resolve(failureFault(outcome));
      const { id, configuration } = outcome.value;
      const reply: JoinReply = { clusterId: node.clusterId, memberId: id, configuration };
      resolve({ status: 200, body: JSON.stringify(reply) });
    });
  });
}

/** What a newcomer says of itself; one of version 1.0 names no protocol. */
interface Wish {
  readonly member: Omit<Member, "voter">;
  readonly protocol: string | undefined;
  readonly onlyPlace: boolean;
}

function parseWish(body: string): Wish | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { id, name, peerUrls, clientUrls, grpcUrls, protocol, onlyPlace } =
    (value ?? {}) as Partial<
      Member & { readonly protocol: unknown; readonly onlyPlace: unknown }
    >;
  if (!isText(name) || !isUrlList(peerUrls) || !isUrlList(clientUrls)) return undefined;
  if (peerUrls.length === 0) return undefined;
  if (grpcUrls !== undefined && !isGrpcUrls(grpcUrls)) return undefined;
  if (!Number.isSafeInteger(id) || id! < 1) return undefined;
  if (protocol !== undefined && !isText(protocol)) return undefined;
  const member = { id: id!, name, peerUrls, clientUrls, ...(grpcUrls && { grpcUrls }) };
  return { member, protocol, onlyPlace: onlyPlace === true };
}
