/** Planted bugs in HTTP/2: each would harm other clients, lose bytes, or fill the memory. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const H2 = "tests/http/h2";
const WAIT = "tests/http/h2/wait_test.ts";

export const HTTP2_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/http/h2/sender.ts", H2, [
    [
      "a stream's window is overrun",
      "no peer is sent more than it takes",
      "Math.min(FRAME_BYTES_MAX, stream.sendWindow, this.#window)",
      "Math.min(FRAME_BYTES_MAX, this.#window)",
    ],
    [
      "the connection's window is overrun",
      "no peer is sent more than it takes",
      "Math.min(FRAME_BYTES_MAX, stream.sendWindow, this.#window)",
      "Math.min(FRAME_BYTES_MAX, stream.sendWindow)",
    ],
    [
      "a frame's payload goes to the buffer before",
      "whole frames go out, whatever fills the buffers",
      "    const at = this.#frame(4, FrameType.windowUpdate, 0, streamId);\n" +
      "    writeUint32(this.output.bytes, at, count);",
      "    writeUint32(this.output.bytes, this.#frame(4, FrameType.windowUpdate, 0, streamId), count);",
    ],
    [
      "data is added to a frame that has gone",
      "whole frames go out, whatever fills the buffers",
      "stream.lastDataGeneration === this.output.generation &&",
      "",
    ],
    [
      "a frame grows beyond what everybody takes",
      "whole frames go out, whatever fills the buffers",
      "<= FRAME_HEAD_BYTES + FRAME_BYTES_MAX;",
      "<= 2 ** 20;",
    ],
    [
      "the end is marked in a frame that has gone",
      "every answer ends",
      "if (stream.lastDataGeneration === output.generation) {",
      "if (stream.lastDataGeneration >= 0) {",
    ],
  ]),
  ...mutantsOf("src/http/h2/streams.ts", H2, [
    [
      "a peer sends more than the connection's window",
      "memory is bounded whatever a peer sends",
      "if (this.#receiveWindow < 0) {",
      "if (this.#receiveWindow < -(2 ** 40)) {",
    ],
    [
      "DATA of streams that have ended is not given back",
      "a connection goes on whatever was broken off on it",
      "    this.taken(length);\n    // It was on its way",
      "    // It was on its way",
    ],
    [
      "resets are free",
      "rapid resets cost nobody else anything",
      "if (isUnanswered) this.#owner.patience.reset(this.nowMs - stream.openedMs);",
      "",
    ],
    [
      "more streams than allowed are served",
      "memory is bounded whatever a peer sends",
      "if (this.#open.size >= limits.streamsMax) return this.#refuse(id, ErrorCode.refusedStream);",
      "",
    ],
    [
      "calls of gRPC's C core are taken for a flood",
      "a client begins as many calls as it may have",
      "this.#owner.patience.windowUpdate();",
      "this.#owner.patience.frame();",
    ],
    [
      "windows are widened too far for nothing",
      "floods end their connection",
      "ErrorCode.flowControlError);\n      this.#owner.patience.frame();",
      "ErrorCode.flowControlError);",
    ],
    [
      "answers are made for a client that takes none",
      "memory is bounded whatever a peer takes",
      "if (this.#isFull || this.#waiting.size > 0) this.#waiting.add(stream);",
      "if (this.#waiting.size > 0) this.#waiting.add(stream);",
      WAIT,
    ],
    [
      "all that waits begins at once",
      "memory is bounded whatever a peer takes",
      "if (this.#isFull) return;",
      "",
      WAIT,
    ],
    [
      "who comes late goes before those who wait",
      "requests begin in the order in which they came",
      "if (this.#isFull || this.#waiting.size > 0)",
      "if (this.#isFull)",
      WAIT,
    ],
    [
      "a request that was taken back begins all the same",
      "nothing is done for nobody",
      "    this.#waiting.delete(stream);\n    this.#ended",
      "    this.#ended",
      WAIT,
    ],
    [
      "a request waits for its turn for ever",
      "a request is either answered or known not to be",
      "if (stream.openedMs > sinceMs - stallTimeoutMs) break;",
      "break;",
      WAIT,
    ],
    [
      "requests behind the last GOAWAY are served",
      "a request is either answered or known not to be",
      "if (this.#isRefusing) return this.#ended.add(id, true);",
      "",
    ],
  ]),
  ...mutantsOf("src/http/h2/server_stream.ts", H2, [
    [
      "a body may be longer than its content-length",
      "no request hides in another",
      "if (contentLength !== undefined && this.#receivedBytes > contentLength) return false;",
      "",
    ],
    [
      "a stream whose request goes on is left open",
      "an answer that comes early ends its stream",
      "this.#close(this.#isRemoteEnded ? undefined : ErrorCode.noError);",
      "this.#close(undefined);",
    ],
    [
      "what comes before a handler has begun is lost",
      "a handler gets all of its request",
      "return this.#isPaused || this.#receiver === NOBODY;",
      "return this.#isPaused;",
      WAIT,
    ],
    [
      "a paused stream takes for ever",
      "a slow handler holds the peer back",
      "return this.#receiveWindow >= 0;",
      "return true;",
    ],
    [
      "a paused stream keeps an object for each frame",
      "memory is bounded whatever a peer sends",
      "last.size + bytes.length > FRAME_BYTES_MAX",
      "last.size > 0",
    ],
  ]),
  ...mutantsOf("src/http/gathered.ts", "tests/http/gathered_test.ts", [
    [
      "the next body is written over the one before",
      "a handler's body stays as it was sent",
      "    this.#buffer = NOTHING;\n    this.#size = 0;",
      "    this.#size = 0;",
    ],
  ]),
  ...mutantsOf("src/http/h2/budget.ts", H2, [
    [
      "frames that bring nothing are free",
      "floods end their connection",
      "if (this.#frames.spend(cost)) return;",
      "return;",
    ],
    [
      "calls that run out of time are taken for a flood",
      "a client's calls that fail leave its others alone",
      "if (ageMs >= RAPID_MS) return;",
      "",
    ],
    [
      "what meets its own end on the way is taken for a flood",
      "a client's calls that fail leave its others alone",
      "if (this.#freeLateResets < this.requests) this.#freeLateResets++;\n    else this.frame();",
      "this.frame();",
    ],
    [
      "resets of what has ended are free",
      "floods end their connection",
      "if (this.#freeLateResets < this.requests) this.#freeLateResets++;\n    else this.frame();",
      "this.#freeLateResets++;",
    ],
    [
      "a late server takes calls for a flood",
      "a client's calls that fail leave its others alone",
      "if (this.#freeResets < this.requests - this.#rapidResets) this.#freeResets++;\n    else if",
      "if",
    ],
    [
      "no reset is rapid",
      "rapid resets cost nobody else anything",
      "const RAPID_MS = 100;",
      "const RAPID_MS = 0;",
    ],
    [
      "pings are never too many",
      "clients ping no more often than they may",
      "return this.#strikes <= STRIKES_MAX;",
      "return true;",
    ],
  ]),
  ...mutantsOf("src/http/h2/header_block.ts", H2, [
    [
      "a header block never ends",
      "memory is bounded whatever a peer sends",
      "return this.#bytes <= this.#bytesMax && this.#parts.length <= FRAMES_MAX;",
      "return true;",
    ],
  ]),
  ...mutantsOf("src/http/h2/request_head.ts", H2, [
    [
      "heads of an older table are taken from the cache",
      "a request is never another client's or an older one",
      "if (version !== this.#cachedVersion) {",
      "if (version < 0) {",
    ],
    [
      "heads are looked for that never come again",
      "no work is done for nothing",
      "this.#fruitless > FRUITLESS_MAX) {",
      "version < 0) {",
    ],
    [
      "fields of a connection are taken",
      "no request hides in another",
      "if (CONNECTION_FIELDS.has(name)) return",
      "if (name === '') return",
    ],
  ]),
  ...mutantsOf("src/http/h2/hpack_decoder.ts", H2, [
    [
      "a list of fields is kept whatever its length",
      "memory is bounded whatever a peer sends",
      "if (left >= 0) fields.push(field);",
      "fields.push(field);",
    ],
    [
      "the peer chooses the size of our table",
      "memory is bounded whatever a peer sends",
      "if (size > DECODER_TABLE_BYTES) {",
      "if (size < 0) {",
    ],
    [
      "strings are cut out of the block from its first byte on",
      "a field is what was sent",
      "start - this.#start, end - this.#start)",
      "start, end)",
    ],
  ]),
  ...mutantsOf("src/http/h2/hpack_encoder.ts", H2, [
    [
      "what an array was once is sent in its place for ever",
      "both sides have the same table",
      "known !== undefined && known.version === this.#table.version &&",
      "known !== undefined && known.version >= 0 &&",
    ],
    [
      "fields that a smaller table has lost are sent as their places",
      "both sides have the same table",
      "if (ordinal < gone) this.#entries",
      "if (ordinal < 0) this.#entries",
    ],
    [
      "secrets go into the table",
      "a secret can't be guessed by what else is there",
      "const isInserted = !isSecret && ",
      "const isInserted = ",
    ],
  ]),
  ...mutantsOf("src/http/h2/connection.ts", H2, [
    [
      "a client that says GOAWAY has said all",
      "every request is answered",
      "before those that wait.\n    this.drain();",
      "before those that wait.\n    if (this.#streams.size === 0) this.#end();",
    ],
    [
      "a client that takes nothing is read on",
      "memory is bounded whatever a peer takes",
      "    this.socket.pause();\n",
      "",
    ],
    [
      "what waits is forgotten when the client takes more",
      "every request is answered",
      "    this.#streams.handleWaiting();\n    if (this.#output.unsentBytes",
      "    if (this.#output.unsentBytes",
      WAIT,
    ],
    [
      "what waits is forgotten when the system takes more",
      "every request is answered",
      "    this.sender.pump();\n    this.#streams.handleWaiting();",
      "    this.sender.pump();",
      WAIT,
    ],
    [
      "a client that takes nothing over HTTP/2 is waited for",
      "a client holds nothing for long",
      "nowMs - this.#writtenMs > stallTimeoutMs) {",
      "nowMs < 0) {",
    ],
    [
      "requests on their way are lost at a shutdown",
      "a shutdown costs no client an error",
      '    if (this.#state !== "open") return;\n    this.#enter("leaving");',
      '    if (this.#state !== "open") return;\n    return this.#settle();',
    ],
  ]),
  ...mutantsOf("src/http/h2/exchange.ts", H2, [
    [
      "a body over HTTP/2 may be of any length",
      "memory is bounded whatever a client sends",
      "if (this.#arrived.size > limits.bodyBytesMax) ",
      "if (this.#arrived.size < 0) ",
    ],
  ]),
  ...mutantsOf("src/http/wire_listener.ts", "tests/http/mixed_listener_test.ts", [
    [
      "plain text is served as if it were encrypted",
      "each is served by its own rules",
      "if (first[0] === HANDSHAKE_RECORD) {",
      "if (first[0] !== undefined) {",
    ],
    [
      "who says nothing at a mixed port stays for ever",
      "a silent connection is cut in time",
      "    const deadline = silent.add(socket);\n    const leave = () => {\n      waiting--;",
      "    const deadline = silent.add({} as Socket);\n    const leave = () => {\n      waiting--;",
    ],
  ]),
  ...mutantsOf("src/http/wire_listener.ts", "tests/http/handshake_refusals_test.ts", [
    [
      "who goes away within the handshake is kept until it is out of time",
      "a probe holds no descriptor",
      "handshakeTimeout: limits.handshakeTimeoutMs,\n",
      "handshakeTimeout: limits.handshakeTimeoutMs, allowHalfOpen: true,\n",
    ],
    [
      "who goes away within the handshake at a mixed port is kept until it is out of time",
      "a probe holds no descriptor",
      "socket.allowHalfOpen = false;",
      "",
    ],
  ]),
  ...mutantsOf("src/http/wire_listener.ts", "tests/http/wire_listener_test.ts", [
    [
      "a plain connection that says nothing is waited for",
      "who crowds a port keeps nobody out",
      "this.#silent = new Deadlines(limits.headerTimeoutMs, (socket) => socket.destroy());",
      "this.#silent = new Deadlines(limits.headerTimeoutMs, () => {});",
    ],
  ]),
];
