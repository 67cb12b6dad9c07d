/**
 * What comes out of applying a command: an event that watchers see, or a
 * rejection. Both are values; neither knows HTTP or JSON.
 */

/** A change of one key. One entry of the log makes at most one event. */
export interface Event {
  readonly action: "SET" | "DELETE";
  readonly key: string;
  /** The value before; absent when there was none. */
  readonly prevValue?: string;
  /** SET only. */
  readonly value?: string;
  /** SET of a key that was not there. */
  readonly newKey: boolean;
  /** The deadline of a key with a TTL, Unix ms: of the new value for SET, of the old one for DELETE. */
  readonly expirationMs?: number;
  /** SET with a TTL: whole seconds that remained, rounded down, when the command was stamped. */
  readonly ttlSeconds?: number;
  /** The index of the log entry. */
  readonly index: number;
}

/** A command that changed nothing; its entry keeps its index. Codes are v1's. */
export interface Rejection {
  readonly errorCode: 100 | 101 | 102;
  readonly cause: string;
}

/** An expiry whose key was set again meanwhile, or an empty change: nobody is told. */
export const NOTHING = Object.freeze({ nothing: true });

export type ApplyResult = Event | Rejection | typeof NOTHING;
