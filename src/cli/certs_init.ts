/**
 * `etcd certs init`: makes what mutual TLS takes. Everything is looked at before
 * the first file is written, and no file is ever overwritten.
 */
import { messageOf } from "../base/errors.ts";
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { formatAddress } from "../config/address.ts";
import { printable, UsageError } from "../config/usage_error.ts";
import { isSignedBy, loadTls, parseCertificates, TlsError } from "../http/tls_check.ts";
import {
  type CertificatePlan,
  issueCertificate,
  type Issuer,
  keyIdentifierOf,
  toPem,
  UnsupportedKeyError,
} from "../x509/certificate.ts";
import { readFields } from "../x509/fields.ts";
import type { AlternativeName } from "../x509/names.ts";
import { hostsOf, missingNames, namesIn } from "./certs_hosts.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { exists } from "./data_files.ts";
import { shellWord } from "./shell_word.ts";
import { Report } from "./terminal.ts";

const DAY_MS = 86_400_000;
/** Machines whose clocks are slow take the certificates at once. */
const BACKDATED_MS = 3_600_000;
const ORGANIZATION = "etcd";
const AUTHORITY = "ca";
/** RFC 5280, appendix A: ub-common-name. */
const COMMON_NAME_LENGTH_MAX = 64;

/** The two files of a certificate and its key. */
interface Pair {
  /** `server`: what the files are called, and the common name. */
  readonly name: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A pair, and what it is to be if it has to be made. */
interface PairPlan extends Pair {
  readonly says: string;
  readonly purpose: Extract<CertificatePlan["purpose"], { kind: "endEntity" }>;
}

/** An authority that is there, or was made just now. */
interface Authority extends Issuer {
  readonly certificate: X509Certificate;
}

/** Runs it. */
export function runCertsInit(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  const hosts = hostsOf(settings);
  const nowMs = Date.now();
  const pairs = plansOf(invocation, hosts);
  const ca = pairOf(invocation, AUTHORITY);
  try {
    const old = stateOf(ca) === "there" ? openAuthority(ca, nowMs) : undefined;
    for (const pair of pairs) {
      if (stateOf(pair) === "there") checkKept(pair, ca, old, settings.isGiven("hosts"), nowMs);
    }
    makeDirectory(settings.text("out"));
    const authority = old ?? makeAuthority(ca, settings.text("caName"), {
      validFromMs: nowMs - BACKDATED_MS,
      validToMs: nowMs + settings.integer("caDays") * DAY_MS,
    });
    const said = new Report(terminal);
    said.write(report(ca, old === undefined, authority.certificate, "signs the others"));
    for (const pair of pairs) {
      const isNew = stateOf(pair) === "missing";
      if (isNew) issuePair(pair, authority, nowMs, settings.integer("days"));
      const [certificate] = parseCertificates(Deno.readTextFileSync(pair.certFile), pair.certFile);
      const names = namesIn(certificate!);
      const use = names.length === 0 ? pair.says : `${pair.says} at ${names.join(", ")}`;
      said.write(report(pair, isNew, certificate!, use));
    }
    said.write(instructions(ca, pairs[0], pairs[1], hosts));
    said.end();
    return Promise.resolve(EXIT.ok);
  } catch (error) {
    if (error instanceof TlsError || error instanceof UnsupportedKeyError) {
      throw new CommandError(error.message);
    }
    throw error;
  }
}

function plansOf(
  invocation: Invocation,
  hosts: readonly AlternativeName[],
): readonly [server: PairPlan, client: PairPlan] {
  const { settings } = invocation;
  const [server, client] = (["server", "client"] as const).map((flag) => {
    const name = settings.text(flag);
    const isFileName = /^\w[\w.-]*$/.test(name) && name.length <= COMMON_NAME_LENGTH_MAX;
    if (isFileName && name !== AUTHORITY) return pairOf(invocation, name);
    throw new UsageError(
      `-${flag} expects a file name of letters, digits, ".", "-" and "_" that is not "${AUTHORITY}", ` +
        `found "${printable(name)}"`,
    );
  });
  if (server!.name === client!.name) {
    throw new UsageError(`-server and -client expect two names, found "${server!.name}" twice`);
  }
  const caName = settings.text("caName");
  if (new TextEncoder().encode(caName).length > COMMON_NAME_LENGTH_MAX) {
    throw new UsageError(
      `-caName expects at most ${COMMON_NAME_LENGTH_MAX} bytes, found "${printable(caName)}"`,
    );
  }
  return [
    {
      ...server!,
      says: "members",
      purpose: { kind: "endEntity", usages: ["serverAuth", "clientAuth"], names: hosts },
    },
    {
      ...client!,
      says: "clients",
      purpose: { kind: "endEntity", usages: ["clientAuth"], names: [] },
    },
  ];
}

function pairOf({ settings }: Invocation, name: string): Pair {
  const directory = settings.text("out").replace(/(?<=.)\/+$/, "");
  const path = `${directory === "/" ? "" : directory}/${name}`;
  return { name, certFile: `${path}.crt`, keyFile: `${path}.key` };
}

function stateOf({ certFile, keyFile }: Pair): "there" | "missing" {
  const [hasCert, hasKey] = [exists(certFile), exists(keyFile)];
  if (hasCert && hasKey) return "there";
  if (!hasCert && !hasKey) return "missing";
  const [found, lost] = hasCert ? [certFile, keyFile] : [keyFile, certFile];
  throw new CommandError(
    `Expected both files of a pair or none, found "${found}" without "${lost}": ` +
      `put "${lost}" back, or move "${found}" away`,
  );
}

/** Checks that one can sign with it. */
function openAuthority({ certFile, keyFile }: Pair, nowMs: number): Authority {
  const { cert, key } = loadTls({ certFile, keyFile, caFile: certFile }, nowMs).material;
  const [certificate] = parseCertificates(cert, certFile);
  const { subject, keyIdentifier } = readFields(certificate!.raw);
  return {
    name: subject,
    keyIdentifier: keyIdentifier ?? keyIdentifierOf(certificate!.publicKey),
    privateKey: createPrivateKey(key),
    certificate: certificate!,
  };
}

/** A pair that is used again has to be what would have been made, or the flags printed are wrong. */
function checkKept(
  { certFile, keyFile, says, purpose }: PairPlan,
  ca: Pair,
  authority: Authority | undefined,
  areHostsGiven: boolean,
  nowMs: number,
): void {
  const { cert } = loadTls({ certFile, keyFile, caFile: undefined }, nowMs).material;
  const [certificate] = parseCertificates(cert, certFile);
  const signer = authority?.certificate;
  if (signer === undefined || !isSignedBy(certificate!, signer)) {
    throw new CommandError(
      `Expected "${ca.certFile}" to be the authority of "${certFile}", found ` +
        `${signer === undefined ? "no such file" : "another"}: choose another -out, ` +
        `or give the pair another name`,
    );
  }
  const { extendedUsages } = readFields(certificate!.raw);
  const lacking = purpose.usages.filter((usage) => extendedUsages?.includes(usage) === false);
  if (lacking.length > 0) {
    throw new CommandError(
      `Expected "${certFile}" to be for ${says}, found it there already, without ` +
        `${lacking.join(" and ")}: give the pair another name`,
    );
  }
  const missing = areHostsGiven ? missingNames(certificate!, purpose.names) : [];
  if (missing.length === 0) return;
  throw new CommandError(
    `Expected "${certFile}" to be for ${missing.map(({ text }) => `"${text}"`).join(", ")}, ` +
      `found it there already, for ${namesIn(certificate!).join(", ") || "no names"}: ` +
      `make another pair with -server NAME, or move this one away`,
  );
}

function makeDirectory(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new CommandError(`Cannot make the directory "${path}": ${messageOf(error)}`);
  }
}

