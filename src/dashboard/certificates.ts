/** What is worth knowing of the certificates that a port uses. */
import { X509Certificate } from "node:crypto";
import type { CertificateView } from "./view.ts";

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Describes every certificate of a PEM text that has been checked already. */
export function describeCertificates(
  pem: string,
  file: string,
  use: CertificateView["use"],
): CertificateView[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).map((block) => {
    const certificate = new X509Certificate(block);
    return {
      use,
      file,
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      names: certificate.subjectAltName?.split(", ") ?? [],
      notBeforeMs: certificate.validFromDate.getTime(),
      notAfterMs: certificate.validToDate.getTime(),
    };
  });
}

function oneLine(name: string | undefined): string {
  return (name ?? "").replaceAll("\n", ", ");
}
