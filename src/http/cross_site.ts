/**
 * Tells requests that a page of another site sent through somebody's browser.
 * Only browsers send `Origin` and `Sec-Fetch-Site`, and no page can forge or
 * suppress them on a request that changes something (Fetch Standard §2.2.2 and
 * §3.1); curl and other programs send neither and are never refused here.
 */
import type { Exchange } from "./exchange.ts";

/** What a browser may call this port. */
export interface SitePolicy {
  /** The port speaks TLS: its certificate has proven the name that the browser used. */
  readonly tls: boolean;
  /**
   * Whether a host name, lower case, is this cluster's own. Asked on plain ports
   * only: there, somebody else's name may have been pointed at this address
   * (DNS rebinding). Addresses and `localhost` can't be and need no asking.
   */
  readonly isOwnName: (name: string) => boolean;
}

/**
 * Why a request that changes something must not be carried out; undefined when
 * it may. Looks at one header of a request that no browser sent.
 */
export function foreignWriteProblem(exchange: Exchange, policy: SitePolicy): string | undefined {
  const origin = exchange.header("origin");
  if (origin === undefined) return undefined;
  const site = exchange.header("sec-fetch-site");
  if (site === "same-origin") return undefined;
  const found = `a page of "${origin}" may not change anything here`;
  if (site !== undefined || !URL.canParse(origin)) {
    return `Expected a request of a program or of this node's own page, ${found}`;
  }
  const { host } = new URL(origin);
  if (host !== exchange.header("host")?.toLowerCase()) {
    return `Expected a request of a program or of this node's own page, ${found}`;
  }
  return strangeNameProblem(host, policy);
}

/** Why a request must not be carried out on a port that serves no page; undefined when no page sent it. */
export function pageProblem(exchange: Exchange): string | undefined {
  const found = exchange.header("origin") ?? exchange.header("sec-fetch-site");
  if (found === undefined) return undefined;
  return `Expected a request of a program, found one of a browser's page ("${found}")`;
}

/**
 * Why a request by a page must not be answered, one that only reads included;
 * undefined when it may. For what only pages ask for: a program that sends none
 * of a browser's headers has to use an address or a name of the cluster.
 */
export function foreignReadProblem(exchange: Exchange, policy: SitePolicy): string | undefined {
  const site = exchange.header("sec-fetch-site");
  if (site === "same-origin") return undefined;
  if (site !== undefined) return `Expected a request of this node's own page, found "${site}"`;
  // Over HTTP/2 there may be no Host, but then there is TLS.
  return strangeNameProblem(exchange.header("host") ?? "localhost", policy);
}

/** Neither a name that only this machine resolves nor an address. */
const NAME = /^(?!localhost$|(?:.+\.)localhost$|[0-9.]+$|\[)/;

function strangeNameProblem(host: string, { tls, isOwnName }: SitePolicy): string | undefined {
  if (tls) return undefined;
  const name = host.toLowerCase().replace(/\.?(:[0-9]*)?$/, "");
  if (!NAME.test(name) || isOwnName(name)) return undefined;
  return `Expected an address, "localhost" or a name that a member has in -c, found "${host}": ` +
    "without TLS anybody could have pointed that name here";
}
