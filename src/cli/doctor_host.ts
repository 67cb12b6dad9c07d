/** What `etcd doctor` finds out about the machine around a node: ports, limits, clock, certificates. */
import { messageOf } from "../base/errors.ts";
import { X509Certificate } from "node:crypto";
import { openAtOnce } from "../base/descriptors.ts";
import type { Address } from "../config/address.ts";
import { LIMITS } from "../config/limits.ts";
import { loadTls } from "../http/tls_check.ts";
import { dialableHosts } from "../http/tls_proof.ts";
import { readFields, serverUseProblem } from "../x509/fields.ts";
import { hostsIn, isForHost } from "../x509/names.ts";
import type { Finding } from "./finding.ts";

const DAY_MS = 86_400_000;
/** Time enough to renew a certificate in working hours. */
export const EXPIRY_WARN_DAYS = 30;
/** Descriptors for the watches and streams that the limits allow, with files and others beside. */
const DESCRIPTORS_GOOD = LIMITS.api.watchesMax + 2_000;
const DESCRIPTORS_BAD = 256;
/** Clocks of machines that are kept by NTP differ by less. */
const CLOCK_SKEW_MS = 5_000;
/** Before it was written, no clock can be right. */
const CLOCK_EARLIEST_MS = Date.UTC(2025, 0, 1);

export interface PortToCheck {
  /** `client`, `peer` or `metrics`. */
  readonly name: string;
  readonly address: Address;
  /** Where it would listen. */
  readonly host: string;
}

/** Whether a node could listen there, or whether one does; `isRunning` is undefined when that is not known. */
export async function diagnosePort(
  port: PortToCheck,
  isRunning: boolean | undefined,
): Promise<Finding> {
  const check = `${port.name} port`;
  const where = `${port.host}:${port.address.port}`;
  const options = { hostname: port.host, port: port.address.port };
  if (isRunning) {
    const problems: string[] = [];
    for (const hostname of dialableHosts(port.host)) {
      try {
        (await Deno.connect({ ...options, hostname })).close();
        return { status: "ok", check, found: `${where} answers`, advice: "" };
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    const found = `${where} does not answer: ${problems.join("; ")}`;
    const advice = "a node runs in the directory, but not there: give the flags that it runs with";
    return { status: "fail", check, found, advice };
  }
  try {
    Deno.listen(options).close();
    return { status: "ok", check, found: `${where} is free`, advice: "" };
  } catch (error) {
    const found = `${where}: ${messageOf(error)}`;
    const advice = isRunning === undefined
      ? "it may be the node of this directory"
      : "stop what holds it, or choose another address of this machine";
    return { status: "fail", check, found, advice };
  }
}

/**
 * How many files and connections a process may have open (`ulimit -n`).
 */
export function diagnoseLimits(directory = "."): Finding {
  const check = "open files";
  const count = openAtOnce(directory, DESCRIPTORS_GOOD);
  if (count === undefined) {
    return { status: "ok", check, found: "not known on this system", advice: "" };
  }
  if (count >= DESCRIPTORS_GOOD) {
    return { status: "ok", check, found: `at least ${count} at once`, advice: "" };
  }
  return {
    status: count < DESCRIPTORS_BAD ? "fail" : "warn",
    check,
    found: `at most ${count} more at once`,
    advice:
      `a node with ${LIMITS.api.watchesMax} watches needs ${DESCRIPTORS_GOOD}: "ulimit -n 65536", or LimitNOFILE= in its unit`,
  };
}

/** The clock against what the data was stamped with. */
export function diagnoseClock(nowMs: number, stampedMs: number): Finding {
  const check = "clock";
  const now = new Date(nowMs).toISOString();
  const behindMs = stampedMs - nowMs;
  if (behindMs <= CLOCK_SKEW_MS && nowMs >= CLOCK_EARLIEST_MS) {
    return { status: "ok", check, found: now, advice: "" };
  }
  const found = behindMs > CLOCK_SKEW_MS
    ? `${now}, ${Math.round(behindMs / 1000)} s before the newest data`
    : `${now}, before this program was written`;
  return { status: "warn", check, found, advice: "set it by NTP: keys with a TTL live by it" };
}

export interface CertificatesToCheck {
  /** `client` or `peer`. */
  readonly name: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
  /** The host of the advertised address. */
  readonly host: string;
}

/** The pair, its validity, its names. */
export function diagnoseCertificates(files: CertificatesToCheck, nowMs: number): Finding {
  const check = `${files.name} TLS`;
  try {
    const { material, warnings } = loadTls(files, nowMs);
    const certificate = new X509Certificate(material.cert);
    const { host } = files;
    const fields = readFields(certificate.raw);
    const names = hostsIn(fields).join(", ") || "no names";
    if (!isForHost(fields, host)) {
      const found = `"${files.certFile}" is for ${names}, not for the advertised "${host}"`;
      return {
        status: "fail",
        check,
        found,
        advice: "make one for this host, or advertise another",
      };
    }
    const days = Math.floor((certificate.validToDate.getTime() - nowMs) / DAY_MS);
    const found = `"${files.certFile}" for ${names}, ${days} days left`;
    const problems = [serverUseProblem(fields, files.certFile) ?? [], warnings].flat();
    if (problems.length > 0) {
      return {
        status: "warn",
        check,
        found: problems.join("; "),
        advice: 'see "etcd certs check"',
      };
    }
    if (days >= EXPIRY_WARN_DAYS) return { status: "ok", check, found, advice: "" };
    return { status: "warn", check, found, advice: "renew it; a running node takes the new one" };
  } catch (error) {
    return { status: "fail", check, found: messageOf(error), advice: 'see "etcd certs check"' };
  }
}