function makeAuthority(
  ca: Pair,
  commonName: string,
  validity: Pick<CertificatePlan, "validFromMs" | "validToMs">,
): Authority {
  const { publicKey, privateKey } = newKeyPair();
  const purpose = { kind: "authority" } as const;
  const plan = { organization: ORGANIZATION, commonName, publicKey, ...validity, purpose };
  const issuer = { name: undefined, keyIdentifier: keyIdentifierOf(publicKey), privateKey };
  const der = issueCertificate(plan, issuer);
  writePair(ca, der, privateKey);
  return { ...issuer, name: readFields(der).subject, certificate: new X509Certificate(der) };
}

function issuePair(plan: PairPlan, authority: Authority, nowMs: number, days: number): void {
  const { publicKey, privateKey } = newKeyPair();
  const der = issueCertificate({
    organization: ORGANIZATION,
    commonName: plan.name,
    publicKey,
    validFromMs: nowMs - BACKDATED_MS,
    // What outlives its authority fails with it, and nobody would be told before.
    validToMs: Math.min(nowMs + days * DAY_MS, authority.certificate.validToDate.getTime()),
    purpose: plan.purpose,
  }, authority);
  writePair(plan, der, privateKey);
}

function newKeyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

/** The certificate last, so that it never stands without its key. */
function writePair({ certFile, keyFile }: Pair, der: Uint8Array, privateKey: KeyObject): void {
  writeNew(keyFile, String(privateKey.export({ type: "pkcs8", format: "pem" })), 0o600);
  try {
    writeNew(certFile, toPem(der), 0o644);
  } catch (error) {
    Deno.removeSync(keyFile);
    throw error;
  }
}

function writeNew(path: string, text: string, mode: number): void {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode });
  } catch (error) {
    throw new CommandError(`Cannot write "${path}": ${messageOf(error)}`);
  }
}

function report(pair: Pair, isNew: boolean, { validToDate }: X509Certificate, use: string): string {
  const until = validToDate.toISOString().slice(0, 10);
  return `${isNew ? "made" : "kept"}  ${pair.certFile} and .key: ${use}, until ${until}\n`;
}

function instructions(
  ca: Pair,
  server: Pair,
  client: Pair,
  hosts: readonly AlternativeName[],
): string {
  const host = hosts.find(({ text }) => !text.startsWith("*."))?.text ?? "HOST";
  const at = (port: number, scheme = "", path = "") =>
    shellWord(`${scheme}${formatAddress({ host, port })}${path}`);
  const [caFile, cert, key] = [ca.certFile, server.certFile, server.keyFile].map(shellWord);
  const [clientCert, clientKey] = [client.certFile, client.keyFile].map(shellWord);
  return `
A member, to clients and members that have a certificate only:
  etcd -d data -c ${at(4001)} -s ${at(7001)} \\
    -clientCert ${cert} -clientKey ${key} -clientCAFile ${caFile} \\
    -serverCert ${cert} -serverKey ${key} -serverCAFile ${caFile}
Others likewise, with -C ${at(7001)} and their own -d, -c and -s.
A client:
  curl --cacert ${caFile} --cert ${clientCert} --key ${clientKey} \\
    ${at(4001, "https://", "/v1/keys/message")} -d value=secret
Keep ${
    shellWord(ca.keyFile)
  } away from the members: it is for making more pairs, by the same command
with another -server or -client.
`;
}
