/**
 * How two members agree on a stream: one HTTP Upgrade request with who calls
 * whom, answered by 101 or by a refusal with its reason. Pure: reads and writes
 * headers, judges only what needs no knowledge of the members.
 *
 * The caller asks `GET /v1/peer` with `Upgrade: etcd-peer/3` and its `Hello` in
 * `Etcd-*` headers. After the 101 it sends frames; the other side answers pings
 * and nothing else, because every member sends on the stream it dialled itself.
 */
import { formatId, parseId } from "../base/ids.ts";
import type { MemberId } from "../raft/types.ts";
import { parsePeerUrl } from "./peer_url.ts";
import { PeerError } from "./peer_error.ts";

/** Name and version of what is spoken after the upgrade. */
export const PROTOCOL = "etcd-peer/3";

/** Where a member takes streams. */
export const STREAM_PATH = "/v1/peer";

/** Who calls whom. */
export interface Hello {
  readonly clusterId: number;
  readonly from: MemberId;
  /** The caller's process: another one under the same id runs with a copy of its data. */
  readonly session: number;
  /** The incarnation that the caller expects at the address. */
  readonly to: MemberId;
  /** The caller's `-n`. */
  readonly name: string;
  /** The caller's advertised peer URL. */
  readonly url: string;
  /** The caller's product version. */
  readonly version: string;
}

/** Status codes of refusals, each with one meaning. */
export const refusalStatus = {
  /** The request is no handshake of any version. */
  malformed: 400,
  /** The certificate is not valid for the address that the caller announces. */
  certificate: 403,
  notFound: 404,
  /** Another incarnation answers at this address now. */
  wrongReceiver: 409,
  /** The caller was removed from the cluster. */
  removed: 410,
  foreignCluster: 412,
  /** Another process that calls under the same id is connected. */
  duplicate: 423,
  /** Another version of the protocol. */
  otherProtocol: 426,
  /** Too many streams, or the member is stopping: worth another try. */
  unavailable: 503,
} as const;

export interface Refusal {
  readonly ok: false;
  readonly status: number;
  /** One line for the operator of the caller. */
  readonly reason: string;
  /** Of a duplicate: the process that is connected. */
  readonly rival?: number;
}

/** A judgement on a `Hello`. */
export type Admission = { readonly ok: true } | Refusal;

/** The headers of a handshake request. */
export function helloHeaders(hello: Hello): Record<string, string> {
  return {
    "connection": "Upgrade",
    "upgrade": PROTOCOL,
    "etcd-cluster": formatId(hello.clusterId),
    "etcd-from": formatId(hello.from),
    "etcd-session": formatId(hello.session),
    "etcd-to": formatId(hello.to),
    "etcd-name": encodeURIComponent(hello.name),
    "etcd-url": hello.url,
    "etcd-version": hello.version,
  };
}

/**
 * Reads a handshake request; `header` gives a header by its lower-case name.
 * `secure`: this side speaks TLS, so the caller must announce an https URL.
 */
export function parseHello(
  header: (name: string) => string | undefined,
  secure: boolean,
): { readonly ok: true; readonly hello: Hello } | Refusal {
  const protocol = header("upgrade");
  if (protocol !== PROTOCOL) {
    return refuse(
      refusalStatus.otherProtocol,
      `Expected protocol "${PROTOCOL}", found "${protocol ?? ""}" of a caller of version "${
        header("etcd-version") ?? ""
      }", run the same version on all members`,
    );
  }
  const clusterId = parseId(header("etcd-cluster"));
  const from = parseId(header("etcd-from"));
  const session = parseId(header("etcd-session"));
  const to = parseId(header("etcd-to"));
  const name = parseName(header("etcd-name"));
  const version = header("etcd-version");
  const url = header("etcd-url");
  if (
    clusterId === undefined || from === undefined || session === undefined ||
    to === undefined || name === undefined || version === undefined || url === undefined
  ) {
    return refuse(
      refusalStatus.malformed,
      "Expected the headers Etcd-Cluster, -From, -Session, -To, -Name, -Url and -Version of a member",
    );
  }
  try {
    parsePeerUrl(url, secure);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return refuse(refusalStatus.malformed, error.message);
  }
  return { ok: true, hello: { clusterId, from, session, to, name, url, version } };
}

