/** Rounds of questions to all members: how often, and whose answer counts. */
import { assertEquals } from "@std/assert";
import { Reports } from "../../src/dashboard/reports.ts";
import { member } from "../api/fake_node.ts";
import { report } from "./harness.ts";

Deno.test("Reports.collect() asks each other member once a while, and takes an answer for its own alone", async () => {
  let nowMs = 0;
  const asked: string[] = [];
  const place = { ...member(4), name: "", clientUrls: [], voter: false };
  const reports = new Reports({
    self: 1,
    members: () => [member(1), member(2), member(3), place],
    report: () => report({ id: 1 }),
    ask: (url) => {
      asked.push(url);
      // The third member's address is the second's by now.
      return Promise.resolve(JSON.stringify(report({ id: 2 })));
    },
    clock: { monotonicMs: () => nowMs },
    freshMs: 1_000,
  });
  const round = async () =>
    [...await reports.collect()].map(([id, heard]) =>
      "report" in heard ? [id, heard.report.id] : [id, heard.problem]
    );
  const problem = 'Expected the report of this member at "http://127.0.0.1:7003", ' +
    "found something else";
  const expected = [[1, 1], [2, 2], [3, problem]];
  assertEquals(await Promise.all([round(), round()]), [expected, expected]);
  assertEquals(asked, ["http://127.0.0.1:7002", "http://127.0.0.1:7003"], "one round for both");
  nowMs = 999;
  await round();
  assertEquals(asked.length, 2);
  nowMs = 1_000;
  await round();
  assertEquals(asked.length, 4);
});
