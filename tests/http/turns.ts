/** The turns of the event loop in which a connection without a socket gets its bytes. */
import { setImmediate } from "node:timers";
import { arrived, type Reader } from "../../src/http/arrivals.ts";

const NOBODY: Reader = { take() {}, end() {} };

/** Resolves when all that has come in this turn is handled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Resolves in a turn in which whatever comes is handled as it comes, as after one that was quiet. */
export async function quietTurn(): Promise<void> {
  await turn();
  arrived(NOBODY, undefined);
  await turn();
}

/** Resolves in a turn in which whatever comes waits for its end, as after one that brought much. */
export async function busyTurn(): Promise<void> {
  for (let i = 0; i < 10; i++) arrived(NOBODY, undefined);
  await turn();
}
