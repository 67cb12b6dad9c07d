/** A watch for a single event, as v1 and v2 have it: from the history at once, or the next one. */
import type { Event } from "../event.ts";
import type { Watch, WatchHub } from "./hub.ts";
import type { PathView } from "./view.ts";

/** At most one of the first two is called, and only for a watch that waits. */
export interface FirstCallbacks {
  readonly onEvent: (event: Event) => void;
  /** Some of what was waited for may be gone. */
  readonly onCleared: () => void;
  /** See `WatchCallbacks`. */
  readonly onAuthChange?: () => void;
}

export type First =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "cleared" }
  /** Cancel it when nobody waits any longer. */
  | { readonly kind: "waiting"; readonly watch: Watch };

/** Entries of the history that are looked at in one go. */
const ENTRIES_AT_ONCE = 1000;

/** The first event that `view` sees from `since` on, or the watch that waits for it. */
export function watchFirst(
  hub: WatchHub,
  view: PathView,
  since: number | undefined,
  { onEvent, onCleared, onAuthChange }: FirstCallbacks,
): First {
  const watch = hub.watch(view, since, {
    onEvents: ([event]) => {
      watch.cancel();
      onEvent(event!);
    },
    onBehind: () => {
      const found = readFirst(watch);
      if (found.kind === "event") onEvent(found.event);
      else if (found.kind === "cleared") onCleared();
    },
    ...(onAuthChange !== undefined && { onAuthChange }),
  });
  return readFirst(watch);
}

/** Reads what has passed until there is an event or the watch is synced; cancels it unless it waits. */
function readFirst(watch: Watch): First {
  while (!watch.isSynced) {
    const reading = watch.read(ENTRIES_AT_ONCE);
    if (reading.kind === "cleared") {
      watch.cancel();
      return { kind: "cleared" };
    }
    const [event] = reading.events;
    if (event !== undefined) {
      watch.cancel();
      return { kind: "event", event };
    }
  }
  return { kind: "waiting", watch };
}
