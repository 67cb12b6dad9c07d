/** Each answers in v1's JSON and changes nothing. */
import { assertEquals, assertExists, assertMatch } from "@std/assert";
import { LISTENERS, startNode } from "./harness.ts";
import { connectRaw } from "./raw_client.ts";

interface Case {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly form?: Record<string, string> | string;
  readonly contentType?: string;
  readonly status: number;
  readonly errorCode: number;
  readonly cause?: string;
}

const SET = { method: "PUT", path: "/v1/keys/a" } as const;
const WATCH = { method: "POST", path: "/v1/watch/a" } as const;

const CASES: readonly Case[] = [
  {
    what: "the body is longer than a MiB",
    ...SET,
    form: `value=${"x".repeat(1024 * 1024)}`,
    status: 413,
    errorCode: 413,
  },
  {
    what: "the key is longer than 4 KiB",
    ...SET,
    path: `/v1/keys/${"k".repeat(4096)}`,
    form: { value: "1" },
    status: 414,
    errorCode: 414,
  },
  {
    what: "the key has more than 128 levels",
    ...SET,
    path: `/v1/keys${"/a".repeat(129)}`,
    form: { value: "1" },
    status: 414,
    errorCode: 414,
  },
  {
    what: "the key to delete is longer than 4 KiB",
    method: "DELETE",
    path: `/v1/keys/${"%E2%98%83".repeat(1366)}`,
    status: 414,
    errorCode: 414,
  },
  {
    what: "the watched path is longer than 4 KiB",
    method: "GET",
    path: `/v1/watch/${"k".repeat(4096)}`,
    status: 414,
    errorCode: 414,
  },
  ...["/v1/keys/%", "/v1/keys/%zz", "/v1/keys/a%0", "/v1/keys/a%00b", "/v1/keys/%ff"].map((
    path,
  ) => ({
    what: `the key is spelled ${path}`,
    method: "PUT",
    path: `${path}?value=1`,
    status: 400,
    errorCode: 402,
  })),
  {
    what: "the form has a bad escape",
    ...SET,
    form: "value=100%",
    contentType: "application/x-www-form-urlencoded",
    status: 400,
    errorCode: 402,
  },
  {
    what: "the query of a read has a bad escape",
    method: "GET",
    path: "/v1/keys/a?stale=%",
    status: 400,
    errorCode: 402,
  },
  {
    what: "a multipart form is none",
    ...SET,
    form: "--x",
    contentType: "multipart/form-data; boundary=x",
    status: 400,
    errorCode: 402,
  },
  { what: "there is no body", ...SET, status: 400, errorCode: 200, cause: "Set" },
  { what: "the value is empty", ...SET, form: { value: "" }, status: 400, errorCode: 200 },
  {
    what: "the body is JSON",
    ...SET,
    form: '{"value":"1"}',
    contentType: "application/json",
    status: 400,
    errorCode: 200,
    cause: "Set",
  },
  ...["abc", "1.5", " 5", "5s", "9007199254740992", "99999999999999", "-9007199254740992"].map((
    ttl,
  ) => ({
    what: `the TTL is "${ttl}"`,
    ...SET,
    form: { value: "1", ttl },
    status: 400,
    errorCode: 202,
    cause: "Set",
  })),
  ...["abc", "-1", "+1", "1.5", "9007199254740992", ""].map((index) => ({
    what: `the index is "${index}"`,
    ...WATCH,
    form: { index },
    status: 400,
    errorCode: 203,
    cause: "Watch From Index",
  })),
  {
    what: "a watch is posted without index",
    ...WATCH,
    status: 400,
    errorCode: 203,
    cause: "Watch From Index",
  },
  {
    what: "the index of a GET is none",
    method: "GET",
    path: "/v1/watch/a?index=x",
    status: 400,
    errorCode: 203,
  },
  {
    what: "the method is unknown",
    method: "BREW",
    path: "/v1/keys/a",
    status: 405,
    errorCode: 405,
  },
  {
    what: "the method is in lower case",
    method: "put",
    path: "/v1/keys/a?value=1",
    status: 405,
    errorCode: 405,
  },
  {
    what: "a watch is deleted",
    method: "DELETE",
    path: "/v1/watch/a",
    status: 405,
    errorCode: 405,
  },
  { what: "the path is unknown", method: "GET", path: "/v1/nothing", status: 404, errorCode: 404 },
  {
    what: "the version is unknown",
    method: "PUT",
    path: "/v9/keys/a",
    status: 404,
    errorCode: 404,
  },
];

for (const kind of LISTENERS) {
  Deno.test(`clientApi() on ${kind} refuses when the input is bad`, async (test) => {
    await using node = await startNode({ kind });
    for (const { what, method, path, form, contentType, status, errorCode, cause } of CASES) {
      await test.step(what, async () => {
        using client = await connectRaw(node);
        const body = typeof form === "string" ? form : new URLSearchParams(form).toString();
        const type = contentType ?? "application/x-www-form-urlencoded";
        await client.send(
          `${method} ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: ${type}\r\n` +
            `Content-Length: ${body.length}\r\n\r\n${body}`,
        ).catch(() => {});
        const answer = await client.until('"}');
        assertMatch(answer, new RegExp(`^HTTP/1.1 ${status} `));
        const json = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
        assertEquals(Object.keys(json), ["errorCode", "message", "cause"]);
        assertEquals(json.errorCode, errorCode);
        if (cause === undefined) assertExists(json.cause);
        else assertEquals(json.cause, cause);
      });
    }
    assertEquals(node.store.index, 0);
    assertEquals(node.store.watches.size, 0);
    assertEquals((await node.ask("PUT", "/v1/keys/a", { value: "1" })).json.index, 3);
  });
}

Deno.test("clientApi() takes a body and a key when they are just short enough", async () => {
  await using node = await startNode();
  const value = "x".repeat(1024 * 1024 - "value=".length);
  const key = "k".repeat(4095);
  const { status, json } = await node.ask("PUT", `/v1/keys/${key}`, { value });
  assertEquals([status, json.key?.length, json.value?.length], [200, 4096, value.length]);
});
