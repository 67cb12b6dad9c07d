/**
 * Dials an open port under TLS as a stranger would: whether a handshake works there
 * is known when one has worked, and whether a stranger is kept out when one was.
 */
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { TlsError } from "./tls_check.ts";
import { shownCertificate } from "./tls_sessions.ts";

/** What a client without a certificate saw. */
export interface Proof {
  readonly verdict: "refused" | "answered";
  /** DER of the certificate that the port showed. */
  readonly shown: Uint8Array;
}

/** Nothing came back, so nothing is known of the port. */
export class UnprovenError extends Error {
  override readonly name = "UnprovenError";
}

/** Local ports of the dials that no listener has recognized yet, oldest first. */
const DIALLED_FROM = new Set<number>();

/** More than are under way at once; what a closed port never saw is forgotten. */
const DIALLED_MAX = 32;

/** Whether it is this process that dials, to test its own port; true once for each dial. */
export function isOwnDial({ remotePort }: Socket): boolean {
  return remotePort !== undefined && DIALLED_FROM.delete(remotePort);
}

function remember(localPort: number): void {
  const [oldest] = DIALLED_FROM;
  if (oldest !== undefined && DIALLED_FROM.size >= DIALLED_MAX) DIALLED_FROM.delete(oldest);
  DIALLED_FROM.add(localPort);
}

export interface DialOptions {
  /** Addresses of the port, tried in their order until something answers. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly timeoutMs: number;
  /** Rounds over `hosts`. */
  readonly attempts: number;
}

/** Where a port can be dialled that listens on `host`; an unspecified one by loopback, as far as the machine has it. */
export function dialableHosts(host: string): readonly string[] {
  if (host === "0.0.0.0") return ["127.0.0.1"];
  // Where IPv6 is switched off, a port on all addresses is one of IPv4.
  return /^[0:]+$/.test(host) ? ["::1", "127.0.0.1"] : [host];
}

/**
 * Dials without a certificate and asks for `/`. Rejects with `TlsError` when there is no
 * handshake, and with `UnprovenError` when in each of `attempts` nothing could be reached
 * or said anything in time.
 */
export async function dialWithoutCertificate(options: DialOptions): Promise<Proof> {
  const { hosts, port, timeoutMs, attempts } = options;
  const problems = new Set<string>();
  for (let attempt = 1; attempt <= attempts; attempt++) {
    for (const host of hosts) {
      try {
        return await dialOnce(host, port, timeoutMs);
      } catch (error) {
        if (!(error instanceof UnprovenError)) throw error;
        problems.add(error.message);
      }
    }
  }
  throw new UnprovenError([...problems].join("; "));
}

function dialOnce(host: string, port: number, timeoutMs: number): Promise<Proof> {
  return new Promise((resolve, reject) => {
    let shown: Uint8Array | undefined;
    const prefix = `Cannot test the port "${host}:${port}"`;
    const socket = connect({
      host,
      port,
      // Whom it talks to is known, so the server's name proves nothing here; and a name
      // that fails would look like a refusal.
      rejectUnauthorized: false,
      // Only there a client without a certificate sees the port's own before it is refused.
      minVersion: "TLSv1.3",
    });
    const end = (cause: string) => {
      if (shown !== undefined) resolve({ verdict: "refused", shown });
      else reject(new TlsError(`${prefix}, no TLS handshake works there: ${cause}`));
      socket.destroy();
    };
    const timer = setTimeout(() => {
      const cause = `expected an answer or a refusal within ${timeoutMs} ms, found neither`;
      reject(new UnprovenError(`${prefix}: ${cause}`));
      socket.destroy();
    }, timeoutMs);
    socket.once("connect", () => {
      if (socket.localPort !== undefined) remember(socket.localPort);
    });
    socket.once("secureConnect", () => {
      shown = shownCertificate(socket)?.raw;
      socket.write("GET / HTTP/1.1\r\nHost: self-test\r\n\r\n");
    });
    socket.once("data", () => {
      if (shown !== undefined) resolve({ verdict: "answered", shown });
      socket.destroy();
    });
    socket.once("error", (error: Error) => {
      if (!isUnreachable(error)) return end(error.message);
      reject(new UnprovenError(`${prefix}: ${error.message}`));
      socket.destroy();
    });
    socket.once("close", () => {
      clearTimeout(timer);
      end("the connection was closed");
    });
  });
}

const UNREACHABLE = [
  ...["ECONNREFUSED", "EADDRNOTAVAIL", "EAFNOSUPPORT", "ENETUNREACH", "EHOSTUNREACH"],
  ...["ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EMFILE", "ENFILE", "EINVAL"],
];

function isUnreachable(error: Error): boolean {
  return "code" in error && UNREACHABLE.includes(String(error.code));
}
