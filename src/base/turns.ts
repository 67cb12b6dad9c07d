/**
 * Work in slices that keeps nobody waiting. While one immediate follows another, the
 * runtime looks at its sockets once in 61 of them (tokio's event interval): with slices
 * of 20 ms nobody else would be heard for a second.
 */
import { setImmediate } from "node:timers";
import { systemClock } from "./clock.ts";

/** After so long the next slice waits for a timer, some 2 ms, and everybody else is served first. */
const ROW_MS = 20;

/** When the slices that follow one another began, of everybody; undefined when nobody has any. */
let rowSinceMs: number | undefined;
let isAsked = false;

/** Calls `slice` in a later turn of the event loop. */
export function inLaterTurn(slice: () => void): void {
  const nowMs = systemClock.monotonicMs();
  if (rowSinceMs === undefined) {
    rowSinceMs = nowMs;
    setImmediate(endRow);
  }
  isAsked = true;
  if (nowMs - rowSinceMs < ROW_MS) setImmediate(slice);
  else setTimeout(slice, 0);
}

/** Once a turn: with one in which nobody asked for a slice the row is over. */
function endRow(): void {
  if (isAsked) setImmediate(endRow);
  else rowSinceMs = undefined;
  isAsked = false;
}

/** Resolves in a later turn of the event loop. */
export function laterTurn(): Promise<void> {
  return new Promise((resolve) => inLaterTurn(resolve));
}
