/**
 * `etcd certs check`: looks at certificates, keys and authorities together, and
 * says of each what a cluster needs of it and what it is. Changes nothing.
 */
import type { KeyObject } from "node:crypto";
import {
  isSignedBy,
  parseCertificates,
  parseKeys,
  readText,
  TlsError,
  validityOf,
} from "../http/tls_check.ts";
import { DerError } from "../x509/der.ts";
import { readFields } from "../x509/fields.ts";
import type { AlternativeName } from "../x509/names.ts";
import { hostsOf } from "./certs_hosts.ts";
import { compareAuthority, compareEndEntity, compareValidity, type Found } from "./certs_rules.ts";
import { EXIT, type Invocation } from "./command.ts";
import { type Comparison, comparisonTable } from "./finding.ts";

/** What the files hold. */
interface Holdings {
  /** First of their files: what is presented in a handshake. */
  readonly endEntities: Found[];
  /** Behind an end entity in its file. */
  readonly intermediates: Found[];
  readonly authorities: Found[];
  readonly keys: { readonly file: string; readonly key: KeyObject }[];
}

/** Runs it; fails when a check does. */
export function runCertsCheck({ settings, operands, terminal }: Invocation): Promise<number> {
  const hosts = settings.isGiven("hosts") ? hostsOf(settings) : [];
  const { comparisons, unchecked } = checkFiles(operands, hosts, Date.now());
  if (settings.text("o") === "json") terminal.write(`${JSON.stringify(comparisons)}\n`);
  else {
    terminal.write(comparisonTable(comparisons));
    if (unchecked.length > 0) terminal.write(`Not checked: ${unchecked.join("; ")}\n`);
  }
  const isBad = comparisons.some(({ status }) => status === "fail");
  return Promise.resolve(isBad ? EXIT.failed : EXIT.ok);
}

/** The table's rows, and what could not be compared for want of files. */
export function checkFiles(
  files: readonly string[],
  hosts: readonly AlternativeName[],
  nowMs: number,
): { readonly comparisons: Comparison[]; readonly unchecked: string[] } {
  const holdings: Holdings = { endEntities: [], intermediates: [], authorities: [], keys: [] };
  const unreadable = files.flatMap((file) => readInto(holdings, file));
  const comparisons = [
    ...unreadable,
    ...holdings.endEntities.flatMap((found) => [
      ...compareEndEntity(found, hosts),
      compareValidity(found, nowMs),
      ...compareSigner(found, holdings),
    ]),
    ...[
      ...holdings.intermediates.map((found) => ({ ...found, file: `${found.file} (chain)` })),
      ...holdings.authorities,
    ].flatMap((found) => [compareAuthority(found), compareDates(found, holdings, nowMs)]),
    ...holdings.keys.flatMap(({ file, key }) => compareKey(file, key, holdings)),
  ];
  return { comparisons, unchecked: uncheckedOf(holdings, hosts) };
}

function readInto(holdings: Holdings, file: string): Comparison[] {
  try {
    const text = readText(file, "certificate or key");
    const hasKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
    if (hasKey) holdings.keys.push(...parseKeys(text, file).map(({ key }) => ({ file, key })));
    if (hasKey && !/-----BEGIN (X509 )?CERTIFICATE-----/.test(text)) return [];
    const found = parseCertificates(text, file).map((certificate) => {
      return { file, certificate, fields: readFields(certificate.raw) };
    });
    if (isMeantAsAuthority(found[0]!)) holdings.authorities.push(...found);
    else {
      holdings.endEntities.push(found[0]!);
      holdings.intermediates.push(...found.slice(1));
    }
    return [];
  } catch (error) {
    if (!(error instanceof TlsError) && !(error instanceof DerError)) throw error;
    return [{
      status: "fail",
      file,
      check: "content",
      expected: "a certificate or a key, in PEM",
      found: "none that can be read",
      advice: error.message,
    }];
  }
}

/** An authority that has run out does no harm beside a valid one in its file: the node leaves it out. */
function compareDates(found: Found, { authorities }: Holdings, nowMs: number): Comparison {
  const comparison = compareValidity(found, nowMs);
  const hasSuccessor = authorities.some(({ file, certificate }) =>
    file === found.file && validityOf(certificate, nowMs) === "valid"
  );
  return comparison.status === "fail" && hasSuccessor
    ? { ...comparison, status: "warn" }
    : comparison;
}

/** Also of what fails to be one: nothing else signs itself and is for nobody. */
function isMeantAsAuthority({ certificate }: Found): boolean {
  return certificate.ca ||
    (certificate.checkIssued(certificate) && certificate.subjectAltName === undefined);
}

/** Whether an authority that was given vouches for it, directly or by the chain of its file. */
function compareSigner(
  { file, certificate }: Found,
  { authorities, intermediates }: Holdings,
): Comparison[] {
  if (authorities.length === 0) return [];
  const chain = intermediates.filter((one) => one.file === file);
  let last = certificate;
  for (let i = 0; i < chain.length; i++) {
    last = chain.find((one) => isSignedBy(last, one.certificate))?.certificate ?? last;
  }
  const signer = authorities.find((one) => isSignedBy(last, one.certificate));
  const issuer = oneLine(last.issuer);
  const given = [...new Set(authorities.map((one) => `"${one.file}"`))].join(" or ");
  const isNamesake = authorities.some((one) => last.checkIssued(one.certificate));
  return [{
    status: signer === undefined ? "fail" : "ok",
    file,
    check: "signed by",
    expected: given,
    found: signer !== undefined
      ? `"${signer.file}" (${issuer})`
      : isNamesake
      ? `one with the same name and another key (${issuer})`
      : issuer,
    advice: signer === undefined ? "use a certificate of this authority, or give its own" : "",
  }];
}

/** Which certificate a key is for, and who may read it. */
function compareKey(
  file: string,
  key: KeyObject,
  { endEntities, authorities }: Holdings,
): Comparison[] {
  const candidates = [...endEntities, ...authorities];
  const owner = candidates.find(({ certificate }) => certificate.checkPrivateKey(key));
  const fits: Comparison = {
    status: owner === undefined ? "fail" : "ok",
    file,
    check: "key",
    expected: candidates.length === 1
      ? `fits "${candidates[0]!.file}"`
      : "fits one of the certificates",
    found: owner === undefined ? "fits none" : `fits "${owner.file}"`,
    advice: owner === undefined ? "use the two files that were made together" : "",
  };
  const mode = Deno.statSync(file).mode;
  const isOpen = mode !== null && (mode & 0o077) !== 0;
  return [
    ...(candidates.length === 0 ? [] : [fits]),
    {
      status: isOpen ? "warn" : "ok",
      file,
      check: "access",
      expected: "its owner only",
      found: mode === null ? "not known on this system" : `mode ${(mode & 0o777).toString(8)}`,
      advice: isOpen ? `chmod 600 "${file}"` : "",
    },
  ];
}

function uncheckedOf(
  { endEntities, authorities, keys }: Holdings,
  hosts: readonly AlternativeName[],
): string[] {
  if (endEntities.length === 0) return [];
  const keyless = endEntities.filter(({ certificate }) =>
    !keys.some(({ key }) => certificate.checkPrivateKey(key))
  );
  const names = keyless.map(({ file }) => `"${file}"`).join(", ");
  return [
    ...(authorities.length === 0 ? ["who signed it, give the authority's file, too"] : []),
    ...(keyless.length === 0 ? [] : [`whether the key fits, give that of ${names}, too`]),
    ...(hosts.length === 0 ? ["whether the names are your members', give -hosts"] : []),
  ];
}

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
