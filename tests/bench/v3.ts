/** Loads of gRPC against etcd's. */
import { frameOf } from "../../src/api/v3/framing.ts";
import type { Draft } from "../../src/api/v3/messages/table.ts";
import { type Method, type MethodKind, METHODS } from "../../src/api/v3/methods.ts";
import { KEY_NUMBER, type Plan, runGenerator, type WireRequest } from "./generator.ts";
import { KEYS, PREFIX } from "./keys.ts";
import { type Measured, p99s, rates, withoutErrors } from "./measured.ts";
import { comparing, type Comparison, pairs, type Part } from "./part.ts";
import type { Subject } from "./subject.ts";

/** As etcd's own benchmark is told: 100 connections, 1,000 clients, values of 256 bytes. */
const CONNECTIONS = 100;
const CLIENTS = 1_000;
const VALUE = new Uint8Array(256).fill(0x76);

const WATCHERS = 1_000;
const WATCH_STREAMS = 10;
const WATCHED_WRITES = 1_000;
const WRITERS = 10;
const LEASE = 7n;
const LEASE_TTL_S = 3_600;
/** Of a load that only makes the keys. */
const FILL_SECONDS = 1;

/** By name. */
export const V3_PARTS: readonly (readonly [name: string, part: Part])[] = [
  ["v3-put", comparing(comparePut, { members: [1, 3] })],
  ["v3-range", comparing(compareRange)],
  ["v3-txn", comparing(compareTxn)],
  ["v3-tls", comparing(compareTls, { isMutual: true })],
  ["v3-one", comparing(compareOneClient)],
  ["v3-watch", comparing(compareWatch)],
  ["v3-lease", comparing(compareKeepAlive)],
];

async function comparePut(...[a, b, label, settings, report]: Parameters<Comparison>) {
  const found = await pairs(settings, many(put, settings.seconds), a, b);
  const bar = b.followers.length === 0 ? ">= 2.2 x" : ">= 2 x";
  report({ ...rates(...found), what: `gRPC put, ${label}`, bar });
  report({ ...p99s(...found), what: `gRPC put p99, ${label}`, bar: "<= 0.6 x" });
}

async function compareRange(...[a, b, , settings, report]: Parameters<Comparison>) {
  for (const subject of [a, b]) await many(put, FILL_SECONDS)(subject);
  const read = (serializable: boolean) => (subject: Subject) =>
    call(subject, METHODS.kv.range, { key: KEY, serializable });
  const linearizable = await pairs(settings, many(read(false), settings.seconds), a, b);
  report({ ...rates(...linearizable), what: "gRPC range, linearizable", bar: ">= 4 x" });
  const serializable = await pairs(settings, many(read(true), settings.seconds), a, b);
  report({ ...rates(...serializable), what: "gRPC range, serializable", bar: ">= 5 x" });
}

/** A compare, a put and a range, as of a lock or a counter. */
async function compareTxn(...[a, b, , settings, report]: Parameters<Comparison>) {
  for (const subject of [a, b]) await many(put, FILL_SECONDS)(subject);
  const txn = (subject: Subject) =>
    call(subject, METHODS.kv.txn, {
      compare: [{
        result: "NOT_EQUAL",
        target: "VERSION",
        key: KEY,
        operand: { kind: "version", value: 0 },
      }],
      success: [
        { kind: "put", value: { key: KEY, value: VALUE } },
        { kind: "range", value: { key: KEY } },
      ],
    });
  const found = await pairs(settings, many(txn, settings.seconds), a, b);
  report({ ...rates(...found), what: "gRPC transactions", bar: ">= 3 x" });
}

async function compareTls(...[a, b, , settings, report]: Parameters<Comparison>) {
  const found = await pairs(settings, many(put, settings.seconds), a, b);
  report({ ...rates(...found), what: "gRPC put, mutual TLS", bar: ">= 2.5 x" });
}

async function compareOneClient(...[a, b, , settings, report]: Parameters<Comparison>) {
  const one = (subject: Subject) =>
    load(subject, {
      kind: "http2",
      connections: 1,
      request: put(subject),
      seconds: settings.seconds,
    });
  const found = await pairs(settings, one, a, b);
  report({ ...rates(...found), what: "gRPC put by one client", bar: ">= 1.2 x" });
}

async function compareWatch(...[a, b, , settings, report]: Parameters<Comparison>) {
  const watched = (subject: Subject) =>
    load(subject, {
      kind: "watch",
      connections: WATCH_STREAMS,
      request: call(subject, METHODS.kv.put, { key: PREFIX, value: VALUE }),
      watch: call(subject, METHODS.watch.watch, { kind: "create", value: { key: PREFIX } }),
      watchers: WATCHERS,
      writes: WATCHED_WRITES,
      streams: WRITERS,
      seconds: 0,
    });
  const found = await pairs(settings, watched, a, b);
  const what = `Events to ${WATCHERS} watchers`;
  report({ ...rates(...found), what, bar: ">= 1 x" });
}

async function compareKeepAlive(...[a, b, , settings, report]: Parameters<Comparison>) {
  const renew = (subject: Subject) =>
    load(subject, {
      kind: "stream",
      connections: CONNECTIONS,
      streams: CLIENTS / CONNECTIONS,
      request: call(subject, METHODS.lease.keepAlive, { id: LEASE }),
      setup: [call(subject, METHODS.lease.grant, { id: LEASE, ttl: LEASE_TTL_S })],
      seconds: settings.seconds,
    });
  const found = await pairs(settings, renew, a, b);
  report({ ...rates(...found), what: "Lease keep-alives", bar: ">= 2 x" });
}

const KEY = PREFIX + KEY_NUMBER;

function put(subject: Subject): WireRequest {
  return call(subject, METHODS.kv.put, { key: KEY, value: VALUE });
}

/** A load by all clients. */
function many(request: (subject: Subject) => WireRequest, seconds: number) {
  return (subject: Subject) =>
    load(subject, {
      kind: "http2",
      connections: CONNECTIONS,
      streams: CLIENTS / CONNECTIONS,
      request: request(subject),
      seconds,
    });
}

async function load(subject: Subject, plan: Omit<Plan, "keys">): Promise<Measured> {
  const { leader, tls, name } = subject;
  return withoutErrors(await runGenerator(leader.clientUrl, tls, { ...plan, keys: KEYS }), name);
}

/** A call, or the beginning of a stream. */
function call<Request extends object>(
  { leader, tls }: Subject,
  { path, request }: Method<MethodKind, Request, object>,
  message: Draft<Request>,
): WireRequest {
  const { size, writeTo } = frameOf(request, message);
  const body = new Uint8Array(size);
  writeTo(body, 0);
  return {
    fields: [
      [":method", "POST"],
      [":scheme", tls === undefined ? "http" : "https"],
      [":path", path],
      [":authority", new URL(leader.clientUrl).host],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ],
    body,
  };
}
