import { assertEquals } from "@std/assert";
import { parseReport } from "../../src/dashboard/report_json.ts";
import type { MemberReport } from "../../src/dashboard/view.ts";
import { report } from "./harness.ts";

const FULL: MemberReport = report({
  certificates: [{
    use: "peer port",
    file: "/a",
    subject: "CN=a",
    issuer: "CN=b",
    names: ["DNS:a"],
    notBeforeMs: 1,
    notAfterMs: 2,
  }],
  peers: [{ id: 2, connected: true, roundTripMs: null }],
  followers: [{ id: 2, matchIndex: 5, state: "replicate", alive: true }],
});

Deno.test("parseReport() reads what a member tells", () => {
  assertEquals(parseReport(JSON.stringify(FULL)), FULL);
  assertEquals(parseReport(JSON.stringify(report())), report());
});

/** Every way to take a field away or to put something else in its place, at any depth. */
function* spoilt(value: unknown): Generator<unknown, void> {
  if (Array.isArray(value)) {
    yield "none";
    for (const [at, item] of value.entries()) {
      for (const other of spoilt(item)) yield value.with(at, other);
    }
    return;
  }
  if (typeof value !== "object" || value === null) {
    yield* [undefined, {}, [], ["x"]];
    if (typeof value !== "string") yield "text";
    if (typeof value !== "number" && value !== null) yield 1;
    if (typeof value !== "boolean") yield true;
    return;
  }
  yield* [null, 1, "text"];
  for (const [name, field] of Object.entries(value)) {
    for (const other of spoilt(field)) yield { ...value, [name]: other };
  }
}

Deno.test("parseReport() takes nothing for a report that lacks a field or has another one in its place", () => {
  let count = 0;
  for (const value of spoilt(FULL)) {
    const body = JSON.stringify(value) ?? "null";
    assertEquals(parseReport(body), undefined, body);
    count++;
  }
  assertEquals(count > 150, true, `${count}`);
});
