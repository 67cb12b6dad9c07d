/** `/v1/keys/KEY`: set, test-and-set, get, list and delete. */
import type { Exchange, Fault, Reply, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import { isMultipart, multipartFields, urlencodedFields } from "../../http/form.ts";
import type { BadForm, Fields } from "../../http/form.ts";
import { longerThan } from "../../http/path.ts";
import type { Route } from "../../http/router.ts";
import { byteStringOf } from "../../store/byte_string.ts";
import { isTooDeep, PATH_LEVELS_MAX, ROOT } from "../../store/path.ts";
import type { Rights } from "../../store/auth/rights.ts";
import { maySee, seenOf } from "../../store/tree/permitted.ts";
import type { Store } from "../../store/store.ts";
import type { ServeWith } from "../../service/auth/gate.ts";
import { whoAsks } from "../who.ts";
import type { V1 } from "./context.ts";
import { errorReply, failureReply, problemReply } from "./error.ts";
import {
  isReserved,
  membershipIndex,
  viewMembership,
  withReservedRoot,
} from "../../service/membership_view.ts";
import { parseTtl } from "./number.ts";
import { fileBody, listingBody } from "./reply.ts";
import { write } from "./writes.ts";

const SET_FIELDS = new Set(["value", "ttl", "prevValue"]);
const GET_FIELDS = new Set(["stale"]);

/** `keyBytesMax`: of a key after decoding, in UTF-8. */
export function keysRoute(v1: V1, keyBytesMax: number): Route {
  const keys = new Keys(v1, keyBytesMax);
  const set = keys.set.bind(keys);
  return {
    path: "/v1/keys",
    subtree: true,
    methods: {
      GET: keys.get.bind(keys),
      POST: set,
      PUT: set,
      DELETE: keys.delete.bind(keys),
    },
  };
}

class Keys {
  readonly #v1: V1;
  readonly #keyBytesMax: number;

  constructor(v1: V1, keyBytesMax: number) {
    this.#v1 = v1;
    this.#keyBytesMax = keyBytesMax;
  }

  set(exchange: Exchange, key: string, query: string): ReplyOrFault | Promise<ReplyOrFault> {
    if (longerThan(key, this.#keyBytesMax)) return tooLong(this.#keyBytesMax);
    if (isTooDeep(key)) return TOO_DEEP;
    if (isReserved(key)) return errorReply(400, "Set");
    if (isMultipart(exchange)) {
      return multipartFields(exchange, query, SET_FIELDS)
        .then((fields) => this.#set(key, fields, exchange));
    }
    const fields = urlencodedFields(exchange.body, query, SET_FIELDS);
    return this.#set(key, fields, exchange);
  }

  get(exchange: Exchange, key: string, query: string): ReplyOrFault | Promise<ReplyOrFault> {
    if (longerThan(key, this.#keyBytesMax)) return tooLong(this.#keyBytesMax);
    const { auth } = this.#v1.service;
    const who = whoAsks(exchange);
    const serve: ServeWith<ReplyOrFault> = (store, nowMs, rights) =>
      this.#serve(key, store, nowMs, rights);
    if (query === "") return auth.read(who, serve, problemReply, failureReply);
    const fields = urlencodedFields("", query, GET_FIELDS);
    if ("cause" in fields) return fault(400, fields.cause);
    return fields.get("stale") === "true"
      ? auth.readStale(who, serve, problemReply, failureReply)
      : auth.read(who, serve, problemReply, failureReply);
  }

  delete(exchange: Exchange, key: string): ReplyOrFault | Promise<ReplyOrFault> {
    if (longerThan(key, this.#keyBytesMax)) return tooLong(this.#keyBytesMax);
    if (isReserved(key)) return errorReply(400, "Delete");
    return write(this.#v1, { type: "delete", key: byteStringOf(key) }, exchange);
  }

  /** Judged in the original's order: value, then TTL. An empty `ttl` or `prevValue` is none. */
  #set(
    key: string,
    fields: Fields | BadForm,
    exchange: Exchange,
  ): ReplyOrFault | Promise<ReplyOrFault> {
    if ("cause" in fields) return fault(400, fields.cause);
    const value = fields.get("value") ?? "";
    if (value === "") return errorReply(200, "Set");
    const ttl = fields.get("ttl") ?? "";
    let ttlSeconds: number | undefined;
    if (ttl !== "") {
      ttlSeconds = parseTtl(ttl, this.#v1.service.node.nowMs());
      if (ttlSeconds === undefined) return errorReply(202, "Set");
    }
    const prevValue = fields.get("prevValue") || undefined;
    const command = { type: "set", key: byteStringOf(key), value, prevValue, ttlSeconds } as const;
    return write(this.#v1, command, exchange);
  }

  #serve(key: string, store: Store, nowMs: number, rights: Rights): Reply {
    // Who is in the cluster is no secret.
    if (isReserved(key)) return this.#serveMembership(key, nowMs);
    const bytes = byteStringOf(key);
    const found = store.read(bytes, nowMs);
    if (!maySee(rights, bytes, found?.isDirectory ?? true)) return problemReply("permissionDenied");
    if (found === undefined) return errorReply(100, key);
    const toldMs = store.lifetimesAtMs(nowMs);
    if (!found.isDirectory) return { status: 200, body: fileBody(found, store.index, toldMs) };
    const children = seenOf(rights, bytes, store.list(bytes, nowMs));
    if (key !== ROOT) return { status: 200, body: listingBody(children, store.index, toldMs) };
    const index = membershipIndex(this.#v1.service);
    return { status: 200, body: listingBody(withReservedRoot(children), index, toldMs) };
  }

  #serveMembership(key: string, nowMs: number): Reply {
    const { service } = this.#v1;
    const found = viewMembership(key, service.node.configuration());
    if (found === undefined) return errorReply(100, key);
    const index = membershipIndex(service);
    const body = "key" in found ? fileBody(found, index, nowMs) : listingBody(found, index, nowMs);
    return { status: 200, body };
  }
}

const TOO_DEEP = fault(414, `Expected a key of at most ${PATH_LEVELS_MAX} levels, found more`);

function tooLong(keyBytesMax: number): Fault {
  return fault(414, `Expected a key of at most ${keyBytesMax} bytes, found a longer one`);
}
