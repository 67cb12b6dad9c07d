/**
 * Serves only requests for the host names that an operator has named (`--host-whitelist`):
 * a page whose name has been pointed at this address is a stranger then.
 */
import type { Handler } from "./exchange.ts";
import { fault } from "./fault.ts";

/** `names` are in lower case; other requests are answered 421, as RFC 9110 §15.5.20 has it. */
export function onlyHosts(names: readonly string[], handle: Handler): Handler {
  return (exchange) => {
    const host = (exchange.header("host") ?? "").toLowerCase();
    const name = host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
    if (names.includes(name)) return handle(exchange);
    return fault(421, `Expected a host that --host-whitelist names, found "${host}"`);
  };
}
