/** The bytes of commands. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { decodeCommand, encodeCommand, stampCommand } from "../../src/store/command/codec.ts";
import { CommandError, NOBODY } from "../../src/store/command/command.ts";
import { COMMANDS, put, setCommand, utf8 } from "./commands.ts";
import { random } from "./log.ts";

const TIME_MS = 1_377_993_600_000;
const ALICE = { user: "alice", authRevision: 300 };

Deno.test("decodeCommand() gives back what encodeCommand() was given", () => {
  for (const requester of [NOBODY, ALICE]) {
    const encoded = COMMANDS.map((command) => encodeCommand(command, requester, TIME_MS));
    for (const [i, bytes] of encoded.entries()) {
      const expected = { command: COMMANDS[i]!, format: 2, timeMs: TIME_MS, requester } as const;
      assertEquals(bytes[0], 2, "the version comes first");
      assertEquals(decodeCommand(bytes), expected);
      assertEquals(decodeCommand(bytes.slice()), expected);
    }
  }
});

Deno.test("encodeCommand() takes a text for the bytes of its UTF-8", () => {
  const texts = encodeCommand(setCommand({ value: "héllo ☃ 𝄞", prevValue: "☃" }));
  const { command } = decodeCommand(texts);
  assertEquals(
    command,
    setCommand({ value: utf8("héllo ☃ 𝄞"), prevValue: utf8("☃") }),
  );
});

Deno.test("encodeCommand() makes bytes that never change", () => {
  const set = setCommand({ key: "/k", value: "v", prevValue: "☃", ttlSeconds: 300 });
  assertEquals(
    encodeCommand(set, NOBODY, TIME_MS).toHex(),
    "02" + "01" + "00acd1d64001" + "00" + "03" + "022f6b" + "0176" + "03e29883" + "ac02",
  );
  assertEquals(
    encodeCommand({ type: "delete", key: "/k" }, ALICE, 1).toHex(),
    "02" + "02" + "010000000000" + "05616c696365ac02" + "022f6b",
  );
  assertEquals(
    encodeCommand({ type: "expire", key: "/k", setIndex: 3, isDirectory: false }).toHex(),
    "02" + "03" + "000000000000" + "00" + "022f6b" + "03" + "00",
  );
  assertEquals(
    encodeCommand(put({ key: "k", value: "v", lease: -2n })).toHex(),
    "02" + "06" + "000000000000" + "00" + "01" + "08" + "016b" + "0176" + "feffffffffffffff",
  );
});

Deno.test("stampCommand() writes the time into the bytes where they are", () => {
  for (const command of COMMANDS) {
    const bytes = encodeCommand(command, ALICE);
    stampCommand(bytes, TIME_MS);
    assertEquals(bytes, encodeCommand(command, ALICE, TIME_MS));
  }
  assertThrows(() => stampCommand(new Uint8Array([1, 2, 3]), 0), CommandError);
  assertThrows(() => stampCommand(new Uint8Array([2, 2, 3]), 0), CommandError);
});

Deno.test("decodeCommand() reads what version 1.0 wrote", () => {
  const decoded = (...hex: string[]) => decodeCommand(Uint8Array.fromHex(hex.join("")));
  const stamp = { format: 1, requester: NOBODY } as const;
  assertEquals(decoded("01", "31", "80d8c6b68d28", "022f6b", "0176", "03e29883", "ac02"), {
    command: setCommand({
      key: "/k",
      value: utf8("v"),
      prevValue: utf8("☃"),
      ttlSeconds: 300,
    }),
    timeMs: TIME_MS,
    ...stamp,
  });
  assertEquals(decoded("01", "02", "01", "022f6b"), {
    command: { type: "delete", key: "/k" },
    timeMs: 1,
    ...stamp,
  });
  assertEquals(decoded("01", "03", "01", "022f6b", "03"), {
    command: { type: "expire", key: "/k", setIndex: 3, isDirectory: false },
    timeMs: 1,
    ...stamp,
  });
});

Deno.test("decodeCommand() refuses what version 1.0 could not have written", () => {
  const refused = [
    "01020101" + "61",
    "010201022f61" + "00",
    "0102010461ff2f62",
    "01040102" + "2f6b",
  ];
  for (const hex of refused) {
    assertThrows(() => decodeCommand(Uint8Array.fromHex(hex)), CommandError, "Damaged");
  }
});

Deno.test("encodeCommand() refuses numbers that have no bytes", () => {
  for (const ttlSeconds of [0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => encodeCommand(setCommand({ ttlSeconds })), InvariantError);
  }
});

Deno.test("decodeCommand() throws CommandError at every truncation and every byte too many", () => {
  for (const bytes of COMMANDS.map((command) => encodeCommand(command)).filter(isShort)) {
    for (let length = 0; length < bytes.length; length++) {
      assertThrows(() => decodeCommand(bytes.slice(0, length)), CommandError, "Damaged command");
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    assertThrows(() => decodeCommand(longer), CommandError, "Expected the end");
  }
});

Deno.test("decodeCommand() throws nothing but CommandError when any bit is flipped", () => {
  let refused = 0;
  for (const bytes of COMMANDS.map((command) => encodeCommand(command)).filter(isShort)) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      refused += refusals(flipped);
    }
  }
  // The rest are other, valid commands: the log's checksums keep them out.
  assert(refused > 100);
});

Deno.test("decodeCommand() throws nothing but CommandError on random bytes", () => {
  const next = random(1);
  let refused = 0;
  for (let round = 0; round < 40_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(next() * 40) }, () => next() * 256);
    if (bytes.length > 8) {
      [bytes[0], bytes[1], bytes[8]] = [1 + round % 2, Math.floor(next() * 16), 0];
    }
    refused += refusals(bytes);
  }
  assert(refused > 10_000);
});

Deno.test("decodeCommand() refuses transactions within transactions without an end", () => {
  const head = [2, 8, 0, 0, 0, 0, 0, 0, 0];
  const bytes = new Uint8Array([...head, ...Array.from({ length: 3000 }, () => [4, 0, 1]).flat()]);
  assertThrows(() => decodeCommand(bytes), CommandError, "fewer transactions");
});

Deno.test("decodeCommand() names the version it does not know", () => {
  assertThrows(() => decodeCommand(new Uint8Array([7])), CommandError, "found 7");
});

function isShort(bytes: Uint8Array): boolean {
  return bytes.length < 1000;
}

function refusals(bytes: Uint8Array): number {
  try {
    decodeCommand(bytes);
    return 0;
  } catch (error) {
    assert(error instanceof CommandError, String(error));
    return 1;
  }
}
