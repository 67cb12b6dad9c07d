/** The limits of `config.ts` that are a port's. */
import { LIMITS } from "../config.ts";
import type { HttpLimits } from "../http/endpoint.ts";

/** Of the client port; the peer port's connections may take more of the descriptors. */
export function httpLimits(spareDescriptors: number = LIMITS.spareDescriptors): HttpLimits {
  return {
    bodyBytesMax: LIMITS.bodyBytesMax,
    arrivingBytesMax: LIMITS.arrivingBytesMax,
    bodyTimeoutMs: LIMITS.bodyTimeoutMs,
    stallTimeoutMs: LIMITS.stallTimeoutMs,
    headerBytesMax: LIMITS.headerBytesMax,
    headerTimeoutMs: LIMITS.headerTimeoutMs,
    idleTimeoutMs: LIMITS.idleTimeoutMs,
    handshakeTimeoutMs: LIMITS.handshakeTimeoutMs,
    connectionsMax: LIMITS.connectionsMax,
    spareDescriptors,
    shutdownGraceMs: LIMITS.shutdownGraceMs,
  };
}
