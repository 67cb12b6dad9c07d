/** Planted bugs where others meet the program: peer streams, HTTP, the API. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const API = "tests/api";
const TRANSPORT = "tests/transport";

export const EDGE_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/transport/peer_transport.ts", TRANSPORT, [
    [
      "any certificate of the authority poses as any member",
      "a caller's certificate is for the host that it announces",
      "if (problem !== undefined) return refuse(refusalStatus.certificate, problem);",
      "",
    ],
    [
      "callers are admitted unasked",
      "who was removed is refused",
      "if (!admission.ok) return admission;",
      "",
    ],
    [
      "an older stream outlives the newer",
      "the newest stream of a peer wins",
      'this.#accepted.get(from)?.stream.destroy("The peer opened a newer stream");',
      "",
    ],
  ]),
  ...mutantsOf("src/transport/peer_link.ts", TRANSPORT, [
    [
      "only the first URL of a member is dialled",
      "a member is reached at any URL that it has",
      "this.#at = (this.#at + 1) % this.#urls.length",
      "this.#at = 0",
    ],
  ]),
  ...mutantsOf("src/transport/peer_http.ts", TRANSPORT, [
    [
      "the runtime judges for whom a peer's certificate is",
      "a name within a name is nobody's",
      "hostError(host, shown) ?? gateError",
      "gateError",
      "tests/transport/peer_tls_test.ts",
    ],
    [
      "a revoked member is dialled",
      "who is not let in is not dialled either",
      "?? gateError(host, shown, problem)",
      "",
      "tests/transport/peer_tls_test.ts",
    ],
    [
      "any certificate of a peer will do",
      "with an authority, a peer is dialled only if it proves itself",
      "rejectUnauthorized: options.tls.ca !== undefined,",
      "rejectUnauthorized: false,",
    ],
  ]),
  ...mutantsOf("src/http/node_server.ts", "tests/http/tls_sessions_test.ts", [
    [
      "a port is not told who has signed a certificate",
      "a revoked authority signs for nobody",
      "tls.clientProblem(certificate.raw, issuersOf(certificate))",
      "tls.clientProblem(certificate.raw, [])",
    ],
  ]),
  ...mutantsOf("src/x509/names.ts", "tests/x509/names_test.ts", [
    [
      "a star stands for several labels",
      "a star stands for one",
      "&& name === `*.${parent}`",
      "&& host.endsWith(name.slice(1))",
    ],
    [
      "a star stands for all below one label",
      "three labels or more",
      'parent.includes(".") && name',
      "name",
    ],
  ]),
  ...mutantsOf("src/transport/handshake.ts", TRANSPORT, [
    [
      "two processes take turns under one id",
      "nobody votes twice with a copy of his directory",
      "connected.session === hello.session",
      "hello.session > 0",
    ],
    [
      "members of another cluster are let in",
      "the cluster's id is in every handshake",
      "if (hello.clusterId !== clusterId) {",
      "if (hello.clusterId < 0) {",
    ],
    [
      "a wiped member takes its predecessor's messages",
      "a member is an incarnation, not a name",
      "if (hello.to !== self) {",
      "if (hello.to < 0) {",
    ],
  ]),
  ...mutantsOf("src/transport/frame.ts", TRANSPORT, [
    [
      "a frame may be of any length",
      "memory is bounded whatever a peer sends",
      "this.#length > this.#frameBytesMax) {",
      "this.#length < 0) {",
    ],
  ]),
  ...mutantsOf("src/http/tls_check.ts", "tests/api/tls_check_test.ts", [
    [
      "a certificate that is no CA's counts as one",
      "a public certificate opens no port",
      "if (certificate.ca) return;",
      "return;",
    ],
    [
      "an authority that has run out is trusted for ever",
      "the runtime trusts nobody whose time is over",
      'const trusted = authorities.filter((one) => validityOf(one, nowMs) !== "expired");',
      "const trusted = authorities;",
    ],
    [
      "an expired certificate is served",
      "a port opens only under a valid certificate",
      'if (nowMs > validToDate.getTime()) return "expired";',
      'if (nowMs < 0) return "expired";',
    ],
  ]),
  ...mutantsOf("src/http/pem.ts", "tests/api/pem_test.ts", [
    [
      "a block that is cut off is passed over",
      "a file is used whole or refused",
      "if (begun !== undefined) throw unended(begun.label);\n  return",
      "return",
    ],
  ]),
  ...mutantsOf("src/operations/port_tls.ts", "tests/shell/port_tls_test.ts", [
    [
      "certificates stay that no handshake works under",
      "what can't be used never takes the place of what works",
      "this.#use(before);",
      "",
    ],
  ]),
  ...mutantsOf("src/http/path.ts", "tests/api/path_test.ts", [
    [
      "dots in a path are a name",
      "no spelling passes one check and fails another",
      'if (segment === "..") segments.pop();\n    else if',
      "if",
    ],
  ]),
  ...mutantsOf("src/http/node_server.ts", "tests/shell/unix_socket_test.ts", [
    [
      "a socket that a killed process has left is in the way",
      "a node starts again whatever its end was",
      "if (error instanceof Deno.errors.ConnectionRefused) await Deno.remove(path);",
      "if (error instanceof TypeError) throw error;",
    ],
  ]),
  ...mutantsOf("src/api/v2/form.ts", "tests/api/v2_form_test.ts", [
    [
      "a form of v2 may have any size",
      "one client's form holds up no heartbeat",
      "if (longerThan(exchange.body, FORM_BYTES_MAX)) return { code: 210, cause: TOO_LARGE };",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v2/form.ts", "tests/api/form_test.ts", [
    [
      "each pair of v2 looks through the whole form",
      "one client's form holds up no heartbeat",
      'const equals = pair.indexOf("=");',
      'const equals = Math.min(pair.indexOf("="), text.indexOf("=", start));',
    ],
  ]),
  ...mutantsOf("src/http/form.ts", "tests/api/form_test.ts", [
    [
      "a later value wins over the first",
      "forms are read as the original read them",
      "if (name !== undefined && names.has(name) && !fields.has(name)) {",
      "if (name !== undefined && names.has(name)) {",
    ],
    [
      "each pair looks through the whole form",
      "one client's form holds up no heartbeat",
      'const equals = pair.indexOf("=");',
      'const equals = Math.min(pair.indexOf("="), text.indexOf("=", start));',
    ],
  ]),
  ...mutantsOf("src/http/deno_listener.ts", "tests/api/listener_test.ts", [
    [
      "a body of untold length may be of any length",
      "memory is bounded whatever a client sends",
      "if (size > this.#limits.bodyBytesMax) {",
      "if (size < 0) {",
    ],
  ]),
  ...mutantsOf("src/http/deno_port.ts", "tests/cluster/shortage_test.ts", [
    [
      "requests of a burst are closed unread",
      "what was accepted is answered, even with the last descriptor",
      "turn < READ_TURNS",
      "turn < 0",
    ],
  ]),
  ...mutantsOf("src/http/node_connections.ts", "tests/http/node_connections_test.ts", [
    [
      "a port believes in descriptors that others have taken by now",
      "a port stops taking connections before the process has no descriptor left",
      "Math.min(this.#credit + 1, TAKEN_A_LOOK)",
      "this.#credit + 1",
    ],
  ]),
  ...mutantsOf("src/http/node_connections.ts", "tests/api/listener_test.ts", [
    [
      "the connection in use pays for the crowd",
      "who crowds a port under TLS keeps nobody out",
      "if (this.#open.delete(socket)) this.#open.add(socket);",
      "",
    ],
  ]),
  ...mutantsOf("src/http/node_connections.ts", "tests/cluster/shortage_test.ts", [
    [
      "a port that has stopped accepting stays closed",
      "who crowds a port under TLS keeps nobody out",
      "if (free < spareDescriptors / 2) onScarcity();",
      "",
    ],
  ]),
  ...mutantsOf("src/http/patient_stream.ts", "tests/api/listener_test.ts", [
    [
      "a client that takes nothing is waited for",
      "a client holds nothing of the store for long",
      "}, stallMs);",
      "}, 2 ** 31 - 1);",
    ],
  ]),
  ...mutantsOf("src/api/v1/keys.ts", API, [
    [
      "a key of many levels is set",
      "a request costs memory in proportion to its size",
      "if (isTooDeep(key)) return TOO_DEEP;",
      "",
      `${API}/bad_input_test.ts`,
    ],
    [
      "the membership can be written",
      "what is under /_etcd is the log's affair",
      'if (isReserved(key)) return errorReply(400, "Set");',
      "",
    ],
    [
      "a malformed TTL is none",
      "a key that should expire does",
      'if (ttlSeconds === undefined) return errorReply(202, "Set");',
      "",
    ],
  ]),
  ...mutantsOf("src/api/v1/watch.ts", API, [
    [
      "a watch outlives its client",
      "memory is bounded whatever a client does",
      "first.watch.cancel();\n          finish(GONE);",
      "finish(GONE);",
    ],
    [
      "any number may watch",
      "memory is bounded whatever a client does",
      "if (this.#waiting.size + this.#outbox.size >= watchesMax) {",
      "if (watchesMax < 0) {",
    ],
  ]),
  ...mutantsOf("src/api/v1/reply.ts", API, [
    [
      "a writer gets the answer of another",
      "a writer is told of its own event",
      "if (event !== this.#event) {",
      "if (this.#event === undefined) {",
    ],
  ]),
  ...mutantsOf("src/service/answer.ts", "tests/service/service_test.ts", [
    [
      "a success that the leader answered counts as damaged",
      "a client is answered by what became of its request",
      "if (reason === undefined) {",
      "if (head !== VALUE) {",
    ],
  ]),
];
