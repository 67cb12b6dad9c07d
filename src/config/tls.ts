/** What the certificates of a port are to be, by either family of flags. */
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

/** Undefined for a plain port. Throws `UsageError`. */
export function tlsFiles(settings: Settings, prefix: "client" | "server"): TlsFiles | undefined {
  const certFile = existingFile(settings, `${prefix}Cert`);
  const keyFile = existingFile(settings, `${prefix}Key`);
  const caFile = existingFile(settings, `${prefix}CAFile`);
  if (certFile !== undefined && keyFile !== undefined) {
    const proof = prefix === "server" ? "peer-client-cert-auth" : "client-cert-auth";
    if (settings.boolean(proof) && caFile === undefined) {
      throw new UsageError(
        `${settings.label(proof)} needs "--${
          prefix === "server" ? "peer-" : ""
        }trusted-ca-file" beside it: the authority that signs those certificates`,
      );
    }
    // Whoever reaches the peer port can write the log, so TLS without proof is no choice there.
    if (prefix === "server" && caFile === undefined) {
      throw new UsageError(
        `${settings.label("serverCert")} needs "${
          settings.familyOf("serverCert") === "etcd" ? "--peer-trusted-ca-file" : "-serverCAFile"
        }" beside it: peers prove themselves`,
      );
    }
    checkSuites(settings);
    return Object.freeze({ certFile, keyFile, caFile, ...versions(settings) });
  }
  if (certFile === undefined && keyFile === undefined && caFile === undefined) return undefined;
  const given: FlagName = certFile !== undefined
    ? `${prefix}Cert`
    : keyFile !== undefined
    ? `${prefix}Key`
    : `${prefix}CAFile`;
  const isKey = certFile !== undefined;
  const missing = settings.familyOf(given) === "etcd"
    ? `--${prefix === "server" ? "peer-" : ""}${isKey ? "key" : "cert"}-file`
    : `-${prefix}${isKey ? "Key" : "Cert"}`;
  throw new UsageError(`${settings.label(given)} needs "${missing}" beside it`);
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
  const named = settings.text("cipher-suites").split(/[\s,]+/);
  const missing = SUITES.find((suite) => !named.includes(suite));
  if (missing === undefined) return;
  throw new UsageError(
    `${settings.label("cipher-suites")} leaves out ${printable(missing)}, which the runtime ` +
      "always offers: name it, too, or speak TLS 1.3 alone (--tls-min-version=TLS1.3)",
  );
}
