/** Opens a client port with whatever serves its kind best. */
import { listenDeno } from "./deno_listener.ts";
import type { Listener, ListenOptions } from "./endpoint.ts";
import type { Handler } from "./exchange.ts";
import { listenNode } from "./node_listener.ts";

/**
 * Opens the port: plain by `Deno.serve`, TLS by `node:https`, which can demand
 * client certificates and takes new certificates while connections go on; `Deno.serve`
 * can do neither. Rejects with `ListenError`.
 */
export function listen(options: ListenOptions, handler: Handler): Promise<Listener> {
  return options.tls === undefined ? listenDeno(options, handler) : listenNode(options, handler);
}
