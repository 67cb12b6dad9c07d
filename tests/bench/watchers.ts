/**
 * Many watches on one key: `wrk` can't hold requests open and then time their
 * common end. Raw sockets, so that the client's share is small and the same for
 * both systems.
 */
import type { Subject } from "./subject.ts";

const CONNECT_AT_ONCE = 256;

/** From the start of one write to the last byte of the last of `count` watches, in ms. */
export async function timeWatches(subject: Subject, count: number): Promise<number> {
  const url = new URL(subject.leader.clientUrl);
  const key = `watched-${crypto.randomUUID()}`;
  const request = new TextEncoder().encode(
    `GET /v2/keys/${key}?wait=true HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`,
  );
  const sockets: Deno.TcpConn[] = [];
  const open = async () => {
    const socket = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    await socket.write(request);
    sockets.push(socket);
  };
  for (let at = 0; at < count; at += CONNECT_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(CONNECT_AT_ONCE, count - at) }, open));
  }
  // Requests are on their way: an answered one behind them on the same port says they were read.
  await settle(subject);
  const answered = sockets.map((socket) => readAnswer(socket));
  const begun = performance.now();
  const response = await subject.fetch(`/v2/keys/${key}`, {
    method: "PUT",
    body: new URLSearchParams({ value: "go" }),
  });
  await response.body?.cancel();
  await Promise.all(answered);
  const elapsed = performance.now() - begun;
  for (const socket of sockets) socket.close();
  return elapsed;
}

/** Until the whole answer is there: headers, and a body that holds the written value. */
async function readAnswer(socket: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  let text = "";
  while (!/"value":"go".*\}\s*(\r\n|$)/s.test(text)) {
    const count = await socket.read(buffer);
    if (count === null) throw new Error(`Expected an event, the connection ended after "${text}"`);
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

const SETTLE_ROUNDS = 20;
const SETTLE_MS = 50;

async function settle(subject: Subject): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round++) {
    const response = await subject.fetch("/version");
    await response.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
}
