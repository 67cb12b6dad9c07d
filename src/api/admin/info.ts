/** What program this is, and whether it works. */
import type { Reply } from "../../http/exchange.ts";
import type { Route, RouteHandler } from "../../http/router.ts";
import type { Failure } from "../../node/ports.ts";
import type { Service } from "../../service/service.ts";
import { COMPATIBLE_CLUSTER_VERSION, COMPATIBLE_VERSION, VERSION } from "../../version.ts";

/** What programs get at `/`. */
export const BANNER: Reply = {
  status: 200,
  contentType: "text/plain; charset=utf-8",
  body: `etcd v${VERSION}`,
};

/** Clients of etcd judge by its numbers what they may ask for; the program's own are in a header. */
const VERSIONS: Reply = {
  status: 200,
  headers: { "x-etcd-deno-version": VERSION },
  body: JSON.stringify({
    etcdserver: COMPATIBLE_VERSION,
    etcdcluster: COMPATIBLE_CLUSTER_VERSION,
  }),
};

/** As etcd since 2.0 tells it: JSON that is called text. */
const TEXT = { contentType: "text/plain; charset=utf-8" } as const;
const HEALTHY: Reply = { status: 200, ...TEXT, body: '{"health":"true"}' };
const UNHEALTHY: Reply = { status: 503, ...TEXT, body: '{"health":"false"}' };

/** `/`, `/version` and `/health`, which gives a linearizable read `healthTimeoutMs`. */
export function infoRoutes(service: Service, healthTimeoutMs: number): Route[] {
  return [
    { path: "/", methods: { GET: () => BANNER } },
    { path: "/version", allow: "GET", methods: { GET: () => VERSIONS } },
    healthRoute(service, healthTimeoutMs),
  ];
}

/**
 * `/health` alone, as etcd has it: 503 under an alarm, unless `exclude` names it; with
 * `serializable=true` what this member knows by itself will do.
 */
export function healthRoute(service: Service, healthTimeoutMs: number): Route {
  const judge = (query: string): Reply | Promise<Reply> => {
    const parameters = new URLSearchParams(query);
    const alarm = alarmOf(service, parameters.getAll("exclude"));
    if (alarm !== undefined) return unhealthy({ reason: `ALARM ${alarm}` });
    return parameters.get("serializable") === "true"
      ? service.readStale(() => healthy(service.node.status().alarm), failed)
      : health(service, healthTimeoutMs);
  };
  const get: RouteHandler = async (_, __, query) => {
    const reply = await judge(query);
    if (reply.status === 200) service.requests.healthSuccesses++;
    else service.requests.healthFailures++;
    return reply;
  };
  return { path: "/health", allow: "GET", methods: { GET: get } };
}

/** etcd's names. */
const ALARMS = { noSpace: "NOSPACE", corrupt: "CORRUPT" } as const;

function alarmOf({ alarms }: Service, excluded: readonly string[]): string | undefined {
  return alarms.map(({ alarm }) => ALARMS[alarm]).find((name) => !excluded.includes(name));
}

function health({ node }: Service, timeoutMs: number): Promise<Reply> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(UNHEALTHY), timeoutMs);
    node.barrier((outcome) => {
      clearTimeout(timer);
      resolve(outcome.ok ? healthy(node.status().alarm) : failed(outcome));
    });
  });
}

function failed(failure: Failure): Reply {
  return failure.reason === "diverged" ? unhealthy({ alarm: failure.cause }) : UNHEALTHY;
}

/** It works, but its operator may have to know something. */
function healthy(alarm: string | undefined): Reply {
  if (alarm === undefined) return HEALTHY;
  return { status: 200, ...TEXT, body: JSON.stringify({ health: "true", alarm }) };
}

function unhealthy(why: { readonly alarm: string } | { readonly reason: string }): Reply {
  return { status: 503, ...TEXT, body: JSON.stringify({ health: "false", ...why }) };
}
