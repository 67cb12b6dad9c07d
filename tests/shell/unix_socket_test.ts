/** Clients on unix sockets, beside those on ports. */
import { assertEquals, assertRejects } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { Server } from "../../src/server.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";
import { askAt, configOf } from "./flag_node.ts";

/** The lines by which a node serves `urls`, and peers on a socket, too. */
function argsOf(directory: string, urls: string, ...more: readonly string[]): string[] {
  return [
    ...["--name", "a", "--data-dir", `${directory}/a.etcd`],
    ...[`--listen-client-urls=${urls}`, `--advertise-client-urls=${urls}`],
    ...[
      `--listen-peer-urls=unix://${directory}/peer`,
      `--initial-cluster=a=unix://${directory}/peer`,
    ],
    ...[`--initial-advertise-peer-urls=unix://${directory}/peer`, ...more],
  ];
}

async function askBySocket(
  path: string,
  target: string,
  url = "http://localhost",
): Promise<string> {
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path },
    caCerts: [await Deno.readTextFile(fixture("ca.crt"))],
  });
  const response = await fetch(`${url}${target}`, { client });
  return await response.text();
}

Deno.test("a node serves clients on a socket and on a port alike", async () => {
  const directory = await Deno.makeTempDir();
  const [path, port] = [`${directory}/client`, freePort()];
  const config = configOf(argsOf(directory, `unix://${path},http://127.0.0.1:${port}`));
  const server = await Server.start(config, silentLogger);
  await askAt(`http://127.0.0.1:${port}/v2/keys/a?value=1`, { method: "PUT" });
  assertEquals(JSON.parse(await askBySocket(path, "/v2/keys/a")).node.value, "1");
  const { members } = JSON.parse(await askBySocket(path, "/v2/members"));
  assertEquals(members[0].clientURLs, [`unix://${path}`, `http://127.0.0.1:${port}`]);
  await server.stop(0);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a socket that a killed process has left is taken over, one that is served is not", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/client`;
  const other = Deno.listen({ transport: "unix", path });
  const config = configOf(argsOf(directory, `unix://${path}`));
  await assertRejects(
    () => Server.start(config, silentLogger),
    Error,
    `Cannot listen on "${path}"`,
  );
  // Who closes a socket removes it; who is killed does not.
  await Deno.rename(path, `${path}.kept`);
  other.close();
  await Deno.rename(`${path}.kept`, path);
  const server = await Server.start(config, silentLogger);
  assertEquals(JSON.parse(await askBySocket(path, "/health")).health, "true");
  await server.stop(0);
  await Deno.remove(directory, { recursive: true });
});
