/**
 * How far a durable write could go on this platform if nothing of ours took any time: a
 * server of bare sockets and shared syncs, against Debian's etcd, with the loads of the
 * rows whose ceiling it shows.
 */
import { fileURLToPath } from "node:url";
import { type Measured, p99s, rates } from "./measured.ts";
import { comparing, type Comparison, pairs, type Part, type Settings } from "./part.ts";
import type { Recipe, Subject } from "./subject.ts";
import { putByTls } from "./tls.ts";
import { put } from "./v2.ts";

const SERVER = fileURLToPath(new URL("ceiling/server.ts", import.meta.url));

/** With the memory that the node is given. */
const BARE: Recipe = {
  name: "bare sockets",
  command: Deno.execPath(),
  leading: ["run", "-A", "--v8-flags=--initial-old-space-size=192", SERVER],
  own: [],
  port: 24_301,
};

/** By name. */
export const CEILING_PARTS: readonly (readonly [name: string, part: Part])[] = [
  ["ceiling", comparing(compareWith(put), { members: [1, 3] }, BARE)],
  ["tls-ceiling", comparing(compareWith(putByTls), { isMutual: true }, BARE)],
];

function compareWith(load: (subject: Subject, settings: Settings) => Promise<Measured>) {
  return async (...[bare, etcd, label, settings, report]: Parameters<Comparison>) => {
    const found = await pairs(settings, (subject) => load(subject, settings), bare, etcd);
    const kind = bare.tls === undefined ? label : "mutual TLS, HTTP/1.1";
    report({ ...rates(...found), what: `Ceiling of PUT, ${kind}: bare sockets, shared syncs` });
    report({ ...p99s(...found), what: `Ceiling of PUT p99, ${kind}: bare sockets, shared syncs` });
  };
}
