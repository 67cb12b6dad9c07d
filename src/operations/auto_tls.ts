/**
 * `--auto-tls` and `--peer-auto-tls`: a certificate of a port's own, made where there is
 * none, in the place where etcd keeps its. It encrypts, and proves nothing: nobody can
 * tell it from another's.
 */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { basename, dirname } from "node:path";
import type { Logger } from "../base/logger.ts";
import type { TlsFiles } from "../config.ts";
import { readPair, TlsError, validityOf } from "../http/tls_check.ts";
import { replaceFile } from "../storage/disk.ts";
import { openRealDisk } from "../storage/real_disk.ts";
import { issueCertificate, keyIdentifierOf, toPem } from "../x509/certificate.ts";
import { parseAlternativeName } from "../x509/names.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Clocks of clients may be behind. */
const BACKDATED_MS = 60 * 60 * 1000;

/** As etcd's `--self-signed-cert-validity`. */
const VALID_MS = 365 * DAY_MS;

/**
 * Makes the pair unless a port can open under the one that is there: nobody else mends or renews
 * it, and it proved nothing. Rejects with `DiskError`, `DiskFullError`.
 */
export async function makeOwnCertificate(
  port: "client" | "peer",
  files: TlsFiles,
  hosts: readonly string[],
  nowMs: number,
  logger: Logger,
): Promise<void> {
  const problem = problemOf(files, nowMs);
  if (problem === undefined) return;
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
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  // The certificate last, so that it never stands without its key.
  for (const [file, text] of [[files.keyFile, `${pem}`], [files.certFile, toPem(der)]] as const) {
    const disk = await openRealDisk(dirname(file));
    const name = basename(file);
    await replaceFile(disk, name, `${name}.tmp`, new TextEncoder().encode(text));
  }
  logger.warn(`Made a certificate for the ${port} port, which proves nothing to anybody`, {
    certificate: files.certFile,
    because: problem,
  });
}

/** Why a new pair is needed. A clock that is behind is no reason. */
function problemOf(files: TlsFiles, nowMs: number): string | undefined {
  try {
    const { leaf } = readPair(files);
    return validityOf(leaf, nowMs) === "expired" ? "The one before has ended" : undefined;
  } catch (error) {
    if (error instanceof TlsError) return error.message;
    throw error;
  }
}
