/** The limits of `config.ts` that are a port's. */
import { LIMITS } from "../config.ts";
import type { HttpLimits } from "../http/endpoint.ts";

/** Of the client port; the peer port's connections may take more of the descriptors. */
export function httpLimits(
  spareDescriptors: number = LIMITS.descriptors.clientSpare,
): HttpLimits {
  return { ...LIMITS.http, spareDescriptors };
}
