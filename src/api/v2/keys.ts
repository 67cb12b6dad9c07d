/** `/v2/keys[/KEY]`: get, set, create, update, compare and swap, in-order keys, delete. */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import { longerThan } from "../../http/path.ts";
import { fault } from "../../http/fault.ts";
import type { Route, RouteHandler } from "../../http/router.ts";
import type { Failure, Outcome } from "../../node/ports.ts";
import { type ByteString, byteStringOf, textOf, valueOf } from "../../store/byte_string.ts";
import type { TreeDeleteCommand, TreePutCommand } from "../../store/command/command.ts";
import type { Event } from "../../store/event.ts";
import { isTooDeep, PATH_LEVELS_MAX, ROOT } from "../../store/path.ts";
import type { Rejected } from "../../store/result.ts";
import { type Access, coversBelow, type Rights } from "../../store/auth/rights.ts";
import { seenBy } from "../../store/tree/permitted.ts";
import type { ServeWith } from "../../service/auth/gate.ts";
import { directoryItem, isMachinesKey, viewMembership } from "../../service/membership_view.ts";
import { whoAsks } from "../who.ts";
import type { Store } from "../../store/store.ts";
import { indexHeaders, type V2 } from "./context.ts";
import { errorReply, failureReply, rejectionReply, unauthorizedReply } from "./error.ts";
import { bareEventBody, eventBody, getBody } from "./node_json.ts";
import { type Parameters, readParameters } from "./parameters.ts";
import type { Watches } from "./watch.ts";

/** The methods of keys, as the original lists them. */
const ALLOW = "HEAD,GET,PUT,POST,DELETE";

/** The one route of keys, with everything below it. */
export function keysRoute(v2: V2, watches: Watches): Route {
  const judged = (
    handle: (key: ByteString, parameters: Parameters, exchange: Exchange) => Answered,
    access: Access,
  ): RouteHandler =>
  (exchange, path, query) => {
    const key = keyOf(v2, path);
    if (typeof key !== "string") return key;
    const parameters = readParameters(exchange, query);
    if ("code" in parameters) return errorReply(v2, parameters.code, parameters.cause, 0);
    if (!v2.service.auth.isOn) return handle(key, parameters, exchange);
    const isAllowed = mayAskFor(access, sentKey(key, exchange), key, parameters.recursive);
    return whenAdmitted(v2, exchange, isAllowed, () => handle(key, parameters, exchange));
  };
  return {
    path: "/v2/keys",
    subtree: true,
    allow: ALLOW,
    methods: {
      GET: judged(
        (key, parameters, exchange) =>
          parameters.wait && !parameters.quorum
            ? watches.open(exchange, key, parameters)
            : get(v2, key, parameters, exchange),
        "read",
      ),
      PUT: judged((key, parameters, exchange) => put(v2, key, parameters, exchange), "write"),
      POST: judged((key, parameters, exchange) => put(v2, key, parameters, exchange), "write"),
      DELETE: judged((key, parameters, exchange) => remove(v2, key, parameters, exchange), "write"),
    },
  };
}

type Answered = ReplyOrFault | Promise<ReplyOrFault>;

function keyOf({ limits: { keyBytesMax } }: V2, path: string): ByteString | ReplyOrFault {
  if (longerThan(path, keyBytesMax)) {
    return fault(414, `Expected a key of at most ${keyBytesMax} bytes, found a longer one`);
  }
  if (isTooDeep(path)) {
    return fault(414, `Expected a key of at most ${PATH_LEVELS_MAX} levels, found more`);
  }
  return byteStringOf(path);
}

/** The key as it was sent: with the slash at its end, if it has one there. */
function sentKey(key: ByteString, { target }: Exchange): ByteString {
  return key !== ROOT && /^[^?]*(\/|%2f)(\?|$)/i.test(target) ? `${key}/` : key;
}

/** What the original asks for: the key as it was sent, and all that is below for a recursive request. */
function mayAskFor(access: Access, sent: ByteString, key: ByteString, recursive: boolean) {
  return (rights: Rights) =>
    rights.has(access, sent) && (!recursive || coversBelow(rights, access, key));
}

/** Handles the request of somebody who may ask for it. */
function whenAdmitted(
  v2: V2,
  exchange: Exchange,
  isAllowed: (rights: Rights) => boolean,
  handle: () => Answered,
): Promise<ReplyOrFault> {
  return new Promise((resolve) => {
    v2.service.auth.admit(
      whoAsks(exchange),
      isAllowed,
      (problem) => resolve(problem === undefined ? handle() : unauthorizedReply(v2)),
      (failure) => resolve(failureReply(v2, failure)),
    );
  });
}

