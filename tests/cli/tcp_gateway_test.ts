/** `etcd gateway start`: connections that are passed on to members, as sockets see it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { TcpGateway } from "../../src/cli/tcp_gateway.ts";
import type { Address } from "../../src/config/address.ts";
import { freePort } from "../cluster/ports.ts";
import { etcd } from "./harness.ts";

const HOST = "127.0.0.1";
const RETRY_MS = 60_000;
/** For what takes a millisecond. */
const PATIENCE_MS = 5_000;

/** Answers what it is told, once that has ended, with its name before it. */
async function member(
  name: string,
): Promise<{ readonly server: Server; readonly address: Address }> {
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    let text = "";
    socket.on("data", (chunk) => text += chunk);
    socket.on("end", () => socket.end(`${name}:${text}`));
    socket.on("error", () => {});
  });
  await once(server.listen(0, HOST), "listening");
  return { server, address: { host: HOST, port: (server.address() as AddressInfo).port } };
}

interface Setting {
  readonly gateway: TcpGateway;
  readonly said: string[];
  /** Moves the gateway's clock. */
  pass(ms: number): void;
}

async function between(members: readonly Address[]): Promise<Setting> {
  let nowMs = 0;
  const said: string[] = [];
  const gateway = new TcpGateway({
    ...{ listen: { host: HOST, port: 0 }, members, retryMs: RETRY_MS },
    nowMs: () => nowMs,
    say: (line) => said.push(line),
  });
  await gateway.start();
  return { gateway, said, pass: (ms) => nowMs += ms };
}

/** What comes back for `text` until the connection ends. */
async function ask({ gateway }: Setting, text: string): Promise<string> {
  const socket = connect({ host: HOST, port: gateway.port, allowHalfOpen: true });
  let answer = "";
  socket.on("data", (chunk) => answer += chunk);
  socket.on("error", () => {});
  socket.end(text);
  await once(socket, "close");
  return answer;
}

async function nobody(): Promise<Address> {
  return { host: HOST, port: await freePort() };
}

Deno.test("gateway passes connections on to the members in turn, each half by itself", async () => {
  const members = [await member("one"), await member("two")];
  const setting = await between(members.map(({ address }) => address));
  const long = "x".repeat(1_000_000);
  assertEquals(await ask(setting, "a"), "one:a");
  assertEquals(await ask(setting, long), `two:${long}`);
  assertEquals(await ask(setting, "c"), "one:c");
  assertEquals(setting.said, []);
  await setting.gateway.stop();
  for (const { server } of members) server.close();
});

Deno.test("gateway passes over a member that can't be reached, says so once, and tries it later", async () => {
  const one = await member("one");
  const gone = await nobody();
  const setting = await between([gone, one.address]);
  for (const text of ["a", "b", "c"]) assertEquals(await ask(setting, text), `one:${text}`);
  assertEquals(setting.said.length, 1);
  assertStringIncludes(setting.said[0]!, `cannot reach ${HOST}:${gone.port}: `);
  setting.pass(RETRY_MS);
  await ask(setting, "d");
  await ask(setting, "e");
  assertEquals(setting.said.length, 2);
  await setting.gateway.stop();
  one.server.close();
});

Deno.test("gateway tries members that were away rather than nobody", async () => {
  const address = await nobody();
  const setting = await between([address]);
  assertEquals(await ask(setting, "a"), "");
  const server = createServer((socket) => void socket.end("back"));
  await once(server.listen(address.port, HOST), "listening");
  assertEquals(await ask(setting, "b"), "back");
  await setting.gateway.stop();
  server.close();
});

Deno.test("gateway ends the member's connection when the client's breaks", async () => {
  const taken = Promise.withResolvers<Socket>();
  const server = createServer((socket) => taken.resolve(socket));
  await once(server.listen(0, HOST), "listening");
  const setting = await between([{ host: HOST, port: (server.address() as AddressInfo).port }]);
  const client = connect(setting.gateway.port, HOST);
  client.on("error", () => {});
  const socket = await taken.promise;
  socket.on("error", () => {});
  const closed = once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
  client.resetAndDestroy();
  await closed;
  await setting.gateway.stop();
  server.close();
});

Deno.test("etcd gateway refuses to pass on to itself, and addresses that are none", async () => {
  const wrong = [
    ["--endpoints=http://127.0.0.1:23790", "where the gateway listens"],
    ["--endpoints=a,b", "--endpoints expects a port"],
    ["--listen-addr=x", "--listen-addr expects a port"],
  ] as const;
  for (const [flag, problem] of wrong) {
    const { status, err } = await etcd(["gateway", flag, "start"]);
    assertEquals(status, 2);
    assertStringIncludes(err, problem);
  }
});

Deno.test("etcd gateway says why it can't listen", async () => {
  const one = await member("one");
  const address = `${HOST}:${one.address.port}`;
  const { status, err } = await etcd(["gateway", "start", `--listen-addr=${address}`]);
  assertEquals(status, 1);
  assert(err.startsWith(`etcd gateway: Cannot listen on ${address}: `), err);
  one.server.close();
});

Deno.test("etcd gateway names the one action that there is", async () => {
  const { status, err } = await etcd(["gateway", "stop"]);
  const expected = 'Expected for ACTION "start", found "stop", see "etcd gateway -h"';
  assertEquals([status, err], [2, `etcd gateway: ${expected}\n`]);
});
