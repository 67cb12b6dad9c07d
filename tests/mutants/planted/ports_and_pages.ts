/** Planted bugs of ports and of the dashboard: windows, patience, names, what a page is shown and who may see it. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const LIFE = "tests/http/h2/life_test.ts";
const FLOW = "tests/http/h2/flow_test.ts";
const EVENTS = "tests/dashboard/events_test.ts";
const USERS = "tests/dashboard/users_test.ts";
const REPORTS = "tests/dashboard/reports_test.ts";
const COUNTERS = "tests/store/counters_test.ts";

const BACK = "what a client took is free when it is gone";
const TRUE = "a figure is what its name says";

export const PORT_AND_PAGE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/http/h2/connection.ts", LIFE, [
    [
      "who answers no ping is kept as long as it was left alone",
      "a client that does not answer is closed in time",
      "else if (nowMs - this.#askedMs > pingTimeoutMs) {",
      "else if (nowMs - this.#askedMs > pingIntervalMs) {",
    ],
  ]),
  ...mutantsOf("src/http/h2/server.ts", LIFE, [
    [
      "a connection that comes late holds up the end",
      "a port that closes ends",
      "    if (this.#isDraining) connection.drain();\n",
      "",
    ],
  ]),
  ...mutantsOf("src/http/h2/budget.ts", LIFE, [
    [
      "patience that is spent never comes back",
      "a client that behaves is never closed",
      "    this.earn((nowMs - this.#atMs) / 1000 * this.#allowance.perSecond);\n",
      "",
    ],
  ]),
  ...mutantsOf("src/http/h2/streams.ts", FLOW, [
    [
      "what comes too late is never given back",
      BACK,
      "!stream.admit(to - from)) {\n      this.taken(to - from);",
      "!stream.admit(to - from)) {",
    ],
  ]),
  ...mutantsOf("src/http/h2/server_stream.ts", FLOW, [
    [
      "what a paused stream held is never given back",
      BACK,
      "    for (const { length } of this.#held) this.#host.taken(length);\n",
      "",
    ],
  ]),
  ...mutantsOf("src/http/deadlines.ts", "tests/api/deadlines_test.ts", [
    [
      "time-outs are four times as long",
      "each limit is the one of its name",
      "if (this.#step - oldest.step <= STEPS) return;",
      "if (this.#step - oldest.step <= STEPS * 4) return;",
    ],
  ]),
  ...mutantsOf("src/http/host_whitelist.ts", "tests/http/host_whitelist_test.ts", [
    [
      "an address of IPv6 is no name",
      "who was named is served",
      '.replace(/^\\[(.*)\\]$/, "$1")',
      "",
    ],
    [
      "any name that begins alike will do",
      "who was not named is not served",
      "if (names.includes(name)) return handle(exchange);",
      "if (names.some((one) => name.startsWith(one))) return handle(exchange);",
    ],
  ]),
  ...mutantsOf("src/http/cross_site.ts", "tests/api/cross_site_test.ts", [
    [
      "a name in other letters is a stranger's",
      "names are the same in any case",
      'const name = host.toLowerCase().replace(/\\.?(:[0-9]*)?$/, "");',
      'const name = host.replace(/\\.?(:[0-9]*)?$/, "");',
    ],
  ]),
  ...mutantsOf("src/node/counters.ts", "tests/node/counters_test.ts", [
    [
      "heartbeats are no appends",
      TRUE,
      'return type === "append" || type === "heartbeat";',
      'return type === "append";',
    ],
  ]),
  ...mutantsOf("src/dashboard/events.ts", EVENTS, [
    [
      "lifetimes are shown in milliseconds",
      TRUE,
      "Math.ceil((deadlineMs - timeMs) / 1000)",
      "deadlineMs - timeMs",
    ],
    [
      "a poll that waits shows what may not be read",
      "the page shows what its user may see",
      'const events = past.filter(({ key }) => rights.has("read", key)).map(describe);',
      "const events = past.map(describe);",
    ],
  ]),
  ...mutantsOf("src/dashboard/reports.ts", REPORTS, [
    [
      "the other members are asked once and for all",
      "the page shows how the members are",
      "this.#endedMs < freshMs",
      "this.#endedMs < freshMs * 1000",
    ],
    [
      "who has another's address speaks for it",
      "a member speaks for itself alone",
      "if (report?.id === id) return { report };",
      "if (report !== undefined) return { report };",
    ],
  ]),
  ...mutantsOf("src/dashboard/dashboard.ts", USERS, [
    [
      "browsers keep what the dashboard shows",
      "values are nobody's to keep",
      '    "cache-control": "no-store",\n',
      "",
    ],
  ]),
  ...mutantsOf("src/dashboard/users.ts", USERS, [
    [
      "anybody has passwords hashed",
      "nobody else's password is worth a hash",
      "const admitted = await forRoot(service, exchange, () => ok({}));",
      "const admitted = await Promise.resolve(ok({}));",
    ],
  ]),
  ...mutantsOf("src/dashboard/writes.ts", USERS, [
    [
      "the page writes keys of the cluster's own",
      "who is in the cluster is written by the cluster",
      "if (isReserved(key)) return `Expected",
      'if (key === "") return `Expected',
    ],
  ]),
  ...mutantsOf("src/dashboard/certificates.ts", "tests/ops/overview_test.ts", [
    [
      "every certificate ends when it begins",
      TRUE,
      "notAfterMs: certificate.validToDate.getTime(),",
      "notAfterMs: certificate.validFromDate.getTime(),",
    ],
  ]),
  ...mutantsOf("src/store/counters.ts", COUNTERS, [
    [
      "an expiry that finds nothing counts",
      TRUE,
      'if (result.kind === "event") this.expiries++;',
      "this.expiries++;",
    ],
    [
      "updates count as sets",
      TRUE,
      "if (command.prevExist === true) {",
      "if (command.prevExist === true && failed) {",
    ],
    [
      "a comparison that fails succeeds",
      TRUE,
      "failed ? this.compareAndDeletesFail++ : this.compareAndDeletesSuccess++;",
      "this.compareAndDeletesSuccess++;",
    ],
  ]),
  ...mutantsOf("src/cli/members.ts", "tests/cli/bad_paths_test.ts", [
    [
      "etcd members waits -timeout for the role of each member",
      TRUE,
      'path: "/v1/stats/self", timeoutMs: ROLE_TIMEOUT_MS }',
      'path: "/v1/stats/self" }',
    ],
  ]),
];
