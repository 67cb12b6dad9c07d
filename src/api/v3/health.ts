/** gRPC's own health service (`grpc/health/v1/health.proto`), as probes and load balancers ask it. */
import { type Handler, serverStream, unary } from "./call.ts";
import { METHODS } from "./methods.ts";
import { StatusCode } from "./status.ts";
import { status } from "./statuses.ts";

const UNKNOWN_SERVICE = status(StatusCode.notFound, "unknown service");

/**
 * What answers the Health service. Only the member as a whole is known, by the name
 * "", as at etcd. A member that serves nobody fails these calls as it fails all others,
 * so there is no answer NOT_SERVING. Whether it has a leader is asked of `/health`.
 */
export function healthHandlers(): readonly Handler[] {
  return [
    unary(METHODS.health.check, ({ service }, call) => {
      if (service === "") call.answer({ status: "SERVING" });
      else call.fail(UNKNOWN_SERVICE);
    }),
    serverStream(METHODS.health.watch, ({ service }, call) => {
      // A service may come to be known later, so asking for one that is not is no error here.
      call.send({ status: service === "" ? "SERVING" : "SERVICE_UNKNOWN" });
      return { onDrain: () => {}, onGone: () => {} };
    }),
  ];
}
