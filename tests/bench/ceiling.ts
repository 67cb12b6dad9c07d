/**
 * How far the rows of the benchmark could go on this platform if nothing of ours took any
 * time: a server of bare sockets and shared syncs, under the same loads, against Debian's
 * etcd. Its figures stand in the column of this system.
 */
import { fileURLToPath } from "node:url";
import { comparing, type Part } from "./part.ts";
import type { Recipe } from "./subject.ts";
import { compareHandshakes, compareHttp1, compareHttp2, MUTUAL } from "./tls.ts";
import { BOTH, comparePut, compareWatch, measureFollowers, measureShape } from "./v2.ts";

const SERVER = fileURLToPath(new URL("ceiling/server.ts", import.meta.url));

/** With the memory that the node is given. */
const BARE: Recipe = {
  name: "bare sockets",
  command: Deno.execPath(),
  leading: ["run", "-A", "--v8-flags=--initial-old-space-size=192", SERVER],
  own: [],
  port: 24_301,
};

/** By name: `NAME-ceiling` for the part NAME. */
export const CEILING_PARTS: readonly (readonly [name: string, part: Part])[] = ([
  ["put", comparing(comparePut, BOTH, BARE)],
  ["watch", comparing(compareWatch, BOTH, BARE)],
  ["shape", measureShape(BARE)],
  ["cost", measureFollowers(BARE)],
  ["tls", comparing(compareHttp1, MUTUAL, BARE)],
  ["tls-http2", comparing(compareHttp2, MUTUAL, BARE)],
  ["handshakes", comparing(compareHandshakes, MUTUAL, BARE)],
] as const).map(([name, part]) => [`${name}-ceiling`, ceilingOf(part)]);

function ceilingOf(part: Part): Part {
  return (settings, report) =>
    part(settings, (row) => report({ ...row, what: `Ceiling of ${row.what}` }));
}