/** Whether `hello` is meant for member `self` of cluster `clusterId`. */
export function judgeAddress(hello: Hello, self: MemberId, clusterId: number): Admission {
  if (hello.clusterId !== clusterId) {
    return refuse(
      refusalStatus.foreignCluster,
      `Expected a member of cluster "${formatId(clusterId)}", found one of cluster "${
        formatId(hello.clusterId)
      }"`,
    );
  }
  if (hello.to !== self) {
    return refuse(
      refusalStatus.wrongReceiver,
      `Expected a call for member "${formatId(self)}", found one for "${
        formatId(hello.to)
      }", which is no longer at this address`,
    );
  }
  if (hello.from === self) {
    return refuse(
      refusalStatus.malformed,
      `Expected another member, found this one's own id "${
        formatId(self)
      }": two nodes run with copies of one data directory`,
    );
  }
  return { ok: true };
}

/**
 * Whether `hello` comes from the process that is `connected` under its id: the newest
 * stream of one process wins, but of two processes the one that is heard.
 */
export function judgeRival(hello: Hello, connected: Hello | undefined): Admission {
  if (connected === undefined || connected.session === hello.session) return { ok: true };
  const reason = `Member "${connected.name}" (${formatId(connected.from)}) is heard from ` +
    `${connected.url}, and another process calls under its id from ${hello.url}: two nodes run ` +
    "with copies of one data directory, stop the newer one";
  return { ok: false, status: refusalStatus.duplicate, reason, rival: connected.session };
}

/** A refusal; `status` is one of `refusalStatus` unless the node has its own. */
export function refuse(status: number, reason: string): Refusal {
  return { ok: false, status, reason };
}

/** The answer that opens the stream; frames follow. */
export function acceptance(clusterId: number, self: MemberId, session: number): string {
  return "HTTP/1.1 101 Switching Protocols\r\n" +
    `Connection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n` +
    `Etcd-Cluster: ${formatId(clusterId)}\r\nEtcd-From: ${formatId(self)}\r\n` +
    `Etcd-Session: ${formatId(session)}\r\n\r\n`;
}

/** The answer that names why there is no stream. */
export function refusalResponse(refusal: Refusal, clusterId: number): string {
  const { reason, rival } = refusal;
  const body = JSON.stringify({ reason, ...(rival !== undefined && { rival: formatId(rival) }) });
  const upgrade = refusal.status === refusalStatus.otherProtocol ? `Upgrade: ${PROTOCOL}\r\n` : "";
  return `HTTP/1.1 ${refusal.status} Refused\r\nConnection: close\r\n` +
    `Content-Type: application/json\r\n` +
    `Content-Length: ${new TextEncoder().encode(body).length}\r\n` +
    `Etcd-Cluster: ${formatId(clusterId)}\r\n${upgrade}\r\n${body}`;
}

/** Longest refusal that is read, bytes. */
export const REFUSAL_BYTES_MAX = 4096;

/** What a refusal's body says: a reason, as one printable line; undefined when there is none. */
export function parseReason(
  body: string,
): { readonly reason: string; readonly rival: number | undefined } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { reason, rival } = Object(parsed) as Record<string, unknown>;
  if (typeof reason !== "string") return undefined;
  return {
    reason: reason.replaceAll(CONTROL_CHARACTERS, " "),
    rival: typeof rival === "string" ? parseId(rival) : undefined,
  };
}

const CONTROL_CHARACTERS = /\p{Cc}/gu;

function parseName(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text).replaceAll(CONTROL_CHARACTERS, " ");
  } catch {
    return undefined;
  }
}
