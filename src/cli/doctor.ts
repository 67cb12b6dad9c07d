/** `etcd doctor`: looks at everything that a node needs, changes nothing, and says what to do. */
import { type Config, configOf, type ListenAddress } from "../config.ts";
import { EXIT, type Invocation } from "./command.ts";
import { diagnoseData } from "./doctor_data.ts";
import {
  diagnoseCertificates,
  diagnoseClock,
  diagnoseLimits,
  diagnosePort,
} from "./doctor_host.ts";
import { type Finding, findingsTable } from "./finding.ts";
import { ProgressLine } from "./progress.ts";

/** Runs it; fails when a check does. */
export async function runDoctor({ settings, terminal }: Invocation): Promise<number> {
  const nowMs = Date.now();
  const config = await configOf(settings);
  const progress = new ProgressLine(terminal, {
    label: "Verifying",
    total: undefined,
    unit: "bytes",
  });
  const data = await diagnoseData(config.dataDirectory, (read) => progress.update(read));
  progress.finish();
  const findings: readonly Finding[] = [
    ...data.findings,
    diagnoseClock(nowMs, data.stampedMs),
    diagnoseLimits(),
    ...diagnoseEntry(config, data.hasData),
    ...await diagnosePorts(config, data.isRunning, nowMs),
  ];
  if (settings.text("o") === "json") terminal.write(`${JSON.stringify(findings)}\n`);
  else terminal.write(findingsTable(findings));
  return findings.some(({ status }) => status === "fail") ? EXIT.failed : EXIT.ok;
}

/** Only a node without data goes by what says how it comes into its cluster. */
function diagnoseEntry({ entryProblem }: Config, hasData: boolean): Finding[] {
  if (entryProblem === undefined || hasData) return [];
  return [{ status: "fail", check: "cluster", found: entryProblem, advice: "" }];
}

async function diagnosePorts(
  config: Config,
  isRunning: boolean | undefined,
  nowMs: number,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const look = async (name: string, addresses: readonly ListenAddress[]) => {
    for (const { host, port, path } of addresses) {
      // A socket is in a directory: nothing else can have its place.
      if (path !== undefined) continue;
      findings.push(await diagnosePort({ name, address: { host, port }, host }, isRunning));
    }
  };
  for (const name of ["client", "peer"] as const) {
    const { listeners, tls, advertised } = config[name];
    await look(name, listeners);
    // What the node makes by itself need not be there yet.
    if (tls === undefined || tls.isOwn) continue;
    findings.push(diagnoseCertificates({ ...tls, name, host: advertised.host }, nowMs));
  }
  const { grpc, metrics } = config;
  // One that nobody asked for may be taken: the node does without it.
  if (grpc?.isGiven) await look("gRPC", [{ ...grpc.address, secure: false }]);
  await look("metrics", metrics);
  return findings;
}
