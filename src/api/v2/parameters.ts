/** The parameters of a request on keys, judged in the original's order. */
import type { Exchange } from "../../http/exchange.ts";
import type { ByteString } from "../../store/byte_string.ts";
import type { BadRequest, ErrorCode } from "./error.ts";
import { type Pairs, readPairs } from "./form.ts";

export interface Parameters {
  readonly value: ByteString;
  readonly isDirectory: boolean;
  readonly recursive: boolean;
  readonly sorted: boolean;
  readonly quorum: boolean;
  readonly wait: boolean;
  readonly stream: boolean;
  /** 0: the next event. */
  readonly waitIndex: number;
  readonly prevExist: boolean | undefined;
  readonly prevValue: ByteString | undefined;
  /** 0: not given. */
  readonly prevIndex: number;
  /** As the client wrote it, without zeros in front. */
  readonly prevIndexText: string;
  readonly ttlSeconds: number | undefined;
  readonly refresh: boolean;
  readonly noValueOnSuccess: boolean;
}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

const UINT64_MAX = 2n ** 64n - 1n;
const NUMBER_MAX = BigInt(Number.MAX_SAFE_INTEGER);

class Refusal {
  constructor(readonly bad: BadRequest) {}
}

/** The parameters, or the first thing that is wrong with them. */
export function readParameters(exchange: Exchange, query: string): Parameters | BadRequest {
  const pairs = readPairs(exchange, query);
  if ("code" in pairs) return pairs;
  try {
    return judge(pairs, exchange.method);
  } catch (error) {
    if (error instanceof Refusal) return error.bad;
    throw error;
  }
}

function judge(pairs: Pairs, method: string): Parameters {
  const prevIndex = uint(pairs, "prevIndex", 203);
  const waitIndex = uint(pairs, "waitIndex", 203);
  const recursive = bool(pairs, "recursive");
  const sorted = bool(pairs, "sorted");
  const wait = bool(pairs, "wait");
  const isDirectory = bool(pairs, "dir");
  const quorum = bool(pairs, "quorum");
  const stream = bool(pairs, "stream");
  if (wait && method !== "GET") refuse(209, '"wait" can only be used with GET requests');
  const prevValue = pairs.get("prevValue");
  if (prevValue === "") refuse(201, '"prevValue" cannot be empty');
  const noValueOnSuccess = bool(pairs, "noValueOnSuccess");
  const ttl = pairs.get("ttl") === "" ? undefined : uint(pairs, "ttl", 202);
  const prevExist = optionalBool(pairs, "prevExist");
  const refresh = optionalBool(pairs, "refresh") ?? false;
  const value = pairs.get("value") ?? "";
  if (refresh && value !== "") refuse(211, "A value was provided on a refresh");
  if (refresh && ttl === undefined) refuse(212, "No TTL value set");
  return {
    value,
    isDirectory,
    recursive,
    sorted,
    quorum,
    wait,
    stream,
    waitIndex: asNumber(waitIndex) ?? 0,
    prevExist,
    prevValue,
    prevIndex: asNumber(prevIndex) ?? 0,
    prevIndexText: prevIndex === undefined ? "0" : `${prevIndex}`,
    ttlSeconds: asNumber(ttl),
    refresh,
    noValueOnSuccess,
  };
}

/** Digits alone, below 2^64; undefined when it is not given. */
function uint(pairs: Pairs, name: string, code: ErrorCode): bigint | undefined {
  const text = pairs.get(name);
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,40}$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value > UINT64_MAX) refuse(code, `invalid value for "${name}"`);
  return value;
}

/** No index and no TTL is that large: the largest that is exact stands for all beyond it. */
function asNumber(value: bigint | undefined): number | undefined {
  if (value === undefined) return undefined;
  return value > NUMBER_MAX ? Number.MAX_SAFE_INTEGER : Number(value);
}

function bool(pairs: Pairs, name: string): boolean {
  const text = pairs.get(name);
  if (text === undefined || FALSE.has(text)) return false;
  if (!TRUE.has(text)) refuse(209, `invalid value for "${name}"`);
  return true;
}

function optionalBool(pairs: Pairs, name: string): boolean | undefined {
  const text = pairs.get(name);
  if (text === undefined) return undefined;
  if (!TRUE.has(text) && !FALSE.has(text)) refuse(209, `invalid value for ${name}`);
  return TRUE.has(text);
}

function refuse(code: ErrorCode, cause: string): never {
  throw new Refusal({ code, cause });
}
