/**
 * `--auto-tls` and `--peer-auto-tls`: a certificate of a port's own, made where there is
 * none, in the place where etcd keeps its. It encrypts, and proves nothing: nobody can
 * tell it from another's.
 */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { dirname } from "node:path";
import type { Logger } from "../base/logger.ts";
import type { TlsFiles } from "../config.ts";
import { parseCertificates, readText, validityOf } from "../http/tls_check.ts";
import { issueCertificate, keyIdentifierOf, toPem } from "../x509/certificate.ts";
import { parseAlternativeName } from "../x509/names.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Clocks of clients may be behind. */
const BACKDATED_MS = 60 * 60 * 1000;

/** As etcd's `--self-signed-cert-validity`. */
const VALID_MS = 365 * DAY_MS;

/**
 * Makes the pair unless both files are there. One that has ended is replaced: a port does not open
 * under it, and nobody else renews it. Throws what the disk does, and `TlsError` for a damaged certificate.
 */
export function makeOwnCertificate(
  port: "client" | "peer",
  { certFile, keyFile }: TlsFiles,
  hosts: readonly string[],
  nowMs: number,
  logger: Logger,
): void {
  if (isThere(certFile) && isThere(keyFile) && !hasEnded(certFile, nowMs)) return;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const der = issueCertificate({
    organization: "etcd",
    commonName: "etcd",
    publicKey,
    validFromMs: nowMs - BACKDATED_MS,
    validToMs: nowMs + VALID_MS,
    purpose: {
      kind: "endEntity",
      usages: ["serverAuth", "clientAuth"],
      names: [...new Set(hosts)].flatMap((host) => parseAlternativeName(host) ?? []),
    },
  }, {
    name: undefined,
    keyIdentifier: keyIdentifierOf(publicKey),
    privateKey: createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })),
  });
  Deno.mkdirSync(dirname(certFile), { recursive: true, mode: 0o700 });
  // The certificate last, so that it never stands without its key.
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  Deno.writeTextFileSync(keyFile, `${key}`, { mode: 0o600 });
  Deno.writeTextFileSync(certFile, toPem(der), { mode: 0o644 });
  logger.warn(`Made a certificate for the ${port} port, which proves nothing to anybody`, {
    certificate: certFile,
  });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function hasEnded(certFile: string, nowMs: number): boolean {
  const [certificate] = parseCertificates(readText(certFile, "certificate"), certFile);
  return validityOf(certificate!, nowMs) === "expired";
}
