/** What a port needs to speak TLS. */

/** PEM texts. With `ca` a client certificate signed by it is demanded. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** TLS 1.2 and 1.3, unless these say less. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** The revocation lists that `clientProblem` goes by. */
  readonly crl?: string;
  readonly clientProblem?: CertificateGate;
  /** False where the certificates of clients say nothing of who they are. */
  readonly namesUsers?: boolean;
}

/**
 * Why a certificate, in DER, is not taken although the authority has signed it; `issuers` are
 * those in between, and the authority.
 */
export type CertificateGate = (
  certificate: Uint8Array,
  issuers: readonly Uint8Array[],
) => string | undefined;