function get(v2: V2, key: ByteString, parameters: Parameters, exchange: Exchange): Answered {
  const { auth } = v2.service;
  const serve: ServeWith<Reply> = (store, nowMs, rights) =>
    read(v2, store, key, { ...parameters, sent: sentKey(key, exchange) }, nowMs, rights);
  const who = whoAsks(exchange);
  const refuse = () => unauthorizedReply(v2);
  const fail = (failure: Failure) => failureReply(v2, failure);
  return parameters.quorum && exchange.method !== "HEAD"
    ? auth.read(who, serve, refuse, fail)
    : auth.readStale(who, serve, refuse, fail);
}

function read(
  v2: V2,
  store: Store,
  key: ByteString,
  { recursive, sent }: Parameters & { readonly sent: ByteString },
  nowMs: number,
  rights: Rights,
): Reply {
  // Who is in the cluster is no secret.
  if (isMachinesKey(key)) return readMembers(v2, store, key, nowMs);
  const item = store.read(key, nowMs);
  // Again, for what is read now. To etcd the path counts as it was sent: who may read /a/*
  // reads the file /a as /a/.
  if (!rights.has("read", sent)) return unauthorizedReply(v2);
  if (item === undefined) return missing(v2, store, key);
  const lister = seenBy(rights, store.reader(nowMs));
  const body = getBody(item, lister, recursive, store.lifetimesAtMs(nowMs));
  return {
    status: 200,
    headers: indexHeaders(v2, store.changeIndex, store.appliedIndex),
    body,
  };
}

/** The members, which clients of 0.4 look for among the keys; whatever was written there. */
function readMembers(v2: V2, store: Store, key: ByteString, nowMs: number): Reply {
  const found = viewMembership(textOf(key), v2.service.node.configuration());
  if (found === undefined) return errorReply(v2, 100, textOf(key), store.changeIndex);
  const item = "key" in found ? found : directoryItem(key);
  const reader = { list: () => "key" in found ? [] : found, freeze: () => {} };
  return {
    status: 200,
    headers: indexHeaders(v2, store.changeIndex, store.appliedIndex),
    body: getBody(item, reader, false, nowMs),
  };
}

/** A file in the way, or the first directory that is missing. */
function missing(v2: V2, store: Store, key: ByteString): Reply {
  const file = store.fileAbove(key);
  if (file !== undefined) return errorReply(v2, 104, textOf(file), store.changeIndex);
  return errorReply(v2, 100, textOf(store.firstMissing(key)), store.changeIndex);
}

function put(
  v2: V2,
  key: ByteString,
  parameters: Parameters,
  exchange: Exchange,
): Promise<Reply> {
  const inOrder = exchange.method === "POST";
  const { isDirectory, prevValue, prevExist } = parameters;
  const command: TreePutCommand = {
    type: "treePut",
    key,
    value: valueOf(parameters.value),
    isDirectory,
    inOrder,
    prevExist: inOrder ? undefined : prevExist,
    prevValue: prevValue === undefined || inOrder ? undefined : valueOf(prevValue),
    prevIndex: inOrder ? 0 : parameters.prevIndex,
    ttlSeconds: parameters.ttlSeconds,
    refresh: parameters.refresh && !inOrder,
  };
  return write(v2, command, parameters, exchange);
}

function remove(
  v2: V2,
  key: ByteString,
  parameters: Parameters,
  exchange: Exchange,
): Promise<Reply> {
  const { prevValue } = parameters;
  return write(
    v2,
    {
      type: "treeDelete",
      key,
      isDirectory: parameters.isDirectory,
      recursive: parameters.recursive,
      prevValue: prevValue === undefined ? undefined : valueOf(prevValue),
      prevIndex: parameters.prevIndex,
    },
    parameters,
    exchange,
  );
}

function write(
  v2: V2,
  command: TreePutCommand | TreeDeleteCommand,
  parameters: Parameters,
  exchange: Exchange,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    v2.service.auth.write(whoAsks(exchange), command, false, (answer) => {
      // It runs in the node's turn: a mistake here is the request's, not the node's.
      try {
        resolve(answerReply(v2, answer, parameters, command.type === "treePut"));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function answerReply(
  v2: V2,
  answer: Outcome<Event | Rejected>,
  { noValueOnSuccess, prevIndexText }: Parameters,
  isPut: boolean,
): Reply {
  if (!answer.ok) return failureReply(v2, answer);
  const result = answer.value;
  if (result.kind === "rejected") return rejectionReply(v2, result, prevIndexText);
  return {
    status: statusOf(result),
    headers: indexHeaders(v2, result.changeIndex, result.logIndex),
    body: noValueOnSuccess && isPut ? bareEventBody(result) : eventBody(result),
  };
}

/** 201 for what was not there before. */
function statusOf({ action, before }: Event): number {
  return action === "create" || (action === "set" && before === undefined) ? 201 : 200;
}
