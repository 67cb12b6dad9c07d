/** What the certificates of a port are to be, by either family of flags. */
import { join } from "node:path";
import type { Settings } from "./command_line.ts";
import { existingFile } from "./files.ts";
import type { FlagName } from "./flags.ts";
import type { TlsFiles, TlsVersion } from "./model.ts";
import { printable, UsageError } from "./usage_error.ts";

/** What the runtime offers for TLS 1.2, by the names of etcd's flag; those of 1.3 nobody can choose. */
const SUITES = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/** The flags of one port. */
interface TlsFlags {
  readonly cert: FlagName<"text">;
  readonly key: FlagName<"text">;
  readonly ca: FlagName<"text">;
  readonly proof: FlagName<"boolean">;
  /** Has the node make its own pair. */
  readonly auto: FlagName<"boolean">;
  readonly crl: FlagName<"text">;
  readonly commonName: FlagName<"text"> | undefined;
  readonly hostname: FlagName<"text">;
  /** Before etcd's names of the three files. */
  readonly prefix: "--" | "--peer-";
}

const CLIENT: TlsFlags = {
  cert: "clientCert",
  key: "clientKey",
  ca: "clientCAFile",
  proof: "client-cert-auth",
  auto: "auto-tls",
  crl: "client-crl-file",
  commonName: undefined,
  hostname: "client-cert-allowed-hostname",
  prefix: "--",
};

const PEER: TlsFlags = {
  cert: "serverCert",
  key: "serverKey",
  ca: "serverCAFile",
  proof: "peer-client-cert-auth",
  auto: "peer-auto-tls",
  crl: "peer-crl-file",
  commonName: "peer-cert-allowed-cn",
  hostname: "peer-cert-allowed-hostname",
  prefix: "--peer-",
};

/** Undefined for a plain port. Throws `UsageError`. */
export function tlsFiles(
  settings: Settings,
  side: "client" | "server",
  dataDirectory: string,
): TlsFiles | undefined {
  const flags = side === "client" ? CLIENT : PEER;
  const pair = certificatePair(settings, flags, dataDirectory);
  const caFile = existingFile(settings, flags.ca);
  const crlFile = existingFile(settings, flags.crl);
  const allowedNames = namesAllowed(settings, flags);
  if (pair === undefined) {
    refuseWithout(
      settings,
      [flags.ca, flags.proof, ...beside(flags)],
      caName("cert", settings, flags),
    );
    return undefined;
  }
  // Whoever reaches the peer port can write the log, so TLS without proof is no choice there.
  if (caFile === undefined) {
    const needing = [flags.proof, ...beside(flags), ...side === "server" ? [flags.cert] : []];
    refuseWithout(settings, needing, caName("ca", settings, flags));
  }
  if (flags === PEER) refuseSecondPair(settings);
  checkSuites(settings);
  // By etcd's flags an authority alone makes clients prove that they may call, and not who they are.
  const namesUsers = isOurs(settings, flags) || settings.boolean(flags.proof);
  return Object.freeze({
    ...pair,
    ...{ caFile, crlFile, allowedNames, namesUsers },
    ...versions(settings),
  });
}

/** What only certificates of clients are for. */
function beside({ crl, commonName, hostname }: TlsFlags): readonly FlagName[] {
  return [crl, ...commonName === undefined ? [] : [commonName], hostname];
}

/** etcd can dial its peers with another certificate than that of the port; nobody here has needed one. */
function refuseSecondPair(settings: Settings): void {
  const pairs = [
    ["peer-client-cert-file", PEER.cert, "cert"],
    ["peer-client-key-file", PEER.key, "key"],
  ] as const;
  for (const [second, first, file] of pairs) {
    if (!settings.isGiven(second) || settings.text(second) === settings.text(first)) continue;
    throw new UsageError(
      `${settings.label(second)} names another file than ${caName(file, settings, PEER)}: give ` +
        "the certificate of the port the use of a client, too, and leave this out",
    );
  }
}

