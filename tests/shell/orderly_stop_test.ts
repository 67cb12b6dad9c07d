/** Whoever waits at a node that stops is answered, by every API and at every door. */
import { assertEquals, assertMatch } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { FrameType } from "../../src/http/h2/frame.ts";
import { Server } from "../../src/server.ts";
import { freePort } from "../cluster/ports.ts";
import { later, until } from "../cluster/wait.ts";
import { block, frame, RawHttp2, requestFields } from "../http/h2/raw_client.ts";
import { askAt, configOf } from "./flag_node.ts";

/** `create_request { key: "k" }`, with the five bytes before a message of gRPC. */
const CREATE_WATCH = "00 00000005 0a 03 0a 01 6b";

Deno.test("a node that stops answers the watches of v1, v2, v3 and gRPC, the dashboard's too, and says that it stops", async () => {
  const directory = await Deno.makeTempDir();
  const [client, grpc] = [freePort(), freePort()];
  const lines: string[] = [];
  const warn = (line: string) => void lines.push(line);
  const server = await Server.start(
    configOf([
      ...["-d", directory, "-c", `${client}`, "-s", `${freePort()}`, "-grpc", `${grpc}`],
    ]),
    { ...silentLogger, warn },
  );
  const at = `http://127.0.0.1:${client}`;
  const own = { headers: { "sec-fetch-site": "same-origin", "x-etcd-dashboard": "1" } };
  const waiting = {
    v1: askAt(`${at}/v1/watch/k`),
    v2: askAt(`${at}/v2/keys/k?wait=true`),
    dashboard: askAt(`${at}/dashboard/api/events?path=/&since=1000`, own),
    gateway: askAt(`${at}/v3/watch`, {
      method: "POST",
      body: JSON.stringify({ create_request: { key: "aw==" } }),
    }),
  };
  using http2 = await RawHttp2.connect(grpc);
  const head = requestFields("/etcdserverpb.Watch/Watch", "POST", [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ]);
  await http2.send(
    frame(FrameType.headers, 4, 1, block(head)),
    frame(FrameType.data, 0, 1, CREATE_WATCH),
  );
  await until("all to wait", () => server.waitingWatches === 5);
  const answered = later(http2.answer(1));
  await server.stop(0);
  assertEquals(await server.ended, 0);
  const [v1, v2, dashboard, gateway] = await Promise.all(Object.values(waiting));
  assertEquals([v1!.status, dashboard!.status], [503, 503]);
  assertMatch(v1!.text, /The server is stopping, nothing was changed/);
  assertMatch(dashboard!.text, /The server is stopping/);
  assertEquals([v2!.status, v2!.text], [200, ""]);
  assertMatch(gateway!.text, /"created":true.*\n\{"error":\{"grpc_code":14,.*server stopped/);
  const { trailers } = await answered;
  assertEquals(Object.fromEntries(trailers), {
    "grpc-status": "14",
    "grpc-message": "etcdserver: server stopped",
  });
  assertEquals(lines, [], "nobody had to be cut off");
  await Deno.remove(directory, { recursive: true });
});
