/** Keys as paths: what is above a key, and what is shown of that. Pure. */
import type { EventView } from "../view.ts";

/** The key of a child. */
export function childKey(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** The directory of a key. */
export function parentKey(key: string): string {
  return key.slice(0, Math.max(1, key.lastIndexOf("/")));
}

/**
 * The directories that an event may have changed, the nearest first: with the first key
 * in it a directory comes, and with the last one it goes.
 */
export function changedBy(
  { key, action, newKey }: Pick<EventView, "key" | "action" | "newKey">,
): readonly string[] {
  let at = parentKey(key);
  const changed = [at];
  if (action === "SET" && !newKey) return changed;
  while (at !== "/") changed.push(at = parentKey(at));
  return changed;
}
