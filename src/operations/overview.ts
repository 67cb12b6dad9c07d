/**
 * Joins what a node tells about itself: its report to the other members, the
 * samples of the last minutes, and the dashboard that shows both.
 */
import { BANNER } from "../api/admin/info.ts";
import { systemClock } from "../base/clock.ts";
import { HistogramWindow } from "../base/histogram.ts";
import { LIMITS } from "../config.ts";
import type { Config, PortConfig } from "../config.ts";
import { describeCertificates } from "../dashboard/certificates.ts";
import { makeDashboard } from "../dashboard/dashboard.ts";
import type { Dashboard } from "../dashboard/dashboard.ts";
import { REPORT_PATH, reportRoute, Reports } from "../dashboard/reports.ts";
import { Sampler } from "../dashboard/sampler.ts";
import type { CertificateView, MemberReport } from "../dashboard/view.ts";
import type { SitePolicy } from "../http/cross_site.ts";
import type { TlsMaterial } from "../http/tls_material.ts";
import type { Route } from "../http/router.ts";
import type { DiskTimes } from "../storage/timed_disk.ts";
import { requestPeer } from "../transport/peer_http.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { VERSION } from "../version.ts";
import type { RealMember } from "../member/real_member.ts";

export interface OverviewOptions {
  readonly config: Config;
  readonly member: RealMember;
  readonly disk: DiskTimes;
  /** The material in use now. */
  readonly clientTls: () => TlsMaterial | undefined;
  readonly peerTls: () => PeerTls | undefined;
}

export interface Overview {
  /** For the peer port. */
  readonly peerRoutes: readonly Route[];
  readonly policy: SitePolicy;
  /** Absent with `-dashboard=off`. */
  readonly dashboard: Dashboard | undefined;
  stop(): void;
}

/** Begins to sample; `stop` it. */
export function startOverview(options: OverviewOptions): Overview {
  const { config, member } = options;
  const report = () => makeReport(options);
  const { operations } = member.service;
  const syncs = new HistogramWindow(options.disk.logSyncs);
  const sampler = new Sampler({
    intervalMs: LIMITS.samples.intervalMs,
    samplesMax: LIMITS.samples.samplesMax,
    clock: systemClock,
    look: () => ({
      applied: member.node.status().appliedIndex,
      reads: operations.getsSuccess + operations.getsFail + operations.ranges,
      syncP99Ms: inMs(syncs.takeEstimate(0.99)),
      rssBytes: Deno.memoryUsage().rss,
    }),
  });
  const policy = sitePolicy(options);
  const mode = config.dashboard;
  if (mode !== "off") sampler.start();
  return {
    peerRoutes: [reportRoute(report)],
    policy,
    dashboard: mode === "off" ? undefined : joinDashboard(options, mode, report, sampler, policy),
    stop: () => sampler.stop(),
  };
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function joinDashboard(
  { config, member, peerTls }: OverviewOptions,
  mode: "on" | "readonly",
  report: () => MemberReport,
  sampler: Sampler,
  policy: SitePolicy,
): Dashboard {
  const { node, service } = member;
  const reports = new Reports({
    self: node.self,
    members: () => node.configuration().members,
    report,
    ask: (peerUrl) => askReport(peerUrl, peerTls()),
    clock: systemClock,
    freshMs: LIMITS.samples.reportFreshMs,
  });
  const { tls } = config.client;
  return makeDashboard({
    mode,
    report,
    reports,
    sampler,
    policy,
    service,
    banner: () => BANNER,
    name: config.name,
    clientTls: tls === undefined ? "none" : tls.caFile === undefined ? "server" : "mutual",
    keyBytesMax: LIMITS.api.keyBytesMax,
    ...LIMITS.polls,
  });
}

async function askReport(peerUrl: string, tls: PeerTls | undefined): Promise<string> {
  const { status, body } = await requestPeer(peerUrl, {
    method: "GET",
    path: REPORT_PATH,
    body: "",
    tls,
    timeoutMs: LIMITS.samples.reportTimeoutMs,
    responseBytesMax: LIMITS.http.bodyBytesMax,
  });
  if (status === 200) return body;
  throw new Error(`Expected a report from "${peerUrl}", found status ${status}`);
}

function makeReport({ config, member, clientTls, peerTls }: OverviewOptions): MemberReport {
  const { node, service, transport } = member;
  const { role, term, leader, commitIndex, appliedIndex, followers } = node.status();
  const { keys, directories, expiring, watchers } = service.stats();
  return {
    id: node.self,
    version: VERSION,
    uptimeSeconds: Math.round(systemClock.monotonicMs() / 1000),
    rssBytes: Deno.memoryUsage().rss,
    ...{ role, term, leader, commitIndex, appliedIndex },
    ...{ keys, directories, expiring, watchers },
    certificates: [
      ...certificatesOf(config.client, clientTls(), "client"),
      ...certificatesOf(config.peer, peerTls(), "peer"),
    ],
    peers: transport.stats().map(({ id, connected, roundTripMs = null }) => ({
      id,
      connected,
      roundTripMs,
    })),
    followers: followers.map(({ id, matchIndex, state, alive }) => ({
      id,
      matchIndex,
      state,
      alive,
    })),
  };
}

function certificatesOf(
  { tls }: PortConfig,
  material: TlsMaterial | undefined,
  side: "client" | "peer",
): CertificateView[] {
  if (tls === undefined || material === undefined) return [];
  const { certFile, caFile = "" } = tls;
  return [
    ...describeCertificates(material.cert, certFile, `${side} port`),
    ...describeCertificates(material.ca ?? "", caFile, `${side} authority`),
  ];
}

/** The names under which members are known are the cluster's own. */
function sitePolicy({ config, member }: OverviewOptions): SitePolicy {
  const hostOf = (url: string) => new URL(url).hostname.toLowerCase();
  return {
    tls: config.client.listeners.every(({ secure }) => secure),
    isOwnName: (name) =>
      name === hostOf(config.client.url) ||
      member.node.configuration().members.some(({ clientUrls, peerUrls }) =>
        [...clientUrls, ...peerUrls].some((url) => URL.canParse(url) && hostOf(url) === name)
      ),
  };
}
