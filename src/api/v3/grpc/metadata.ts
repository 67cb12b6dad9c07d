/** What a gRPC call says in its head beside its method. */
import type { Fields } from "../../../http/h2/stream.ts";
import type { Caller } from "../call.ts";
import { parseTimeoutMs, StatusCode } from "../status.ts";
import { type Status, status } from "../statuses.ts";

export interface Metadata {
  /** As far as the head says it: without what follows from the connection. */
  readonly caller: Omit<Caller, "certificate" | "address">;
  /** How messages are compressed; undefined: not at all. */
  readonly encoding: string | undefined;
  /** Undefined: the client waits as long as it takes. */
  readonly timeoutMs: number | undefined;
  readonly requiresLeader: boolean;
  /** Why the call can't be served. */
  readonly problem: Status | undefined;
}

/** Heads with the same bytes share their fields, so most calls find theirs here. */
const known = new WeakMap<Fields, Metadata>();

/** What `fields` say; they are never changed. */
export function metadataOf(fields: Fields): Metadata {
  const found = known.get(fields);
  if (found !== undefined) return found;
  const metadata = read(fields);
  known.set(fields, metadata);
  return metadata;
}

function read(fields: Fields): Metadata {
  let token: string | undefined;
  let authorization: string | undefined;
  let encoding: string | undefined;
  let timeout: string | undefined;
  let requiresLeader = false;
  for (const [name, value] of fields) {
    if (name === "token") token ??= value;
    else if (name === "authorization") authorization ??= value;
    else if (name === "grpc-encoding") encoding = value;
    else if (name === "grpc-timeout") timeout = value;
    else if (name === "hasleader") requiresLeader ||= value === "true";
  }
  const timeoutMs = timeout === undefined ? undefined : parseTimeoutMs(timeout);
  return {
    caller: { token: token ?? authorization, door: "grpc" },
    encoding,
    timeoutMs,
    requiresLeader,
    problem: timeout !== undefined && timeoutMs === undefined ? badTimeout(timeout) : undefined,
  };
}

function badTimeout(text: string): Status {
  return status(
    StatusCode.internal,
    `malformed grpc-timeout: transport: timeout string is malformed: ${JSON.stringify(text)}`,
  );
}
