/** As much of HTTP/1.1 as tells requests from each other. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { BODY, type Requests } from "./answers.ts";

const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
);
const NOT_LEADING = Buffer.from("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

const HEAD_END = "\r\n\r\n";
const LENGTH = /^content-length: *(\d+)/im;
const PUT = "P".charCodeAt(0);

/** Serves `client`; without `requests` this member doesn't lead, and says so. */
export function serveHttp1(client: Socket, requests: Requests | undefined): void {
  const answer = () => void client.write(ANSWER);
  let rest: Buffer = Buffer.alloc(0);
  client.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = rest.toString("latin1", 0, headEnd);
      const found = LENGTH.exec(head);
      const end = headEnd + HEAD_END.length + Number(found?.[1] ?? 0);
      if (rest.length < end) return;
      const isWrite = rest[0] === PUT;
      rest = rest.subarray(end);
      if (requests === undefined) client.write(NOT_LEADING);
      else requests.begin(isWrite ? "write" : head.includes("?wait=") ? "watch" : "read", answer);
    }
  });
}
