/** What a certificate has to be for its part in a cluster, expected against found. */
import type { X509Certificate } from "node:crypto";
import { validityOf } from "../http/tls_check.ts";
import type { CertificateFields } from "../x509/fields.ts";
import type { AlternativeName } from "../x509/names.ts";
import { missingNames, namesIn } from "./certs_hosts.ts";
import { EXPIRY_WARN_DAYS } from "./doctor_host.ts";
import type { Comparison } from "./finding.ts";

const DAY_MS = 86_400_000;

/** A certificate that was read, and where from. */
export interface Found {
  readonly file: string;
  readonly certificate: X509Certificate;
  readonly fields: CertificateFields;
}

/** Version, usage and names of what a server or a client presents. */
export function compareEndEntity(found: Found, hosts: readonly AlternativeName[]): Comparison[] {
  const may = (usage: string) => found.fields.extendedUsages?.includes(usage) ?? true;
  return [
    compareVersion(found),
    compareUsage(found, may),
    compareNames(found, hosts, may("serverAuth")),
  ];
}

/** An older one can't say what it is for: the runtime refuses it. */
function compareVersion({ file, fields: { version } }: Found): Comparison {
  const isRight = version === 3;
  return {
    status: isRight ? "ok" : "fail",
    file,
    check: "version",
    expected: "X.509 v3",
    found: `X.509 v${version}`,
    advice: isRight ? "" : 'make one with "etcd certs init"',
  };
}

function compareUsage({ file, fields }: Found, may: (usage: string) => boolean): Comparison {
  const { keyUsages, extendedUsages } = fields;
  const base = { file, check: "usage", found: extendedUsages?.join(", ") ?? "any" };
  if (keyUsages?.includes("digitalSignature") === false) {
    return {
      ...base,
      status: "fail",
      expected: "digitalSignature",
      found: keyUsages.join(", "),
      advice: "make one that may sign: TLS 1.3 does nothing else with the key",
    };
  }
  if (may("serverAuth") && may("clientAuth")) {
    return { ...base, status: "ok", expected: "serverAuth, clientAuth", advice: "" };
  }
  if (may("clientAuth")) {
    return { ...base, status: "ok", expected: "clientAuth (a client)", advice: "" };
  }
  if (may("serverAuth")) {
    return {
      ...base,
      status: "warn",
      expected: "serverAuth, clientAuth",
      advice: "enough for the client port; members dial each other, so -serverCert takes both",
    };
  }
  return {
    ...base,
    status: "fail",
    expected: "serverAuth or clientAuth",
    advice: "no port and no client can use it, make another",
  };
}

function compareNames(
  { file, certificate }: Found,
  hosts: readonly AlternativeName[],
  isServer: boolean,
): Comparison {
  const names = namesIn(certificate);
  const base = { file, check: "names", found: names.join(", ") || "none" };
  if (!isServer) {
    const [subject] = certificate.subject.split("\n").slice(-1);
    return { ...base, status: "ok", expected: "any", found: subject ?? "none", advice: "" };
  }
  if (names.length === 0) {
    const advice = "subject alternative names are the only ones that clients look at";
    return { ...base, status: "fail", expected: "a host name or an address", advice };
  }
  const missing = missingNames(certificate, hosts).map(({ text }) => text);
  return {
    ...base,
    status: missing.length === 0 ? "ok" : "fail",
    expected: hosts.map(({ text }) => text).join(", ") || "a host name or an address",
    advice: missing.length === 0 ? "" : `make one that is for ${missing.join(", ")}, too`,
  };
}

/**
 * What may sign others. The runtime trusts whatever it is given as an authority,
 * so it has to be looked at here (see `http/tls_check.ts`).
 */
export function compareAuthority({ file, certificate, fields }: Found): Comparison {
  const { version, keyUsages } = fields;
  const maySign = keyUsages?.includes("keyCertSign") ?? true;
  const isRight = version === 3 && certificate.ca && maySign;
  return {
    status: isRight ? "ok" : "fail",
    file,
    check: "authority",
    expected: "X.509 v3, CA:TRUE, keyCertSign",
    found: [
      `X.509 v${version}`,
      certificate.ca ? "CA:TRUE" : version === 3 ? "CA:FALSE" : "no word of a CA",
      keyUsages === undefined ? "any usage" : keyUsages.join(" "),
    ].join(", "),
    advice: isRight
      ? ""
      : 'anybody could pose as a client of such an "authority", make one with "etcd certs init"',
  };
}

/** By the wall clock `nowMs`. */
export function compareValidity({ file, certificate }: Found, nowMs: number): Comparison {
  const expected = `valid on ${day(nowMs)}`;
  const { validFromDate, validToDate } = certificate;
  const days = Math.floor((validToDate.getTime() - nowMs) / DAY_MS);
  const base = { file, check: "validity", expected };
  switch (validityOf(certificate, nowMs)) {
    case "expired":
      return {
        ...base,
        status: "fail",
        found: `until ${day(validToDate.getTime())}, expired ${count(-days - 1)} ago`,
        advice: "renew it",
      };
    case "notYetValid":
      return {
        ...base,
        status: "fail",
        found: `from ${validFromDate.toISOString()}`,
        advice: "check this machine's clock",
      };
    case "valid":
      return {
        ...base,
        status: days < EXPIRY_WARN_DAYS ? "warn" : "ok",
        found: `until ${day(validToDate.getTime())}, ${count(days)} left`,
        advice: days < EXPIRY_WARN_DAYS ? "renew it; a running node takes the new one" : "",
      };
  }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function count(days: number): string {
  return days === 1 ? "1 day" : `${days} days`;
}
