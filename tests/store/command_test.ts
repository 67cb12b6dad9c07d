/** The bytes of commands. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Command } from "../../src/store/command.ts";
import { CommandError, decodeCommand, encodeCommand } from "../../src/store/command.ts";
import { random } from "./log.ts";

const COMMANDS: readonly Command[] = [
  set({}),
  set({ value: "" }),
  set({ prevValue: "one" }),
  set({ prevValue: "" }),
  set({ ttlSeconds: 5 }),
  set({ ttlSeconds: 0 }),
  set({ ttlSeconds: -5, prevValue: "one" }),
  set({ ttlSeconds: Number.MAX_SAFE_INTEGER }),
  set({ ttlSeconds: -Number.MAX_SAFE_INTEGER }),
  set({ key: "/☃/𝄞", value: "héllo ☃ 𝄞", prevValue: "\uFEFF\uFFFD\0" }),
  set({ key: "/" }),
  set({ key: "/_etcdx/a" }),
  set({ value: "v".repeat(1_000_000), prevValue: "☃".repeat(300_000) }),
  { type: "delete", key: "/a/b", timeMs: 0 },
  { type: "expire", key: "/a", setIndex: 3, timeMs: 2 ** 41 },
  { type: "expire", key: "/a", setIndex: Number.MAX_SAFE_INTEGER, timeMs: 0 },
];

function set(fields: Partial<Extract<Command, { type: "set" }>>): Command {
  return {
    type: "set",
    key: "/message",
    value: "Hello",
    prevValue: undefined,
    ttlSeconds: undefined,
    timeMs: 1_377_993_600_000,
    ...fields,
  };
}

Deno.test("decodeCommand() gives back what encodeCommand() was given", () => {
  const encoded = COMMANDS.map(encodeCommand);
  for (const [i, bytes] of encoded.entries()) {
    assertEquals(bytes[0], 1, "the version comes first");
    assertEquals(decodeCommand(bytes), COMMANDS[i]);
    assertEquals(decodeCommand(bytes.slice()), COMMANDS[i]);
  }
});

Deno.test("encodeCommand() makes bytes that never change", () => {
  assertEquals(
    encodeCommand(set({ key: "/k", value: "v", prevValue: "☃", ttlSeconds: 300 })).toHex(),
    "01" + "31" + "80d8c6b68d28" + "022f6b" + "0176" + "03e29883" + "ac02",
  );
  assertEquals(
    encodeCommand({ type: "delete", key: "/k", timeMs: 1 }).toHex(),
    "01" + "02" + "01" + "022f6b",
  );
  assertEquals(
    encodeCommand({ type: "expire", key: "/k", setIndex: 3, timeMs: 1 }).toHex(),
    "01" + "03" + "01" + "022f6b" + "03",
  );
});

Deno.test("encodeCommand() refuses what no member could apply", () => {
  const keys = [
    "",
    "a",
    "/a/",
    "//",
    "/a//b",
    "/_etcd",
    "/_etcd/machines/x",
    "/" + "k".repeat(9999),
  ];
  for (const key of keys) {
    assertThrows(() => encodeCommand({ type: "delete", key, timeMs: 0 }), CommandError, "key");
  }
  for (const ttlSeconds of [0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => encodeCommand(set({ ttlSeconds })), CommandError, "ttlSeconds");
  }
  for (const timeMs of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => encodeCommand(set({ timeMs })), CommandError, "timeMs");
  }
});

Deno.test("decodeCommand() throws CommandError at every truncation and every byte too many", () => {
  for (const bytes of COMMANDS.filter(isShort).map(encodeCommand)) {
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
  for (const bytes of COMMANDS.filter(isShort).map(encodeCommand)) {
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
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(next() * 40) }, () => next() * 256);
    if (bytes.length > 1) [bytes[0], bytes[1]] = [1, Math.floor(next() * 256)];
    refused += refusals(bytes);
  }
  assert(refused > 10_000);
});

Deno.test("decodeCommand() names the version it does not know", () => {
  assertThrows(() => decodeCommand(new Uint8Array([7])), CommandError, "found 7");
});

Deno.test("decodeCommand() refuses bytes that are not UTF-8", () => {
  const bytes = encodeCommand(set({ value: "☃" })).slice();
  bytes[bytes.length - 1] = 0x41;
  assertThrows(() => decodeCommand(bytes), CommandError, "Expected UTF-8");
});

function isShort(command: Command): boolean {
  return encodeCommand(command).length < 1000;
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
