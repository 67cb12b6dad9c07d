/** The clients that nobody wants, and how many of them. */

export type HostileKind = "idle" | "slowHead" | "slowBody" | "many" | "hugeHead";

export interface HostileClients {
  readonly what: string;
  /** Open all the time. */
  readonly connections: number;
}

export const KINDS: Readonly<Record<HostileKind, HostileClients>> = {
  idle: { what: "2,000 that say nothing", connections: 2_000 },
  slowHead: { what: "2,000 with a byte of a head now and then", connections: 2_000 },
  slowBody: { what: "1,000 with a byte of a body now and then", connections: 1_000 },
  many: { what: "8,000 connections, 100 of them new each second", connections: 8_000 },
  hugeHead: { what: "20 heads of 1 MiB a second", connections: 0 },
};
