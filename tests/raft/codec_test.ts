/** Messages and configurations survive the wire; nothing else gets through it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeConfiguration,
  DecodeError,
  decodeMessage,
  encodeConfiguration,
  encodeMessage,
} from "../../src/raft/codec.ts";
import type { Configuration, Entry, EntryKind, Member, Message } from "../../src/raft/types.ts";
import { SeededRandom } from "./random.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const CONFIGURATION: Configuration = {
  members: [
    {
      id: MAX,
      name: "née ∆",
      peerUrls: ["http://[::1]:7001"],
      clientUrls: ["https://a.example:4001"],
      voter: true,
    },
    { id: 1, name: "", peerUrls: [], clientUrls: ["\u{1f600}"], voter: false },
  ],
  removed: [2, 2 ** 32, MAX],
};

const ENVELOPE = { from: MAX, to: 1, term: 2 ** 32 + 1 };

const MESSAGES: readonly Message[] = [
  {
    ...ENVELOPE,
    type: "append",
    prevIndex: 9,
    prevTerm: 2,
    commitIndex: 2 ** 33,
    entries: [
      { index: 10, term: 3, kind: "noop", data: new Uint8Array(0) },
      { index: 11, term: 3, kind: "command", data: Uint8Array.of(0, 255, 1) },
      { index: 12, term: MAX, kind: "config", data: encodeConfiguration(CONFIGURATION) },
    ],
  },
  { ...ENVELOPE, type: "append", prevIndex: 0, prevTerm: 0, commitIndex: 0, entries: [] },
  {
    ...ENVELOPE,
    type: "appendReply",
    rejected: true,
    index: MAX,
    hintIndex: 2 ** 32 - 1,
    hintTerm: 2 ** 32,
  },
  { ...ENVELOPE, type: "appendReply", rejected: false, index: 0, hintIndex: 0, hintTerm: 0 },
  { ...ENVELOPE, type: "heartbeat", commitIndex: 4, readRound: 5 },
  { ...ENVELOPE, type: "heartbeatReply", readRound: 6 },
  { ...ENVELOPE, type: "preVote", lastIndex: 7, lastTerm: 8, transfer: false },
  { ...ENVELOPE, type: "preVoteReply", granted: true },
  { ...ENVELOPE, type: "vote", lastIndex: 7, lastTerm: 8, transfer: true },
  { ...ENVELOPE, type: "voteReply", granted: false },
  {
    ...ENVELOPE,
    type: "snapshot",
    snapshot: { index: 3, term: 2, configuration: CONFIGURATION },
  },
  { ...ENVELOPE, type: "timeoutNow" },
];

/** Entries come out as views: compared by content. */
function plain(message: Message): unknown {
  if (message.type !== "append") return message;
  return { ...message, entries: message.entries.map((e) => ({ ...e, data: [...e.data] })) };
}

Deno.test("decodeConfiguration() reads version 1, which had one address of each kind", () => {
  const bytes = Uint8Array.fromHex(
    "010002" +
      "0000000000000001" + "01" + "000161" + "0008687474703a2f2f70" + "0008687474703a2f2f63" +
      "0000000000000002" + "00" + "000162" + "0000" + "0000" +
      "0001" + "0000000000000003",
  );
  const member = { id: 1, name: "a", peerUrls: ["http://p"], clientUrls: ["http://c"] };
  assertEquals(decodeConfiguration(bytes), {
    members: [
      { ...member, voter: true },
      { id: 2, name: "b", peerUrls: [], clientUrls: [], voter: false },
    ],
    removed: [3],
  });
  bytes[0] = 5;
  assertThrows(() => decodeConfiguration(bytes), DecodeError, "from 1 to 4");
});

const NEWCOMER = { id: 2, name: "b", peerUrls: ["http://p"], clientUrls: [], voter: false };

Deno.test("encodeConfiguration() writes the first version that has room for its members", () => {
  const version = (member: Member) => {
    const configuration = { members: [member], removed: [3] };
    const bytes = encodeConfiguration(configuration);
    assertEquals(decodeConfiguration(bytes), configuration);
    return bytes[0];
  };
  assertEquals(version(NEWCOMER), 2);
  assertEquals(version({ ...NEWCOMER, name: "" }), 2);
  assertEquals(version({ ...NEWCOMER, learner: true }), 3);
  assertEquals(version({ ...NEWCOMER, takenBy: MAX }), 3);
  assertEquals(version({ ...NEWCOMER, assigned: true }), 3);
  const grpcUrls = ["http://g", "http://h"];
  assertEquals(version({ ...NEWCOMER, grpcUrls }), 4);
  assertEquals(version({ ...NEWCOMER, grpcUrls, takenBy: MAX, assigned: true }), 4);
});

