/**
 * `/admin/digest`: a hash of everything that this member has applied, and the index
 * it stands at. Members at one index have one digest; no quorum is asked, and a
 * member that has diverged still tells it.
 */
import type { Route } from "../../http/router.ts";
import type { Service } from "../../service/service.ts";

/** A member's state in one line, free to ask for; also at the path of version 1.0. */
export function digestRoutes(service: Service): Route[] {
  const digest = () => {
    const body = JSON.stringify({ index: service.index, digest: service.digest() });
    return { status: 200, body };
  };
  return ["/admin/digest", "/v1/stats/digest"].map((path) => ({ path, methods: { GET: digest } }));
}
