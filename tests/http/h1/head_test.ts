/** RFC 9112 §2 to §6, rule by rule, and that no rule depends on how the bytes come. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { BAD, findField, Head, INCOMPLETE, parseHead } from "../../../src/http/h1/head.ts";

function parse(text: string): { readonly end: number; readonly head: Head } {
  const head = new Head();
  return { end: parseHead(Buffer.from(text, "latin1"), 0, head), head };
}

/** A head that is taken, as a whole. */
function taken(text: string): Head {
  const { end, head } = parse(text);
  assertEquals(end, text.length, `${JSON.stringify(text)}: ${head.refusal.problem}`);
  return head;
}

function refused(text: string, status = 400): string {
  const { end, head } = parse(text);
  assertEquals([end, head.refusal.status], [BAD, status], JSON.stringify(text));
  return head.refusal.problem;
}

const HOST = "Host: a\r\n";
const WHOLE = `PUT /a?b=c HTTP/1.1\r\n${HOST}X-Y:  z z\t\r\nContent-Length: 12\r\n\r\n`;

Deno.test("parseHead() finds method, target and framing", () => {
  const head = taken(WHOLE);
  const { method, target, framing, contentLength, isPersistent, isHttp10 } = head;
  assertEquals([method, target, framing, contentLength], ["PUT", "/a?b=c", "length", 12]);
  assertEquals([isPersistent, isHttp10], [true, false]);
  for (const method of ["GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS", "BREW", "get", "P"]) {
    assertEquals(taken(`${method} / HTTP/1.1\r\n${HOST}\r\n`).method, method);
  }
});

Deno.test("parseHead() asks for more at every octet before the end", () => {
  for (let length = 0; length < WHOLE.length; length++) {
    assertEquals(parse(WHOLE.slice(0, length)).end, INCOMPLETE, `${length}`);
  }
});

Deno.test("parseHead() leaves what follows the head", () => {
  assertEquals(parse(`${WHOLE}GET / HT\0`).end, WHOLE.length);
});

Deno.test("parseHead() refuses a request line that is not three parts and single spaces (§3)", () => {
  for (
    const line of [
      "GET  / HTTP/1.1",
      "GET /  HTTP/1.1",
      "GET / HTTP/1.1 ",
      " GET / HTTP/1.1",
      "GET\t/ HTTP/1.1",
      "GET /\tHTTP/1.1",
      "GET / b HTTP/1.1",
      "GET /",
      "GET HTTP/1.1",
      "G\0T / HTTP/1.1",
      "G(T / HTTP/1.1",
      "GET /\x7f HTTP/1.1",
      "GET /a\0b HTTP/1.1",
      "/ HTTP/1.1",
      "",
    ]
  ) refused(`${line}\r\n${HOST}\r\n`);
});

Deno.test("parseHead() refuses a version that it does not speak (§2.3)", () => {
  for (
    const version of [
      ...["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1x", "HTTP/1,1", "HTTP/11"],
      ...["HTTP/1.", "HTTP /1.1", "HTTQ/1.1", "HTTP/01.1", ""],
    ]
  ) refused(`GET / ${version}\r\n${HOST}\r\n`);
  // The preface of HTTP/2 (RFC 9113 §3.4) is for somebody else.
  refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
});