function certificatePair(
  settings: Settings,
  flags: TlsFlags,
  dataDirectory: string,
): Pick<TlsFiles, "certFile" | "keyFile" | "isOwn"> | undefined {
  const certFile = existingFile(settings, flags.cert);
  const keyFile = existingFile(settings, flags.key);
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile, isOwn: false };
  if (certFile !== undefined) refuseWithout(settings, [flags.cert], caName("key", settings, flags));
  if (keyFile !== undefined) refuseWithout(settings, [flags.key], caName("cert", settings, flags));
  if (!settings.boolean(flags.auto)) return undefined;
  if (flags === PEER && settings.isGiven(flags.ca)) {
    throw new UsageError(
      `${settings.label(flags.auto)} and ${settings.label(flags.ca)} contradict each other: ` +
        "no authority signs what a node makes for itself",
    );
  }
  // Where etcd keeps them.
  const directory = join(dataDirectory, "fixtures", flags === PEER ? "peer" : "client");
  return {
    certFile: join(directory, "cert.pem"),
    keyFile: join(directory, "key.pem"),
    isOwn: true,
  };
}

/** Throws `UsageError` for the first of `given` that somebody gave without `missing`. */
function refuseWithout(settings: Settings, given: readonly FlagName[], missing: string): void {
  const flag = given.find((name) => settings.isGiven(name) && settings.shown(name) !== "false");
  if (flag === undefined) return;
  const why = missing.endsWith("CAFile") || missing.endsWith("ca-file")
    ? ": the authority that signs the certificates of those who call"
    : "";
  throw new UsageError(`${settings.label(flag)} needs "${missing}" beside it${why}`);
}

/** What a file is called by the family whose flags are in use. */
function caName(file: "cert" | "key" | "ca", settings: Settings, flags: TlsFlags): string {
  if (isOurs(settings, flags)) return `-${flags[file]}`;
  return `${flags.prefix}${file === "ca" ? "trusted-ca" : file}-file`;
}

/** Whether one of the three files was given by a flag of ours. */
function isOurs(settings: Settings, { cert, key, ca }: TlsFlags): boolean {
  return [cert, key, ca].some((name) => ["ours", "both"].includes(settings.familyOf(name) ?? ""));
}

function namesAllowed(
  settings: Settings,
  { commonName, hostname }: TlsFlags,
): TlsFiles["allowedNames"] {
  const isCommon = commonName !== undefined && settings.isGiven(commonName);
  const isHost = settings.isGiven(hostname);
  if (isCommon && isHost) {
    throw new UsageError(
      `${settings.label(commonName)} and ${settings.label(hostname)} contradict each other: ` +
        "give one of them",
    );
  }
  if (isCommon) return { kind: "commonName", names: namesOf(settings, commonName) };
  return isHost ? { kind: "hostname", names: namesOf(settings, hostname) } : undefined;
}

/** One, or since etcd 3.6 a list; at least one. */
function namesOf(settings: Settings, flag: FlagName<"text">): readonly string[] {
  const names = settings.text(flag).split(",").map((name) => name.trim());
  if (names.every((name) => name !== "")) return names;
  throw new UsageError(`${settings.label(flag)} expects names, found an empty one`);
}

function versions(settings: Settings): { minVersion: TlsVersion; maxVersion: TlsVersion } {
  const minVersion = settings.text("tls-min-version") === "TLS1.3" ? "TLSv1.3" : "TLSv1.2";
  const maxVersion = settings.text("tls-max-version") === "TLS1.2" ? "TLSv1.2" : "TLSv1.3";
  if (minVersion <= maxVersion) return { minVersion, maxVersion };
  throw new UsageError(
    `${settings.label("tls-min-version")} is newer than ${settings.label("tls-max-version")}`,
  );
}

/** The runtime offers its own list, so one that is shorter would be a promise that nobody keeps. */
function checkSuites(settings: Settings): void {
  if (!settings.isGiven("cipher-suites") || settings.text("tls-min-version") === "TLS1.3") return;
  const named = settings.text("cipher-suites").split(/[\s,]+/)
    // Go's older names, which etcd takes, too.
    .map((suite) => suite.endsWith("_POLY1305") ? `${suite}_SHA256` : suite);
  const missing = SUITES.find((suite) => !named.includes(suite));
  if (missing === undefined) return;
  throw new UsageError(
    `${settings.label("cipher-suites")} leaves out ${printable(missing)}, which the runtime ` +
      "always offers: name it, too, or speak TLS 1.3 alone (--tls-min-version=TLS1.3)",
  );
}
