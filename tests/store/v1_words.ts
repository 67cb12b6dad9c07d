/** Events and rejections as v1 tells them, so that its tests and models are spelled in its words. */
import { textOf } from "../../src/store/byte_string.ts";
import { type Event, isRemoval } from "../../src/store/event.ts";
import type { Nothing, RejectionReason, Result } from "../../src/store/result.ts";
import { textOfBytes } from "../../src/store/value.ts";

export interface V1Event {
  readonly action: "SET" | "DELETE";
  readonly key: string;
  /** The value before; absent when there was none. */
  readonly prevValue?: string;
  /** SET only. */
  readonly value?: string;
  readonly newKey: boolean;
  /** Of the new value for SET, of the old one for DELETE; absent when it is permanent. */
  readonly expirationMs?: number;
  /** SET with a TTL. */
  readonly ttlSeconds?: number;
  readonly index: number;
}

export interface V1Rejection {
  readonly kind: "rejected";
  readonly reason: RejectionReason;
  readonly key: string;
  readonly expected?: string;
  readonly found?: string;
}

export type V1Result = V1Event | V1Rejection | Nothing;

export function v1EventOf(event: Event): V1Event {
  const { after, before, logIndex: index, timeMs } = event;
  const told: { -readonly [K in keyof V1Event]: V1Event[K] } = {
    action: isRemoval(event) ? "DELETE" : "SET",
    key: textOf(event.key),
    newKey: before === undefined,
    index,
  };
  if (before !== undefined) told.prevValue = textOfBytes(before.value);
  if (after !== undefined) told.value = textOfBytes(after.value);
  const deadlineMs = (after ?? before)?.deadlineMs ?? 0;
  if (deadlineMs !== 0) told.expirationMs = deadlineMs;
  if (after !== undefined && deadlineMs !== 0) {
    told.ttlSeconds = Math.ceil((deadlineMs - timeMs) / 1000);
  }
  return told;
}

export function v1ResultOf(result: Result): V1Result {
  switch (result.kind) {
    case "event":
      return v1EventOf(result);
    case "nothing":
      return result;
    case "rejected": {
      const { reason, failed } = result;
      const rejection = { kind: "rejected", reason, key: textOf(result.key) } as const;
      const [comparison] = failed ?? [];
      if (comparison === undefined) return rejection;
      const { expected, found } = comparison;
      return { ...rejection, expected: textOf(expected), found: textOf(found) };
    }
    case "applied":
    case "done":
      throw new Error(`Expected a result of v1, found one of kind "${result.kind}"`);
  }
}
