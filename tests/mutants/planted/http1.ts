/** Planted bugs in HTTP/1.1: each would let a client hide a request, or hang, or fill the memory. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const H1 = "tests/http/h1";

export const HTTP1_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/http/arrivals.ts", "tests/http/arrivals_test.ts", [
    [
      "the end of a client overtakes what it has sent",
      "every request is answered",
      "if (areFew) handle(reader, bytes);",
      "if (areFew || bytes === undefined) handle(reader, bytes);",
    ],
    [
      "what comes next overtakes what came while others were handled",
      "requests of a connection are taken in their order",
      "areFew = few && arrivals.length === 0;",
      "areFew = few;",
    ],
    [
      "each answer is written before the next request is handled",
      "a crowd is answered together",
      "if (isHandling) writers.push(writer);\n  else writer.writeHeld();",
      "writer.writeHeld();",
    ],
    [
      "a crowd is never seen",
      "a crowd is handled together",
      "count++;",
      "",
    ],
  ]),
  ...mutantsOf("src/http/h1/head.ts", H1, [
    [
      "the second of two lengths counts",
      "no request hides in another",
      "if (i < end || at === end || head.hasLength) {",
      "if (i < end || at === end) {",
    ],
    [
      "a length beside chunks is passed over",
      "no request hides in another",
      "if (head.hasEncoding && (head.hasLength || head.isHttp10)) {",
      "if (head.hasEncoding && head.isHttp10) {",
    ],
    [
      "what follows a length's digits is passed over",
      "no request hides in another",
      "if (i < end || at === end || head.hasLength) {",
      "if (at === end || head.hasLength) {",
    ],
    [
      "a second host is passed over",
      "every server before this one sees the same host",
      "if (head.hosts > 1 || head.hosts === 0",
      "if (head.hosts === 0",
    ],
    [
      "a line feed ends a line",
      "no request hides in another",
      "if (bytes[at] !== CR || bytes[at + 1] !== LF) return badValue(bytes[at]!, head);",
      "",
    ],
    [
      "a client that closes is kept",
      "a connection ends when its client wants it to",
      "head.isPersistent = !head.saysClose &&",
      "head.isPersistent =",
    ],
  ]),
  ...mutantsOf("src/http/h1/chunked.ts", H1, [
    [
      "chunks may be of any length together",
      "memory is bounded whatever a client sends",
      'if (this.#left > this.#bytesMax - this.#size) return { state: "long", end: i };',
      "",
    ],
    [
      "a chunk may be longer than it says",
      "no request hides in another",
      'return octet === CR ? "data line feed" : undefined;',
      'return octet === CR ? "data line feed" : "data end";',
    ],
  ]),
  ...mutantsOf("src/http/h1/fed_body.ts", H1, [
    [
      "who is told something is sent what somebody else was told",
      "an answer is its client's",
      "if (latest.text !== text || latest",
      "if (latest.text.length !== text.length || latest",
    ],
    [
      "who watches on is told the end that another one was",
      "an answer ends when it is over",
      "latest.text !== text || latest.isLast !== isLast",
      "latest.text !== text",
    ],
    [
      "what a client does not take is made for it",
      "memory is bounded whatever a client takes",
      "this.#isBlocked = true;",
      "",
    ],
    [
      "who took all hears no more",
      "a client that was slow is told what it missed",
      "this.#isBlocked = false;",
      "",
    ],
    [
      "ten thousand watches are answered in one turn",
      "one event keeps nobody else waiting",
      "due.splice(BODIES_A_TURN)",
      "[]",
    ],
    [
      "what came before the head is not sent",
      "a watch tells what has passed",
      "    // What came before somebody followed it.\n    this.#onNews();\n",
      "",
    ],
  ]),
  ...mutantsOf("src/http/feed.ts", H1, [
    [
      "a feed ends with its first end, whatever came with it",
      "an answer is whole",
      "if (texts.length > 0) continue;",
      "",
    ],
    [
      "a feed goes on for who has left",
      "nothing is kept for who has left",
      "feed.cancel();",
      "",
    ],
  ]),
  ...mutantsOf("src/http/h1/answer.ts", H1, [
    [
      "a header's value may end its line",
      "no client makes another one see an answer of its own",
      "if (!CONTROL.test(value)) return;",
      "return;",
    ],
    [
      "characters are counted for bytes",
      "an answer is as long as it says",
      "if (written === text.length) this.#output.written(written);",
      "if (written > 0) this.#output.written(written);",
    ],
  ]),
  ...mutantsOf("src/http/h1/connection.ts", H1, [
    [
      "the next piece of a turn takes the place of an answer that waits",
      "a crowd's answers are all written",
      "#flushLater(): void {\n    this.writeHeld();",
      "#flushLater(): void {",
    ],
    [
      "the last answer overtakes those that wait",
      "a client's answers come in the order of its requests",
      "flush(): void {\n    this.writeHeld();",
      "flush(): void {",
    ],
    [
      "who was being answered keeps a port that closes open",
      "a stop waits for nobody who is idle",
      " || this.#port.isClosing) this.#finish();",
      ") this.#finish();",
    ],
    [
      "a request in the pipeline overtakes the one before",
      "requests of a connection are carried out in order",
      'this.#phase === "body") && this.#blockedMs === undefined;',
      'this.#phase === "body" || this.#phase === "answering") && this.#blockedMs === undefined;',
    ],
    [
      "answers are made for who takes none",
      "memory is bounded whatever a client sends",
      "this.#blockedMs ??= this.#port.nowMs;",
      "",
    ],
    [
      "half a request is carried out when its client leaves",
      "what was cut is not carried out",
      'case "body":\n        this.#refuse(bodyTooSlow(this.#port.limits));\n        return;\n      case "answering":',
      'case "body":\n        this.#answer(this.#exchange!);\n        return;\n      case "answering":',
    ],
    [
      "a refused body leaves its connection open",
      "what follows a refused request is not taken for one",
      'this.#dropBody();\n    this.#line = "connection: close\\r\\n";',
      "this.#dropBody();",
    ],
    [
      "a client that leaves is waited for",
      "a watch ends with its client",
      "this.#port.closed(this.#socket);\n    onGone?.();",
      "this.#port.closed(this.#socket);",
    ],
    [
      "a watch waits for two minutes whether its client comes back",
      "a watch ends with its client",
      'this.#phase === "answering" || this.#phase === "sending";',
      'this.#phase === "answering";',
    ],
    [
      "a body that stays away is waited for",
      "who sends nothing holds nothing",
      "if (passedMs > limits.bodyTimeoutMs) this.#refuse(bodyTooSlow(limits));",
      "",
    ],
    [
      "who takes nothing of an answer is waited for",
      "a client holds nothing of the store for long",
      "this.#blockedMs !== undefined && nowMs",
      "this.#blockedMs === nowMs && nowMs",
    ],
    [
      "what a late body counted for is never given back",
      "a port takes bodies again once others have gone",
      "this.#body?.release();",
      "",
    ],
  ]),
  ...mutantsOf("src/http/h1/output.ts", H1, [
    [
      "answers of two connections mix",
      "a client sees its own answers only",
      "this.#owner?.flush();\n      this.#owner = owner;",
      "this.#owner = owner;",
    ],
  ]),
];
