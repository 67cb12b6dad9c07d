/**
 * `/v1/stats/digest`: a hash of everything that this member has applied, and the
 * index it stands at. Members at one index have one digest; no quorum is asked.
 */
import type { Route } from "../../http/router.ts";
import type { Store } from "../../store/store.ts";

/** A member's state in one line; free to ask for. */
export function digestRoute(store: Store): Route {
  const digest = () => {
    const body = JSON.stringify({ index: store.index, digest: store.digest() });
    return { status: 200, body };
  };
  return { path: "/v1/stats/digest", methods: { GET: digest } };
}
