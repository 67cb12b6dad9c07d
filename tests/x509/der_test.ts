/** DER by the examples of X.690 and of RFC 5280, and what is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  bitString,
  DerError,
  element,
  integer,
  objectIdentifier,
  readElements,
  readObjectIdentifier,
  TAG,
  time,
} from "../../src/x509/der.ts";

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

function bytes(...octets: number[]): Uint8Array {
  return new Uint8Array(octets);
}

Deno.test("element() writes lengths in as few octets as will do", () => {
  const headOf = (length: number) =>
    hex(element(TAG.octetString, new Uint8Array(length)).subarray(0, 5));
  assertEquals(hex(element(TAG.null)), "0500");
  assertEquals(headOf(127), "047f000000");
  assertEquals(headOf(128), "0481800000");
  assertEquals(headOf(255), "0481ff0000");
  assertEquals(headOf(256), "0482010000");
  assertEquals(headOf(65_536), "0483010000");
});

Deno.test("integer() keeps the sign positive and drops zeros that say nothing", () => {
  assertEquals(hex(integer(bytes(2))), "020102");
  assertEquals(hex(integer(bytes(0x80))), "02020080");
  assertEquals(hex(integer(bytes(0, 0, 0x7f))), "02017f");
  assertEquals(hex(integer(bytes(0, 0xff))), "020200ff");
  assertEquals(hex(integer(bytes(0))), "020100");
  assertEquals(hex(integer(bytes())), "020100");
});

Deno.test("objectIdentifier() and readObjectIdentifier() are each other's inverse", () => {
  // The example of X.690 §8.19.5, and one with arcs of several octets.
  assertEquals(hex(objectIdentifier("2.999.3")), "0603883703");
  assertEquals(hex(objectIdentifier("1.2.840.113549.1.1.11")), "06092a864886f70d01010b");
  for (const dotted of ["0.39", "1.3.6.1.5.5.7.3.2", "2.5.29.17", "2.999.3", "1.2.4294967296"]) {
    assertEquals(readObjectIdentifier(objectIdentifier(dotted).subarray(2)), dotted);
  }
});

Deno.test("time() changes its form with the year 2050", () => {
  const text = (ms: number) => new TextDecoder().decode(time(ms));
  assertEquals(text(Date.UTC(2026, 10, 25, 1, 2, 3, 999)), "\x17\x0d261125010203Z");
  assertEquals(text(Date.UTC(2050, 0, 1) - 1), "\x17\x0d491231235959Z");
  assertEquals(text(Date.UTC(2050, 0, 1)), "\x18\x0f20500101000000Z");
});

Deno.test("bitString() tells how many bits are unused", () => {
  assertEquals(hex(bitString(bytes(0x06), 1)), "03020106");
});

Deno.test("readElements() takes apart what element() has put together", () => {
  const parts = [
    integer(bytes(5)),
    element(TAG.octetString, new Uint8Array(300)),
    element(TAG.null),
  ];
  const [sequence] = readElements(element(TAG.sequence, ...parts));
  assertEquals(readElements(sequence!.content).map(({ whole }) => hex(whole)), parts.map(hex));
  assertEquals(readElements(bytes()), []);
});

Deno.test("readElements() refuses lengths that lead out of the bytes", () => {
  for (
    const text of ["30", "3005", "300500", "3080", "3082", "308201", "3085000000000100", "30ff"]
  ) {
    assertThrows(() => readElements(Uint8Array.fromHex(text)), DerError);
  }
});
