import { assertEquals } from "@std/assert";
import { parseIndex, parseTtl } from "../../src/api/v1/number.ts";

const NOW_MS = Date.UTC(2030, 0, 1);
const LAST_TTL = Math.floor((Date.UTC(10_000, 0, 1) - 1 - NOW_MS) / 1000);

Deno.test("parseTtl() takes what Go's Atoi takes", () => {
  const texts = {
    "5": 5,
    "+5": 5,
    "-5": -5,
    "0": 0,
    "-0": 0,
    "007": 7,
    "-9007199254740991": -(2 ** 53 - 1),
  };
  for (const [text, seconds] of Object.entries(texts)) {
    assertEquals(parseTtl(text, NOW_MS), seconds, text);
  }
});

Deno.test("parseTtl() refuses when the text is no whole number", () => {
  for (
    const text of [
      "",
      "abc",
      "1.5",
      " 5",
      "5 ",
      "5s",
      "1e3",
      "0x10",
      "1_000",
      "--5",
      "+",
      "٥",
      "NaN",
      "Infinity",
    ]
  ) {
    assertEquals(parseTtl(text, NOW_MS), undefined, text);
  }
});

Deno.test("parseTtl() refuses when the number or its deadline is too far", () => {
  assertEquals(parseTtl(`${LAST_TTL}`, NOW_MS), LAST_TTL);
  assertEquals(parseTtl(`${LAST_TTL + 1}`, NOW_MS), undefined);
  for (const text of ["9007199254740992", "-9007199254740992", "9".repeat(400)]) {
    assertEquals(parseTtl(text, NOW_MS), undefined, text);
  }
});

Deno.test("parseIndex() takes what Go's ParseUint takes, up to 2^53", () => {
  const texts = { "0": 0, "7": 7, "007": 7, "9007199254740991": 2 ** 53 - 1 };
  for (const [text, index] of Object.entries(texts)) assertEquals(parseIndex(text), index, text);
  for (const text of ["", "-1", "+1", "1.0", " 1", "abc", "9007199254740992", "1e3"]) {
    assertEquals(parseIndex(text), undefined, text);
  }
});