Deno.test("decodeConfiguration() reads version 3 as it was written first", () => {
  const bytes = Uint8Array.fromHex(
    "030002" +
      "0000000000000001" + "01" + "0000000000000000" + "01" + "000161" + "01" +
      "0008687474703a2f2f70" +
      "00" +
      "0000000000000002" + "02" + "0000000000000009" + "00" + "000162" + "00" + "00" +
      "0000",
  );
  assertEquals(decodeConfiguration(bytes), {
    members: [
      {
        ...{ id: 1, name: "a", peerUrls: ["http://p"], clientUrls: [], voter: true },
        assigned: true,
      },
      {
        ...{ id: 2, name: "b", peerUrls: [], clientUrls: [], voter: false },
        learner: true,
        takenBy: 9,
      },
    ],
    removed: [],
  });
});

Deno.test("decodeConfiguration() reads version 4 as it was written first", () => {
  const bytes = Uint8Array.fromHex(
    "040001" +
      "0000000000000001" + "01" + "0000000000000000" + "00" + "000161" +
      "01" + "0008687474703a2f2f70" + "00" + "01" + "0008687474703a2f2f67" +
      "0000",
  );
  const urls = { peerUrls: ["http://p"], clientUrls: [], grpcUrls: ["http://g"] };
  const members = [{ id: 1, name: "a", ...urls, voter: true }];
  assertEquals(decodeConfiguration(bytes), { members, removed: [] });
});

Deno.test("decodeConfiguration() takes nothing for a learner that its version does not have", () => {
  const older = encodeConfiguration({ members: [NEWCOMER], removed: [] });
  older[3 + 8] = 2;
  assertThrows(() => decodeConfiguration(older), DecodeError, "part of a member");
  const newer = encodeConfiguration({ members: [{ ...NEWCOMER, learner: true }], removed: [] });
  newer[3 + 8] = 0;
  assertThrows(() => decodeConfiguration(newer), DecodeError, "version");
  newer[3 + 8] = 3;
  assertThrows(() => decodeConfiguration(newer), DecodeError, "part of a member");
});

for (const [at, message] of MESSAGES.entries()) {
  Deno.test(`decodeMessage() returns what was encoded, case ${at}: ${message.type}`, () => {
    assertEquals(plain(decodeMessage(encodeMessage(message))), plain(message));
  });

  Deno.test(`decodeMessage() refuses any part of case ${at}: ${message.type}`, () => {
    const bytes = encodeMessage(message);
    for (let length = 0; length < bytes.length; length++) {
      assertThrows(() => decodeMessage(bytes.subarray(0, length)), DecodeError);
    }
    assertThrows(() => decodeMessage(Uint8Array.of(...bytes, 0)), DecodeError);
  });
}

Deno.test("decodeMessage() works within a larger buffer", () => {
  for (const message of MESSAGES) {
    const bytes = encodeMessage(message);
    const frame = new Uint8Array(bytes.length + 7).fill(0xee);
    frame.set(bytes, 3);
    const decoded = decodeMessage(frame.subarray(3, 3 + bytes.length));
    assertEquals(plain(decoded), plain(message));
  }
});

Deno.test("decodeMessage() takes the data of entries from the frame", () => {
  const bytes = encodeMessage(MESSAGES[0]!);
  const decoded = decodeMessage(bytes);
  assert(decoded.type === "append");
  for (const { data } of decoded.entries) assertEquals(data.buffer, bytes.buffer);
});

Deno.test("decodeMessage() refuses unknown versions, types, kinds and flags", () => {
  const bytes = encodeMessage(MESSAGES[0]!);
  const change = (at: number, value: number) => {
    const changed = bytes.slice();
    changed[at] = value;
    return changed;
  };
  assertThrows(() => decodeMessage(change(0, 2)), DecodeError, "version");
  assertThrows(() => decodeMessage(change(1, 99)), DecodeError, "type");
  assertThrows(() => decodeMessage(change(26 + 28, 7)), DecodeError, "kind");
  assertThrows(() => decodeMessage(change(2, 0xff)), DecodeError, "2^53");
  const reply = encodeMessage(MESSAGES[7]!);
  reply[reply.length - 1] = 2;
  assertThrows(() => decodeMessage(reply), DecodeError, "0 or 1");
});

