import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatId, narrowId, parseId, wideId } from "../../src/base/ids.ts";
import {
  type Hello,
  helloHeaders,
  judgeAddress,
  judgeRival,
  parseHello,
  parseReason,
  refusalResponse,
  refusalStatus,
} from "../../src/transport/handshake.ts";

const HELLO: Hello = {
  clusterId: 0xabcdef,
  from: Number.MAX_SAFE_INTEGER,
  session: 77,
  to: 1,
  name: "nœud 1\t%",
  url: "http://[::1]:7001",
  version: "1.2.3",
};

function parse(change: Record<string, string | undefined>, secure = false) {
  const headers: Record<string, string | undefined> = { ...helloHeaders(HELLO), ...change };
  return parseHello((name) => headers[name], secure);
}

function refusalOf(change: Record<string, string | undefined>, secure = false) {
  const result = parse(change, secure);
  return result.ok ? undefined : result;
}

Deno.test("parseHello() reads what helloHeaders() wrote, control characters blanked", () => {
  assertEquals(parse({}), { ok: true, hello: { ...HELLO, name: "nœud 1 %" } });
});

Deno.test("parseHello() refuses another protocol and names both", () => {
  const refusal = refusalOf({ upgrade: "etcd-peer/1", "etcd-version": "1.0.0" });
  assertEquals(refusal?.status, 426);
  assertEquals(
    refusal!.reason,
    'Expected protocol "etcd-peer/3", found "etcd-peer/1" of a caller of version "1.0.0", ' +
      "run the same version on all members",
  );
  assertEquals(refusalOf({ upgrade: "websocket" })?.status, 426);
});

Deno.test("parseHello() refuses a missing or malformed header", () => {
  const wrong: Record<string, (string | undefined)[]> = {
    "etcd-cluster": [undefined, "", "0", "xyz", "ABC", "01", "-1", "8020000000000000", "1, 2"],
    "etcd-from": [undefined, "0", "ffffffffffffffff"],
    "etcd-to": [undefined, "1.5"],
    "etcd-name": [undefined, "%zz"],
    "etcd-url": [undefined, "", "7001", "ftp://x", "//x:1", "http://x:0"],
    "etcd-version": [undefined],
  };
  for (const [header, values] of Object.entries(wrong)) {
    for (const value of values) {
      assertEquals(refusalOf({ [header]: value })?.status, 400, `${header}: ${value}`);
    }
  }
});

Deno.test("parseHello() refuses a caller that announces the other scheme", () => {
  assertStringIncludes(refusalOf({}, true)!.reason, "expected TLS");
  assertStringIncludes(refusalOf({ "etcd-url": "https://a:1" })!.reason, "expected plain HTTP");
});

Deno.test("judgeAddress() refuses who calls another cluster, another member or itself", () => {
  assertEquals(judgeAddress(HELLO, 1, 0xabcdef), { ok: true });
  assertEquals(judgeAddress(HELLO, 1, 0x123), {
    ok: false,
    status: refusalStatus.foreignCluster,
    reason:
      'Expected a member of cluster "8000000000000123", found one of cluster "8000000000abcdef"',
  });
  const stale = judgeAddress(HELLO, 2, 0xabcdef);
  assertEquals(stale.ok || stale.status, refusalStatus.wrongReceiver);
  const twin = judgeAddress({ ...HELLO, from: 1 }, 1, 0xabcdef);
  assertEquals(twin.ok || twin.status, refusalStatus.malformed);
});

Deno.test("judgeRival() takes the newest stream of a process, and of two processes the connected one", () => {
  assertEquals(judgeRival(HELLO, undefined), { ok: true });
  assertEquals(judgeRival(HELLO, { ...HELLO, url: "http://moved:1" }), { ok: true });
  const refusal = judgeRival({ ...HELLO, session: 78, url: "http://copy:1" }, HELLO);
  assert(!refusal.ok);
  assertEquals([refusal.status, refusal.rival], [refusalStatus.duplicate, 77]);
  assertStringIncludes(refusal.reason, "http://[::1]:7001");
  assertStringIncludes(refusal.reason, "http://copy:1");
  const [, body] = refusalResponse(refusal, 0xc1).split("\r\n\r\n");
  assertEquals(parseReason(body!)?.rival, 77);
});

Deno.test("parseId() takes ids up to 2^53 - 1", () => {
  assertEquals(parseId("801fffffffffffff"), Number.MAX_SAFE_INTEGER);
  assertEquals(parseId("8020000000000000"), undefined);
  assertEquals(parseId("8000000000000001"), 1);
  for (const text of ["8000000000000000", "0000000000000001", "1", "ffffffffffffffff"]) {
    assertEquals(parseId(text), undefined, text);
  }
});

Deno.test("ids are told as 64 bits, in 16 digits", () => {
  for (const id of [1, 0xabcdef, Number.MAX_SAFE_INTEGER]) {
    assertEquals(formatId(id).length, 16);
    assertEquals(parseId(formatId(id)), id);
    assertEquals(narrowId(wideId(id)), id);
    assertEquals(wideId(id).toString(16), formatId(id));
  }
  assertEquals([wideId(0), formatId(0)], [0n, "0"]);
  for (const wide of [0n, 1n, -1n, 1n << 63n, 1n << 64n, (1n << 63n) + (1n << 53n)]) {
    assertEquals(narrowId(wide), undefined, `${wide}`);
  }
});

Deno.test("refusalResponse() carries the reason in bytes as long as it says", () => {
  const response = refusalResponse({ ok: false, status: 409, reason: 'naïve "x"\n' }, 0xc1);
  const [head, body] = response.split("\r\n\r\n");
  assertEquals(parseReason(body!), { reason: 'naïve "x" ', rival: undefined });
  const byteLength = new TextEncoder().encode(body).length;
  assertStringIncludes(
    head!,
    `Content-Length: ${byteLength}\r\nEtcd-Cluster: 80000000000000c1`,
  );
});

Deno.test("parseReason() finds none in what is no refusal", () => {
  for (const body of ["", "null", "[]", "{}", '{"reason":1}', "<html>"]) {
    assertEquals(parseReason(body), undefined, body);
  }
});
