/** Judges the certificate of a member that calls. The listener has verified its signature and dates. */
import type { Socket } from "node:net";
import { checkServerIdentity, TLSSocket } from "node:tls";
import { bareHost } from "./peer_url.ts";

/**
 * Why the caller's certificate does not stand for the host of `url`, the URL it
 * announces: otherwise any certificate of the authority could pose as any
 * member. Undefined when it does.
 */
export function certificateProblem(socket: Socket, url: string): string | undefined {
  const certificate = socket instanceof TLSSocket && socket.authorized
    ? socket.getPeerCertificate()
    : undefined;
  if (certificate?.subject === undefined) {
    return "Expected a client certificate signed by -serverCAFile, found none";
  }
  const error = checkServerIdentity(bareHost(new URL(url)), certificate);
  return error === undefined
    ? undefined
    : `The certificate of the caller is not for the host of its URL "${url}": ${error.message}`;
}
