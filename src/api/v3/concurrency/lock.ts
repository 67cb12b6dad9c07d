/** The Lock service: the holder is whose key of the name was created first. */
import { type Handler, unary } from "../call.ts";
import type { V3Context } from "../context.ts";
import { METHODS } from "../methods.ts";
import { StatusCode } from "../status.ts";
import { status } from "../statuses.ts";
import { enter, leaseOf, leave, turnOf } from "./queue.ts";

const NO_VALUE = new Uint8Array(0);

/** What a client hears whose lease has ended while it waited; etcd 3.4 gave it the lock. */
const SESSION_EXPIRED = status(StatusCode.unknown, "mutex: session is expired");

/** What answers the Lock service. */
export function lockHandlers(v3: V3Context): readonly Handler[] {
  const { headers } = v3;
  return [
    unary(METHODS.lock.lock, async ({ name, lease: wanted }, call) => {
      const { promise: gone, resolve: leaveQueue } = Promise.withResolvers<void>();
      call.onGone(leaveQueue);
      const lease = await leaseOf(v3, call, wanted);
      if (lease === undefined) return;
      const place = await enter(v3, call, name, lease, NO_VALUE);
      if (place === undefined) return;
      const revision = await turnOf(v3, call, name, place, gone, SESSION_EXPIRED);
      if (revision !== undefined) call.answer({ header: headers.at(revision), key: place.key });
    }),

    unary(METHODS.lock.unlock, async ({ key }, call) => {
      const revision = await leave(v3, call, key);
      if (revision !== undefined) call.answer({ header: headers.at(revision) });
    }),
  ];
}
