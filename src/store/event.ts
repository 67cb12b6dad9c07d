/** What a command changed: watchers see it, and the writer gets it as its answer. */
import type { ByteString } from "./byte_string.ts";
import type { Version } from "./keyspace/record.ts";

/** In v2's words; v1 and v3 know only whether something was set or removed. */
export type Action =
  | "set"
  | "create"
  | "update"
  | "compareAndSwap"
  | "delete"
  | "compareAndDelete"
  | "expire";

/** One change of one key or directory. An entry of the log makes any number of them. */
export interface Event {
  readonly kind: "event";
  readonly action: Action;
  readonly key: ByteString;
  /** A directory of v1 and v2; v3 knows none. */
  readonly isDirectory: boolean;
  /** Whether v1 and v2 see the key; always true for a directory. */
  readonly isFile: boolean;
  /** Only a TTL was refreshed: v1 and v2 are not told. */
  readonly isQuiet: boolean;
  /** It went with a directory above it, whose own event v2 is told instead. */
  readonly isCovered: boolean;
  /** The index of the log entry. */
  readonly logIndex: number;
  /** v2's index. */
  readonly changeIndex: number;
  /** v3's revision; of a directory's event, the one at that time. */
  readonly revision: number;
  /** The cluster's time when the entry was stamped, Unix ms. */
  readonly timeMs: number;
  /** What is there now; undefined when it is gone. Good to keep. */
  readonly after: Version | undefined;
  /** What was there before; undefined when nothing was, or when the history no longer says. */
  readonly before: Version | undefined;
}

/** Whether `event` leaves nothing behind. */
export function isRemoval({ action }: Event): boolean {
  return action === "delete" || action === "compareAndDelete" || action === "expire";
}
