/** gRPC's health service: what a probe is told of a member, and of one that serves nobody any longer. */
import { assertEquals } from "@std/assert";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { StatusCode } from "../../../src/api/v3/status.ts";
import { V3Member } from "./harness.ts";

const { check, watch } = METHODS.health;

Deno.test("a member is healthy until it serves nobody, and ends the streams of who watches", async () => {
  using member = new V3Member();
  const stream = member.open(watch);
  stream.send({ service: "" });
  assertEquals((await stream.next()).status, "SERVING");
  assertEquals((await member.call(check, { service: "" })).response?.status, "SERVING");
  member.node.diverge();
  assertEquals((await stream.reply()).code, StatusCode.unavailable);
  assertEquals((await member.call(check, { service: "" })).code, StatusCode.unavailable);
});

Deno.test("a service that nobody knows is not found by a probe, and unknown to a watch", async () => {
  using member = new V3Member();
  const { code, message } = await member.call(check, { service: "etcdserverpb.KV" });
  assertEquals([code, message], [StatusCode.notFound, "unknown service"]);
  const stream = member.open(watch);
  stream.send({ service: "etcdserverpb.KV" });
  assertEquals((await stream.next()).status, "SERVICE_UNKNOWN");
});
