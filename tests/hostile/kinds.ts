/** The clients that nobody wants, and how many of them. */

export type HostileKind =
  | "idle"
  | "slowHead"
  | "slowBody"
  | "many"
  | "hugeHead"
  | "http2Resets"
  | "http2Pings"
  | "http2Settings"
  | "http2Continuations"
  | "http2Deaf";

export interface HostileClients {
  readonly what: string;
  /** Open all the time. */
  readonly connections: number;
  /** They speak HTTP/2, which our own parser serves on ports under TLS. */
  readonly isHttp2?: boolean;
}

export const KINDS: Readonly<Record<HostileKind, HostileClients>> = {
  idle: { what: "2,000 that say nothing", connections: 2_000 },
  slowHead: { what: "2,000 with a byte of a head now and then", connections: 2_000 },
  slowBody: { what: "1,000 with a byte of a body now and then", connections: 1_000 },
  many: { what: "8,000 connections, 100 of them new each second", connections: 8_000 },
  hugeHead: { what: "20 heads of 1 MiB a second", connections: 0 },
  http2Resets: { what: "HTTP/2: requests and their resets", connections: 2, isHttp2: true },
  http2Pings: { what: "HTTP/2: pings", connections: 2, isHttp2: true },
  http2Settings: { what: "HTTP/2: settings", connections: 2, isHttp2: true },
  http2Continuations: { what: "HTTP/2: heads without end", connections: 2, isHttp2: true },
  http2Deaf: { what: "HTTP/2: 100 that ask and take nothing", connections: 100, isHttp2: true },
};
