/** The Election service: the leader is whose key of the name was created first. */
import { hasSameItems } from "../../../base/sequences.ts";
import { type Handler, serverStream, unary } from "../call.ts";
import type { V3Context } from "../context.ts";
import { toKeyValue } from "../kv/responses.ts";
import type { LeaderKey } from "../messages/concurrency.ts";
import { METHODS } from "../methods.ts";
import { StatusCode } from "../status.ts";
import { STATUS, status } from "../statuses.ts";
import { Observer } from "./observer.ts";
import { deletionAt, enter, first, ifCreatedAt, leaseOf, putOf, turnOf } from "./queue.ts";

const NO_LEADER = status(StatusCode.unknown, "election: no leader");
const NOT_LEADER = status(StatusCode.unknown, "election: not leader");
const SESSION_EXPIRED = status(StatusCode.unknown, STATUS.leaseNotFound.message);
const NO_LEADER_KEY = status(StatusCode.unknown, '"leader" field must be provided');

/** What answers the Election service. */
export function electionHandlers(v3: V3Context): readonly Handler[] {
  const { headers } = v3;
  return [
    unary(METHODS.election.campaign, async (request, call) => {
      const { name } = request;
      const value = request.value.slice();
      const { promise: gone, resolve: leaveQueue } = Promise.withResolvers<void>();
      call.onGone(leaveQueue);
      const lease = await leaseOf(v3, call, request.lease);
      if (lease === undefined) return;
      const place = await enter(v3, call, name, lease, value);
      if (place === undefined) return;
      const { key, revision } = place;
      if (place.found !== undefined && !hasSameItems(place.found.version.value, value)) {
        const proclaimed = await ifCreatedAt(v3, call, key, revision, [putOf(key, value, lease)]);
        if (proclaimed === undefined) return;
        if (!proclaimed.succeeded) return call.fail(NOT_LEADER);
      }
      if (await turnOf(v3, call, name, place, gone, SESSION_EXPIRED) === undefined) return;
      const leader: LeaderKey = { name, key, rev: revision, lease };
      // As etcd has it: of when the client came, not of when its turn did.
      call.answer({ header: headers.at(place.headerRevision), leader });
    }),

    unary(METHODS.election.proclaim, async (request, call) => {
      const { leader } = request;
      if (leader === undefined) return call.fail(NO_LEADER_KEY);
      const { key, rev } = leader;
      const value = request.value.slice();
      // Nobody leads for ever because the lease was left out.
      const lease = await leaseOf(v3, call, leader.lease);
      if (lease === undefined) return;
      const done = await ifCreatedAt(v3, call, key, rev, [putOf(key, value, lease)]);
      if (done === undefined) return;
      if (!done.succeeded) return call.fail(NOT_LEADER);
      call.answer({ header: headers.at(done.revision) });
    }),

    unary(METHODS.election.leader, async ({ name }, call) => {
      const found = await first(v3, call, name);
      if (found === undefined) return;
      if (found.kv === undefined) return call.fail(NO_LEADER);
      call.answer({ header: headers.at(found.revision), kv: toKeyValue(found.kv) });
    }),

    serverStream(METHODS.election.observe, ({ name }, call) => new Observer(v3, name, call)),

    unary(METHODS.election.resign, async ({ leader }, call) => {
      if (leader === undefined) return call.fail(NO_LEADER_KEY);
      const { key, rev } = leader;
      const done = await ifCreatedAt(v3, call, key, rev, [deletionAt(key)]);
      if (done !== undefined) call.answer({ header: headers.at(done.revision) });
    }),
  ];
}
