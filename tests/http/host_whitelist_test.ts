import { assertEquals } from "@std/assert";
import type { Exchange, Reply } from "../../src/http/exchange.ts";
import { onlyHosts } from "../../src/http/host_whitelist.ts";

Deno.test("onlyHosts() serves the names that were named, with a port or without, whatever their case", () => {
  const served: Reply = { status: 200, body: "" };
  const handle = onlyHosts(["node.example", "10.0.0.1", "::1"], () => served);
  const statusOf = (host: string | undefined) => {
    const reply = handle({ header: () => host } as unknown as Exchange);
    return "status" in reply ? reply.status : 0;
  };
  for (const host of ["node.example", "NODE.Example:2379", "10.0.0.1", "[::1]", "[::1]:2379"]) {
    assertEquals(statusOf(host), 200, host);
  }
  for (const host of [undefined, "", "evil.example", "node.example.evil", "[::2]:1", "10.0.0.10"]) {
    assertEquals(statusOf(host), 421, host);
  }
});
