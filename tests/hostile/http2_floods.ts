/** What hostile clients of HTTP/2 send: each is cheap to send, and was dear to somebody once. */
import { Buffer } from "node:buffer";
import { Flag, FrameType as T, PREFACE } from "../../src/http/h2/frame.ts";
import { block, END, frame, requestFields, settings, uint32 } from "../http/h2/raw_client.ts";
import type { HostileKind } from "./kinds.ts";

/** Above what any connection may send of it. */
const FRAMES = 4_000;

const OPENING = Buffer.concat([PREFACE, settings()]);
/** Of a request that waits: one that is answered at once is an ordinary one. */
const HEAD = block(requestFields("/v1/watch/a"));

function flood(make: (id: number) => Uint8Array): Uint8Array {
  return Buffer.concat([
    OPENING,
    ...Array.from({ length: FRAMES }, (_, i) => make(2 * i + 1)),
  ]);
}

/** Windows without end, and as many large answers as there may be. */
function deaf(): Uint8Array {
  const listing = block(requestFields("/v1/keys?recursive=true"));
  return Buffer.concat([
    PREFACE,
    settings([4, 2 ** 31 - 1]),
    frame(T.windowUpdate, 0, 0, uint32(2 ** 30)),
    ...Array.from({ length: 200 }, (_, i) => frame(T.headers, END, 2 * i + 1, listing)),
  ]);
}

/** By kind: what one connection sends before it begins again. */
export const HTTP2_FLOODS: ReadonlyMap<HostileKind, Uint8Array> = new Map([
  [
    "http2Resets",
    flood((id) =>
      Buffer.concat([frame(T.headers, END, id, HEAD), frame(T.rstStream, 0, id, uint32(8))])
    ),
  ],
  ["http2Pings", flood(() => frame(T.ping, 0, 0, Buffer.alloc(8)))],
  ["http2Settings", flood((i) => settings([4, 65_535 + i]))],
  [
    "http2Continuations",
    Buffer.concat([
      OPENING,
      frame(T.headers, Flag.endStream, 1, HEAD),
      ...Array.from({ length: FRAMES }, () => frame(T.continuation, 0, 1, HEAD)),
    ]),
  ],
  ["http2Deaf", deaf()],
]);
