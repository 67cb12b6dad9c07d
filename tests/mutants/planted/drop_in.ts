/** Planted bugs of flags, of forming a cluster and of the quota. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const FLAGS = "tests/shell/etcd_flags_test.ts";
const FORMATION = "tests/shell/formation_test.ts";
const GATE = "tests/shell/client_gate_test.ts";
const QUOTA = "tests/service/quota_test.ts";

export const DROP_IN_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/config/families.ts", FLAGS, [
    [
      "flags that ask for what is not there are ignored",
      "a promise that nobody keeps is refused",
      'else if (stance === "refuse" && settings.valueOf(row) !== row.initial) {',
      'else if (stance === "refuse" && settings.valueOf(row) === undefined) {',
    ],
    [
      "etcd's ports whatever else is said",
      "one of ours that places the node keeps our ports",
      'if (PLACING.some((name) => settings.familyOf(name) === "ours")) return false;',
      "",
    ],
  ]),
  ...mutantsOf("src/config/cluster.ts", FLAGS, [
    [
      "who has data can't start when the list of members is out of date",
      "a node that has data does not go by --initial-cluster",
      'if (!(error instanceof UsageError) || settings.boolean("f")) throw error;',
      "throw error;",
    ],
    [
      "data are removed for flags that can't be followed",
      "what is wrong is told before -f removes anything",
      'if (!(error instanceof UsageError) || settings.boolean("f")) throw error;',
      "if (!(error instanceof UsageError)) throw error;",
    ],
  ]),
  ...mutantsOf("src/member/entrance.ts", "tests/cluster/initial_cluster_test.ts", [
    [
      "a blank node starts by flags that it can't follow",
      "a node without data goes by --initial-cluster",
      "if (config.entryProblem !== undefined) throw new UsageError(config.entryProblem);",
      "",
    ],
    [
      "whoever is not let in is told to remove its namesake",
      "a refusal is told as it was",
      "if (refusal.message !== NO_PLACE) throw error;",
      "",
    ],
    [
      "a survivor is made a new cluster, and does not start beside another one",
      "--force-new-cluster leaves behind who still lives",
      "config.forceNewCluster ? [] : namedAddresses(config)",
      "namedAddresses(config)",
    ],
  ]),
  ...mutantsOf("src/config/families.ts", FLAGS, [
    [
      "of two answers who the members are one is dropped",
      "--initial-cluster and --discovery-srv contradict each other",
      '[["C", "CF", "initial-cluster"], ["discovery-srv"',
      '[["C", "CF"], ["discovery-srv"',
    ],
  ]),
  ...mutantsOf("src/member/discovery.ts", "tests/shell/discovery_test.ts", [
    [
      "a plain node dials members that speak TLS",
      "all members speak the same",
      'if ((scheme === "https") === (peer.tls !== undefined)) {',
      "if (peer.urls.length > 0) {",
    ],
    [
      "a member that has data asks the DNS where its cluster is",
      "a directory that knows its members goes on with them",
      "const isKnown = identity !== undefined && knowsMembers(identity, loaded);",
      "const isKnown = identity !== undefined && identity.clusterId === 0;",
    ],
    [
      "a restart moves a member to where its flags say",
      "the URL by which the DNS has it stays",
      "return placedAt(config, recordedUrls(identity, loaded));",
      "return config;",
    ],
    [
      "existing founds a cluster when the DNS names nobody else",
      "existing founds nothing",
      'if (urls.length === 1 && state === "new") return placed;',
      "if (urls.length === 1) return placed;",
    ],
    [
      "a node that the DNS names twice counts as two of a quorum",
      "one target is one node",
      "if (found.length === 1 && peer.urls.length === 1) return found[0]!;",
      "if (found.length > 0 && peer.urls.length === 1) return found[0]!;",
    ],
  ]),
  ...mutantsOf("src/member/entrance.ts", "tests/cluster/discovery_test.ts", [
    [
      "a node has a place by a name that no other knows",
      "all know a place by its target",
      "this.forming = { name: own, token, members };",
      "this.forming = { name: options.config.name, token, members };",
    ],
  ]),
  ...mutantsOf("src/member/registration.ts", "tests/shell/registration_test.ts", [
    [
      "each member has a list of its own",
      "the first keys that were made are the members",
      ".sort((a, b) => a.createdIndex - b.createdIndex).slice(0, size);",
      ".sort((a, b) => a.key < b.key ? -1 : 1).slice(0, size);",
    ],
    [
      "who comes too late is a member of its own list",
      "there are as many members as were to be",
      "if (after.some(isOwn)) return after;",
      "if (after.length > 0) return after;",
    ],
    [
      "a service that is not ready ends the start",
      "it is asked until it answers",
      "if (!(error instanceof UnavailableError)) throw error;",
      "throw error;",
    ],
    [
      "who waits for a service does not say why",
      "the log has the cause",
      "messageOf(error instanceof TypeError ? error.cause ?? error : error)",
      "messageOf(error)",
    ],
    [
      "two nodes of one URL are one member",
      "who is registered by another name is told",
      "if (known !== undefined && known.value !== own.value) {",
      "if (known !== undefined && size === 0) {",
    ],
  ]),
  ...mutantsOf("src/member/names.ts", "tests/shell/discovery_test.ts", [
    [
      "a service that says there is none has a member",
      "a dot is no target (RFC 2782)",
      '.filter(({ host }) => host !== "")',
      "",
    ],
  ]),
  ...mutantsOf("src/config/ports.ts", FLAGS, [
    [
      "who listens for peers everywhere must say where it is",
      "a command line that etcd takes is taken",
      "if (flags === PEER) {",
      "if (flags === PEER && name === undefined) {",
    ],
    [
      "who listens for peers everywhere is not where --initial-cluster has it",
      "a command line that etcd takes is taken",
      "const own = ownPeerUrls(settings, name);",
      'const own = "";',
    ],
  ]),
  ...mutantsOf("src/config/etcd_flags.ts", FLAGS, [
    [
      "test suites of Kubernetes can't start a node",
      "who asks for less than is done is not refused",
      '...ignoredSwitches("a write that was acknowledged is on disk, always", "unsafe-no-fsync"),',
      '...refusedSwitches("a write that was acknowledged is on disk, always", "unsafe-no-fsync"),',
    ],
  ]),
  ...mutantsOf("src/config/tls.ts", FLAGS, [
    [
      "a list of ciphers that nobody keeps to",
      "what the runtime always offers can't be left out",
      "  if (missing === undefined) return;\n",
      "  if (missing !== undefined) return;\n",
    ],
  ]),
  ...mutantsOf("src/config/command_line.ts", FLAGS, [
    [
      "of two names of a setting the last wins",
      "two spellings must agree",
      "before.label !== label && before.value !== value",
      "before.label === label && before.value !== value",
    ],
  ]),
  ...mutantsOf("src/member/formation.ts", FORMATION, [
    [
      "a member founds a cluster alone",
      "a majority of those named must be there and blank (rule 8)",
      "if (blanks.length + 1 < quorum) {",
      "if (blanks.length + 1 < 1) {",
    ],
    [
      "a node founds although another was chosen",
      "who founds is one decision (rule 8)",
      "else if (decision.founder === options.founder.self) {",
      "else if (decision.founder > 0) {",
    ],
    [
      "any node proposes itself at once",
      "the first by name founds if it is there",
      "if (turn.remainingMs(nowMs(), founder.mayBeChosen) > 0) {",
      "if (turn.remainingMs(nowMs(), founder.mayBeChosen) < 0) {",
    ],
    [
      "a cluster is founded beside a living one",
      "a cluster that is alive is entered, never doubled (rule 8)",
      "  if (living !== undefined) return living;\n",
      "",
    ],
    [
      "nodes with data count as blank",
      "a majority must be blank (rule 8)",
      'return forming === undefined ? { kind: "busy" } : { kind: "blank", forming, memberId };',
      'return { kind: "blank", forming: forming!, memberId };',
    ],
    [
      "two clusters of one list grow together",
      "two tokens are two clusters",
      "  if (other.token !== own.token) {",
      "  if (other.token === undefined) {",
    ],
  ]),
  ...mutantsOf("src/member/bootstrap.ts", "tests/shell/bootstrap_test.ts", [
    [
      "a founder acknowledges alone",
      "clients are served when a majority of those named votes",
      "    ...(places.length > 0 && { votersAwaited: quorumSize(places.length + 1) }),\n",
      "",
    ],
  ]),
  ...mutantsOf("src/member/formed.ts", FORMATION, [
    [
      "who takes a dead one's place serves before it counts",
      "who has seen the replaced one serve may let another die",
      "return !isNamed || !isNew || !isLearning(configuration, memberId);",
      "return true;",
    ],
    [
      "a newcomer serves before it counts",
      "who has seen all serve may let one die",
      "return !isLearning(configuration, memberId) &&",
      "return memberId > 0 &&",
    ],
    [
      "a newcomer serves with a minority of those named",
      "two clusters of one list never serve both",
      "(votersOf(configuration) >= votersAwaited || ",
      "(votersOf(configuration) >= 1 || ",
    ],
    [
      "a newcomer forgets at a restart that its cluster is not formed",
      "two clusters of one list never serve both",
      "  if (votersAwaited !== undefined) {",
      "  if (votersAwaited !== undefined && isNew) {",
    ],
  ]),
  ...mutantsOf("src/server/data_directory.ts", "tests/shell/drop_in_test.ts", [
    [
      "a node starts without data in etcd's own directory",
      "nobody seems to have lost everything",
      "if (mayTakeOver(disk)) await takeInOrRefuse(config, disk, scheduler, logger);",
      "",
    ],
  ]),
  ...mutantsOf("src/server/readiness.ts", "tests/shell/drop_in_test.ts", [
    [
      "a node says that it has published a name that nobody knows it by",
      "the log and the cluster call a member the same",
      "`{Name:${name} ",
      "`{Name:${config.name} ",
    ],
  ]),
  ...mutantsOf("src/member/entrance.ts", "tests/cluster/initial_cluster_test.ts", [
    [
      "existing lets a blank node in under a dead one's name",
      "a blank directory enters by a place that was reserved (rule 8)",
      "const entered = await this.#takePlace(addresses);",
      "const entered = await this.#bootstrap({ addresses });",
    ],
  ]),
  ...mutantsOf("src/server/peer_port.ts", "tests/cluster/initial_cluster_test.ts", [
    [
      "a wiped member that starts with new is let in",
      "only a reserved place lets it in",
      "else if (hasPlaceFor(node.configuration(), newcomer)) node.join(newcomer, done);",
      "else if (true) node.join(newcomer, done);",
    ],
  ]),
  ...mutantsOf("src/http/tls_sessions.ts", "tests/http/tls_sessions_test.ts", [
    [
      "every certificate of the authority is a login",
      "a certificate names a user where that was asked for",
      "if (namesUsers) NAMED.add(socket);",
      "NAMED.add(socket);",
    ],
  ]),
  ...mutantsOf("src/config/tls.ts", "tests/shell/etcd_wiring_test.ts", [
    [
      "--trusted-ca-file makes certificates logins",
      "only --client-cert-auth does, as in etcd",
      "const namesUsers = isOurs(settings, flags) || settings.boolean(flags.proof);",
      "const namesUsers = true;",
    ],
  ]),
  ...mutantsOf("src/operations/client_gate.ts", GATE, [
    [
      "revoked certificates are taken",
      "who is revoked is refused",
      "revokedProblem(shown, lists) ?? nameProblem",
      "nameProblem",
    ],
    [
      "who was signed by somebody revoked is taken",
      "a revoked authority signs for nobody",
      "const shown = [certificate, ...issuers];",
      "const shown = [certificate];",
    ],
    [
      "anybody's list revokes",
      "a list is signed by an authority of the port",
      "if (authorities.some(({ publicKey }) => list.isSignedBy(publicKey))) continue;",
      "if (authorities.length > 0) continue;",
    ],
    [
      "a part of the common name is enough",
      "the common name is the one asked for, whole",
      "allowed.names.includes(commonName)",
      "allowed.names.some((name) => commonName.includes(name))",
    ],
    [
      "any name will do",
      "only the name asked for is taken",
      "?? nameProblem(certificate, allowedNames);",
      "?? nameProblem(certificate, undefined);",
    ],
  ]),
  ...mutantsOf("src/operations/port_tls.ts", GATE, [
    [
      "an authority is trusted for ever",
      "one that has ended is trusted no longer",
      "if (nowMs <= this.#authorityEndMs) return;",
      "if (nowMs > 0) return;",
    ],
    [
      "a member dials whom its port would not let in",
      "what is asked of callers is asked of who is called",
      "if (ca !== undefined) return { cert, key, ca, problem };",
      "if (ca !== undefined) return { cert, key, ca };",
    ],
  ]),
  ...mutantsOf("src/http/node_listener.ts", GATE, [
    [
      "the peer port asks no gate",
      "--peer-cert-allowed-cn is kept",
      "refusesClient(socket, inUse ?? tls, logger);",
      "void refusesClient;",
    ],
  ]),
  ...mutantsOf("src/http/wire_listener.ts", GATE, [
    [
      "a new revocation list is read and not used",
      "a new list counts at once",
      "          inUse = next;\n",
      "",
    ],
  ]),
  ...mutantsOf("src/service/quota.ts", QUOTA, [
    [
      "history raises the alarm",
      "nobody is locked out by history",
      "(liveBytes > quotaBytes || ",
      "(liveBytes + historyBytes > quotaBytes || ",
    ],
    [
      "the alarm is never taken back",
      "it goes by itself when there is room",
      'return { type: "alarm", action: "deactivate", ...over };',
      "return undefined;",
    ],
    [
      "the alarm comes and goes with every key",
      "there must be some room before it is taken back",
      "const ROOM = 0.95;",
      "const ROOM = 1;",
    ],
    [
      "every member raises the alarm",
      "one alarm will do",
      "if (++this.#looksFull === 1 && !node.isLeader() && !this.#hasRefused) return undefined;",
      "",
    ],
    [
      "the leader takes back what is another member's",
      "a member with a smaller quota would raise it again, for ever",
      "if (!node.isLeader()) return false;",
      "return node.isLeader();",
    ],
    [
      "what has no room is taken",
      "the quota is kept, and not only told of",
      "    this.#hasRefused = true;\n    return false;",
      "    this.#hasRefused = true;\n    return true;",
    ],
  ]),
  ...mutantsOf("src/store/admission.ts", QUOTA, [
    [
      "a transaction takes what its first branch takes",
      "either branch may be taken",
      "return Math.max(sumOfSpace(command.success), sumOfSpace(command.failure));",
      "return sumOfSpace(command.success);",
    ],
  ]),
];
