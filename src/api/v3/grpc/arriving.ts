/**
 * What is kept of messages of which only a part has come, at all calls together. When it
 * is too much, the call goes whose message began first: nobody says how long a client may
 * take for a message, and who is slow on purpose is the slowest.
 */
import { StatusCode, StatusError } from "../status.ts";
import { type Status, status } from "../statuses.ts";

/** A call whose message arrives. */
interface ArrivingCall {
  fail(status: Status): void;
}

const TOO_MANY = status(
  StatusCode.unavailable,
  "grpc: too many messages are arriving at once, nothing was changed",
);

export class Arriving {
  readonly #bytesMax: number;
  #bytes = 0;
  /** In the order in which their messages began. */
  readonly #kept = new Map<ArrivingCall, number>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * `call` keeps so many bytes from here on; 0 when its message is whole, or nobody waits for
   * it any longer. Throws `StatusError` when it is `call` that has to go.
   */
  keep(call: ArrivingCall, bytes: number): void {
    this.#bytes += bytes - (this.#kept.get(call) ?? 0);
    if (bytes === 0) return void this.#kept.delete(call);
    this.#kept.set(call, bytes);
    for (const first of this.#kept.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      if (first === call) throw new StatusError(TOO_MANY.code, TOO_MANY.message);
      first.fail(TOO_MANY);
    }
  }
}
