/** `/v2/members`: who is in the cluster, and how that changes by id. Texts are the original's. */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";
import { messageOf } from "../../base/errors.ts";
import { formatId, parseId } from "../../base/ids.ts";
import type { Failure, FailureReason, MembersChanged, MemberWish } from "../../node/ports.ts";
import type { Member } from "../../raft/types.ts";
import { readPeerUrls } from "../peer_urls.ts";
import { clusterHeaders, jsonText, type V2 } from "./context.ts";

const ALLOW = "GET,POST,DELETE,PUT";

/** 64 bits, with or without zeros in front. */
const AN_ID = /^0*[0-9a-f]{1,16}$/i;

/** Lists, adds, changes and removes members. */
export function membersRoute(v2: V2): Route {
  return {
    path: "/v2/members",
    subtree: true,
    allow: ALLOW,
    methods: {
      GET: ({ target }, rest) => list(v2, isSlashed(target, rest) ? `${rest}/` : rest),
      POST: (exchange) => add(v2, exchange),
      PUT: (exchange, rest) => update(v2, exchange, rest.slice(1)),
      DELETE: (_, rest) => remove(v2, rest.slice(1)),
    },
  };
}

/** Whether there is a slash behind what the path says, which makes it another path. */
function isSlashed(target: string, rest: string): boolean {
  return rest !== "/" && /^[^?]*\/(\?|$)/.test(target);
}

function list(v2: V2, rest: string): Reply {
  const { node } = v2.service;
  if (rest === "/") {
    const { members } = node.configuration();
    return json(v2, 200, { members: members.map(memberJson) });
  }
  if (rest !== "/leader") return refuse(v2, 404, "Not found");
  const id = node.leader()?.id;
  const leader = node.configuration().members.find((member) => member.id === id);
  return leader === undefined
    ? refuse(v2, 503, "During election")
    : json(v2, 200, memberJson(leader));
}

function add(v2: V2, exchange: Exchange): ReplyOrFault | Promise<ReplyOrFault> {
  const read = readBody(v2, exchange);
  if (!("urls" in read)) return read;
  return change(v2, "", { kind: "add", peerUrls: read.urls, learner: false }, (changed) => {
    const added = changed.configuration.members.find(({ id }) => id === changed.id);
    return json(v2, 201, added && memberJson(added));
  });
}

function update(v2: V2, exchange: Exchange, text: string): ReplyOrFault | Promise<ReplyOrFault> {
  if (text === "") return notAllowed();
  const id = parseId(text);
  // Of what may be an id, the original looks at the body before it looks for the member.
  const read = AN_ID.test(text) ? readBody(v2, exchange) : undefined;
  if (read !== undefined && !("urls" in read)) return read;
  if (id === undefined || read === undefined) return refuse(v2, 404, `No such member: ${text}`);
  return change(v2, text, { kind: "update", id, peerUrls: read.urls }, () => empty(v2));
}

function remove(v2: V2, text: string): ReplyOrFault | Promise<ReplyOrFault> {
  if (text === "") return notAllowed();
  const id = parseId(text);
  if (id === undefined) return refuse(v2, 404, `No such member: ${text}`);
  return change(v2, text, { kind: "remove", id }, () => empty(v2));
}

/** Has `wish` carried out; `text` is the member's id as the client wrote it. */
function change(
  v2: V2,
  text: string,
  wish: MemberWish,
  done: (changed: MembersChanged) => Reply,
): Promise<Reply> {
  return new Promise((resolve) => {
    v2.service.node.changeMembers(wish, (outcome) => {
      resolve(outcome.ok ? done(outcome.value) : failureReply(v2, outcome, text));
    });
  });
}

/** Nothing was changed, and another member, or this one soon, may well do it. */
const IS_WORTH_A_RETRY: ReadonlySet<FailureReason> = new Set([
  ...["notLeader", "noLeader", "overloaded", "diverged", "stopping"] as const,
]);

function failureReply(v2: V2, { reason, cause, refusal }: Failure, text: string): Reply {
  if (refusal === undefined) {
    return refuse(v2, IS_WORTH_A_RETRY.has(reason) ? 503 : 500, cause);
  }
  switch (refusal) {
    case "memberNotFound":
      return refuse(v2, 404, `No such member: ${text}`);
    case "memberRemoved":
      return refuse(v2, 410, `Member permanently removed: ${text}`);
    case "memberExists":
      return refuse(v2, 409, "membership: ID exists");
    case "peerUrlExists":
      return refuse(v2, 409, "membership: peerURL exists");
    case "notEnoughStarted":
      return refuse(
        v2,
        500,
        "etcdserver: re-configuration failed due to not enough started members",
      );
    case "unhealthy":
      return refuse(v2, 500, "etcdserver: unhealthy cluster");
    case "notALearner":
    case "learnerNotReady":
    case "tooManyLearners":
      return refuse(v2, 500, cause);
  }
}

/** The URLs in a body such as `{"peerURLs": ["http://10.0.0.5:2380"]}`; or why there are none. */
function readBody(v2: V2, exchange: Exchange): { readonly urls: readonly string[] } | Reply {
  const [type = ""] = (exchange.header("content-type") ?? "").split(";");
  if (type.trim() !== "application/json") {
    return refuse(v2, 415, `Bad Content-Type ${type.trim()}, accept application/json`);
  }
  const given = parsePeerUrls(exchange.body);
  if (typeof given === "string") return refuse(v2, 400, given);
  const read = readPeerUrls(given);
  return read.ok ? read : refuse(v2, 400, read.problem);
}

/** A text says what is wrong with the JSON. */
function parsePeerUrls(body: string): readonly string[] | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return breaksOff(messageOf(error), body)
      ? "unexpected end of JSON input"
      : "invalid JSON in the request's body";
  }
  // Go takes names in any case, and the last one of the same.
  const named = Object.entries(Object(value)).findLast(([name]) =>
    name.toLowerCase() === "peerurls"
  );
  const given = named?.[1] ?? [];
  const isList = Array.isArray(given) && given.every((url) => typeof url === "string");
  return isList ? given : "peerURLs must be a list of strings";
}

/** Whether the parser, which says where it stopped, stopped at the end. */
function breaksOff(problem: string, body: string): boolean {
  const [, position] = /at position (\d+)/.exec(problem) ?? [];
  return position === undefined
    ? /end of JSON input/.test(problem)
    : Number(position) >= body.length;
}

function json(v2: V2, status: number, value: unknown): Reply {
  return { status, headers: clusterHeaders(v2), body: jsonText(status, value) };
}

function refuse(v2: V2, status: number, message: string): Reply {
  return json(v2, status, { message });
}

function empty(v2: V2): Reply {
  return { status: 204, headers: clusterHeaders(v2), body: "" };
}

function notAllowed(): ReplyOrFault {
  return fault(405, "Expected the id of a member", { allow: ALLOW });
}

/** A member in the original's order of fields. */
function memberJson({ id, name, peerUrls, clientUrls }: Member) {
  return { id: formatId(id), name, peerURLs: peerUrls, clientURLs: clientUrls };
}
