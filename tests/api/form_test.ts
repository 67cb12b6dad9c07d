import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Exchange } from "../../src/http/exchange.ts";
import { readPairs } from "../../src/api/v2/form.ts";
import { isMultipart, multipartFields, urlencodedFields } from "../../src/http/form.ts";

const NAMES = new Set(["value", "ttl"]);

function fields(body: string, query = ""): Record<string, string> {
  const found = urlencodedFields(body, query, NAMES);
  assert(!("cause" in found), "expected fields, found a refusal");
  return Object.fromEntries(found);
}

function exchange(body: string, contentType?: string): Exchange {
  return {
    method: "POST",
    target: "/",
    body,
    bytes: new Uint8Array(0),
    clientCertificate: undefined,
    clientAddress: "",
    header: (name) => name === "content-type" ? contentType : undefined,
    onGone() {},
  };
}

Deno.test("urlencodedFields() decodes when there are escapes and plus signs", () => {
  assertEquals(fields("value=bar"), { value: "bar" });
  assertEquals(fields("value=a+b%20c%2B"), { value: "a b c+" });
  assertEquals(fields("v%61lue=1"), { value: "1" });
  assertEquals(fields("value=h%C3%A9llo+%E2%98%83+☃"), { value: "héllo ☃ ☃" });
  assertEquals(fields("value=a=b=c"), { value: "a=b=c" });
  assertEquals(fields("value=a;b"), { value: "a;b" });
});

Deno.test("urlencodedFields() takes what is there when pairs are odd", () => {
  assertEquals(fields(""), {});
  assertEquals(fields("&&value=1&&"), { value: "1" });
  assertEquals(fields("value"), { value: "" });
  assertEquals(fields("value&ttl=5"), { value: "", ttl: "5" });
  assertEquals(fields("=x&value=1"), { value: "1" });
  assertEquals(fields("other=%zz&value=1&%zz=2"), { value: "1" });
  assertEquals(fields("__proto__=1&value=2"), { value: "2" });
});

/** The least of a few, in milliseconds. */
function timeOf(run: () => void): number {
  return Math.min(...[1, 2, 3].map(() => {
    const startMs = performance.now();
    run();
    return performance.now() - startMs;
  }));
}

const READERS: readonly (readonly [name: string, read: (body: string) => unknown])[] = [
  ["urlencodedFields()", (body) => fields(body)],
  ["readPairs()", (body) => readPairs(exchange(body, "application/x-www-form-urlencoded"), "")],
];

for (const [name, read] of READERS) {
  // A form of a MiB without one kept a node busy for 14 s.
  Deno.test(`${name} takes no longer for pairs without "=" than for others`, () => {
    const pairs = 400_000;
    const ordinaryMs = timeOf(() => read("a=&".repeat(pairs)));
    const bareMs = timeOf(() => read("a&".repeat(pairs)));
    // It was forty times as long, and twice as many pairs made it eighty.
    assert(bareMs < 10 * ordinaryMs, `${bareMs} ms, others take ${ordinaryMs}`);
  });
}

Deno.test("urlencodedFields() prefers the body, then the first value, when a name comes again", () => {
  assertEquals(fields("value=1&value=2"), { value: "1" });
  assertEquals(fields("value=body", "value=query&ttl=5"), { value: "body", ttl: "5" });
  assertEquals(fields("value=", "value=query"), { value: "" });
});

Deno.test("urlencodedFields() puts U+FFFD when escapes are no UTF-8", () => {
  assertEquals(fields("value=a%ffb"), { value: "a\ufffdb" });
  assertEquals(fields("value=%ff☃+%41"), { value: "\ufffd☃ A" });
});

Deno.test("urlencodedFields() refuses when an escape in a wanted field is malformed", () => {
  for (const body of ["value=100%", "value=%zz", "value=%2", "value=1&ttl=%", "value=%ff%g0"]) {
    const found = urlencodedFields(body, "", NAMES);
    assert("cause" in found, body);
    assertStringIncludes(found.cause, "percent-encoding");
  }
  assert("cause" in urlencodedFields("", "value=%", NAMES));
});

const BOUNDARY = "----test";

function multipart(parts: [string, string][]): string {
  return parts.map(([head, text]) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`
  ).join("") + `--${BOUNDARY}--\r\n`;
}

Deno.test("isMultipart() says yes when type and body agree", () => {
  const body = multipart([['name="value"', "1"]]);
  assert(isMultipart(exchange(body, `multipart/form-data; boundary=${BOUNDARY}`)));
  assert(isMultipart(exchange(body, `Multipart/Form-Data; boundary=${BOUNDARY}`)));
  assert(!isMultipart(exchange(body, "application/x-www-form-urlencoded")));
  assert(!isMultipart(exchange(body)));
  assert(!isMultipart(exchange("value=1", `multipart/form-data; boundary=${BOUNDARY}`)));
});

Deno.test("multipartFields() takes text fields and leaves files when both are there", async () => {
  const body = multipart([
    ['name="ttl"; filename="f"', "9"],
    ['name="value"', "a&b=%41+\u2603"],
    ['name="value"', "second"],
    ['name="other"', "x"],
  ]);
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  const found = await multipartFields(exchange(body, type), "ttl=5&value=query", NAMES);
  assert(!("cause" in found));
  assertEquals(Object.fromEntries(found), { value: "a&b=%41+\u2603", ttl: "5" });
});

Deno.test("multipartFields() refuses when the body is malformed", async () => {
  for (const type of ["multipart/form-data", `multipart/form-data; boundary=${BOUNDARY}`]) {
    const found = await multipartFields(exchange("--nonsense\r\n", type), "", NAMES);
    assert("cause" in found);
    assertStringIncludes(found.cause, "Expected a multipart form");
  }
});
