/**
 * Which events a watch is told. v1 and v2 watch paths, v3 watches ranges of keys; each
 * has a number of its own by which a watch begins in the past or in the future.
 */
import type { ByteString } from "../byte_string.ts";
import type { Event } from "../event.ts";
import { isWithin, type Range } from "../kv/range.ts";
import type { Numbers } from "../keyspace/versions.ts";
import { ROOT } from "../path.ts";

export interface PathView {
  readonly kind: "path";
  /** v1 sees files alone, hidden ones too; v2 sees directories, and what went with them. */
  readonly api: "v1" | "v2";
  readonly path: ByteString;
  /** Whether everything under the path counts; v1 knows nothing else. */
  readonly recursive: boolean;
}

export interface RangeView {
  readonly kind: "range";
  readonly range: Range;
}

export type View = PathView | RangeView;

/** The number that a view begins by. */
export function numberOf(view: View): keyof Numbers {
  if (view.kind === "range") return "revision";
  return view.api === "v1" ? "logIndex" : "changeIndex";
}

/**
 * The event that `view` is told for `event`, or undefined. `top` is the event of the
 * directory that covered events went with.
 */
export function seenBy(view: View, event: Event, top: Event | undefined): Event | undefined {
  if (view.kind === "range") {
    return !event.isDirectory && isWithin(view.range, event.key) ? event : undefined;
  }
  if (event.isQuiet || !event.isFile) return undefined;
  if (view.api === "v1") {
    return !event.isDirectory && covers(view.path, event.key) ? event : undefined;
  }
  const isSeen = event.key === view.path || view.recursive && covers(view.path, event.key);
  if (!isSeen) return undefined;
  if (event.isCovered) {
    // Told of the directory that took it along, if that is above what is watched.
    return top !== undefined && isBelow(top.key, view.path) ? top : undefined;
  }
  return isHiddenFrom(view.path, event.key) ? undefined : event;
}

/** Whether `key` is `path` or under it, by segment: `/foo` covers `/foo/x`, not `/foobar`. */
function covers(path: ByteString, key: ByteString): boolean {
  return path === ROOT || path === key || isBelow(path, key);
}

function isBelow(path: ByteString, key: ByteString): boolean {
  if (path === ROOT) return key !== ROOT;
  return key.length > path.length && key.startsWith(path) && key.charCodeAt(path.length) === 0x2f;
}

/** Whether a segment of `key` below `path` begins with an underscore: only who watches inside sees it. */
function isHiddenFrom(path: ByteString, key: ByteString): boolean {
  return key.indexOf("/_", path === ROOT ? 0 : path.length) >= 0;
}
