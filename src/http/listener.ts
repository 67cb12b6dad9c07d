/** Opens a client port with whatever serves its kind best. */
import { listenDeno } from "./deno_listener.ts";
import type { Listener, ListenOptions } from "./endpoint.ts";
import type { Handler } from "./exchange.ts";
import { listenNode } from "./node_listener.ts";

/**
 * Opens the port: plain and server-TLS by `Deno.serve`, and by `node:https` when
 * `tls.ca` says that clients have to show a certificate. Rejects with `ListenError`.
 */
export function listen(options: ListenOptions, handler: Handler): Promise<Listener> {
  return options.tls?.ca === undefined
    ? listenDeno(options, handler)
    : listenNode(options, handler);
}
