/**
 * The dashboard's side of the client port: its page, and the JSON that the page
 * asks for. What it answers is for pages that this node served itself; what
 * changes something also needs a header that no other page can send without
 * being asked first (Fetch Standard, CORS preflight).
 */
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import { foreignReadProblem, foreignWriteProblem } from "../http/cross_site.ts";
import type { SitePolicy } from "../http/cross_site.ts";
import { fault, isFault } from "../http/fault.ts";
import { urlencodedFields } from "../http/form.ts";
import { cleanPath, longerThan } from "../http/path.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import type { Service } from "../service/service.ts";
import { VERSION } from "../version.ts";
import { describeCluster } from "./cluster_view.ts";
import { EventPolls } from "./events.ts";
import { DASHBOARD_API } from "./faults.ts";
import { readFlat } from "./flat.ts";
import { dashboardKeysRoute } from "./keys.ts";
import { pageRoutes } from "./page.ts";
import type { Reports } from "./reports.ts";
import type { Sampler } from "./sampler.ts";
import { sessionRoute } from "./session.ts";
import { usersRoutes } from "./users.ts";
import type { MemberReport, StatusView } from "./view.ts";

/** What the page sends with every request; its value is of no account. */
const OWN_HEADER = "x-etcd-dashboard";

export interface DashboardOptions {
  readonly mode: "on" | "readonly";
  readonly service: Service;
  /** What programs get at `/`, where browsers get the page. */
  readonly banner: () => Reply;
  readonly report: () => MemberReport;
  readonly reports: Reports;
  readonly sampler: Sampler;
  readonly name: string;
  readonly clientTls: StatusView["clientTls"];
  readonly policy: SitePolicy;
  readonly keyBytesMax: number;
  readonly pollsMax: number;
  readonly pollEventsMax: number;
  readonly pollWaitMs: number;
}

export interface Dashboard {
  readonly routes: readonly Route[];
  /** Answers all that waits; call it before the listener's `shutdown`. */
  stop(): void;
}

/** Joins the dashboard's routes. */
export function makeDashboard(options: DashboardOptions): Dashboard {
  const { service, sampler, policy, keyBytesMax } = options;
  const polls = new EventPolls({
    service,
    pollsMax: options.pollsMax,
    eventsMax: options.pollEventsMax,
    waitMs: options.pollWaitMs,
  });
  const read = (handler: RouteHandler): RouteHandler => guardedRead(handler, policy);
  const write = (handler: RouteHandler): RouteHandler => guardedWrite(handler, options);
  const get = (path: string, handler: RouteHandler): Route => ({
    path: `${DASHBOARD_API}${path}`,
    methods: { GET: read(handler) },
  });
  const keys = dashboardKeysRoute(service, keyBytesMax, write);
  const routes: Route[] = [
    { ...keys, methods: { ...keys.methods, GET: read(keys.methods.GET!) } },
    sessionRoute(service, policy.tls, read, (handler) => guardedChange(handler, policy)),
    ...usersRoutes(service, read, write),
    get("status", () => status(options)),
    get("samples", (_, __, query) => json(sampler.view(numberIn(query, "after") ?? 0))),
    get("events", (exchange, _, query) => events(polls, keyBytesMax, exchange, query)),
    get("flat", readFlat(service, keyBytesMax)),
    ...pageRoutes(options.banner),
  ];
  return { routes, stop: () => polls.stop() };
}

async function status(options: DashboardOptions): Promise<ReplyOrFault> {
  const { service: { node }, reports, report, name, mode, clientTls } = options;
  const heard = await reports.collect();
  const own = report();
  const { members } = node.configuration();
  const view: StatusView = {
    node: members.find(({ id }) => id === node.self)?.name ?? name,
    clusterId: node.clusterId,
    version: VERSION,
    mode,
    clientTls,
    nowMs: node.nowMs(),
    ...describeCluster({
      self: node.self,
      members,
      heard: new Map([...heard, [node.self, { report: own }]]),
    }),
    totals: {
      keys: own.keys,
      directories: own.directories,
      expiring: own.expiring,
      watchers: own.watchers,
      term: own.term,
      commitIndex: own.commitIndex,
      appliedIndex: own.appliedIndex,
    },
  };
  return json(view);
}

function events(
  polls: EventPolls,
  keyBytesMax: number,
  exchange: Exchange,
  query: string,
): ReplyOrFault | Promise<ReplyOrFault> {
  const fields = urlencodedFields("", query, new Set(["path"]));
  if ("cause" in fields) return fault(400, fields.cause);
  // Decoded once already: a percent sign that is left is the key's own.
  const path = cleanPath(`/${fields.get("path") ?? ""}`.replaceAll("%", "%25"));
  if (typeof path !== "string") return fault(400, path.cause);
  if (longerThan(path, keyBytesMax)) {
    return fault(414, `Expected a path of at most ${keyBytesMax} bytes, found a longer one`);
  }
  return polls.poll(exchange, path, numberIn(query, "since"));
}

function numberIn(query: string, name: string): number | undefined {
  const fields = urlencodedFields("", query, new Set([name]));
  const text = "cause" in fields ? "" : fields.get(name) ?? "";
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function guardedRead(handler: RouteHandler, policy: SitePolicy): RouteHandler {
  return (exchange, rest, query) => {
    const problem = foreignReadProblem(exchange, policy);
    if (problem !== undefined) return fault(403, problem);
    const reply = handler(exchange, rest, query);
    return reply instanceof Promise ? reply.then(unstored) : unstored(reply);
  };
}

/** Values are nobody's to keep, and no other page's to load. */
function unstored(reply: ReplyOrFault): ReplyOrFault {
  const headers = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    ...reply.headers,
  };
  return isFault(reply) ? { ...reply, headers } : { ...reply, headers };
}

/** What this node's own page alone may send. */
function guardedChange(handler: RouteHandler, policy: SitePolicy): RouteHandler {
  return (exchange, rest, query) => {
    if (exchange.header(OWN_HEADER) === undefined) {
      return fault(403, `Expected the header "${OWN_HEADER}"; programs use /v1/keys instead`);
    }
    const problem = foreignReadProblem(exchange, policy) ?? foreignWriteProblem(exchange, policy);
    return problem === undefined ? handler(exchange, rest, query) : fault(403, problem);
  };
}

function guardedWrite(handler: RouteHandler, { mode, policy }: DashboardOptions): RouteHandler {
  return guardedChange((exchange, rest, query) => {
    if (mode === "readonly") {
      return fault(403, "Expected no change: this dashboard runs with -dashboard=readonly");
    }
    return handler(exchange, rest, query);
  }, policy);
}

function json(view: unknown): Reply {
  return { status: 200, body: JSON.stringify(view) };
}