Deno.test("decodeMessage() never allocates by a length that it did not check", () => {
  const bytes = encodeMessage(MESSAGES[1]!);
  bytes.fill(0xff, bytes.length - 4);
  assertThrows(() => decodeMessage(bytes), DecodeError, "4294967295 items");
});

Deno.test("decodeMessage() refuses indexes beyond 2^53", () => {
  const entry: Entry = { index: 0, term: 1, kind: "noop", data: new Uint8Array(0) };
  const message: Message = {
    ...ENVELOPE,
    type: "append",
    prevIndex: MAX,
    prevTerm: 1,
    commitIndex: 0,
    entries: [entry],
  };
  const bytes = encodeMessage(message);
  assertThrows(() => decodeMessage(bytes), DecodeError, "indexes below 2^53");
});

Deno.test("decodeMessage() throws DecodeError or returns a message, for random bytes", () => {
  const random = new SeededRandom(3);
  let decoded = 0;
  for (let round = 0; round < 20_000; round++) {
    // Mostly zeros: else an id beyond 2^53 would end every attempt.
    const bytes = random.bytes(random.below(80)).map((byte) => random.chance(0.9) ? 0 : byte);
    bytes.set([1, random.below(10)].slice(0, bytes.length));
    decoded += mayDecode(bytes);
  }
  assert(decoded > 0);
});

Deno.test("decodeMessage() throws DecodeError or returns a message, for flipped bits", () => {
  const random = new SeededRandom(4);
  for (let round = 0; round < 20_000; round++) {
    const bytes = encodeMessage(random.pick(MESSAGES)!);
    for (let flips = 1 + random.below(3); flips > 0; flips--) {
      const at = random.below(bytes.length);
      bytes[at] = bytes[at]! ^ (1 << random.below(8));
    }
    mayDecode(bytes);
  }
});

Deno.test("decodeMessage() returns what was encoded, for random appends", () => {
  const random = new SeededRandom(5);
  const kinds: readonly EntryKind[] = ["noop", "command", "config"];
  for (let round = 0; round < 500; round++) {
    const prevIndex = random.below(2 ** 40);
    const entries = Array.from({ length: random.below(20) }, (_, at): Entry => ({
      index: prevIndex + 1 + at,
      term: random.below(2 ** 40),
      kind: random.pick(kinds)!,
      data: random.bytes(random.below(200)),
    }));
    const message: Message = {
      ...ENVELOPE,
      type: "append",
      prevIndex,
      prevTerm: random.below(100),
      commitIndex: random.below(100),
      entries,
    };
    assertEquals(plain(decodeMessage(encodeMessage(message))), plain(message));
  }
});

Deno.test("decodeConfiguration() returns what was encoded", () => {
  assertEquals(decodeConfiguration(encodeConfiguration(CONFIGURATION)), CONFIGURATION);
  const nobody = { members: [], removed: [] };
  assertEquals(decodeConfiguration(encodeConfiguration(nobody)), nobody);
});

Deno.test("decodeConfiguration() refuses parts, additions, bad UTF-8 and other versions", () => {
  const bytes = encodeConfiguration(CONFIGURATION);
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeConfiguration(bytes.subarray(0, length)), DecodeError);
  }
  assertThrows(() => decodeConfiguration(Uint8Array.of(...bytes, 0)), DecodeError);
  const other = bytes.slice();
  other[0] = 5;
  assertThrows(() => decodeConfiguration(other), DecodeError, "version");
  const name = bytes.slice();
  name[3 + 8 + 1 + 2 + 1] = 0xff;
  assertThrows(() => decodeConfiguration(name), DecodeError, "UTF-8");
});

Deno.test("encodeConfiguration() replaces what is no Unicode", () => {
  const [first] = CONFIGURATION.members;
  const lone = { members: [{ ...first!, name: "a\ud800b" }], removed: [] };
  assertEquals(decodeConfiguration(encodeConfiguration(lone)).members[0]?.name, "a\ufffdb");
});

/** 1 when `bytes` are a message; anything but a DecodeError fails the test. */
function mayDecode(bytes: Uint8Array): number {
  try {
    decodeMessage(bytes);
    return 1;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return 0;
  }
}
