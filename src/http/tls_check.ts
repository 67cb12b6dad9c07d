/**
 * What has to be true of certificates before a port opens under them. The runtime
 * would find some of it only at the first handshake, and one thing never: under a
 * "CA" that is none (X.509 v1, or without `CA:TRUE`) it takes that public
 * certificate with anybody's key for a client's.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { connect } from "node:tls";
import type { TlsMaterial } from "./endpoint.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
}

/** A file that no port may be opened with; the message is one line. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

/** Reads and checks the files of a port, by the wall clock `nowMs`. Throws `TlsError`. */
export function loadTls(files: TlsFiles, nowMs: number): TlsMaterial {
  const { certFile, keyFile, caFile } = files;
  const cert = readText(certFile, "certificate");
  const key = readText(keyFile, "private key");
  const [leaf, ...chain] = parseCertificates(cert, certFile);
  for (const certificate of [leaf!, ...chain]) checkValidity(certificate, certFile, nowMs);
  if (!leaf!.checkPrivateKey(parseKey(key, keyFile))) {
    throw new TlsError(
      `Expected the private key of the certificate "${certFile}" (${subjectOf(leaf!)}), ` +
        `found another one in "${keyFile}": give the two files that were made together`,
    );
  }
  if (caFile === undefined) return { cert, key };
  const ca = readText(caFile, "CA certificate");
  for (const certificate of parseCertificates(ca, caFile)) {
    checkAuthority(certificate, caFile);
    checkValidity(certificate, caFile, nowMs);
  }
  return { cert, key, ca };
}

/**
 * Dials a port as a client without a certificate and asks for `/`. Resolves with
 * whether it was answered. Rejects with `TlsError` when in each of `attempts` the port
 * can't be reached or says nothing within `timeoutMs`, because then nothing is known.
 */
export async function dialWithoutCertificate(
  host: string,
  port: number,
  timeoutMs: number,
  attempts = 1,
): Promise<"refused" | "answered"> {
  for (let left = attempts - 1;; left--) {
    try {
      return await dialOnce(host, port, timeoutMs);
    } catch (error) {
      if (left <= 0) throw error;
    }
  }
}

function dialOnce(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<"refused" | "answered"> {
  return new Promise((resolve, reject) => {
    let secured = false;
    // Whom it talks to is known, so the server's name proves nothing here; and a name
    // that fails would look like a refusal.
    const socket = connect({ host, port, rejectUnauthorized: false });
    const fail = (cause: string) => {
      reject(new TlsError(`Cannot test the port "${host}:${port}": ${cause}`));
    };
    const timer = setTimeout(() => {
      fail(`expected an answer or a refusal within ${timeoutMs} ms, found neither`);
      socket.destroy();
    }, timeoutMs);
    socket.once("secureConnect", () => {
      // In TLS 1.3 a client learns only after its handshake that it is not welcome.
      secured = true;
      socket.write("GET / HTTP/1.1\r\nHost: self-test\r\n\r\n");
    });
    socket.once("data", () => {
      resolve("answered");
      socket.destroy();
    });
    socket.once("error", (error: Error) => {
      if (secured || error.message.includes("alert")) resolve("refused");
      else fail(error.message);
      socket.destroy();
    });
    socket.once("close", () => {
      clearTimeout(timer);
      if (secured) resolve("refused");
      else fail("the connection was closed");
    });
  });
}

/** Throws `TlsError` when it can't; `what` is what should be in it. */
export function readText(file: string, what: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw new TlsError(`Cannot read the ${what} "${file}": ${(error as Error).message}`);
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** At least one. Throws `TlsError`. */
export function parseCertificates(text: string, file: string): X509Certificate[] {
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    throw new TlsError(
      `Expected a PEM certificate ("-----BEGIN CERTIFICATE-----") in "${file}", found none`,
    );
  }
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new TlsError(
        `Expected a readable certificate as number ${i + 1} in "${file}", ` +
          `found a damaged one: ${(error as Error).message}`,
      );
    }
  });
}

/** Throws `TlsError`. */
export function parseKey(text: string, file: string): KeyObject {
  if (text.includes("ENCRYPTED")) {
    throw new TlsError(
      `Expected a private key without a passphrase in "${file}", found an encrypted one: ` +
        "decrypt it with `openssl pkey`",
    );
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new TlsError(`Expected a PEM private key in "${file}", found none that can be read`);
  }
}

/** How the wall clock stands to a certificate. */
export function validityOf(
  { validFromDate, validToDate }: X509Certificate,
  nowMs: number,
): "valid" | "expired" | "notYetValid" {
  if (nowMs > validToDate.getTime()) return "expired";
  return nowMs < validFromDate.getTime() ? "notYetValid" : "valid";
}

function checkValidity(certificate: X509Certificate, file: string, nowMs: number): void {
  const { validFromDate: from, validToDate: to } = certificate;
  const valid = `valid from ${from.toISOString()} to ${to.toISOString()}`;
  const validity = validityOf(certificate, nowMs);
  if (validity === "expired") {
    throw new TlsError(
      `Expected a certificate that is valid now, found "${file}" (${subjectOf(certificate)}) ` +
        `expired, ${valid}: renew it`,
    );
  }
  if (validity === "notYetValid") {
    throw new TlsError(
      `Expected a certificate that is valid now, found "${file}" (${subjectOf(certificate)}) ` +
        `not yet valid, ${valid}: check this machine's clock`,
    );
  }
}

function checkAuthority(certificate: X509Certificate, file: string): void {
  if (certificate.ca) return;
  throw new TlsError(
    `Expected the certificate of a CA (X.509 v3, basicConstraints CA:TRUE), found "${file}" ` +
      `(${subjectOf(certificate)}), which is none: make one with "etcd certs init"`,
  );
}

/** Whether `issuer` made it, by name and by signature. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function subjectOf({ subject }: X509Certificate): string {
  return `"${subject.replaceAll("\n", ", ")}"`;
}
