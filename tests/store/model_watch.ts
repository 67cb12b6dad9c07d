/** Which events of the model's a watch is told: each rule of the APIs a line. */
import { numberOf, type View } from "../../src/store/watch/view.ts";
import type { PlainEvent } from "./plain.ts";

/** What `view` is told of `events`, which are whole entries of the log in order. */
export function toldOf(view: View, since: number, events: readonly PlainEvent[]): PlainEvent[] {
  const due = events.filter((event) => event[numberOf(view)] >= since);
  const told = due.map((event) => seenBy(view, event, events)).filter((event) => event);
  // A directory that goes is told once, however much goes with it.
  return [...new Set(told as PlainEvent[])];
}

/** The event that `view` is told for `event`, which is one of `events`. */
export function seenBy(
  view: View,
  event: PlainEvent,
  events: readonly PlainEvent[],
): PlainEvent | undefined {
  const { key } = event;
  if (view.kind === "range") {
    const { start, end } = view.range;
    const isIn = key >= start && (end === undefined || key < end);
    return isIn && !event.isDirectory ? event : undefined;
  }
  if (event.isQuiet || !event.isFile) return undefined;
  const isBelow = key.startsWith(view.path === "/" ? "/" : `${view.path}/`);
  const isSeen = key === view.path || isBelow && view.recursive;
  if (!isSeen) return undefined;
  if (view.api === "v1") return event.isDirectory ? undefined : event;
  if (!event.isCovered) {
    const rest = key.slice(view.path === "/" ? 0 : view.path.length);
    return rest.includes("/_") ? undefined : event;
  }
  const top = events.find(({ changeIndex }) => changeIndex === event.changeIndex)!;
  return view.path.startsWith(`${top.key}/`) ? top : undefined;
}
