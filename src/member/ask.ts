/** Questions about joining, put to the peer port of another member. */
import { JOIN_PATH } from "../api/peer/join.ts";
import { LIMITS } from "../config.ts";
import { requestPeer } from "../transport/peer_http.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { RefusalError } from "./bootstrap.ts";

/** A question about joining, to the member at `address`; resolves with the body of its 200. Rejects with `RefusalError` when it is another one. */
export async function ask(
  address: string,
  tls: PeerTls | undefined,
  method: "GET" | "POST",
  body: string,
  timeoutMs: number,
): Promise<string> {
  const scheme = tls === undefined ? "http" : "https";
  const reply = await requestPeer(`${scheme}://${address}`, {
    method,
    path: JOIN_PATH,
    body,
    tls,
    timeoutMs,
    responseBytesMax: LIMITS.bodyBytesMax,
  });
  if (reply.status === 200) return reply.body;
  if (reply.status === 404) {
    throw new RefusalError(
      `has no "${JOIN_PATH}": it runs version 1.0 or is no member, run the same version on all`,
    );
  }
  throw new RefusalError(causeOf(reply.body) ?? `answered ${reply.status}`);
}

function causeOf(body: string): string | undefined {
  try {
    const { cause } = Object(JSON.parse(body)) as Record<string, unknown>;
    return typeof cause === "string" ? cause : undefined;
  } catch {
    return undefined;
  }
}
