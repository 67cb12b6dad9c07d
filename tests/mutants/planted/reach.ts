/** Planted bugs of etcd's flags, of figures and checks, of a node's stop and of its certificates. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const FLAGS = "tests/shell/etcd_wiring_test.ts";
const REACH = "tests/shell/reach_test.ts";
const STOP = "tests/shell/orderly_stop_test.ts";
const STUCK = "tests/shell/stuck_stop_test.ts";
const TLS = "tests/shell/tls_life_test.ts";
const FIGURES = "tests/ops/figures_test.ts";
const TELEMETRY = "tests/ops/telemetry_test.ts";

/** What a setting does is done, whoever set it. */
const REACHES = "every flag reaches the part that it is for";
const ENDS = "a node that is told to stop ends";
const ANSWERED = "who waits is told that the node stops";
const NEW = "a new certificate counts at every port";
const TRUE = "a figure is what its name says";
const CHECKED = "whoever watches a node is told what is wrong";

export const REACH_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/config.ts", FLAGS, [
    [
      "--max-learners is ignored",
      REACHES,
      'learnersMax: settings.integer("max-learners")',
      "learnersMax: 1",
    ],
    [
      "--force-new-cluster is ignored",
      REACHES,
      'forceNewCluster: settings.boolean("force-new-cluster")',
      "forceNewCluster: false",
    ],
  ]),
  ...mutantsOf("src/config/options.ts", FLAGS, [
    [
      "--max-request-bytes is ignored",
      REACHES,
      'requestBytesMax: settings.integer("max-request-bytes")',
      "requestBytesMax: 1_572_864",
    ],
    [
      "--enable-grpc-gateway is ignored",
      REACHES,
      'hasGateway: settings.boolean("enable-grpc-gateway")',
      "hasGateway: true",
    ],
    [
      "--grpc-keepalive-interval is ignored",
      REACHES,
      'settings.duration("grpc-keepalive-interval")',
      "7_200_000",
    ],
    [
      "silent clients have as long as they are left alone",
      REACHES,
      'settings.duration("grpc-keepalive-timeout")',
      'settings.duration("grpc-keepalive-interval")',
    ],
    [
      "--bcrypt-cost is ignored",
      REACHES,
      'bcryptCost: settings.integer("bcrypt-cost")',
      "bcryptCost: 10",
    ],
    [
      "--log-level=error tells what is not worth a line",
      REACHES,
      'case "error":\n    case "panic":',
      'case "panic":',
    ],
  ]),
  ...mutantsOf("src/config/tls.ts", FLAGS, [
    [
      "peers are revoked by the list of clients",
      REACHES,
      'crl: "peer-crl-file"',
      'crl: "client-crl-file"',
    ],
  ]),
  ...mutantsOf("src/member/limits.ts", REACH, [
    [
      "history of so many hours counts in milliseconds",
      REACHES,
      "ageTicks: ticks(compaction.retentionMs)",
      "ageTicks: compaction.retentionMs",
    ],
    [
      "--auto-compaction-mode=revision looks once an hour",
      REACHES,
      "everyTicks: ticks(LIMITS.store.revisionLookMs)",
      "everyTicks: ticks(LIMITS.store.historyAgeMs)",
    ],
    [
      "the quota is looked at once an hour",
      REACHES,
      "lookTicks: ticks(LIMITS.store.quotaLookMs)",
      "lookTicks: ticks(LIMITS.store.historyAgeMs)",
    ],
  ]),
  ...mutantsOf("src/member/real_member.ts", REACH, [
    [
      "--bcrypt-cost does not reach the passwords",
      REACHES,
      "{ ...DEFAULT_COST, bcrypt: config.auth.bcryptCost }",
      "DEFAULT_COST",
    ],
    ["-audit reaches nobody", REACHES, "openAudit(config.auth.audit)", "() => {}"],
    [
      "--auth-token reaches nobody",
      REACHES,
      "    tokens: makeTokenScheme(config.auth.token, identity.clusterId),\n",
      "",
    ],
  ]),
  ...mutantsOf("src/member/member.ts", REACH, [
    ["the audit does not reach the service", REACHES, "audit: options.audit,", "audit: undefined,"],
  ]),
  ...mutantsOf("src/member/token_scheme.ts", REACH, [
    [
      "--auth-token-ttl reaches no token",
      REACHES,
      "new SimpleTokens(config.ttlMs, clusterId)",
      "new SimpleTokens(300_000, clusterId)",
    ],
    [
      "the ttl of --auth-token reaches no JWT",
      REACHES,
      "    ttlMs,\n  });",
      "    ttlMs: 300_000,\n  });",
    ],
  ]),
  ...mutantsOf("src/server/v3.ts", REACH, [
    [
      "--max-txn-ops does not reach the API",
      REACHES,
      "txnOperationsMax: v3.txnOperationsMax",
      "txnOperationsMax: 128",
    ],
    [
      "--max-request-bytes does not reach the API",
      REACHES,
      "requestBytesMax: v3.requestBytesMax",
      "requestBytesMax: 1_572_864",
    ],
    [
      "--watch-progress-notify-interval does not reach the watches",
      REACHES,
      "progressNotifyMs: v3.progressNotifyMs",
      "progressNotifyMs: 600_000",
    ],
    [
      "--max-concurrent-streams does not reach the gateway",
      REACHES,
      "gatewayCallsMax: v3.streamsMax",
      "gatewayCallsMax: undefined",
    ],
  ]),
  ...mutantsOf("src/server/client_port.ts", REACH, [
    ["HTTP/2 goes by its own limits", REACHES, "http2: http2Limits(config),", ""],
    [
      "--max-request-bytes does not reach the port",
      REACHES,
      "Math.max(LIMITS.v3.portBodyBytesMax, 2 * v3.requestBytesMax)",
      "Math.max(LIMITS.v3.portBodyBytesMax, v3.requestBytesMax)",
    ],
    [
      "--host-whitelist does not reach the port",
      REACHES,
      "hostWhitelist === undefined ? handle : onlyHosts(hostWhitelist, handle)",
      "handle",
    ],
    ["the dashboard's polls outlast the node", ANSWERED, "      dashboard?.stop();\n", "", STOP],
    ["streams of v3 are cut without a word", ANSWERED, "      v3.stop();\n", "", STOP],
    [
      "the port of gRPC keeps its first certificate",
      NEW,
      "      listeners.push(grpc);\n      tls?.attach(grpc);",
      "      listeners.push(grpc);",
      TLS,
    ],
    [
      "the client port keeps its first certificate",
      NEW,
      "      if (shared.some(({ secure }) => secure)) tls?.attach(listener);\n",
      "",
      TLS,
    ],
  ]),
  ...mutantsOf("src/server/metrics_port.ts", TLS, [
    [
      "the port of metrics keeps its first certificate",
      NEW,
      "      if (secure) tls?.attach(listener);\n",
      "",
    ],
  ]),
  ...mutantsOf("src/server.ts", TLS, [
    [
      "the peer port keeps its first certificate",
      NEW,
      "    for (const listener of port.listeners) tls?.attach(listener);\n",
      "",
    ],
    [
      "nobody looks after the files of certificates",
      NEW,
      "new CertificateWatch(ports, ",
      "new CertificateWatch([], ",
    ],
    [
      "a stop that hangs is waited for for ever",
      ENDS,
      "    () => late.reject(new Error(`Could not stop in order within ${ms} ms`)),",
      "    () => {},",
      STUCK,
    ],
    [
      "a start that hangs can't be stopped",
      ENDS,
      "= inTime(server.#ends.disposeAsync())",
      "= server.#ends.disposeAsync()",
      STUCK,
    ],
    [
      "a stop that hung counts as one in order",
      ENDS,
      "      this.#logger.error(explain(error));\n      this.#ended.resolve(FAILED);\n    }\n  }\n\n  async #end",
      "      this.#logger.error(explain(error));\n      this.#ended.resolve(status);\n    }\n  }\n\n  async #end",
      STUCK,
    ],
  ]),
  ...mutantsOf("main.ts", "tests/shell/wiring_test.ts", [
    ["--log-outputs is ignored", REACHES, ", ...logOutputs(outputs) }", " }"],
  ]),
  ...mutantsOf("src/api/admin/metrics/metrics.ts", FIGURES, [
    ["no member is a learner", TRUE, 'role === "learner" ? 1 : 0', "0"],
    ["proposals that wait are not shown", TRUE, "    status.proposalsPending,\n", "    0,\n"],
    ["proposals that fail are not shown", TRUE, "    counters.proposalsFailed,\n", "    0,\n"],
    ["reads that fail are not shown", TRUE, "    requests.readsFailed,\n", "    0,\n"],
    ["every peer is connected", TRUE, "value: connected ? 1 : 0,", "value: 1,"],
    [
      "a snapshot for one is one for all",
      TRUE,
      "value: sentTo.includes(id) ? 1 : 0",
      "value: sentTo.length",
    ],
    [
      "the directory is as large as what was written to it",
      TRUE,
      "    disk.sizeBytes(),\n",
      "    disk.logBytesWritten,\n",
    ],
    [
      "other syncs are those of the log",
      TRUE,
      "{ histogram: disk.otherSyncs }",
      "{ histogram: disk.logSyncs }",
    ],
  ]),
  ...mutantsOf("src/api/admin/metrics/v3_metrics.ts", FIGURES, [
    ["all is compacted", TRUE, "    numbers.compactedRevision,\n", "    numbers.revision,\n"],
    ["slow watches are not shown", TRUE, "    store.slowWatchers,\n", "    0,\n"],
    [
      "as many messages are received as are sent",
      TRUE,
      "...by((c) => c.messagesReceived)",
      "...by((c) => c.messagesSent)",
    ],
  ]),
  ...mutantsOf("src/api/v2/stats.ts", FIGURES, [
    [
      "frames to a follower that were lost count as sent",
      TRUE,
      "counts: { fail: dropped, success: sent }",
      "counts: { fail: sent, success: dropped }",
    ],
    [
      "updates are sets",
      TRUE,
      "updateSuccess: operations.updatesSuccess,",
      "updateSuccess: operations.setsSuccess,",
    ],
    [
      "every member leads",
      TRUE,
      'node.isLeader() ? "StateLeader" : "StateFollower"',
      '"StateLeader"',
    ],
  ]),
  ...mutantsOf("src/operations/telemetry.ts", TELEMETRY, [
    [
      "the disk is never stuck",
      CHECKED,
      '{ name: "disk", problem: () => this.#diskProblem() },',
      "",
    ],
    [
      "the directory is always there",
      CHECKED,
      '{ name: "directory", problem: () => this.#missing },',
      "",
    ],
    [
      "a process that stands still lives",
      CHECKED,
      "return lateMs < LOOKS_MISSED_MAX * LIMITS.operations.lookMs",
      "return lateMs >= 0",
    ],
    [
      "reads that nobody confirms are served",
      CHECKED,
      "resolve(outcome.ok ? undefined : outcome.cause);",
      "resolve(undefined);",
    ],
    [
      "rates are of all since the start",
      TRUE,
      "perSecond: (count - this.#count) / seconds,",
      "perSecond: count / seconds,",
    ],
    [
      "what is received is what is sent",
      TRUE,
      "      counters.appendsReceived,\n",
      "      counters.appendsSent,\n",
    ],
    [
      "time of the processor in other units",
      TRUE,
      "(user + system) / 1e6",
      "(user + system) / 1e3",
    ],
    [
      "the quota of others is shown",
      TRUE,
      "quotaBytes: config.quotaBytes,",
      "quotaBytes: LIMITS.store.quotaBytes,",
    ],
    ["the heap is full", TRUE, "heapUsedBytes: heapUsed,", "heapUsedBytes: heapTotal,"],
    [
      "nobody looks whether the directory is there",
      "nothing is acknowledged that a restart won't find",
      "this.#looking = this.#options.presence.look().then((problem) => this.#lose(problem));",
      "",
    ],
  ]),
];
