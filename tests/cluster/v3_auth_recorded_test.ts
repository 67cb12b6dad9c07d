/** Exchanges about users and roles recorded from etcd 3.4's JSON gateway, on a real node each. */
import { assertEquals } from "@std/assert";
import { readScenarios, replay, type Scenario } from "../api/v3/recorded/replay.ts";
import { LocalNode } from "../cli/harness.ts";
import { freePort } from "./ports.ts";

/** 3.4 has no such method; 3.5 has, and so has this program. */
function withoutAuthStatus({ scenario, steps }: Scenario): Scenario {
  return { scenario, steps: steps.filter(({ post }) => post !== "auth/status") };
}

Deno.test("users, roles and tokens answer as etcd was recorded", async () => {
  const scenarios = readScenarios("recorded.json")
    .filter(({ scenario }) => scenario.startsWith("auth:"));
  assertEquals(scenarios.length, 6);
  for (const scenario of scenarios) {
    const port = freePort();
    await using _node = await LocalNode.start("-grpc", `${port}`);
    const url = `http://127.0.0.1:${port}`;
    assertEquals(await replay(url, withoutAuthStatus(scenario)), [], scenario.scenario);
  }
});
