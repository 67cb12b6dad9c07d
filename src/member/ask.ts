/** Questions to the peer ports of other nodes: who is there, and may this one join. */
import { FOUNDING_PATH, type FoundingAsk, parseFoundingAnswer } from "../api/peer/founding.ts";
import { JOIN_PATH, parseResident, type Resident, residentPath } from "../api/peer/join.ts";
import { LIMITS } from "../config.ts";
import type { Answer } from "../founding/types.ts";
import type { MemberId } from "../raft/types.ts";
import { requestPeer } from "../transport/peer_http.ts";
import type { PeerReply, PeerTls } from "../transport/peer_http.ts";
import { RefusalError } from "./bootstrap.ts";

/**
 * Asks the node at `address` who it is, and how it finds member `from`. Rejects with
 * `PeerError` or a `SyntaxError` when nobody answers as a node does.
 */
export async function whoIsAt(
  address: string,
  tls: PeerTls | undefined,
  timeoutMs: number,
  from?: MemberId,
): Promise<Resident> {
  const path = from === undefined ? JOIN_PATH : residentPath(from);
  return parseResident((await request(address, tls, "GET", path, "", timeoutMs)).body);
}

/** Asks the member at `address` to let a newcomer in; resolves with the body of its 200. Rejects with `RefusalError` when it is another one. */
export async function askToJoin(
  address: string,
  tls: PeerTls | undefined,
  body: string,
): Promise<string> {
  const reply = await request(address, tls, "POST", JOIN_PATH, body, LIMITS.member.joinTimeoutMs);
  if (reply.status === 200) return reply.body;
  if (reply.status === 404) {
    throw new RefusalError(
      `has no "${JOIN_PATH}": name the peer address of a member, not one for its clients, and ` +
        "run the same version on all",
    );
  }
  const cause = causeOf(reply.body) ?? `answered ${reply.status}`;
  throw new RefusalError(cause, sessionOf(reply.body), reply.status < 500);
}

/**
 * Asks the node at the first of `addresses` that answers its part in who founds a cluster.
 * Rejects with a sentence when none does.
 */
export async function askWhoFounds(
  addresses: readonly string[],
  tls: PeerTls | undefined,
  ask: FoundingAsk,
): Promise<Answer> {
  const timeoutMs = LIMITS.transport.handshakeTimeoutMs;
  let failure: unknown;
  for (const address of addresses) {
    try {
      const reply = await request(
        address,
        tls,
        "POST",
        FOUNDING_PATH,
        JSON.stringify(ask),
        timeoutMs,
      );
      if (reply.status === 200) return parseFoundingAnswer(reply.body);
      throw new RefusalError(causeOf(reply.body) ?? `answered ${reply.status}`);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function request(
  address: string,
  tls: PeerTls | undefined,
  method: "GET" | "POST",
  path: string,
  body: string,
  timeoutMs: number,
): Promise<PeerReply> {
  const scheme = tls === undefined ? "http" : "https";
  const responseBytesMax = LIMITS.http.bodyBytesMax;
  const options = { method, path, body, tls, timeoutMs, responseBytesMax };
  return requestPeer(`${scheme}://${address}`, options);
}

function causeOf(body: string): string | undefined {
  try {
    const { cause } = Object(JSON.parse(body)) as Record<string, unknown>;
    return typeof cause === "string" ? cause : undefined;
  } catch {
    return undefined;
  }
}

function sessionOf(body: string): number | undefined {
  try {
    return parseResident(body).session;
  } catch {
    return undefined;
  }
}
