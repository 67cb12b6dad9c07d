/** What `deno task cluster` would start: every node with flags that a node takes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseFlags } from "../../src/config.ts";
import {
  type ClusterOptions,
  linesToTry,
  parseClusterOptions,
  planNodes,
} from "../../tools/cluster_plan.ts";

function optionsOf(args: string[]): ClusterOptions {
  const options = parseClusterOptions(args);
  assert(options !== "help");
  return options;
}

function configs(args: string[], founded: boolean) {
  return planNodes(optionsOf(args), founded).map(({ flags }) => {
    const invocation = parseFlags(flags, () => undefined);
    assert(invocation.kind === "run", JSON.stringify(invocation));
    return invocation.config;
  });
}

Deno.test("planNodes() plans three nodes on the documented ports by default", () => {
  const nodes = planNodes(optionsOf([]), false);
  assertEquals(nodes.map(({ name }) => name), ["node1", "node2", "node3"]);
  assertEquals(nodes.map(({ dataDirectory }) => dataDirectory), [
    "nodes/node1",
    "nodes/node2",
    "nodes/node3",
  ]);
  const planned = configs([], false);
  assertEquals(planned.map(({ client }) => client.advertised.port), [4001, 4002, 4003]);
  assertEquals(planned.map(({ peer }) => peer.advertised.port), [7001, 7002, 7003]);
  assertEquals(planned.map(({ grpc }) => grpc?.address.port), [2379, 2389, 2399]);
  assertEquals(nodes.map(({ clientUrl }) => clientUrl), planned.map(({ client }) => client.url));
  assertEquals(nodes.map(({ peerUrl }) => peerUrl), planned.map(({ peer }) => peer.url));
});

Deno.test("planNodes() lets the first node found a cluster only when there is none", () => {
  const joins = (founded: boolean) => configs([], founded).map(({ join }) => join.length);
  assertEquals(joins(false), [0, 2, 2]);
  assertEquals(joins(true), [2, 2, 2]);
  assertEquals(configs(["-n", "1"], true).map(({ join }) => join.length), [0]);
});

Deno.test("planNodes() plans TLS with fixtures and data of its own", () => {
  for (const node of configs(["-n", "5", "-tls"], false)) {
    assert(node.client.tls?.caFile && node.peer.tls?.caFile);
    assert(node.client.url.startsWith("https://"));
    assert(node.dataDirectory.includes("/nodes/tls/"));
  }
  const lines = linesToTry(planNodes(optionsOf(["--tls"]), false), true);
  assert(lines.includes("--endpoints 127.0.0.1:4001,127.0.0.1:4002,127.0.0.1:4003"));
  assert(lines.includes("--cacert") && lines.includes("https://127.0.0.1:4002"));
});

Deno.test("parseClusterOptions() takes other ports and another directory", () => {
  assertEquals(parseClusterOptions(["-n", "9", "-c=5001", "-s", "6001", "-d", "/tmp/x"]), {
    size: 9,
    tls: false,
    clientPort: 5001,
    peerPort: 6001,
    grpcPort: 2379,
    directory: "/tmp/x",
  });
});

Deno.test("parseClusterOptions() takes flags behind two dashes as others do", () => {
  assertEquals(parseClusterOptions(["--", "-tls"]), parseClusterOptions(["-tls"]));
});

Deno.test("parseClusterOptions() says what it expected", () => {
  for (const wrong of [["-n", "0"], ["-n", "10"], ["-n", "x"], ["-c", "65535"], ["-s="]]) {
    assertThrows(() => parseClusterOptions(wrong), Error, "expects a number from 1 to");
  }
  assertThrows(() => parseClusterOptions(["-x"]), Error, 'Unexpected argument "--x"');
  assertThrows(() => parseClusterOptions(["five"]), Error, 'Unexpected argument "five"');
});

Deno.test("parseClusterOptions() gives help when it is asked for, whatever else is there", () => {
  for (const flag of ["-h", "--h", "-help", "--help"]) {
    assertEquals(parseClusterOptions([flag]), "help");
    assertEquals(parseClusterOptions(["-n", "5", flag]), "help");
  }
});
