/**
 * Work in slices that keeps nobody waiting. While one immediate follows another, the
 * runtime looks at its sockets once in 61 of them (tokio's event interval): with slices
 * of 20 ms nobody else would be heard for a second.
 */
import { setImmediate } from "node:timers";
import { systemClock } from "./clock.ts";

/** After so long the next slice waits for a timer, some 2 ms, and everybody else is served first. */
const ROW_MS = 20;

/** Slices since the last one that waited for a timer, of everybody, and when the first of them was asked for. */
let row = 0;
let rowSinceMs = 0;

/** Calls `slice` in a later turn of the event loop. */
export function inLaterTurn(slice: () => void): void {
  const nowMs = systemClock.monotonicMs();
  if (row === 0) rowSinceMs = nowMs;
  row++;
  if (nowMs - rowSinceMs < ROW_MS) return void setImmediate(slice);
  row = 0;
  setTimeout(slice, 0);
}

/** Resolves in a later turn of the event loop. */
export function laterTurn(): Promise<void> {
  return new Promise((resolve) => inLaterTurn(resolve));
}
