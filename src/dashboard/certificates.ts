/** What is worth knowing of the certificates that a port uses. */
import { X509Certificate } from "node:crypto";
import { readPem } from "../http/pem.ts";
import type { CertificateView } from "./view.ts";

/** Describes every certificate of a PEM text that has been checked already. */
export function describeCertificates(
  pem: string,
  file: string,
  use: CertificateView["use"],
): CertificateView[] {
  return readPem(pem).map(({ text }) => {
    const certificate = new X509Certificate(text);
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
