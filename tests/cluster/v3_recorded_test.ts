/**
 * Exchanges recorded from etcd 3.4's JSON gateway, on a real node: real log, real
 * clock, real sockets.
 */
import { assertEquals } from "@std/assert";
import { readScenarios, replay } from "../api/v3/recorded/replay.ts";
import { LocalNode } from "../cli/harness.ts";
import { freePort } from "./ports.ts";

/** By how they begin; a service that comes later adds its own. */
const SERVED =
  /^(put|JSON|HTTP|range|versions|delete|txn|compact|lease|watch|lock|election|maintenance|member list)\b/;

Deno.test("Server answers v3's JSON as etcd was recorded", async () => {
  const port = freePort();
  await using _node = await LocalNode.start("-grpc", `${port}`);
  const url = `http://127.0.0.1:${port}`;
  const scenarios = [
    ...readScenarios("recorded.json").filter(({ scenario }) => SERVED.test(scenario)),
    // Where answers once differed from those of etcd 3.4.23.
    ...readScenarios("compared.json"),
  ];
  for (const scenario of scenarios) {
    await clean(url);
    assertEquals(await replay(url, scenario), [], scenario.scenario);
  }
});

/** Removes all leases and keys. */
async function clean(url: string): Promise<void> {
  const { leases = [] } = await post(url, "lease/leases", {});
  for (const { ID } of leases) await post(url, "lease/revoke", { ID });
  await post(url, "kv/deleterange", { key: "AA==", range_end: "AA==" });
}

interface Leases {
  readonly leases?: readonly { readonly ID: string }[];
}

async function post(url: string, path: string, body: object): Promise<Leases> {
  const response = await fetch(`${url}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return await response.json();
}
