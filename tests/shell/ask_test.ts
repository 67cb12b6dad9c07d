/** What a newcomer is told by who is no member. */
import { assertEquals, assertRejects } from "@std/assert";
import { askToJoin } from "../../src/member/ask.ts";
import { RefusalError } from "../../src/member/bootstrap.ts";

Deno.test("askToJoin() says which address is wanted when it was that of a client port", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("404 page not found", { status: 404 }),
  );
  const asked = askToJoin(`127.0.0.1:${server.addr.port}`, undefined, "{}");
  const { message } = await assertRejects(() => asked, RefusalError);
  assertEquals(
    message,
    'has no "/peer/join": name the peer address of a member, not one for its clients, and ' +
      "run the same version on all",
  );
  await server.shutdown();
});
