/** Planted bugs of what an operator sees and does: the doctor, backups, certificates, the disk's times, the dashboard's facts. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const DOCTOR = "tests/cli/doctor_test.ts";
const OVERVIEW = "tests/ops/overview_test.ts";
const TIMED = "tests/ops/timed_disk_test.ts";
const TLS = "tests/shell/tls_life_test.ts";
const WATCH = "tests/shell/certificate_watch_test.ts";

const TOLD = "who asks whether a node can run is told";
const TRUE = "a figure is what its name says";

export const OPERATION_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/server/service_manager.ts", "tests/ops/service_manager_test.ts", [
    [
      "a node fails for a temporary directory that somebody has cleaned up",
      "an orderly stop ends with status 0",
      "{ recursive: true }).catch(() => {});",
      "{ recursive: true });",
    ],
  ]),
  ...mutantsOf("src/cli/doctor.ts", DOCTOR, [
    [
      "the doctor is content with everything",
      TOLD,
      'findings.some(({ status }) => status === "fail") ? EXIT.failed : EXIT.ok',
      "EXIT.ok",
    ],
    [
      "the doctor looks where others dial",
      TOLD,
      "await look(name, listeners);",
      "await look(name, [{ ...advertised, secure: false }]);",
    ],
  ]),
  ...mutantsOf("src/cli/doctor_host.ts", DOCTOR, [
    [
      "a certificate is good to its last day",
      "there is time to renew a certificate",
      "if (days >= EXPIRY_WARN_DAYS)",
      "if (days >= 0)",
    ],
    [
      "a node can run with hardly any descriptors",
      TOLD,
      'count < DESCRIPTORS_BAD ? "fail" : "warn"',
      '"warn"',
    ],
  ]),
  ...mutantsOf("src/x509/fields.ts", DOCTOR, [
    [
      "a certificate of clients is one for servers",
      TOLD,
      'if (extendedUsages?.includes("serverAuth") ?? true)',
      "if (extendedUsages === undefined || extendedUsages.length > 0)",
    ],
  ]),
  ...mutantsOf("src/cli/doctor_data.ts", DOCTOR, [
    [
      "who may not open the lock is told that no node runs",
      TOLD,
      "return error instanceof Deno.errors.NotFound ? false : undefined;",
      "return error ? false : undefined;",
    ],
    [
      "a disk is as fast as its fastest sync",
      TOLD,
      "times[Math.ceil(times.length * part) - 1]!",
      "times[Math.floor(part * 0)]!",
    ],
    [
      "data that can't be read is to be erased",
      "only damage is a reason to give data up",
      "error instanceof CorruptionError || error instanceof ImageError",
      "error instanceof Error",
    ],
  ]),
  ...mutantsOf("src/cli/auth.ts", "tests/cli/auth_test.ts", [
    [
      "-from-key is -prefix",
      "a role may what it was told to",
      "if (isFromKey) return fromKey(bytes);",
      "if (isFromKey) return underPrefix(bytes);",
    ],
  ]),
  ...mutantsOf("src/cli/client.ts", "tests/cli/bad_paths_test.ts", [
    [
      "a command begins with the dead one each time",
      "who has answered is asked first",
      "        this.#first = at;\n",
      "",
    ],
  ]),
  ...mutantsOf("src/storage/timed_disk.ts", TIMED, [
    [
      "syncs of snapshots slow the log",
      TRUE,
      "times.otherSyncs.observe(",
      "times.logSyncs.observe(",
    ],
    [
      "a sync that has ended is under way",
      "a healthy node is ready",
      "      times.logSyncSinceMs = undefined;\n",
      "",
    ],
  ]),
  ...mutantsOf("src/base/go_duration.ts", "tests/ops/go_duration_test.ts", [
    [
      "minutes of hours are counted twice",
      TRUE,
      "Math.floor(seconds / 60) % 60",
      "Math.floor(seconds / 60)",
    ],
  ]),
  ...mutantsOf("src/operations/slow_disk.ts", "tests/ops/slow_disk_test.ts", [
    [
      "no disk is too slow for elections",
      "an operator hears what a slow disk does",
      "bound * 1000 < electionMs",
      "bound < electionMs",
    ],
  ]),
  ...mutantsOf("src/operations/overview.ts", OVERVIEW, [
    [
      "reads are those that found nothing",
      TRUE,
      "reads: operations.getsSuccess + operations.getsFail",
      "reads: operations.getsFail",
    ],
    [
      "the reads of v3 are not seen",
      TRUE,
      " + operations.getsFail + operations.ranges,",
      " + operations.getsFail,",
    ],
    [
      "syncs take a thousandth of their time",
      TRUE,
      "seconds === undefined ? undefined : seconds * 1000",
      "seconds",
    ],
    [
      "every client proves itself, the dashboard says",
      TRUE,
      'tls.caFile === undefined ? "server" : "mutual"',
      '"mutual"',
    ],
    [
      "a node has been up for days after a minute",
      TRUE,
      "Math.round(systemClock.monotonicMs() / 1000)",
      "Math.round(systemClock.monotonicMs())",
    ],
    [
      "a port that also speaks no TLS counts as one of TLS",
      "without TLS anybody may have pointed a name here",
      "config.client.listeners.every(({ secure }) => secure)",
      "config.client.tls !== undefined",
    ],
    [
      "the peer port has no certificates",
      TRUE,
      '      ...certificatesOf(config.peer, peerTls(), "peer"),\n',
      "",
    ],
  ]),
  ...mutantsOf("src/operations/port_tls.ts", TLS, [
    [
      "--tls-max-version reaches no port",
      "every flag reaches the part that it is for",
      "return { ...material, minVersion, maxVersion, ",
      "return { ...material, minVersion, ",
    ],
    [
      "--tls-min-version reaches no port",
      "every flag reaches the part that it is for",
      "return { ...material, minVersion, maxVersion, ",
      "return { ...material, maxVersion, ",
    ],
    [
      "certificates that changed while a port was opened come late",
      "a new certificate counts at every port",
      "    taker.reloadTls?.(this.#material);\n",
      "",
      "tests/shell/port_tls_test.ts",
    ],
    [
      "the end of a certificate is told once, and not again when it has come",
      "who is refused everywhere is told why",
      " && this.#expiryTold.isOver === isOver",
      "",
      "tests/shell/port_tls_test.ts",
    ],
  ]),
  ...mutantsOf("src/http/handshake_refusals.ts", "tests/http/handshake_refusals_test.ts", [
    [
      "the node's own test of its ports looks like a stranger",
      "a warning is worth a look",
      "if (isOwnDial(socket)) return;",
      "",
    ],
    [
      "every refused handshake is a warning",
      "no client floods the log",
      '? "warn" : "debug"',
      '? "warn" : "warn"',
    ],
  ]),
  ...mutantsOf("src/operations/certificate_watch.ts", WATCH, [
    [
      "certificates are read while they are replaced",
      "a pair is read whole",
      "if (now === seen && now !== files.fingerprint)",
      "if (now !== files.fingerprint)",
    ],
    [
      "certificates are read at every look",
      "what can't be used is said once",
      "if (now === seen && now !== files.fingerprint)",
      "if (now === seen)",
    ],
  ]),
  ...mutantsOf("src/operations/client_gate.ts", "tests/shell/client_gate_test.ts", [
    [
      "a list revokes what others have issued",
      "a list is for its own authority",
      "list.serials.has(serial) && hasSameItems(list.issuer, issuer)",
      "list.serials.has(serial)",
    ],
  ]),
  ...mutantsOf("src/operations/auto_tls.ts", "tests/shell/client_gate_test.ts", [
    [
      "a certificate that a node makes lasts for two weeks",
      "it lasts for a year",
      "const VALID_MS = 365 * DAY_MS;",
      "const VALID_MS = 365 * BACKDATED_MS;",
    ],
    [
      "a certificate that a node has made is never renewed",
      "a node that made its certificate starts when it has ended",
      'validityOf(leaf, nowMs) === "expired" ? "The one before has ended" : undefined',
      "leaf && nowMs ? undefined : validityOf(leaf, nowMs)",
    ],
    [
      "a certificate that was cut short is never made again",
      "a crash while a node makes its certificate stops no later start",
      "if (error instanceof TlsError) return error.message;",
      'if (error instanceof TlsError && error.message.startsWith("Cannot")) return error.message;',
    ],
  ]),
  ...mutantsOf("src/operations/backups.ts", "tests/shell/backups_test.ts", [
    [
      "a backup is broken off at once",
      "a slow client gets its backup",
      "stallMs: LIMITS.operations.backupStallMs,",
      "stallMs: LIMITS.operations.recheckMs,",
    ],
  ]),
  ...mutantsOf("src/service/quota.ts", "tests/service/quota_test.ts", [
    [
      "a refusal of long ago raises the alarm",
      "nobody is locked out while there is room",
      "    this.#hasRefused = false;\n    if (command",
      "    if (command",
    ],
  ]),
  ...mutantsOf("src/service/auth/audit.ts", "tests/service/auth/audit_test.ts", [
    [
      "the audit says that all was allowed",
      "it is recorded who was refused what",
      "allowed: refusal === undefined,",
      "allowed: true,",
    ],
  ]),
  ...mutantsOf("src/member/member.ts", "tests/shell/reach_test.ts", [
    ["nobody compacts", "history goes by itself", "    compactor.tick();\n", ""],
    ["nobody looks at the quota", "a full member raises the alarm", "    quota?.tick();\n", ""],
  ]),
];
