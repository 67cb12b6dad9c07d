/**
 * Requests, as bytes on the sockets of every kind of listener. An input's first
 * byte picks the listener, the rest is sent as it is.
 *
 * Requests that a strict parser (`strict_http.ts`) understands go pipelined, many
 * on one connection, and each answer must be the one that the API's rules give.
 * Others get a connection of their own, which ends behind them: whatever comes
 * back must be whole HTTP, must not be a 500, and no handler may have seen a
 * request that could not be one. Either way the port serves the next ones.
 */
import type { SeededRandom } from "../sim/random.ts";
import { type ExpectedReply, expectedReply } from "./expected_reply.ts";
import { anyForm, escaped } from "./forms.ts";
import { anyText, joined, mutated, randomBytes } from "./mutate.ts";
import { anyPath } from "./paths.ts";
import { FuzzPort } from "./fuzz_port.ts";
import { parseRequest, type Request, type Response, ResponseReader } from "./strict_http.ts";
import { bytesOf, FuzzError, type Subject } from "./subject.ts";
import type { Kind } from "../api/harness.ts";

type Http1Kind = Exclude<Kind, "h2" | "h2mtls">;

/** As often as each comes: a connection costs a TLS listener a hundred times a request. */
const KINDS: readonly (readonly [Http1Kind, number])[] = [
  ["deno", 50],
  ["node", 15],
  ["wire", 20],
  ["tls", 10],
  ["mtls", 5],
];
const NAMES = KINDS.map(([kind]) => kind);
/** How often bytes are sent that may break a connection. */
const BROKEN: Readonly<Record<Http1Kind, number>> = {
  deno: 0.1,
  node: 0.05,
  wire: 0.1,
  tls: 0.02,
  mtls: 0.02,
};

