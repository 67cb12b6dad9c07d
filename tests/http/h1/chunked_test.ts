/** Bodies in chunks (RFC 9112 §7.1). */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { ChunkedBody } from "../../../src/http/h1/chunked.ts";

const BYTES_MAX = 20_000;

function take(text: string, step = text.length): readonly [string, string, number] {
  const body = new ChunkedBody(BYTES_MAX);
  for (let at = 0; at < text.length; at += step) {
    const { state, end } = body.take(Buffer.from(text.slice(at, at + step), "latin1"), 0);
    if (state !== "more") return [state, body.bytes.toString("latin1"), at + end];
  }
  return ["more", body.bytes.toString("latin1"), text.length];
}

Deno.test("ChunkedBody() puts chunks together, however they come", () => {
  const text = "3\r\nabc\r\nA;x=y\r\n0123456789\r\n00c\r\n\r\n\0\r\n7890123\r\n0\r\nX: y\r\n\r\n";
  for (let step = 1; step <= text.length; step++) {
    assertEquals(take(text, step), ["done", "abc0123456789\r\n\0\r\n7890123", text.length]);
  }
});

Deno.test("ChunkedBody() ends where the next request begins", () => {
  assertEquals(take("1\r\na\r\n0\r\n\r\nGET /"), ["done", "a", 11]);
});

Deno.test("ChunkedBody() grows to what is allowed and no further", () => {
  const size = BYTES_MAX / 2;
  const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
  for (const step of [1, 777, 100_000]) {
    const [state, body] = take(`${chunk}${chunk}0\r\n\r\n`, step);
    assertEquals([state, body.length], ["done", BYTES_MAX]);
    assertEquals(take(`${chunk}${chunk}1\r\n`, step)[0], "long");
  }
});

Deno.test("ChunkedBody() is too long as soon as a size says so", () => {
  assertEquals(take("4e21")[0], "long");
  assertEquals(take("ffffffff")[0], "long");
});

Deno.test("ChunkedBody() is malformed where a parser could think differently", () => {
  for (
    const text of [
      ...["\r\n", "g\r\n", " 1\r\n", "1 \r\na", "0x1\r\n", "+1\r\n", "-1\r\n", "1\na", "1\rX"],
      ...[
        "1\r\nab",
        "1\r\na\n",
        "1\r\na\rX",
        "1\r\na0\r\n",
        "000000001\r\na",
        "1;\n",
        "1;\0",
        "1,2",
      ],
      ...["0\r\n\n", "0\r\nX\r\n", "0\r\n: y\r\n", "0\r\nX: y\n", "0\r\nX: \0", "0\r\n\rX"],
      ...["0\r\n X: y\r\n", "0\r\nX : y", "0\n\r\n"],
    ]
  ) assertEquals(take(text)[0], "malformed", JSON.stringify(text));
});

Deno.test("ChunkedBody() takes no endless extensions and trailers", () => {
  assertEquals(take(`1;${"x".repeat(5000)}`)[0], "malformed");
  assertEquals(take(`0\r\n${"X: y\r\n".repeat(5000)}`)[0], "malformed");
  assertEquals(take("1;x\r\na\r\n".repeat(5000))[0], "malformed");
  assertEquals(take(`${"1\r\na\r\n".repeat(5000)}0\r\n\r\n`)[0], "done");
});
