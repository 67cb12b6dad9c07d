/**
 * What comes out of applying a command: an event that watchers see, or a word
 * that says why there is none. All are values; none knows an API.
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
  /** SET with a TTL: the seconds from the command's stamp to the deadline, rounded up. */
  readonly ttlSeconds?: number;
  /** The index of the log entry. */
  readonly index: number;
}

/** A command that changed nothing, and why; its entry keeps its index. */
export type Rejection =
  | { readonly kind: "rejected"; readonly reason: "keyNotFound"; readonly key: string }
  | {
    readonly kind: "rejected";
    readonly reason: "testFailed";
    readonly key: string;
    /** The value that had to be there. */
    readonly expected: string;
    /** The value that is there. */
    readonly found: string;
  }
  /** The key is a directory, or below a file. */
  | { readonly kind: "rejected"; readonly reason: "notAFile"; readonly key: string };

/** An expiry whose key was set again meanwhile: nobody is told. */
export const NOTHING = Object.freeze({ kind: "nothing" });

export type ApplyResult = Event | Rejection | typeof NOTHING;
