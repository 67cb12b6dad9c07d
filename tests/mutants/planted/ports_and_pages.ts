/** Planted bugs of ports and of the dashboard: windows, patience, names, what a page is shown and who may see it. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const LIFE = "tests/http/h2/life_test.ts";
const FLOW = "tests/http/h2/flow_test.ts";
const EVENTS = "tests/dashboard/events_test.ts";
const USERS = "tests/dashboard/users_test.ts";
const REPORTS = "tests/dashboard/reports_test.ts";
const CONTACTS = "tests/node/contacts_test.ts";
const REQUESTS = "tests/cli/requests_test.ts";
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
      "    for (const { size } of this.#held) this.#host.taken(size);\n",
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
      'const events = portion.filter(({ key }) => rights.has("read", key)).map(describe);',
      "const events = portion.map(describe);",
    ],
    [
      "an answer ends amid an entry, and the page goes on after it",
      "the page misses no event unsaid",
      "const whole = past.slice(0, max).filter(({ logIndex }) => logIndex !== next.logIndex);",
      "const whole = past.slice(0, max);",
    ],
  ]),
  ...mutantsOf("src/dashboard/ui/paths.ts", "tests/dashboard/paths_test.ts", [
    [
      "a directory whose last key is gone stays in the tree",
      "the page shows what is there",
      'if (action === "SET" && !newKey) return changed;',
      "if (!newKey) return changed;",
    ],
  ]),
  ...mutantsOf("src/dashboard/ui/pause.ts", "tests/dashboard/pause_test.ts", [
    [
      "every pause leaves a listener behind",
      "a page that stays open keeps its size",
      'signal.removeEventListener("abort", end);',
      "",
    ],
  ]),
  ...mutantsOf("src/dashboard/ui/line_ends.ts", "tests/dashboard/line_ends_test.ts", [
    [
      "an edit ends all lines by a line feed",
      "a form changes what was typed",
      'return before.includes("\\r\\n") &&',
      "return false &&",
    ],
  ]),
  ...mutantsOf("src/dashboard/keys.ts", "tests/dashboard/keys_test.ts", [
    [
      "a form is given for bytes that are no text",
      "a form changes what was typed",
      "kv === undefined || isUtf8(kv.version.value)",
      "true",
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
    [
      "what a transaction writes is not counted",
      TRUE,
      "for (const inner of result.results) this.countOperation(inner);",
      "",
    ],
    [
      "the keys of a lease that ends are not counted",
      TRUE,
      "this.deletes += changed;",
      "",
    ],
  ]),
  ...mutantsOf("src/store/store.ts", COUNTERS, [
    [
      "a transaction that only reads is not counted",
      TRUE,
      "this.counters.countOperation(result);",
      "",
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
  ...mutantsOf("src/member/contacts.ts", CONTACTS, [
    [
      "strangers are dialled without a bound",
      TRUE,
      "if (strangers.length > this.#options.strangersMax) this.#announced.delete(strangers[0]!);",
      "",
    ],
    [
      "the newest stranger makes room for the older ones",
      TRUE,
      "this.#announced.delete(strangers[0]!);",
      "this.#announced.delete(strangers.at(-1)!);",
    ],
    [
      "what was found counts more than a call",
      TRUE,
      "if (!this.#options.isHeard(id)) this.#note(id, url);",
      "this.#note(id, url);",
    ],
    [
      "who is heard gets the address of the record",
      TRUE,
      "const isOutdated = !hasSameItems(this.#recorded.get(id) ?? [], urls) &&\n        !this.#options.isHeard(id);",
      "const isOutdated = !hasSameItems(this.#recorded.get(id) ?? [], urls);",
    ],
    [
      "who is refused is dialled",
      TRUE,
      "if (!this.#recorded.has(id) && this.#options.isRefused(id)) this.#announced.delete(id);",
      "",
    ],
    [
      "a member that is not heard has moved",
      TRUE,
      "&& this.#options.isHeard(id);\n      })",
      ";\n      })",
    ],
  ]),
  ...mutantsOf("src/member/audit_file.ts", "tests/shell/audit_file_test.ts", [
    [
      "lines of -audit that come at once are left out",
      TRUE,
      "const QUEUE_BYTES_MAX = 1024 * 1024;",
      "const QUEUE_BYTES_MAX = 1024;",
    ],
  ]),
  ...mutantsOf("src/api/v3/maintenance/maintenance.ts", "tests/api/v3/maintenance_test.ts", [
    [
      "a learner says that it votes",
      TRUE,
      "isLearner: isLearner(service.node),",
      "isLearner: false,",
    ],
  ]),
  ...mutantsOf("src/cli/keys.ts", REQUESTS, [
    [
      "etcd get is deaf to -stale",
      TRUE,
      'readOrHint(client, key, settings.boolean("stale"))',
      "readOrHint(client, key, false)",
    ],
  ]),
  ...mutantsOf("src/cli/listing.ts", REQUESTS, [
    ["etcd ls is deaf to -stale", TRUE, 'settings.boolean("stale")', "false"],
    [
      "etcd ls -r -stale asks a quorum below the top",
      TRUE,
      "await childrenNow(client, item.key, stale)",
      "await childrenNow(client, item.key, false)",
    ],
  ]),
  ...mutantsOf("src/cli/raw_keys.ts", REQUESTS, [
    [
      "etcd get -raw is deaf to -stale",
      TRUE,
      'const serializable = settings.boolean("stale");',
      "const serializable = false;",
    ],
    [
      "etcd ls -raw is deaf to -stale",
      TRUE,
      'serializable: settings.boolean("stale"),',
      "",
    ],
    [
      "the pages of etcd ls -raw are of many moments",
      TRUE,
      "revision: ask.revision ?? revisionOf(answer)",
      "revision: 0",
    ],
    [
      "etcd ls -raw asks for values that it does not print",
      TRUE,
      "keys_only: !withValues,",
      "keys_only: false,",
    ],
    [
      "the second page of etcd ls -raw begins with the last key of the first",
      TRUE,
      "new Uint8Array([...bytesOf(last.key), 0])",
      "bytesOf(last.key)",
    ],
  ]),
  ...mutantsOf("src/cli/backup.ts", REQUESTS, [
    ["etcd backup is deaf to -stale", TRUE, 'settings.boolean("stale")', "false"],
  ]),
  ...mutantsOf("src/cli/backup.ts", "tests/cli/backup_test.ts", [
    [
      "etcd backup to a pipe leaves its temporary file behind",
      TRUE,
      '  } finally {\n    await locally(`remove "${part}"`, () => Deno.remove(part));\n  }',
      "  } finally {\n  }",
    ],
    [
      "a second backup to a place spoils the first",
      "what is under way is not written over",
      "!await output.tryLock(true) || ",
      "",
    ],
  ]),
  ...mutantsOf("src/cli/backup.ts", "tests/cluster/data_commands_test.ts", [
    [
      "a backup ends in what was left of an older one",
      "what was left of a backup that was killed is written over",
      "if (output.statSync().size > 0) output.truncateSync();",
      "",
    ],
  ]),
];