Deno.test("parseHead() takes a target in origin form as it was sent (§3.2.1)", () => {
  for (const target of ["/", "//", "/a/../b", "/%zz", "/%2e%2e/", "/a?b?c", "/\\", '/"<>^`{|}']) {
    assertEquals(taken(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`).target, target);
  }
});

Deno.test("parseHead() reads a target as UTF-8 and refuses what is none", () => {
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  assertEquals(taken(`GET /${bytes("é☃𝄞\uFEFF")} HTTP/1.1\r\n${HOST}\r\n`).target, "/é☃𝄞\uFEFF");
  for (const bad of ["\xff", "\xc0\xaf", "\xed\xa0\x80", "\xc3", "\x80"]) {
    assertStringIncludes(refused(`GET /${bad} HTTP/1.1\r\n${HOST}\r\n`), "UTF-8");
  }
});

Deno.test("parseHead() takes path and host of an absolute target (§3.2.2)", () => {
  for (
    const [target, authority, path] of [
      ["http://b/c?d", "b", "/c?d"],
      ["HTTPS://b:1/", "b:1", "/"],
      ["http://[::1]:2", "[::1]:2", "/"],
      ["http://b?d", "b", "/?d"],
    ]
  ) {
    const head = taken(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`);
    assertEquals([head.authority, head.target], [authority, path]);
  }
});

Deno.test("parseHead() takes the asterisk with OPTIONS only (§3.2.4)", () => {
  assertEquals(taken(`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`).target, "/*");
  refused(`GET * HTTP/1.1\r\n${HOST}\r\n`);
});

Deno.test("parseHead() refuses a target that is neither a path nor an http URL (§3.2)", () => {
  for (
    const target of [
      ...["a", "a:443", "http:/a", "http://", "http:///a", "http://u@a/b", "ftp://a/", "?a"],
      ...["http://a#b", "http://a\\b/", 'http://a"/', "**"],
    ]
  ) refused(`CONNECT ${target} HTTP/1.1\r\n${HOST}\r\n`);
});

Deno.test("parseHead() wants one Host and nothing in it but a host (§3.2)", () => {
  for (const host of ["", "a", "a:1", "[::1]:4001", "a_b.c", "%41", "*"]) {
    taken(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }
  refused("GET / HTTP/1.1\r\n\r\n");
  refused(`GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`);
  refused(`GET / HTTP/1.0\r\n${HOST}${HOST}\r\n`);
  refused(`GET http://b/ HTTP/1.1\r\n\r\n`);
  for (const host of ["a/b", "a b", "u@a", "a?b", "a#b", "a\\b", "a\tb", 'a"', "\xe9"]) {
    refused(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }
  assertEquals(taken("GET / HTTP/1.0\r\n\r\n").isHttp10, true);
});

Deno.test("parseHead() refuses a header without a name right before its colon (§5.1)", () => {
  for (const line of ["X : y", "X\t: y", ": y", "X", "X y", "X\0: y", "(: y", "é: y", "X\r: y"]) {
    refused(`GET / HTTP/1.1\r\n${HOST}${line}\r\n\r\n`);
  }
});

Deno.test("parseHead() refuses a header that goes on in the next line (§5.2)", () => {
  assertStringIncludes(refused(`GET / HTTP/1.1\r\n${HOST}X: y\r\n z\r\n\r\n`), "next line");
  refused(`GET / HTTP/1.1\r\n${HOST}X: y\r\n\tz: 1\r\n\r\n`);
  refused(`GET / HTTP/1.1\r\n ${HOST}\r\n`);
});

Deno.test("parseHead() refuses line ends that are not CRLF (§2.2)", () => {
  refused(`GET / HTTP/1.1\n${HOST}\r\n`);
  refused(`GET / HTTP/1.1\r${HOST}\r\n`);
  refused("GET / HTTP/1.1\r\nHost: a\n\r\n");
  refused("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n");
  refused(`GET / HTTP/1.1\r\n${HOST}\n`);
  refused(`GET / HTTP/1.1\r\n${HOST}\rX`);
  // At once, although it could go on.
  assertEquals(parse("GET / HTTP/1.1\r\nHost: a\n").end, BAD);
  assertEquals(parse("GET / HTTP/1.1\n").end, BAD);
});

Deno.test("parseHead() refuses controls in a value, and takes any other octet (RFC 9110 §5.5)", () => {
  for (let octet = 0; octet < 256; octet++) {
    const text = `GET / HTTP/1.1\r\n${HOST}X: a${String.fromCharCode(octet)}b\r\n\r\n`;
    const isControl = octet !== 9 && octet < 0x20 || octet === 0x7f;
    if (isControl) refused(text);
    else taken(text);
  }
});

Deno.test("parseHead() takes one number as Content-Length and nothing else (§6.2)", () => {
  const lengthOf = (value: string) =>
    taken(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\n`).contentLength;
  assertEquals(["0", "7", "007", "  12  "].map(lengthOf), [0, 7, 7, 12]);
  assertEquals(lengthOf("9".repeat(400)), Number.MAX_SAFE_INTEGER);
  for (const value of ["", "+1", "-1", "1 2", "1,1", "1, 1", "0x1", "1.0", "1e3", "a", "１"]) {
    refused(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\n`);
  }
});

Deno.test("parseHead() refuses two lengths, equal ones included (§6.3)", () => {
  for (const second of ["1", "2"]) {
    refused(
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\ncontent-length: ${second}\r\n\r\n`,
    );
  }
});

Deno.test("parseHead() takes chunks as the only transfer encoding (§6.1)", () => {
  for (const value of ["chunked", "Chunked", " CHUNKED\t"]) {
    const text = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n`;
    assertEquals(taken(text).framing, "chunked");
  }
  for (
    const value of [
      ...["", "gzip", "gzip, chunked", "chunked, chunked", "chunked,", "xchunked", "chunkedx"],
      ...["identity", "chunked;a=b", '"chunked"', "\x0bchunked"],
    ]
  ) refused(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${value}\r\n\r\n`);
});

Deno.test("parseHead() refuses chunks beside a length, twice, and in HTTP/1.0 (§6.1, §6.3)", () => {
  const chunked = "Transfer-Encoding: chunked\r\n";
  refused(`POST / HTTP/1.1\r\n${HOST}${chunked}Content-Length: 3\r\n\r\n`);
  refused(`POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n${chunked}\r\n`);
  refused(`POST / HTTP/1.1\r\n${HOST}${chunked}${chunked}\r\n`);
  refused(`POST / HTTP/1.0\r\n${HOST}${chunked}\r\n`);
});

Deno.test("parseHead() knows whether the connection goes on (§9.3)", () => {
  const goesOn = (version: string, ...lines: string[]) => {
    const fields = lines.map((line) => `Connection: ${line}\r\n`).join("");
    return taken(`GET / HTTP/${version}\r\n${HOST}${fields}\r\n`).isPersistent;
  };
  assertEquals([goesOn("1.1"), goesOn("1.1", "keep-alive"), goesOn("1.1", "x, y")], [
    true,
    true,
    true,
  ]);
  assertEquals([goesOn("1.0"), goesOn("1.0", "x"), goesOn("1.0", "Keep-Alive")], [
    false,
    false,
    true,
  ]);
  for (const value of ["close", "CLOSE", "x, close", "x,close , y", ",close", "keep-alive,close"]) {
    assertEquals([goesOn("1.1", value), goesOn("1.0", value)], [false, false], value);
  }
  assertEquals(goesOn("1.1", "keep-alive", "close"), false);
  assertEquals(goesOn("1.1", "closed"), true);
  // Nobody knows what was meant.
  assertEquals(goesOn("1.1", '"close"'), false);
});

Deno.test("parseHead() knows who waits for 100 Continue (RFC 9110 §10.1.1)", () => {
  const expects = (version: string, value: string) =>
    `POST / HTTP/${version}\r\n${HOST}Expect: ${value}\r\nContent-Length: 1\r\n\r\n`;
  assertEquals(taken(expects("1.1", "100-Continue")).expectsContinue, true);
  assertEquals(taken(expects("1.0", "100-continue")).expectsContinue, false);
  refused(expects("1.1", "200-ok"), 417);
});

Deno.test("parseHead() keeps nothing of the request before", () => {
  const head = new Head();
  const bytes = Buffer.from(
    `POST http://b/ HTTP/1.0\r\n${HOST}Content-Length: 5\r\nConnection: close\r\n\r\n`,
  );
  assertEquals(parseHead(bytes, 0, head), bytes.length);
  const next = Buffer.from(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  assertEquals(parseHead(next, 0, head), next.length);
  const fresh = taken(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  assertEquals({ ...head, refusal: undefined }, { ...fresh, refusal: undefined });
});

Deno.test("findField() finds values in any case, joined when there are several", () => {
  const text =
    "GET / HTTP/1.1\r\nHost: a\r\nX-Ab:  c d \t\r\nx-aB:e\r\nEmpty:\r\nX-Abc: f\r\nL: \xe9\r\n\r\n";
  const bytes = Buffer.from(text, "latin1");
  const find = (name: string) => findField(bytes, text.indexOf("Host"), name);
  assertEquals(find("x-ab"), "c d, e");
  assertEquals(["x-abc", "empty", "host", "x-a", "a", "l"].map(find), [
    ...["f", "", "a", undefined, undefined, "é"],
  ]);
});

Deno.test("parseHead() judges a head the same whatever follows it", () => {
  // Bytes behind the head can neither complete nor spoil it.
  for (const tail of ["\0", "\n", "GET / HTTP/1.1\r\n", "\xff"]) {
    const { end } = parse(WHOLE + tail);
    assert(end === WHOLE.length, JSON.stringify(tail));
  }
});
