/** As much of HTTP/2 as tells requests from each other (RFC 9113 §4.1 and §6). */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { BODY, type Requests } from "./answers.ts";

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const Type = { data: 0, headers: 1, settings: 4, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** The most that a peer can be let send: this side never holds a body up. */
const WINDOW_MORE = 2 ** 31 - 1 - 65_535;
/** `:status: 200` and nothing else (RFC 7541 appendix A, 8). */
const BLOCK = Buffer.of(0x88);

const GREETING = Buffer.concat([
  frame(Type.settings, 0, Buffer.alloc(0)),
  frame(Type.windowUpdate, 0, uint32(WINDOW_MORE)),
]);
const SETTINGS_ACK = frame(Type.settings, ACK, Buffer.alloc(0));
const HEADERS = frame(Type.headers, END_HEADERS, BLOCK);
const ANSWER = Buffer.concat([HEADERS, frame(Type.data, END_STREAM, Buffer.from(BODY))]);

/** Serves `client` of a member that leads. */
export function serveHttp2(client: Socket, requests: Requests): void {
  client.write(GREETING);
  let toSkip = PREFACE_BYTES;
  let rest: Buffer = Buffer.alloc(0);
  client.on("data", (chunk: Buffer) => {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    const came = chunk.subarray(skipped);
    rest = rest.length === 0 ? came : Buffer.concat([rest, came]);
    while (rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < end) return;
      const [type, flags] = [rest[3]!, rest[4]!];
      const stream = rest.readUInt32BE(5);
      rest = rest.subarray(end);
      if (type === Type.settings && (flags & ACK) === 0) client.write(SETTINGS_ACK);
      const isEnd = type <= Type.headers && (flags & END_STREAM) !== 0;
      // Only a write has a body.
      const kind = type === Type.data ? "write" : "read";
      if (isEnd) requests.begin(kind, () => void client.write(answerOn(stream)));
    }
  });
}

function answerOn(stream: number): Buffer {
  const answer = Buffer.from(ANSWER);
  answer.writeUInt32BE(stream, 5);
  answer.writeUInt32BE(stream, HEADERS.length + 5);
  return answer;
}

function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
