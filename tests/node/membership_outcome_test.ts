import { assertEquals } from "@std/assert";
import {
  encodeMembershipOutcome,
  parseMembershipOutcome,
} from "../../src/node/membership/outcome.ts";
import { parseJoinReply, parseResident } from "../../src/api/peer/join.ts";

const MEMBER = {
  id: 1,
  name: "a",
  peerUrls: ["http://h:1"],
  clientUrls: ["http://h:2"],
  voter: true,
};
const CONFIGURATION = { members: [MEMBER], removed: [7] };

function parse(value: unknown) {
  return parseMembershipOutcome(new TextEncoder().encode(JSON.stringify(value)));
}

Deno.test("parseMembershipOutcome() reads what encodeMembershipOutcome() wrote", () => {
  const agreed = { ok: true, value: { configuration: CONFIGURATION, index: 12 } } as const;
  assertEquals(parseMembershipOutcome(encodeMembershipOutcome(agreed)), agreed);
  const failed = { ok: false, reason: "full", cause: "Nine" } as const;
  assertEquals(parseMembershipOutcome(encodeMembershipOutcome(failed)), failed);
  const refused = {
    ...{ ok: false, reason: "refused", cause: "One is enough" } as const,
    refusal: "tooManyLearners",
  } as const;
  assertEquals(parseMembershipOutcome(encodeMembershipOutcome(refused)), refused);
});

Deno.test("parseMembershipOutcome() keeps what a place is told of, and leaves out a word it does not know", () => {
  const place = { id: 2, name: "", peerUrls: ["http://h:3"], clientUrls: [], voter: false };
  const members = [MEMBER, { ...place, learner: true as const }, {
    ...MEMBER,
    id: 3,
    name: "c",
    voter: false,
    takenBy: 4,
  }];
  const value = { configuration: { members, removed: [] }, index: 12 };
  assertEquals(parse({ ok: true, value: value.configuration, index: 12 }), { ok: true, value });
  const refused = { ok: false, reason: "refused", cause: "because" } as const;
  assertEquals(parse({ ...refused, refusal: "constructor" }), refused);
});

Deno.test("parseMembershipOutcome() reads the answer of a leader that tells no index", () => {
  assertEquals(parse({ ok: true, value: CONFIGURATION }), {
    ok: true,
    value: { configuration: CONFIGURATION, index: 0 },
  });
});

/** What no member is. */
const NO_MEMBERS: readonly unknown[] = [
  ...[null, 1, "a", [], {}],
  ...[0, -1, 1.5, 2 ** 53, "1", null].map((id) => ({ ...MEMBER, id })),
  ...["", 1, null, "x".repeat(1025)].flatMap((text) =>
    ["name", "peerUrls", "clientUrls"].flatMap((field) => [
      { ...MEMBER, [field]: text },
      { ...MEMBER, [field]: [[text]] },
    ])
  ),
  { ...MEMBER, voter: 1 },
  ...[false, 1, null].map((learner) => ({ ...MEMBER, voter: false, learner })),
  ...[0, "1", null].map((takenBy) => ({ ...MEMBER, voter: false, takenBy })),
  ...[false, 1, null].map((assigned) => ({ ...MEMBER, assigned })),
];

/** What no configuration is. */
const NO_CONFIGURATIONS: readonly unknown[] = [
  ...[null, 1, "x", [], {}, { members: [MEMBER] }, { removed: [] }],
  ...NO_MEMBERS.map((member) => ({ members: [MEMBER, member], removed: [] })),
  ...[{}, "1", [0], [null], ["7"], [1]].map((removed) => ({ members: [MEMBER], removed })),
  { members: [], removed: [] },
  { members: [MEMBER, MEMBER], removed: [] },
  { members: [{ ...MEMBER, voter: false }], removed: [] },
];

Deno.test("parseMembershipOutcome() takes nothing else for an outcome, and says that nobody knows", () => {
  const wrong = [
    ...NO_CONFIGURATIONS.map((value) => ({ ok: true, value, index: 3 })),
    ...[-1, 1.5, "3", null].map((index) => ({ ok: true, value: CONFIGURATION, index })),
    ...[null, 1, "ok", [], {}, { ok: "true", value: CONFIGURATION, index: 1 }],
    ...["gone", "constructor", "__proto__", 1, undefined].map((reason) => ({
      ok: false,
      reason,
      cause: "because",
    })),
    { ok: false, reason: "full" },
    { ok: false, reason: "full", cause: { text: "x" } },
  ];
  for (const value of wrong) {
    const outcome = parse(value);
    assertEquals(outcome.ok ? "ok" : outcome.reason, "unknown", JSON.stringify(value));
  }
  const noJson = parseMembershipOutcome(Uint8Array.of(0xff, 0x7b));
  assertEquals(noJson.ok ? "ok" : noJson.reason, "unknown");
});

Deno.test("parseMembershipOutcome() hands on nothing beside what it knows", () => {
  const value = { ...CONFIGURATION, members: [{ ...MEMBER, admin: true }], extra: 1 };
  assertEquals(parse({ ok: true, value, index: 3 }), {
    ok: true,
    value: { configuration: CONFIGURATION, index: 3 },
  });
});

/** Whether it is refused by a `SyntaxError`. */
function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}

Deno.test("parseJoinReply() and parseResident() take nothing that a peer would not answer", () => {
  const reply = { clusterId: 5, memberId: 7, configuration: CONFIGURATION };
  assertEquals(parseJoinReply(JSON.stringify(reply)), reply);
  const resident = { clusterId: 5, memberId: 7, session: 9, problem: "no\tway" };
  assertEquals(parseResident(JSON.stringify(resident)), { ...resident, problem: "no way" });
  assertEquals(parseResident('{"session":9,"memberId":"7","problem":1}'), {
    clusterId: undefined,
    memberId: undefined,
    session: 9,
    problem: undefined,
  });
  for (const configuration of NO_CONFIGURATIONS) {
    const body = JSON.stringify({ clusterId: 5, memberId: 7, configuration });
    assertEquals(isRefused(() => parseJoinReply(body)), true, body);
  }
  for (const memberId of [undefined, 0, "7"]) {
    assertEquals(isRefused(() => parseJoinReply(JSON.stringify({ ...reply, memberId }))), true);
  }
  for (const body of ["null", "1", "[]", "{", '{"clusterId":0}', '{"clusterId":"5"}']) {
    assertEquals(isRefused(() => parseJoinReply(body)), true, body);
    assertEquals(isRefused(() => parseResident(body)), true, body);
  }
});