const METHODS = ["GET", "GET", "POST", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"];

function anyTarget(random: SeededRandom): string {
  const path = random.chance(0.8) ? `/v1/keys${anyPath(random)}` : anyPath(random);
  const query = random.chance(0.4) ? `?${anyForm(random).text}` : "";
  // Only what may stand in a request line; anything else comes by mutation.
  return escaped(path + query, random, /[^!$&'()*+,\-./0-9:;=?@A-Z_a-z~%]/);
}

/** Whole and well-formed. */
export function anyRequest(random: SeededRandom): Uint8Array {
  const headers = ["Host: test"];
  for (let left = random.skewed(0, 3); left > 0; left--) {
    headers.push(`X-${random.integer(0, 99)}: ${escaped(anyText(random, 20), random, /[^ -~]/)}`);
  }
  const method = random.pick(METHODS);
  const isRead = method === "GET" || method === "HEAD";
  const hasBody = random.chance(isRead ? 0.02 : 0.6) || method === "POST";
  const body = hasBody ? bytesOf(anyForm(random).text) : undefined;
  let sent = body ?? new Uint8Array(0);
  if (body !== undefined && random.chance(0.2)) {
    headers.push("Transfer-Encoding: chunked");
    sent = chunked(body, random);
  } else if (body !== undefined) headers.push(`Content-Length: ${body.length}`);
  const head = `${method} ${anyTarget(random)} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`;
  return joined(bytesOf(head), sent);
}

function chunked(body: Uint8Array, random: SeededRandom): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const size = random.skewed(1, body.length - at);
    parts.push(bytesOf(`${size.toString(16)}\r\n`), body.subarray(at, at + size), bytesOf("\r\n"));
    at += size;
  }
  return joined(...parts, bytesOf("0\r\n\r\n"));
}

/** Nearly a request, or nothing like one. */
export function anyBroken(random: SeededRandom): Uint8Array {
  if (random.chance(0.03)) return randomBytes(random, random.skewed(1, 300));
  if (random.chance(0.01)) return bytesOf(`GET /${"a".repeat(random.integer(15_000, 90_000))}`);
  const request = anyRequest(random);
  return random.chance(0.2)
    ? joined(mutated(request, random), anyRequest(random))
    : mutated(request, random);
}

interface Sent {
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Undefined when the bytes are no request beyond doubt. */
  readonly request: Request | undefined;
}

interface Framed extends Sent {
  readonly request: Request;
}

const ports = new Map<Kind, FuzzPort>();

async function portOf(kind: Kind): Promise<FuzzPort> {
  let port = ports.get(kind);
  if (port === undefined) {
    port = await FuzzPort.open(kind);
    ports.set(kind, port);
  }
  return port;
}

export const requests: Subject = {
  name: "requests",
  promise: "the answers that the rules give, in order; whole HTTP for anything else",
  batch: 2048,
  make(random) {
    const kind = Number(random.weighted(KINDS.map(([, weight], i) => [`${i}`, weight] as const)));
    const isBroken = random.chance(BROKEN[NAMES[kind]!]);
    return joined(Uint8Array.of(kind), isBroken ? anyBroken(random) : anyRequest(random));
  },
  async check(inputs) {
    const sent = new Map<Kind, Sent[]>(NAMES.map((kind) => [kind, []]));
    for (const [at, input] of inputs.entries()) {
      const bytes = input.subarray(1);
      sent.get(NAMES[input[0]! % NAMES.length]!)!.push({ at, bytes, request: parseRequest(bytes) });
    }
    // Beside each other: while one connection waits for an acknowledgement, others go on.
    const ends = await Promise.allSettled([...sent].map(([kind, list]) => sendAll(kind, list)));
    for (const end of ends) {
      if (end.status === "rejected") throw end.reason;
    }
  },
  async close() {
    for (const port of ports.values()) await port.close();
    ports.clear();
  },
};

/** Those that no two parsers can think differently of go together. */
async function sendAll(kind: Kind, list: readonly Sent[]): Promise<void> {
  if (list.length === 0) return;
  const port = await portOf(kind);
  const together: Framed[] = [];
  for (const { at, bytes, request } of list) {
    if (request === undefined) await port.sendAlone(bytes, (text) => new FuzzError(text, at));
    else if (mayClose(kind, request)) await sendPipelined(port, [{ at, bytes, request }]);
    else together.push({ at, bytes, request });
  }
  await sendPipelined(port, together);
}

async function sendPipelined(port: FuzzPort, list: readonly Framed[]): Promise<void> {
  const connection = await port.connect();
  try {
    const sending = writeAll(connection, joined(...list.map(({ bytes }) => bytes)));
    const reader = new ResponseReader(connection);
    for (const { at, request } of list) {
      const found = await reader.next(request.method).catch((error: Error) => {
        throw new FuzzError(`${port.kind}: ${error.message}`, at);
      });
      if (found === undefined) throw new FuzzError(`${port.kind}: the connection ended`, at);
      const problem = problemOf(found, expectedReply(request), request.method === "HEAD");
      if (problem === undefined) continue;
      const line = `${request.method} ${request.target}`;
      throw new FuzzError(`${port.kind}: ${line}: ${problem}`, at);
    }
    await sending;
  } finally {
    connection.close();
  }
}

/**
 * `Deno.serve` gives nobody the body of a GET, and when the rest of it is still to
 * come, the end of an empty one in chunks included, it closes behind the answer: what
 * was pipelined is lost.
 */
function mayClose(kind: Kind, { method, bodyBytes }: Request): boolean {
  return kind === "deno" && bodyBytes > 0 && (method === "GET" || method === "HEAD");
}

function problemOf(
  { status, text }: Response,
  expected: ExpectedReply,
  isHead: boolean,
): string | undefined {
  if (status !== expected.status) return `expected ${expected.status}, found ${status} ${text}`;
  if (isHead) return undefined;
  try {
    return expected.fits(text) ? undefined : `expected ${expected.what}, found ${text}`;
  } catch {
    return `expected JSON, found ${JSON.stringify(text)}`;
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  } catch {
    // Whoever reads sees that the server closed.
  }
}
