/** The state of a member as a snapshot would hold it, for whoever takes it away: a backup. */
import type { RaftCore } from "../../raft/core.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import type { Outcome, StateMachine } from "../ports.ts";

export interface Capture {
  readonly meta: SnapshotMeta;
  /** The state machine's image as of the call, made slice by slice; to be consumed once. */
  readonly image: Iterable<Uint8Array>;
  /** Of the state machine at `meta.index`. */
  readonly digest: string;
}

/** What `machine` holds now. Fails while there is nothing, or something half replaced. */
export function capture<R>(core: RaftCore, machine: StateMachine<R>): Outcome<Capture> {
  const index = core.appliedIndex;
  const term = core.termAt(index);
  if (index === 0 || term === undefined || core.isInstalling) {
    return {
      ok: false,
      reason: "overloaded",
      cause: "This member is still being brought up to date, ask another one or try again later",
    };
  }
  const meta = { index, term, configuration: core.committedConfiguration };
  return { ok: true, value: { meta, image: machine.snapshot(), digest: machine.digest() } };
}
