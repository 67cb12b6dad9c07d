/** Planted bugs of the composition: settings that reach nobody, doors left open, things not given back. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const WIRING = "tests/shell/wiring_test.ts";
const TLS_LIFE = "tests/shell/tls_life_test.ts";
const DEFAULTS = "tests/shell/defaults_test.ts";
const GIVING_BACK = "tests/api/giving_back_test.ts";
const SESSIONS = "tests/http/tls_sessions_test.ts";
const BROKEN_GROUND = "tests/cluster/broken_ground_test.ts";
const OUTCOME = "tests/node/membership_outcome_test.ts";

/** What a setting does is done, whoever set it. */
const REACHES = "every flag reaches the part that it is for";

export const WIRING_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/config.ts", WIRING, [
    ["-maxsize is ignored", REACHES, 'settings.integer("maxsize")', "9"],
    ["-r is ignored", REACHES, 'settings.integer("r")', "3"],
    ["-m is ignored", REACHES, 'settings.integer("m")', "1024"],
    ["-redirect is ignored", REACHES, 'settings.boolean("redirect")', "false"],
    ["-f is ignored", REACHES, 'settings.boolean("f")', "false"],
    [
      "-snapshot is ignored",
      REACHES,
      'settings.boolean("snapshot") ? settings.integer("snapCount") : undefined',
      'settings.integer("snapCount")',
    ],
  ]),
  ...mutantsOf("src/server/v3.ts", WIRING, [
    [
      "a port of gRPC that another program has is told to clients",
      "who is told of an address finds this node there",
      "return { ...config, grpc: undefined };",
      "return config;",
    ],
  ]),
  ...mutantsOf("src/api/v3/cluster.ts", WIRING, [
    [
      "clients of gRPC are sent to a port that does not serve it",
      "what a member list names can be dialled",
      "grpcUrls ?? clientUrls",
      "clientUrls",
    ],
  ]),
  ...mutantsOf("src/config/options.ts", WIRING, [
    ["-logFormat is ignored", REACHES, "format: logFormat(settings)", 'format: "text"'],
  ]),
  ...mutantsOf("src/config/ports.ts", WIRING, [
    [
      "-cl and -sl are ignored",
      REACHES,
      "? parseListenHost(settings.text(listenFlag), settings.label(listenFlag))",
      "? advertised.host",
    ],
    [
      "the port of metrics listens everywhere",
      "a bare port means the loopback interface",
      "  refuseTaken(label, address, others);\n  return Object.freeze(address);",
      "  refuseTaken(label, address, others);\n" +
      '  return Object.freeze(flag === "metrics" ? { ...address, host: "0.0.0.0" } : address);',
      DEFAULTS,
    ],
  ]),
  ...mutantsOf("src/config/tls.ts", "tests/shell/config_test.ts", [
    [
      "the peer port under TLS trusts everybody",
      "peers prove themselves",
      '...side === "server" ? [flags.cert] : []',
      '...side === "server" ? [] : []',
    ],
  ]),
  ...mutantsOf("src/server/client_port.ts", WIRING, [
    ["-redirect does not reach the API", REACHES, "redirect: config.redirect,", "redirect: false,"],
    ["-cors does not reach the API", REACHES, "origins: config.cors,", "origins: [],"],
    [
      "the client port speaks no TLS",
      "with a certificate the port speaks TLS only",
      "...(tls === undefined ? {} : { tls: tls.material }) };",
      "};",
      TLS_LIFE,
    ],
  ]),
  ...mutantsOf("src/config/address.ts", DEFAULTS, [
    [
      "a bare port means every interface",
      "a bare port means the loopback interface",
      'const LOOPBACK = "127.0.0.1";',
      'const LOOPBACK = "127.0.0.2";',
    ],
  ]),
  ...mutantsOf("src/member/limits.ts", WIRING, [
    [
      "-heartbeat does not reach the core",
      REACHES,
      "heartbeatTicks: ticks(config.heartbeatMs),\n      ...L",
      "heartbeatTicks: 10,\n      ...L",
    ],
    [
      "-election does not reach the core",
      REACHES,
      "electionTicks: ticks(config.electionMs),\n      heartbeatTicks",
      "electionTicks: 100,\n      heartbeatTicks",
    ],
    [
      "-maxsize does not reach the node",
      REACHES,
      "membersMax: config.membersMax,",
      "membersMax: LIMITS.cluster.membersMax,",
    ],
    [
      "-snapCount does not reach the node",
      REACHES,
      "const snapshotEntries = config.snapshotEntries ?? 0;",
      "const snapshotEntries = 100_000;",
    ],
    [
      "a dead connection is noticed late",
      "a dead connection is noticed within two election time-outs",
      "silenceMsMax: config.electionMs * 2,",
      "silenceMsMax: config.electionMs * 20,",
    ],
  ]),
  ...mutantsOf("src/server/http_limits.ts", WIRING, [
    [
      "a head may come as slowly as a connection idles",
      "each limit is the one of its name",
      "return { ...LIMITS.http, spareDescriptors };",
      "return { ...LIMITS.http, headerTimeoutMs: LIMITS.http.idleTimeoutMs, spareDescriptors };",
    ],
  ]),
  ...mutantsOf("src/server.ts", WIRING, [
    [
      "the peer port speaks no TLS",
      "peers prove themselves",
      "...(tls === undefined ? {} : { tls: { ...tls.material, ...tls.peer } }),",
      "",
    ],
  ]),
  ...mutantsOf("src/server.ts", "tests/cli/members_test.ts", [
    [
      "who stops a node that is ending does not wait for the end",
      "a node ends once for all who end it",
      "return this.#stopping ??= this.#stop(status);",
      "return this.#stopping === undefined\n" +
      "      ? (this.#stopping = this.#stop(status))\n" +
      "      : Promise.resolve();",
    ],
  ]),
  ...mutantsOf("src/member/entrance.ts", WIRING, [
    [
      "-r does not reach who joins",
      REACHES,
      "attempts: config.joinAttempts,",
      "attempts: 3,",
    ],
  ]),
  ...mutantsOf("src/server/peer_port.ts", DEFAULTS, [
    [
      "a page of another site removes members at the peer port",
      "a page changes nothing",
      'exchange.method === "GET" ? undefined : pageProblem(exchange)',
      'exchange.method === "POST" ? pageProblem(exchange) : undefined',
    ],
  ]),
  ...mutantsOf("tools/node_flags.ts", DEFAULTS, [
    [
      "the program may ask the system anything",
      "nothing is allowed that is not needed",
      '"--allow-sys=statfs",',
      '"--allow-sys",',
    ],
    [
      "the engine's switches are not among those of a node",
      "a node runs with the same switches however it is started",
      "  ...ENGINE_FLAGS,\n",
      "",
    ],
  ]),
  ...mutantsOf("src/storage/real_disk.ts", DEFAULTS, [
    [
      "the data may be read by everybody",
      "the data is for its owner alone",
      "const FILE_MODE = 0o600;",
      "const FILE_MODE = 0o644;",
    ],
    [
      "the data directory may be looked into",
      "the data is for its owner alone",
      "const DIRECTORY_MODE = 0o700;",
      "const DIRECTORY_MODE = 0o755;",
    ],
  ]),
  ...mutantsOf("src/http/tls_sessions.ts", SESSIONS, [
    [
      "a session of an open port opens every other",
      "a port that demands a certificate gets one",
      "if (admits(socket, this.#ca)) {",
      "if (admits(socket, this.#ca) || socket.writable) {",
    ],
    [
      "a session outlives its authority",
      "a certificate is of an authority of now",
      "if (socket.isSessionReused() && !(isKnown && Date.now() < Date.parse(valid_to))) return false;",
      "",
    ],
    [
      "no session is ever resumed",
      "who was verified goes on",
      "!(isKnown && Date.now() < Date.parse(valid_to))",
      "isKnown",
    ],
  ]),
  ...mutantsOf("src/base/console_logger.ts", "tests/shell/console_logger_test.ts", [
    [
      "a fault waits for a reader that takes nothing",
      "what nobody caught ends a node at once",
      "if (writer.isStuck) return;",
      "",
    ],
    [
      "the last word leaves out the lines before it",
      "a fault is told after what led to it",
      "writeNow(writer.takeWaiting(), writeSync);",
      "",
    ],
  ]),
  ...mutantsOf("src/http/client_certificate.ts", SESSIONS, [
    [
      "a certificate that this port has not verified names the client",
      "who a client is was verified for this port",
      "|| !namesUser(socket)) return undefined;",
      ") return undefined;",
    ],
  ]),
  ...mutantsOf("src/http/deno_listener.ts", GIVING_BACK, [
    [
      "a large upload never gives its bytes back",
      "what a client took is free when it is gone",
      ".finally(() => this.#arrivingBytes -= bytes);",
      ";",
    ],
  ]),
  ...mutantsOf("src/http/h1/server.ts", GIVING_BACK, [
    [
      "an upload by our own parser never gives its bytes back",
      "what a client took is free when it is gone",
      "this.#arrivingBytes -= bytes;",
      "",
    ],
  ]),
  ...mutantsOf("src/http/node_exchange.ts", GIVING_BACK, [
    [
      "an upload that is cut never gives its bytes back",
      "what a client took is free when it is gone",
      'request.on("error", () => {\n      this.#bodies.delete(deadline);\n      forget();',
      'request.on("error", () => {\n      this.#bodies.delete(deadline);',
    ],
  ]),
  ...mutantsOf("src/dashboard/dashboard.ts", "tests/dashboard", [
    [
      "the path of events is decoded twice",
      "a percent sign that is left is the key's own",
      '.replaceAll("%", "%25")',
      "",
      "tests/dashboard/events_test.ts",
    ],
    [
      "a dashboard that is read-only changes keys",
      "-dashboard=readonly lets nobody change anything",
      'if (mode === "readonly") {',
      "if (mode === undefined) {",
    ],
    [
      "any page may read by the dashboard",
      "what the dashboard shows is for its own page",
      "    const problem = foreignReadProblem(exchange, policy);\n",
      "    const problem: string | undefined = undefined;\n",
      DEFAULTS,
    ],
  ]),
  ...mutantsOf("src/dashboard/events.ts", GIVING_BACK, [
    [
      "a dashboard that leaves keeps its place",
      "what a client took is free when it is gone",
      "if (!this.#waiting.delete(finish)) return;",
      "if (!this.#waiting.has(finish)) return;",
    ],
  ]),
  ...mutantsOf("src/api/admin/metrics/metrics.ts", "tests/shell/truth_test.ts", [
    [
      "bytes received are those sent",
      "a figure is what its name says",
      "...peers.map(({ id, receivedBytes }) =>",
      "...peers.map(({ id, sentBytes: receivedBytes }) =>",
    ],
  ]),
  ...mutantsOf("src/node/node.ts", BROKEN_GROUND, [
    [
      "a member that has diverged goes on serving",
      "what a member can't stand for is told to nobody",
      "stop: (failure) => scheduler.defer(() => this.retire(failure)),",
      "stop: () => {},",
    ],
  ]),
  ...mutantsOf("src/operations/telemetry.ts", BROKEN_GROUND, [
    [
      "the probes never hear of a full disk",
      "whoever watches a node is told that it takes no writes",
      'node.status().diskIsFull ? "The disk is full" : undefined',
      "undefined",
    ],
    [
      "the probes never hear that states differ",
      "whoever watches a node is told that its data is not to be trusted",
      '{ name: "data_corruption", problem: () => node.refusal?.cause },',
      "",
    ],
  ]),
  ...mutantsOf("src/node/membership/outcome.ts", OUTCOME, [
    [
      "a configuration that a peer sent is believed",
      "nothing of what a peer sends is believed unseen",
      "if (ok !== true || configuration === undefined) return",
      "if (ok !== true) return",
    ],
    [
      "a reason that there is none of is believed",
      "nothing of what a peer sends is believed unseen",
      "Object.hasOwn(REASONS, value)",
      "value in REASONS",
    ],
  ]),
  ...mutantsOf("src/raft/configuration_json.ts", OUTCOME, [
    [
      "two members have one id",
      "nothing of what a peer sends is believed unseen",
      "return configurationFault(configuration) === undefined ? configuration : undefined;",
      "return configuration;",
    ],
  ]),
];
