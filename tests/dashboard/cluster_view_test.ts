/** What the members' reports add up to. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatId } from "../../src/base/ids.ts";
import { describeCluster, type Heard, marginOf } from "../../src/dashboard/cluster_view.ts";
import type { MemberReport, MemberView } from "../../src/dashboard/view.ts";
import { member } from "../api/fake_node.ts";
import { report } from "./harness.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `node${i + 1}`);

Deno.test("marginOf() says how many may fail from here", () => {
  const margin = (total: number, down: number, hasLeader = true) => {
    const all = names(total);
    const { level, canLose, headline } = marginOf(
      total,
      all.slice(down),
      all.slice(0, down),
      hasLeader,
    );
    return `${level} ${canLose} ${headline}`;
  };
  assertEquals(margin(1, 0), "none 0 Can lose none");
  assertEquals(margin(2, 0), "none 0 Can lose none");
  assertEquals(margin(3, 0), "spare 1 Can lose 1");
  assertEquals(margin(3, 1), "none 0 Can lose none");
  assertEquals(margin(3, 2), "lost 0 No quorum");
  assertEquals(margin(4, 0), "spare 1 Can lose 1");
  assertEquals(margin(5, 0), "spare 2 Can lose 2");
  assertEquals(margin(5, 1), "spare 1 Can lose 1");
  assertEquals(margin(5, 3), "lost 0 No quorum");
  assertEquals(margin(9, 0), "spare 4 Can lose 4");
  assertEquals(margin(3, 0, false), "lost 0 No leader");
});

Deno.test("marginOf() names who is missing", () => {
  const { detail } = marginOf(3, ["node3"], ["node1", "node2"], false);
  assertEquals(
    detail,
    '1 of 3 members is up, "node1" and "node2" are not: ' +
      "writes and fresh reads wait until 1 more is back",
  );
});

Deno.test("describeCluster() shows a place that nobody has taken, and counts on nobody there", () => {
  const heard = new Map<number, Heard>([[1, { report: report({ role: "leader" }) }]]);
  const place = { ...member(255), name: "", clientUrls: [], voter: false };
  const { members, margin } = describeCluster({ self: 1, members: [member(1), place], heard });
  const [first] = members;
  assertEquals([first?.name, first?.alive, margin.headline], [
    formatId(255),
    false,
    "Can lose none",
  ]);
  assertStringIncludes(first?.problem ?? "", "http://127.0.0.1:700255");
});

function view(reports: readonly (MemberReport | string)[], self = 1) {
  return describeCluster({
    self,
    members: reports.map((_, i) => member(i + 1)),
    heard: new Map(reports.map((one, i): [number, Heard] => [
      i + 1,
      typeof one === "string" ? { problem: one } : { report: one },
    ])),
  });
}

const LEADER = report({
  id: 1,
  role: "leader",
  peers: [
    { id: 2, connected: true, roundTripMs: 0.4 },
    { id: 3, connected: false, roundTripMs: 9 },
  ],
  followers: [
    { id: 2, matchIndex: 98, state: "replicate", alive: true },
    { id: 3, matchIndex: 40, state: "probe", alive: false },
  ],
});

const brief = ({ name, role, alive, lag, latencyMs }: MemberView) =>
  `${name} ${role} ${alive ? "alive" : "down"} lag=${lag} latency=${latencyMs}`;

Deno.test("describeCluster() tells lag and latency by the leader's reckoning", () => {
  const { members, hasLeader, margin } = view([LEADER, report({ id: 2 }), "Nobody answers"]);
  assertEquals(members.map(brief), [
    "node1 leader alive lag=0 latency=null",
    "node2 follower alive lag=2 latency=0.4",
    "node3 unknown down lag=60 latency=null",
  ]);
  assertEquals(members[2]!.problem, "Nobody answers");
  assertEquals([hasLeader, margin.headline], [true, "Can lose none"]);
});

Deno.test("describeCluster() says the same on a follower", () => {
  const reports = [LEADER, report({ id: 2 }), "Nobody answers"];
  assertEquals(view(reports, 2).members.map(brief), view(reports, 1).members.map(brief));
});

Deno.test("describeCluster() trusts the leader of the highest term when two claim to lead", () => {
  const old = report({ id: 3, role: "leader", term: 1, commitIndex: 500 });
  const { members } = view([LEADER, report({ id: 2 }), old]);
  assertEquals(members[1]!.lag, 2);
});

Deno.test("describeCluster() counts a member that the leader hears though it does not answer here", () => {
  const { members, margin } = view([LEADER, "No way to it from here", "Nobody answers"]);
  assertEquals([members[1]!.alive, members[1]!.role, members[1]!.lag], [true, "unknown", 2]);
  assertEquals(margin.level, "none");
});

Deno.test("describeCluster() knows no lag without a leader", () => {
  const { members, margin } = view([report({ role: "candidate", leader: 0 }), "gone", "gone"]);
  assertEquals(members.map(({ lag }) => lag), [null, null, null]);
  assertEquals(margin.level, "lost");
  assertStringIncludes(margin.detail, "1 of 3 members is up");
});

Deno.test("describeCluster() keeps learners out of the margin", () => {
  const learner = { ...member(4), voter: false };
  const { margin, members } = describeCluster({
    self: 1,
    members: [...[1, 2, 3].map((n) => member(n)), learner],
    heard: new Map([1, 2, 3].map((id): [number, Heard] => [
      id,
      { report: id === 1 ? LEADER : report({ id }) },
    ])),
  });
  assertEquals(margin.headline, "Can lose 1");
  assertEquals(members[3]!.role, "learner");
});
