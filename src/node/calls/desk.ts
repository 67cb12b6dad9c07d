/**
 * The leader's side of calls: lets each one through at most once, and has the
 * handler of its kind answer it. A member that does not lead says so, and does
 * nothing: the caller turns to the one that does.
 */
import type { Configuration, MemberId } from "../../raft/types.ts";
import { CallFilter } from "./calls.ts";
import type { Call, CallKind, CallReply } from "./peer_message.ts";

/**
 * Answers a call's payload. `reply` is called once, with undefined when this member
 * leads no longer and did nothing.
 */
export type CallHandler = (
  payload: Uint8Array,
  reply: (payload: Uint8Array | undefined) => void,
) => void;

export interface CallDeskOptions {
  /** Whether this member leads and takes requests. */
  readonly leads: () => boolean;
  readonly send: (to: MemberId, reply: CallReply) => void;
  readonly handlers: Readonly<Record<CallKind, CallHandler>>;
}

const EMPTY = new Uint8Array(0);

export class CallDesk {
  readonly #options: CallDeskOptions;
  readonly #filter = new CallFilter();

  constructor(options: CallDeskOptions) {
    this.#options = options;
  }

  /** A call from a member, or from this one itself. */
  called(from: MemberId, call: Call): void {
    if (!this.#filter.admit(from, call)) return;
    const { session, id, kind, payload } = call;
    const { leads, send, handlers } = this.#options;
    const reply = (answer: Uint8Array | undefined) => {
      const led = answer !== undefined;
      send(from, { type: "callReply", session, id, led, payload: answer ?? EMPTY });
    };
    if (leads()) handlers[kind](payload, reply);
    else reply(undefined);
  }

  /** Forgets callers that are members no longer. */
  membersChanged({ members }: Configuration): void {
    this.#filter.retain(new Set(members.map(({ id }) => id)));
  }
}
