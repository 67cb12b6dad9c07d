import { assertEquals } from "@std/assert";
import { fault, isFault, renderByPath, unavailable } from "../../src/http/fault.ts";

Deno.test("renderByPath() renders a fault in the form of the API that the target belongs to", () => {
  const render = renderByPath(
    [{ prefix: "/v2/", render: ({ status, problem }) => ({ status, body: `two ${problem}` }) }],
    ({ status, problem }) => ({ status, body: `rest ${problem}` }),
  );
  const late = fault(408, "late");
  assertEquals(render(late, "/v2/keys/a?b"), { status: 408, body: "two late" });
  for (const target of ["/v1/keys", "/v2", "/", undefined]) {
    assertEquals(render(late, target), { status: 408, body: "rest late" });
  }
});

Deno.test("isFault() tells a fault from a reply", () => {
  assertEquals(isFault(unavailable("busy")), true);
  assertEquals(isFault({ status: 503, body: "busy" }), false);
});
