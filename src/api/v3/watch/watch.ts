/** The Watch service. */
import { bidi, type Handler } from "../call.ts";
import type { V3Context } from "../context.ts";
import { METHODS } from "../methods.ts";
import { SharedEvents } from "./events.ts";
import { WatchStream } from "./watch_stream.ts";

/** What answers the Watch service. */
export function watchHandlers(v3: V3Context): readonly Handler[] {
  const shared = new SharedEvents();
  return [
    bidi(METHODS.watch.watch, (call) => new WatchStream(v3, call, shared)),
  ];
}
