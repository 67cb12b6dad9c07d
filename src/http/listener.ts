/** Opens a client port with whatever serves its kind best. */
import { listenDeno } from "./deno_listener.ts";
import type { Listener, ListenOptions } from "./endpoint.ts";
import type { Handler } from "./exchange.ts";
import { listenWire } from "./wire_listener.ts";

/**
 * Opens the port: plain by `Deno.serve`, TLS by parsers of our own, which can demand
 * client certificates, take new certificates while connections go on, and send trailers;
 * `Deno.serve` can do none of it. Rejects with `ListenError`.
 */
export function listen(options: ListenOptions, handler: Handler): Promise<Listener> {
  return options.tls === undefined ? listenDeno(options, handler) : listenWire(options, handler);
}
