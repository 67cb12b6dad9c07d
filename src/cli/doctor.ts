/** `etcd doctor`: looks at everything that a node needs, changes nothing, and says what to do. */
import { type Address, parseAddress } from "../config/address.ts";
import { UsageError } from "../config/usage_error.ts";
import { EXIT, type Invocation } from "./command.ts";
import { diagnoseData } from "./doctor_data.ts";
import {
  type CertificatesToCheck,
  diagnoseCertificates,
  diagnoseClock,
  diagnoseLimits,
  diagnosePort,
} from "./doctor_host.ts";
import { type Finding, findingsTable } from "./finding.ts";
import { ProgressLine } from "./progress.ts";

const PORTS = [
  { name: "client", address: "c", bind: "cl", flags: "client" },
  { name: "peer", address: "s", bind: "sl", flags: "server" },
] as const;

/** Runs it; fails when a check does. */
export async function runDoctor(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const nowMs = Date.now();
  const progress = new ProgressLine(terminal, {
    label: "Verifying",
    total: undefined,
    unit: "bytes",
  });
  const data = await diagnoseData(settings.text("d"), (read) => progress.update(read));
  progress.finish();
  const findings: Finding[] = [...data.findings];
  findings.push(diagnoseClock(nowMs, data.stampedMs), diagnoseLimits());
  for (const port of PORTS) {
    const files = certificatesOf(port, invocation);
    const address = addressOf(port.address, files !== undefined, invocation);
    const host = settings.text(port.bind) || address.host;
    findings.push(await diagnosePort({ name: port.name, address, host }, data.isRunning));
    if (files !== undefined) {
      findings.push(diagnoseCertificates({ ...files, host: address.host }, nowMs));
    }
  }
  if (settings.isGiven("metrics")) {
    const address = addressOf("metrics", false, invocation);
    findings.push(
      await diagnosePort({ name: "metrics", address, host: address.host }, data.isRunning),
    );
  }
  if (settings.text("o") === "json") terminal.write(`${JSON.stringify(findings)}\n`);
  else terminal.write(findingsTable(findings));
  return findings.some(({ status }) => status === "fail") ? EXIT.failed : EXIT.ok;
}

function addressOf(
  flag: "c" | "s" | "metrics",
  secure: boolean,
  { settings }: Invocation,
): Address {
  return parseAddress(settings.text(flag), settings.label(flag), secure);
}

function certificatesOf(
  { name, flags }: typeof PORTS[number],
  { settings }: Invocation,
): Omit<CertificatesToCheck, "host"> | undefined {
  const certFile = settings.text(`${flags}Cert`);
  const keyFile = settings.text(`${flags}Key`);
  const caFile = settings.text(`${flags}CAFile`);
  if (certFile === "" && keyFile === "" && caFile === "") return undefined;
  if (certFile === "" || keyFile === "") {
    throw new UsageError(
      `Expected -${flags}Cert and -${flags}Key together, found only one of them`,
    );
  }
  return { name, certFile, keyFile, caFile: caFile === "" ? undefined : caFile };
}
