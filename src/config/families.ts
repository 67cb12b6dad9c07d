/**
 * Which of the two families of flags places the node: ours, of 2013, or etcd 3's. It
 * decides on the defaults of ports, name and directory. What both say of one thing is
 * a contradiction.
 */
import { join, resolve } from "node:path";
import type { Settings } from "./command_line.ts";
import { type Flag, type FlagName, NODE_FLAGS, stanceOf } from "./flags.ts";
import { UsageError } from "./usage_error.ts";

/** Ours that say who and where a node is. */
const PLACING: readonly FlagName[] = ["n", "d", "c", "s", "cl", "sl", "grpc", "C", "CF"];

/** What says the same in other words: mostly one family's against the other's. */
const CONTRADICTIONS: readonly (readonly [readonly FlagName[], readonly FlagName[]])[] = [
  [["c", "cl", "grpc"], ["listen-client-urls", "advertise-client-urls", "listen-client-http-urls"]],
  [["s", "sl"], ["listen-peer-urls", "initial-advertise-peer-urls"]],
  [["C", "CF"], ["initial-cluster", "initial-cluster-state", "initial-cluster-token"]],
  [["C", "CF", "initial-cluster"], ["discovery-srv", "discovery-srv-name", "discovery"]],
  [["discovery"], ["discovery-srv", "discovery-srv-name"]],
  [["v", "vv"], ["log-level", "debug"]],
  [["f"], ["force-new-cluster"]],
];

/** Whether etcd's flags place the node. Throws `UsageError` for a contradiction. */
export function isPlacedAsEtcd(settings: Settings): boolean {
  for (const [ours, theirs] of CONTRADICTIONS) {
    const own = ours.find((name) => settings.isGiven(name));
    const other = theirs.find((name) => settings.isGiven(name));
    if (own === undefined || other === undefined) continue;
    throw new UsageError(
      `${settings.label(own)} and ${settings.label(other)} contradict each other: give one of them`,
    );
  }
  if (PLACING.some((name) => settings.familyOf(name) === "ours")) return false;
  return NODE_FLAGS.some(({ name }) => settings.familyOf(name) === "etcd");
}

/** The settings that were given and do nothing here. Throws `UsageError` for what is refused. */
export function idleSettings(
  settings: Settings,
  dataDirectory: string,
): readonly { readonly flag: string; readonly why: string }[] {
  const idle: { readonly flag: string; readonly why: string }[] = [];
  for (const row of NODE_FLAGS as readonly (Flag & { readonly name: FlagName })[]) {
    if (!settings.isGiven(row.name)) continue;
    const flag = settings.label(row.name);
    const stance = stanceOf(row);
    if (stance === "ignore") idle.push({ flag, why: row.help });
    else if (stance === "refuse" && settings.valueOf(row) !== row.initial) {
      if (isLogOf(dataDirectory, row.name, settings.valueOf(row))) continue;
      throw new UsageError(`${flag} is not supported: ${row.help}`);
    }
  }
  return idle;
}

/** Whether the flag names etcd's own place for the log, which manifests spell out: it is in there anyway. */
function isLogOf(dataDirectory: string, name: string, value: unknown): boolean {
  return name === "wal-dir" && resolve(String(value)) === join(dataDirectory, "member", "wal");
}
