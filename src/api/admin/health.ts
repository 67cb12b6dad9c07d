/**
 * `/livez` and `/readyz`, as Kubernetes and etcd have them: `ok`, or 503 with the
 * checks that failed. `?verbose` lists all, `?exclude=NAME` leaves one out, and
 * `/readyz/NAME` asks for a single one.
 */
import type { ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";

/** A question with a name. */
export interface Check {
  readonly name: string;
  /** What is wrong, for people; undefined when nothing is. */
  readonly problem: () => string | undefined | Promise<string | undefined>;
}

/** `live`: restart the process when one fails. `ready`: send no clients here meanwhile. */
export interface Checks {
  readonly live: readonly Check[];
  readonly ready: readonly Check[];
}

/** Asks `checks` again at every request. */
export function healthRoutes(checks: () => Checks): Route[] {
  return [
    ...routesOf("/livez", () => checks().live),
    ...routesOf("/readyz", () => checks().ready),
  ];
}

function routesOf(path: string, checks: () => readonly Check[]): Route[] {
  const all = (query: string) => {
    const parameters = new URLSearchParams(query);
    const excluded = new Set(parameters.getAll("exclude"));
    const asked = checks().filter(({ name }) => !excluded.has(name));
    return answer(asked, parameters.has("verbose"));
  };
  return [{
    path,
    subtree: true,
    methods: {
      GET: (_, rest, query) => {
        const wanted = rest.slice(1);
        if (wanted === "") return all(query);
        const check = checks().find(({ name }) => name === wanted);
        if (check !== undefined) return answer([check], new URLSearchParams(query).has("verbose"));
        const names = checks().map(({ name }) => `"${name}"`).join(", ");
        return fault(404, `Expected one of the checks ${names}, found "${wanted}"`);
      },
    },
  }];
}

async function answer(checks: readonly Check[], isVerbose: boolean): Promise<ReplyOrFault> {
  const results = await Promise.all(
    checks.map(async ({ name, problem }) => ({ name, problem: await problem() })),
  );
  const isWell = results.every(({ problem }) => problem === undefined);
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${problem}\n`
  );
  const list = isVerbose || !isWell ? lines.join("") : "";
  return {
    status: isWell ? 200 : 503,
    contentType: "text/plain; charset=utf-8",
    body: `${list}${isWell ? "ok" : "not ok"}\n`,
  };
}
