import { assertEquals } from "@std/assert";
import { crc32c } from "../../src/base/crc32c.ts";
import { bytesOf } from "./harness.ts";

Deno.test("crc32c() gives the values of RFC 3720, appendix B.4", () => {
  assertEquals(crc32c(bytesOf("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assertEquals(crc32c(new Uint8Array(0)), 0);
});

Deno.test("crc32c() goes on from what came before, wherever it is cut", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i * 7);
  for (let cut = 0; cut <= 40; cut++) {
    assertEquals(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes));
  }
});
