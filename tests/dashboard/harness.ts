/** Starts the client port with a dashboard on a fake node. */
import { BANNER } from "../../src/api/admin/info.ts";
import { makeDashboard } from "../../src/dashboard/dashboard.ts";
import { Reports } from "../../src/dashboard/reports.ts";
import { Sampler } from "../../src/dashboard/sampler.ts";
import type { MemberReport } from "../../src/dashboard/view.ts";
import { type Kind, startNode, type StartOptions, type TestNode } from "../api/harness.ts";

export const OWN = { headers: { "x-etcd-dashboard": "1" } };

/** A member that is up, alone and idle; `facts` where it differs. */
export function report(facts: Partial<MemberReport> = {}): MemberReport {
  return {
    id: 1,
    version: "1.0.0",
    uptimeSeconds: 60,
    role: "follower",
    term: 2,
    leader: 1,
    commitIndex: 100,
    appliedIndex: 100,
    rssBytes: 50_000_000,
    keys: 3,
    directories: 1,
    expiring: 0,
    watchers: 0,
    certificates: [],
    peers: [],
    followers: [],
    ...facts,
  };
}

export interface DashboardNodeOptions {
  readonly kind?: Kind;
  readonly mode?: "on" | "readonly";
  readonly pollsMax?: number;
  readonly pollWaitMs?: number;
  readonly routes?: StartOptions["routes"];
}

export function startDashboard(options: DashboardNodeOptions = {}): Promise<TestNode> {
  const clock = { monotonicMs: () => 0, wallMs: () => 0 };
  const own = () => report({ role: "leader" });
  return startNode({
    kind: options.kind ?? "deno",
    ...(options.routes !== undefined && { routes: options.routes }),
    extend: (service, policy) =>
      makeDashboard({
        mode: options.mode ?? "on",
        service,
        policy,
        banner: () => BANNER,
        report: own,
        reports: new Reports({
          self: service.node.self,
          members: () => service.node.configuration().members,
          report: own,
          ask: (url) => Promise.reject(new Error(`Nobody is at "${url}"`)),
          clock,
          freshMs: 0,
        }),
        sampler: new Sampler({
          intervalMs: 2000,
          samplesMax: 10,
          clock,
          look: () => ({ applied: 0, reads: 0, syncP99Ms: undefined, rssBytes: 1 }),
        }),
        name: "node1",
        clientTls: policy.tls ? "server" : "none",
        keyBytesMax: 4096,
        pollsMax: options.pollsMax ?? 10,
        pollEventsMax: 5,
        pollWaitMs: options.pollWaitMs ?? 5000,
      }),
  });
}
