import { assertEquals, assertStrictEquals } from "@std/assert";
import { cleanPath, longerThan } from "../../src/http/path.ts";

Deno.test("cleanPath() returns the same path when it is clean", () => {
  for (const path of ["/", "/v1/keys/foo", "/v1/keys/a-b_c~d.e", "/v1/keys/__proto__", "/ä/☃"]) {
    assertStrictEquals(cleanPath(path), path);
  }
});

Deno.test("cleanPath() decodes once when there are escapes", () => {
  assertEquals(cleanPath("/v1/keys/x%20y"), "/v1/keys/x y");
  assertEquals(cleanPath("/v1/keys/%E2%98%83"), "/v1/keys/☃");
  assertEquals(cleanPath("/v1/keys/%252e%252e/x"), "/v1/keys/%2e%2e/x");
  assertEquals(cleanPath("/v1/keys/a+b"), "/v1/keys/a+b");
  assertEquals(cleanPath("/v1/keys/a%2Fb"), "/v1/keys/a/b");
});

Deno.test("cleanPath() removes empty and dotted segments when they are spelled in any way", () => {
  const spellings: [string, string][] = [
    ["//", "/"],
    ["/v1/keys/", "/v1/keys"],
    ["/v1//keys///foo//", "/v1/keys/foo"],
    ["/v1/./keys/foo/.", "/v1/keys/foo"],
    ["/v1/keys/foo/../bar", "/v1/keys/bar"],
    ["/v1/keys/foo/..", "/v1/keys"],
    ["/v1/keys/%2e%2E/machines", "/v1/machines"],
    ["/../../v1/keys/foo", "/v1/keys/foo"],
    ["/a/../../../b", "/b"],
    ["/v1/keys/.hidden", "/v1/keys/.hidden"],
    ["/v1/keys/...", "/v1/keys/..."],
  ];
  for (const [raw, clean] of spellings) assertEquals(cleanPath(raw), clean, raw);
});

Deno.test("cleanPath() refuses when the path has no right decoding", () => {
  for (
    const raw of [
      "/%",
      "/%2",
      "/%zz",
      "/%ff",
      "/%c0%af", // an overlong slash
      "/%ed%a0%80", // half a surrogate pair
      "/%f4%90%80%80", // beyond Unicode
      "/%E2%98",
    ]
  ) {
    assertEquals(cleanPath(raw), { cause: `Expected UTF-8 in percent-encoding, found "${raw}"` });
  }
});

Deno.test("cleanPath() refuses when the path has a NUL", () => {
  assertEquals(cleanPath("/a%00b"), { cause: 'Expected no NUL in the path, found "/a%00b"' });
  assertEquals(typeof cleanPath("/a\0b"), "object");
});

Deno.test("longerThan() counts bytes of UTF-8 when characters are wide", () => {
  assertEquals(longerThan("a".repeat(4096), 4096), false);
  assertEquals(longerThan("a".repeat(4097), 4096), true);
  assertEquals(longerThan("☃".repeat(1365), 4096), false);
  assertEquals(longerThan("☃".repeat(1366), 4096), true);
  assertEquals(longerThan("𝄞".repeat(1024), 4096), false);
  assertEquals(longerThan("𝄞".repeat(1024) + "a", 4096), true);
});
