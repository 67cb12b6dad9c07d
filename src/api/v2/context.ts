/** What v2's routes share. */
import type { Reply } from "../../http/exchange.ts";
import type { Service } from "../../service/service.ts";

/** One v2 of one port. */
export interface V2 {
  readonly service: Service;
  readonly limits: V2Limits;
  /** As `formatId` has it: every answer says it. */
  readonly clusterId: string;
}

export interface V2Limits {
  /** Of a key after decoding, in UTF-8. */
  readonly keyBytesMax: number;
  /** Watches that may wait at once. */
  readonly watchesMax: number;
  /** Characters of a stream's answers that its client may be behind; then it is cut off. */
  readonly streamBacklogMax: number;
}

/** The header that every answer about keys and members has. */
export function clusterHeaders({ clusterId }: V2): Readonly<Record<string, string>> {
  return { "x-etcd-cluster-id": clusterId };
}

/** The headers of a success: the index that it was answered at, and where the log stands. */
export function indexHeaders(
  { service: { node }, clusterId }: V2,
  changeIndex: number,
  logIndex: number,
): Readonly<Record<string, string>> {
  return {
    "x-etcd-cluster-id": clusterId,
    "x-etcd-index": `${changeIndex}`,
    "x-raft-index": `${logIndex}`,
    "x-raft-term": `${node.term()}`,
  };
}

/** JSON as the original writes it: a success ends its line, an error does not. */
export function jsonText(status: number, value: unknown): string {
  return `${JSON.stringify(value)}${status < 300 ? "\n" : ""}`;
}

/** A text, as Go's `http.Error` writes one. */
export function textReply(status: number, text: string, headers = {}): Reply {
  return {
    status,
    contentType: "text/plain; charset=utf-8",
    headers: { "x-content-type-options": "nosniff", ...headers },
    body: `${text}\n`,
  };
}
