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
  /** Why a client's certificate, in DER, is not taken although `ca` has signed it. */
  readonly clientProblem?: (certificate: Uint8Array) => string | undefined;
}
