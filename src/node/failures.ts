/** The outcomes that several parts of a node give, each worded once. */
import type { Failure } from "./ports.ts";

/** For everything that waits when the process ends. */
export const STOPPING: Failure = {
  ok: false,
  reason: "stopping",
  cause: "The node is stopping, ask another member",
};

/** A queue is at its limit. */
export const OVERLOADED: Failure = {
  ok: false,
  reason: "overloaded",
  cause: "Too many requests are waiting already, nothing was changed",
};

/** A member that can't save an entry can't tell what comes of it. */
export const DISK_HANGS: Failure = {
  ok: false,
  reason: "overloaded",
  cause: "The disk of this node does not answer, nothing was changed",
};

/** For writes that reached a member that may not append. */
export const NOT_LEADER: Failure = {
  ok: false,
  reason: "notLeader",
  cause: "This node does not lead, nothing was changed",
};

/** Nobody to turn to: nothing was sent or appended. */
export const NO_LEADER: Failure = {
  ok: false,
  reason: "noLeader",
  cause: "No leader was elected in time, nothing was changed",
};

/** For reads: whatever became of them, they changed nothing. */
export const NOT_CONFIRMED: Failure = {
  ok: false,
  reason: "noLeader",
  cause: "No leader was confirmed by a quorum in time, nothing was read",
};

/** Its place in the log went to another entry, which is committed: it never happened. */
export const SUPERSEDED: Failure = {
  ok: false,
  reason: "superseded",
  cause: "A new leader replaced the entry before it was committed, nothing was changed",
};

/** Appended here; a quorum may have it or not. */
export const NOT_COMMITTED: Failure = {
  ok: false,
  reason: "unknown",
  cause: "The entry was not committed in time, it may still take effect",
};

/**
 * A later leader has appended another entry at its place. A member that has this one may lead
 * after that leader and commit it, as long as the other is not committed.
 */
export const REPLACED: Failure = {
  ok: false,
  reason: "unknown",
  cause: "A new leader put another entry in the place of this one, which may still take effect",
};

/** Sent to the leader, who may have executed it or not. */
export const UNANSWERED: Failure = {
  ok: false,
  reason: "unknown",
  cause: "The leader did not answer in time, the request may still take effect",
};

/** The leadership is where it was, or went to another member. */
export const NOT_MOVED: Failure = {
  ok: false,
  reason: "unknown",
  cause: "The member did not take the leadership over in time",
};

/** For what is in the log already: other disks may have it, and this one as soon as there is space. */
export function notWrittenYet(cause: string): Failure {
  return { ok: false, reason: "unknown", cause: `${cause}; the entry may still take effect` };
}
