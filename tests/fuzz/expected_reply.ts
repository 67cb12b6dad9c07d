/** What `/v1/keys` answers to a request, by the rules of the README: written for the fuzzer only. */
import { START_MS } from "../api/fake_node.ts";
import { referenceFields, referencePath, referenceTtl } from "./reference.ts";
import type { Request } from "./strict_http.ts";
import { bytesOf } from "./subject.ts";

export interface ExpectedReply {
  readonly status: number;
  /** For messages: what `fits` looks for. */
  readonly what: string;
  fits(text: string): boolean;
}

export const KEY_BYTES_MAX = 64;

const SET_FIELDS = new Set(["value", "ttl", "prevValue"]);
const STALE = new Set(["stale"]);

/** An answer of exactly these bytes. */
function exactly(status: number, text: string): ExpectedReply {
  return { status, what: text, fits: (found) => found === text };
}

function error(status: number, code: number, cause?: string): ExpectedReply {
  return {
    status,
    what: `error ${code}${cause === undefined ? "" : ` with cause ${JSON.stringify(cause)}`}`,
    fits: (text) => {
      const found: { errorCode?: number; cause?: string } = JSON.parse(text);
      return found.errorCode === code && (cause === undefined || found.cause === cause);
    },
  };
}

const isReserved = (key: string) => key === "/_etcd" || key.startsWith("/_etcd/");

/** The answer of a port whose writes come back as JSON and whose store is empty. */
export function expectedReply({ method, target, body }: Request): ExpectedReply {
  const mark = target.indexOf("?");
  const path = referencePath(mark < 0 ? target : target.slice(0, mark));
  const query = mark < 0 ? "" : target.slice(mark + 1);
  if (path === undefined) return error(400, 402);
  if (path !== "/v1/keys" && !path.startsWith("/v1/keys/")) return error(404, 404);
  const key = path.slice("/v1/keys".length) || "/";
  const isLong = bytesOf(key).length > KEY_BYTES_MAX;
  switch (method) {
    case "OPTIONS":
      return exactly(204, "");
    case "GET":
    case "HEAD":
      return isLong ? error(414, 414) : expectedGet(key, query);
    case "DELETE":
      if (isLong) return error(414, 414);
      if (isReserved(key)) return error(400, 400, "Delete");
      return exactly(200, JSON.stringify({ type: "delete", key }));
    case "POST":
    case "PUT":
      return isLong ? error(414, 414) : expectedSet(key, body, query);
    default:
      return error(405, 405);
  }
}

function expectedGet(key: string, query: string): ExpectedReply {
  if (query !== "" && referenceFields("", query, STALE) === "bad") return error(400, 402);
  if (key === "/" || key === "/_etcd" || key === "/_etcd/machines") {
    return { status: 200, what: "a list", fits: (text) => Array.isArray(JSON.parse(text)) };
  }
  if (key === "/_etcd/machines/node1") return { status: 200, what: "", fits: () => true };
  return error(404, 100, key);
}

function expectedSet(key: string, body: string, query: string): ExpectedReply {
  if (isReserved(key)) return error(400, 400, "Set");
  const fields = referenceFields(body, query, SET_FIELDS);
  if (fields === "bad") return error(400, 402);
  const value = fields.get("value") ?? "";
  if (value === "") return error(400, 200, "Set");
  const ttl = fields.get("ttl") ?? "";
  const ttlSeconds = ttl === "" ? undefined : referenceTtl(ttl, START_MS);
  if (ttl !== "" && ttlSeconds === undefined) return error(400, 202, "Set");
  const prevValue = fields.get("prevValue") || undefined;
  return exactly(200, JSON.stringify({ type: "set", key, value, prevValue, ttlSeconds }));
}
