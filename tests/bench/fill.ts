/**
 * Writes every key of a range once: `wrk` runs for a time, not for a count. Many
 * plain connections with one request each under way, so that the server groups
 * commits as it would for many clients.
 */
import { FORM, keyPath } from "./keys.ts";
import type { Subject } from "./subject.ts";

const CONNECTIONS = 128;

/** Sets the keys 0 to `count - 1` of v2. */
export async function fillKeys(subject: Subject, count: number): Promise<void> {
  const { hostname, port, host } = new URL(subject.leader.clientUrl);
  const rest = ` HTTP/1.1\r\nHost: ${host}\r\n` +
    "Content-Type: application/x-www-form-urlencoded\r\n" +
    `Content-Length: ${FORM.length}\r\n\r\n${FORM}`;
  const encoder = new TextEncoder();
  let next = 0;
  const work = async () => {
    const socket = await Deno.connect({ hostname, port: Number(port) });
    const buffer = new Uint8Array(16 * 1024);
    try {
      while (next < count) {
        await socket.write(encoder.encode(`PUT ${keyPath(next++)}${rest}`));
        await readAnswer(socket, buffer);
      }
    } finally {
      socket.close();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

const decoder = new TextDecoder("latin1");

/** One answer with a Content-Length, of status 200 or 201. */
async function readAnswer(socket: Deno.TcpConn, buffer: Uint8Array): Promise<void> {
  let filled = 0;
  for (;;) {
    const count = await socket.read(buffer.subarray(filled));
    if (count === null) throw new Error("Expected an answer, the connection ended");
    filled += count;
    const text = decoder.decode(buffer.subarray(0, filled));
    const headerEnd = text.indexOf("\r\n\r\n");
    if (headerEnd < 0) continue;
    if (!/^HTTP\/1\.1 20[01] /.test(text)) throw new Error(`Expected success, found "${text}"`);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
    if (filled >= headerEnd + 4 + length) return;
  }
}
