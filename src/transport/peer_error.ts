/**
 * Why a peer could not be reached, in words for an operator: the codes that
 * sockets, TLS and the HTTP parser fail with, translated in one place. Decides
 * nothing about retries.
 */
import { messageOf } from "../base/errors.ts";

export type PeerErrorKind =
  /** Nothing listens at the address. */
  | "refused"
  /** The address has no route, no name, or its connection broke. */
  | "unreachable"
  | "timeout"
  /** One side speaks TLS and the other plain HTTP. */
  | "tlsMismatch"
  /** A certificate, this member's or the peer's, was not accepted. */
  | "certificate"
  /** Something answers that is no peer of this version. */
  | "protocol"
  /** The answer is longer than allowed. */
  | "tooLarge"
  /** The caller gave up. */
  | "aborted";

/** A peer could not be reached or did not answer as one; the message is a whole sentence. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly kind: PeerErrorKind;

  constructor(kind: PeerErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What is known of the connection that failed. */
export interface FailedAttempt {
  readonly url: URL;
  /** The TLS handshake was complete on this side. */
  readonly secured: boolean;
}

/** What is said where the code does not tell which of the three it is, as Deno's mostly does not. */
const UNVERIFIED =
  "does not verify, expected one that is signed by -serverCAFile, valid now and for server use";

/** Codes for a certificate of the peer that does not verify, as an operator would say it. */
const CERTIFICATE_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "has expired"],
  ["CERT_NOT_YET_VALID", "is not valid yet, compare the clocks"],
  ["CERT_REVOKED", "was revoked"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", UNVERIFIED],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNVERIFIED],
  ["UNABLE_TO_GET_ISSUER_CERT", UNVERIFIED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNVERIFIED],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNVERIFIED],
  ["CERT_SIGNATURE_FAILURE", UNVERIFIED],
  ["INVALID_PURPOSE", UNVERIFIED],
]);

/** What etcd prints when a peer refuses the certificate, word for word: people and scripts look for it. */
export const REFUSED_IN_ETCDS_WORDS = "remote error: tls: bad certificate";

/** TLS record types that a server begins with: an alert or a handshake message (RFC 8446 §5.1). */
const TLS_FIRST_BYTES = [0x15, 0x16];

/** The same failure as a `PeerError`, with `error` as its cause; a `PeerError` is returned as it is. */
export function explain(error: unknown, attempt: FailedAttempt): PeerError {
  if (error instanceof PeerError) return error;
  const code = codeOf(error);
  const host = attempt.url.host;
  const failed = (kind: PeerErrorKind, message: string) =>
    new PeerError(kind, message, { cause: error });
  const certificateProblem = CERTIFICATE_PROBLEMS.get(code);
  if (certificateProblem !== undefined) {
    return failed("certificate", `The certificate of "${host}" ${certificateProblem}`);
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return failed(
      "certificate",
      `The certificate of "${host}" is for other hosts: ${messageOf(error)}`,
    );
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return failed(
      "tlsMismatch",
      `Peer "${host}" answers plain HTTP, expected TLS: start both with or without -serverCert`,
    );
  }
  if (code.startsWith("HPE_")) return explainParse(error, host);
  if (code.startsWith("ERR_SSL_") && code.includes("ALERT")) {
    return failed(
      "certificate",
      `${REFUSED_IN_ETCDS_WORDS}: peer "${host}" refused the TLS handshake, it may not accept ` +
        `this member's certificate: ${messageOf(error)}`,
    );
  }
  return explainNetwork(error, code, attempt);
}

function explainParse(error: unknown, host: string): PeerError {
  const first = firstByteOf(error);
  if (first !== undefined && TLS_FIRST_BYTES.includes(first)) {
    return new PeerError(
      "tlsMismatch",
      `Peer "${host}" answers TLS, expected plain HTTP: start both with or without -serverCert`,
      { cause: error },
    );
  }
  const message = `Expected an HTTP answer from "${host}", found something else`;
  return new PeerError("protocol", message, { cause: error });
}

function explainNetwork(error: unknown, code: string, attempt: FailedAttempt): PeerError {
  const { url, secured } = attempt;
  const cause = { cause: error };
  switch (code) {
    case "ECONNREFUSED":
      return new PeerError("refused", `Nothing listens at "${url.host}"`, cause);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new PeerError("unreachable", `Host "${url.hostname}" has no known address`, cause);
    case "ETIMEDOUT":
      return new PeerError("timeout", `No answer from "${url.host}"`, cause);
    case "ECONNRESET":
    case "EPIPE":
      // A refused client certificate shows as a bare reset: TLS 1.3 judges it
      // after the client's own handshake is complete.
      return secured
        ? new PeerError(
          "certificate",
          `${REFUSED_IN_ETCDS_WORDS}: peer "${url.host}" closed the connection after the TLS ` +
            "handshake, it may not accept this member's certificate (signed by its " +
            "-serverCAFile, valid now, for client use, of the name that it asks for)",
          cause,
        )
        : new PeerError(
          "unreachable",
          `Peer "${url.host}" closed the connection without an answer`,
          cause,
        );
    default:
      return new PeerError(
        "unreachable",
        `Cannot reach "${url.host}": ${messageOf(error)}`,
        cause,
      );
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

/** The first byte of what the HTTP parser could not read. */
function firstByteOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("rawPacket" in error)) return undefined;
  return error.rawPacket instanceof Uint8Array ? error.rawPacket[0] : undefined;
}
