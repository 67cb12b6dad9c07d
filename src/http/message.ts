/** What both listeners do alike with a request before and after its handler. */
import type { Logger } from "../base/logger.ts";
import type { HttpLimits } from "./endpoint.ts";
import type { Fault } from "./exchange.ts";
import { fault, unavailable } from "./fault.ts";

/** Path and query of a request target: absolute-form loses scheme and host (RFC 9112 §3.2). */
export function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const scheme = target.indexOf("://");
  if (scheme < 0) return `/${target}`;
  const path = target.indexOf("/", scheme + 3);
  return path < 0 ? "/" : target.slice(path);
}

/** Whatever still arrives or waits when the server stops. */
export const STOPPING: Fault = unavailable("The server is stopping, nothing was changed");

/** Bodies that arrive slowly must not fill the memory. */
export const TOO_MANY_BODIES: Fault = unavailable(
  "Too many bodies are arriving at once, nothing was changed",
);

/** 413 */
export function bodyTooLarge({ bodyBytesMax }: Pick<HttpLimits, "bodyBytesMax">): Fault {
  return fault(413, `Expected a body of at most ${bodyBytesMax} bytes, found a longer one`);
}

/** 408 */
export function bodyTooSlow({ bodyTimeoutMs }: HttpLimits): Fault {
  return fault(
    408,
    `Expected the whole body within ${bodyTimeoutMs / 1000} s, found a part of it`,
  );
}

/** A handler threw: a mistake of ours, logged here and told without its details. */
export function internalError(error: unknown, logger: Logger): Fault {
  const cause = error instanceof Error ? error.stack ?? error.message : String(error);
  logger.error("A request could not be handled", { cause });
  return fault(500, "The request could not be handled, the server's log says why");
}
